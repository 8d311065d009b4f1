"""Pictures: one a question, of the right things, small, the same each time, and never stopped by a name."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from weighlock.canvas import WIDTH
from weighlock.decisions.verdict import Check, Comparison, Kind, Result, Verdict
from weighlock.statistics.paired import Estimate
from weighlock.weighing.plots import MOST_BARS, by_day, calibration, draw, gains, harms, losses
from weighlock.weighing.predictions import Predictions

ROWS = 240
NAMES = ("low", "middle", "high")
DAYS = np.arange(ROWS) // 10 + 15000  # 24 days from 2011-01-26 on


def predictions(task: str, seed: int = 0) -> Predictions:
    random = np.random.default_rng(seed)
    frame = pd.DataFrame({"key": [f"k{i:03}" for i in range(ROWS)]})
    if task == "binary":
        frame["truth"], frame["score"] = np.arange(ROWS) % 2, random.random(ROWS).astype("float32")
    elif task == "regression":
        frame["truth"], frame["value"] = np.arange(ROWS) * 1.0, np.arange(ROWS) + random.normal(0, 9, ROWS)
    else:
        frame["truth"] = np.array(NAMES)[np.arange(ROWS) % 3]
        frame[[f"score_{name}" for name in NAMES]] = random.dirichlet([1, 1, 1], ROWS)
    classes = {"binary": ("no", "yes"), "multiclass": NAMES}.get(task)
    return Predictions("x", frame, task, "t", classes, 0.5, None, None)  # type: ignore[arg-type]


def check(
    name: str, value: float, error: float, *, margin: float = 0.02, kind: Kind = "guard", result: Result = "pass"
) -> Check:
    gain = Estimate(value, error, error, clusters=28, rows=ROWS, freedom=27.0)
    return Check(kind, name, result, "", Comparison(kind, name, 0.5, 0.5 - value, gain, margin), 0.95)


def verdict(*names: str) -> Verdict:
    demands = [check("log_loss", 0.01, 0.004, kind="primary"), check("roc_auc", -0.01, 0.02, result="inconclusive")]
    slices = [check(name, 0.01 * i - 0.03, 0.01, kind="slice") for i, name in enumerate(names)]
    return Verdict("PASS", bootstrap=False, reasons=(), checks=(*demands, *slices))


def test_pictures_are_small_and_the_same_each_time(tmp_path: Path) -> None:
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        drawn = draw(verdict("kind = a"), predictions("binary"), predictions("binary", 1), DAYS, tmp_path / name)

    assert [name for _, name in drawn] == ["gains.png", "slices.png", "days.png", "calibration.png"]
    for _, name in drawn:
        content = (tmp_path / "one" / name).read_bytes()
        assert len(content) < 80_000
        assert b"tIME" not in content
        assert b"Software" not in content
        assert content == (tmp_path / "two" / name).read_bytes()
    with Image.open(tmp_path / "one" / "gains.png") as image:
        assert image.width == WIDTH * 100


def test_without_champion_slices_or_time_only_what_there_is_is_drawn(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("weighlock.weighing.plots.save", lambda figure, path: None)
    bootstrap = Verdict("PASS", bootstrap=True, reasons=(), checks=())

    assert [name for _, name in draw(bootstrap, predictions("binary"), None, DAYS, tmp_path)] == ["calibration.png"]
    drawn = draw(verdict(), predictions("regression"), predictions("regression", 1), None, tmp_path)
    assert drawn == [("Gains, in margins", "gains.png"), ("Errors by prediction", "calibration.png")]


def test_no_name_and_no_figure_stops_the_drawing(tmp_path: Path) -> None:
    found = verdict("kind = $a^2$ \\frac", "日本語", "\x1b[31m\n" + "x" * 500)
    broken = [
        check("mae", math.nan, math.inf), check("r2", 5.0, 0.1, margin=0.0), check("kind = b", 9.0, 4.0, kind="slice"),
    ]  # fmt: skip
    found = Verdict("PASS", bootstrap=False, reasons=(), checks=(*found.checks, *broken))

    assert len(draw(found, predictions("binary"), None, None, tmp_path)) == 3


def test_gains_are_in_margins() -> None:
    figure = gains([check("log_loss", 0.01, 0.004), check("roc_auc", -0.03, 0.001, margin=0.01)], "binary")

    axes = figure.axes[0]
    dots = [line.get_xdata()[0] for line in axes.lines if line.get_marker() == "o"]
    assert dots == pytest.approx([0.5, -3.0])
    # t(0.95; 27) = 1.7033
    bars = [line.get_xdata() for line in axes.lines if len(line.get_xdata()) == 2 and line.get_lw() == 2.2]
    assert bars[0] == pytest.approx([0.5 - 0.2 * 1.7033, 0.5 + 0.2 * 1.7033], abs=1e-4)
    assert [text.get_text() for text in axes.get_yticklabels()] == ["log_loss ↓", "roc_auc ↑"]


def test_slices_keep_their_order_and_their_unit() -> None:
    figure = harms([check(f"s{i}", 0.01 * i, 0.001, kind="slice") for i in range(30)])

    axes = figure.axes[0]
    assert [text.get_text() for text in axes.get_yticklabels()] == [f"s{i}" for i in range(20)]
    assert axes.get_title(loc="left") == "Slices by harm (20 of 30)"
    dots = [line.get_xdata()[0] for line in axes.lines if line.get_marker() == "o"]
    assert dots == pytest.approx([0.01 * i for i in range(20)])


def test_a_day_has_the_mean_gain_of_its_rows() -> None:
    new, old = predictions("regression").scored, predictions("regression", 1).scored
    expected = pd.Series(np.abs(old.scores - old.truth) - np.abs(new.scores - new.truth)).groupby(DAYS).mean()

    bars = by_day(new, old, DAYS).axes[0].patches

    assert [bar.get_height() for bar in bars] == pytest.approx(expected.tolist())
    assert [bar.get_facecolor()[:3] == bars[0].get_facecolor()[:3] for bar in bars] == [
        (gain >= 0) == (expected.iloc[0] >= 0) for gain in expected
    ]


def test_many_days_share_a_bar() -> None:
    new, old = predictions("binary").scored, predictions("binary", 1).scored

    axes = by_day(new, old, np.arange(ROWS) * 2 + 15000).axes[0]

    assert len(axes.patches) <= MOST_BARS
    # 479 days over at most 120 bars: four days a bar, two rows each
    assert axes.get_title(loc="left") == "Gain in log loss by 4 days"
    expected = (losses(old) - losses(new)).reshape(-1, 2).mean(axis=1)
    assert [bar.get_height() for bar in axes.patches] == pytest.approx(expected.tolist())


def test_calibration_of_the_top_class_is_that_of_its_hits() -> None:
    scored = predictions("multiclass").scored

    axes = calibration([("challenger", scored)]).axes[0]

    top, hits = scored.scores.max(axis=1), scored.scores.argmax(axis=1) == scored.truth
    tenth = np.argsort(top, kind="stable")[:24]
    assert axes.lines[0].get_xydata()[0] == pytest.approx([top[tenth].mean(), hits[tenth].mean()])
    assert len(axes.lines[0].get_xydata()) == 10


def test_errors_of_a_regression_have_a_mean_and_a_band() -> None:
    scored = predictions("regression").scored

    axes = calibration([("challenger", scored), ("champion", scored)]).axes[0]

    lowest = np.argsort(scored.scores, kind="stable")[:24]
    errors = scored.truth[lowest] - scored.scores[lowest]
    assert axes.lines[0].get_xydata()[0] == pytest.approx([scored.scores[lowest].mean(), errors.mean()])
    band = axes.collections[0].get_datalim(axes.transData)
    assert band.y0 <= np.quantile(errors, 0.1) <= np.quantile(errors, 0.9) <= band.y1
