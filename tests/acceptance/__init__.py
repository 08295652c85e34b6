"""The acceptance matrix: what goes in, which status, what the person sees, what the store and the metrics say."""
