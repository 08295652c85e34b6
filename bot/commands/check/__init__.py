"""`photosync check`: one person's two photos, on the terminal."""
