"""`photosync scan`: everybody's verdict and cause, in one report."""
