"""One turn, and what happens without being asked."""
