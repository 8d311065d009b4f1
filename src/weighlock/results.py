"""Results, and how two of them compare."""
