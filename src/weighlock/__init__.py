"""Weighlock: takes a tabular model from a data commit to a monitored service."""

__version__ = "0.1.0"
