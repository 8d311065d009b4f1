"""What workflows tell GitHub: comments, statuses, pull requests, issues, dispatches. Each is safe to run again."""
