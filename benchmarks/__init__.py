"""Measured figures: `make bench` prints each as a table and writes it as JSON below `benchmarks/results/`."""
