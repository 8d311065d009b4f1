"""The status page: static HTML of what git and the watch's looks say. It decides nothing, and asks nobody."""
