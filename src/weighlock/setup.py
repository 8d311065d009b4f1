"""`weighlock init`: someone's own table becomes a working setup."""
