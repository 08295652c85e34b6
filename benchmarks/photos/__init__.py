"""`make photos-eval`: how often the comparison of two pictures errs, and how long it takes. Results: docs/photos.md."""
