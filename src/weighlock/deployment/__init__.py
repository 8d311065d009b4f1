"""Environments: what should run where, as commits; and what brings it about."""
