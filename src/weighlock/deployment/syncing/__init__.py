"""`weighlock sync`: a machine is made to run what git wants, without a failed request, or is left as it was."""
