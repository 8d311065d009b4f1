"""Retraining: the window moved to the newest complete data, trained, weighed and put into a pull request."""
