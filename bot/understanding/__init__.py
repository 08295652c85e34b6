"""Typed words -> what they mean: a classifier trained from the examples in `locales/`."""
