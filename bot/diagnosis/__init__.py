"""What both sides hold -> a verdict and its causes."""
