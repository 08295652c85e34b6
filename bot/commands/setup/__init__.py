"""`photosync setup`: from an empty tenant to a bot in Teams, step by step; it can be run again at any time."""
