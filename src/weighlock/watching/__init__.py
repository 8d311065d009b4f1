"""Watching production: windows of the prediction log against a reference, day by day."""
