"""A card's content -> an Adaptive Card."""
