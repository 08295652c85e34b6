"""The classifier of typed words: training it (`make model`) and judging it (`make words`)."""
