"""What a correction by category gains: planted, absent, and never by the calendar."""

from __future__ import annotations

import numpy as np
import pytest

from weighlock.statistics.drift_concept import correction_gain
from weighlock.statistics.metrics import Scored


def rows(random, *, shift=0.0, flip=False):
    days, groups = np.repeat(np.arange(8), 300), random.integers(0, 5, 2400)
    logits = random.normal(size=2400) - 1
    truth = (random.random(2400) < 1 / (1 + np.exp(-(logits + shift)))).astype(int)
    if flip:
        truth = np.where(groups == 2, 1 - truth, truth)
    return Scored("binary", truth, 1 / (1 + np.exp(-logits))), groups, days


def test_a_category_whose_labels_are_flipped_is_corrected():
    gain = correction_gain(*rows(np.random.default_rng(0), flip=True))
    assert gain.lower(0.99) > 0.01
    assert gain.clusters == 8


def test_nothing_is_gained_where_nothing_has_changed():
    gains = [correction_gain(*rows(np.random.default_rng(seed))).value for seed in range(4)]
    assert max(gains) < 0.003


def test_more_positives_everywhere_are_no_gain():
    assert correction_gain(*rows(np.random.default_rng(1), shift=1.0)).value < 0.005


def test_one_day_teaches_nothing():
    scored, groups, days = rows(np.random.default_rng(2))
    with pytest.raises(ValueError, match="one alone"):
        correction_gain(scored, groups, np.zeros_like(days))
