"""The pipeline: one module, one DVC stage, one section of params.yaml and one test file, all of one name.

Each has `run()`, which reads files, calls the module's worker and publishes its outputs, and `LIBRARIES`,
the distributions whose versions touch what it makes.
"""
