"""What can veto but need not be shown: harm in a slice, growing gaps between groups, models that break under stress."""
