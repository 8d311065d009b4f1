"""Gradient boosting by LightGBM, made deterministic and exact in single precision."""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np

from weighlock.learners.base import Learner

_DETERMINISTIC = {"deterministic": True, "force_row_wise": True, "verbosity": -1}


def _build(task: str, settings: dict[str, Any], seed: int) -> Any:
    from lightgbm import LGBMClassifier, LGBMRegressor

    kind = LGBMRegressor if task == "regression" else LGBMClassifier
    unknown = sorted(set(settings) - _known_settings())
    if unknown:  # LightGBM itself takes no notice of them
        raise TypeError(f"LightGBM knows no {', '.join(f'`{name}`' for name in unknown)}")
    return kind(**{**_DETERMINISTIC, "random_state": seed, **settings})


@cache
def _known_settings() -> frozenset[str]:
    from lightgbm import LGBMModel
    from lightgbm.basic import _ConfigAliases

    aliases = _ConfigAliases._get_all_param_aliases()  # noqa: SLF001  (there is no public list)
    return frozenset({*LGBMModel().get_params(), *aliases, *(name for names in aliases.values() for name in names)})


def round_thresholds(estimator: Any) -> None:
    """Round each threshold of a fitted model down to single precision.

    ONNX compares in single precision. A threshold is the middle of two values; where these are neighbours in single
    precision, the nearest single value may be the upper one, and rows change sides. `x <= t` and `x <= down(t)` are
    the same for every single-precision x.
    """
    import lightgbm

    lines = []
    for line in estimator.booster_.model_to_string().split("\n"):
        if line.startswith("tree_sizes="):
            continue  # the lengths of what changes here; without them the text is parsed in order
        if line.startswith("threshold="):
            exact = np.array(line.removeprefix("threshold=").split(), dtype=np.float64)
            down = exact.astype(np.float32)
            down = np.where(down > exact, np.nextafter(down, np.float32(-np.inf)), down)
            line = "threshold=" + " ".join(f"{value:.17g}" for value in down.astype(np.float64))
        lines.append(line)
    # scikit-learn's interface to LightGBM has no public way to take a booster back
    estimator._Booster = lightgbm.Booster(model_str="\n".join(lines))  # noqa: SLF001


@cache
def _register() -> None:
    from lightgbm import LGBMClassifier, LGBMRegressor
    from onnxmltools.convert.lightgbm.operator_converters.LightGbm import convert_lightgbm
    from skl2onnx import update_registered_converter
    from skl2onnx.common.shape_calculator import (
        calculate_linear_classifier_output_shapes,
        calculate_linear_regressor_output_shapes,
    )

    options = {"nocl": [True, False], "zipmap": [True, False, "columns"]}
    update_registered_converter(
        LGBMClassifier,
        "LightGbmLGBMClassifier",
        calculate_linear_classifier_output_shapes,
        convert_lightgbm,
        options=options,
    )
    update_registered_converter(
        LGBMRegressor,
        "LightGbmLGBMRegressor",
        calculate_linear_regressor_output_shapes,
        convert_lightgbm,
        options={"split": None},
    )


LEARNER = Learner(encoding="ordinal", build=_build, takes_missing=True, finish=round_thresholds, register=_register)
