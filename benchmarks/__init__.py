"""Measured figures; `make bench` runs them."""
