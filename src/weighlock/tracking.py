"""MLflow as a projection of results: one run for each distinct one."""
