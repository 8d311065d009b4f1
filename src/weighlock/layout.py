"""Where each stage's outputs are, relative to the repository's root; `dvc.yaml` names the same."""

RAW = "data/raw"
INGEST_REPORT = "reports/ingest.json"
ROW_ID = "row_id"  # the key column that ingest makes where the schema names none

VALID = "data/valid.parquet"
QUARANTINE = "data/quarantine.parquet"
VALIDATION = "reports/validation.json"
VALIDATION_PAGE = "reports/validation.html"

PARTS = ("train", "validation", "holdout")
PART_FILES = {part: f"data/split/{part}.parquet" for part in PARTS}
SPLIT = "reports/split.json"

WEIGHED = "models/weighed"
SERVED = "models/served"
MODEL = "model.onnx"
SIGNATURE = "signature.json"
IMPORTANCE = "importance.json"
RECIPE = "recipe.json"
GOLDEN = "golden.json"
PROFILE = "profile.parquet"
SEARCH = "reports/search.json"

METRICS = "reports/metrics.json"
SLICES = "reports/slices.json"
PREDICTIONS = "reports/predictions.parquet"
PLOTS = "reports/plots"
