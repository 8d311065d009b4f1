"""Replay: a time that is over lived again under a policy, with what was known then."""
