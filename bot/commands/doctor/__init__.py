"""`photosync doctor`: everything an installation needs, checked one by one, each with its fix."""
