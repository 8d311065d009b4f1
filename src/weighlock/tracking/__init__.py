"""MLflow as a projection of results: one run for each distinct one, which can be made again from what git and DVC hold.

`result` reads what the pipeline made (no MLflow there), `server` reaches MLflow, `runs` logs.
"""
