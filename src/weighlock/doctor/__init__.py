"""Whether a fork has what the workflows need: what is there, what is missing, and the command that mends it."""
