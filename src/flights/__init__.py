"""The example: flights that left New York in 2013, and whether they will arrive late."""
