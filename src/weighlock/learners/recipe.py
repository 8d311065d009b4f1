"""A recipe: everything about a model but its rows; and the pipeline that it makes of rows."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from weighlock.categories import most_frequent
from weighlock.conform import truth
from weighlock.errors import ConfigError, ModelError
from weighlock.learners import find_learner
from weighlock.learners.calibration import Calibration

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray

    from weighlock.schema import Schema


@dataclass(frozen=True)
class Recipe:
    """Learner, hyperparameters, encoding, calibration and threshold; with rows, it gives a model."""

    learner: str
    settings: dict[str, Any]
    seed: int
    max_categories: int
    calibration: Calibration | None = None
    threshold: float | None = None

    def to_json(self) -> dict[str, Any]:
        """The content of `recipe.json`."""
        return asdict(self)

    @classmethod
    def from_json(cls, content: dict[str, Any]) -> Recipe:
        """The inverse of `to_json`."""
        calibration = content["calibration"]
        return cls(**{**content, "calibration": None if calibration is None else Calibration.from_json(calibration)})

    def fit(self, rows: pd.DataFrame, schema: Schema) -> Model:
        """Train on rows as `conform` makes them."""
        learner = find_learner(self.learner)
        X = matrix(rows, schema)
        categories = {c: most_frequent(X[c], self.max_categories) for c in X.columns if X[c].dtype == object}
        y = truth(rows, schema)
        try:
            pipeline = _pipeline(self, X, categories, schema.task)
            pipeline.fit(X, y)
        except (ImportError, MemoryError):
            raise  # not for its settings
        except Exception as error:  # LightGBM's own errors are not even ValueErrors
            raise ConfigError(
                f"the learner `{self.learner}` refuses its settings {self.settings}: {error}. "
                f"Mend `train.learners.{self.learner}` in `params.yaml`."
            ) from error
        learner.finish(pipeline[-1])
        return Model(self, pipeline, schema, categories)


@dataclass(frozen=True)
class Model:
    """A trained recipe, still in scikit-learn's form; it lives in memory only and is never written so."""

    recipe: Recipe
    pipeline: Any
    schema: Schema
    categories: dict[str, list[str]]

    def score(self, X: pd.DataFrame) -> NDArray[np.float64]:
        """Scores of a feature matrix: (n,) or (n, classes), calibrated, as the ONNX file gives them."""
        if self.schema.task == "regression":
            return np.asarray(self.pipeline.predict(X), dtype=np.float64).reshape(-1)
        calibration = self.recipe.calibration
        probabilities = self.raw_probabilities(X)
        if calibration is not None:
            probabilities = calibration.apply(probabilities)
        return probabilities[:, 1] if self.schema.task == "binary" else probabilities

    def raw_probabilities(self, X: pd.DataFrame) -> NDArray[np.float64]:
        """(n, classes) before calibration.

        Raises:
            ModelError: the learner has none to give.
        """
        if not hasattr(self.pipeline, "predict_proba"):
            raise ModelError(
                f"the learner `{self.recipe.learner}` gives no probabilities, which {self.schema.task} needs. "
                "Use another one, or a setting that makes it give them."
            )
        return np.asarray(self.pipeline.predict_proba(X), dtype=np.float64)


def matrix(rows: pd.DataFrame, schema: Schema) -> pd.DataFrame:
    """The features as a model reads them: float32, and text with "" for null."""
    columns: dict[str, Any] = {}
    for name, column in schema.features.items():
        if column.type == "category":
            columns[name] = rows[name].fillna("").to_numpy(dtype=object)
        else:
            columns[name] = rows[name].to_numpy(dtype=np.float32)
    import pandas as pd

    return pd.DataFrame(columns, index=rows.index, copy=False)


def _pipeline(recipe: Recipe, X: pd.DataFrame, categories: dict[str, list[str]], task: str) -> Any:
    from sklearn.compose import ColumnTransformer
    from sklearn.impute import SimpleImputer
    from sklearn.pipeline import Pipeline
    from sklearn.preprocessing import OneHotEncoder, OrdinalEncoder, StandardScaler

    learner = find_learner(recipe.learner)
    # Columns go by their place: skl2onnx changes names such as `sepal length` or `label`.
    numbers = [i for i, c in enumerate(X.columns) if c not in categories]
    # Where training saw nothing missing, a tree has no side for a missing value: such features are imputed.
    as_is = [i for i in numbers if learner.takes_missing and X.iloc[:, i].isna().any()]
    imputed = [i for i in numbers if i not in as_is]
    impute = SimpleImputer(strategy="median", keep_empty_features=True)
    levels = [np.array(v, dtype=object) for v in categories.values()]
    if learner.encoding == "one-hot":
        number: Any = Pipeline([("impute", impute), ("scale", StandardScaler())])
        category: Any = OneHotEncoder(categories=levels, handle_unknown="ignore", dtype=np.float32)
    else:
        number = impute
        # categories count up from the most frequent; an unseen one comes after the rarest, whose like it is
        category = OrdinalEncoder(
            categories=levels,
            handle_unknown="use_encoded_value",
            unknown_value=recipe.max_categories,
            dtype=np.float32,
        )
    parts = [
        ("known", "passthrough", as_is),
        ("number", number, imputed),
        ("category", category, [i for i, c in enumerate(X.columns) if c in categories]),
    ]
    # 0.3 is scikit-learn's own: sparse below that share of values that are not zero
    encode = ColumnTransformer([p for p in parts if p[2]], sparse_threshold=0.3 if learner.takes_sparse else 0)
    return Pipeline([("encode", encode), ("learn", learner.build(task, recipe.settings, recipe.seed))])
