"""What an admin uploads into Teams."""
