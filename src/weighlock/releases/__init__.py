"""Releases: records in git, the models that they name, and what lets a challenger become one."""
