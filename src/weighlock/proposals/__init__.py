"""Pull requests: what a branch changes, what its own run makes, and how main's code weighs that."""
