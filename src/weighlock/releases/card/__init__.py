"""The model card of a release: what it says (`content`), and how that looks (`markdown`, `page`)."""
