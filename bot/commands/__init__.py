"""The commands of `photosync`: one module or package each."""
