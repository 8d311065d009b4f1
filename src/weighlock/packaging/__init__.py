"""From a served model to a bento, and from the bento to an image with a list of what is in it."""
