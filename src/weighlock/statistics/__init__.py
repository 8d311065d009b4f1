"""Numbers from numbers: metrics and tests, without files, clocks or tools."""
