"""The conversation as data and pure functions: no input or output, no clock, standard library only."""
