"""The policy: what it refuses, naming the key."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml

from weighlock.errors import ConfigError
from weighlock.weighing.policy import GateParams, read_policy


@cache
def shipped() -> tuple[dict[str, Any], str]:
    """`gate` of the shipped `params.yaml`, and the other sections as text."""
    content = yaml.safe_load(Path("params.yaml").read_text(encoding="utf-8"))
    return content.pop("gate"), yaml.safe_dump(content)


def written(tmp_path: Path, **change: Any) -> Path:
    gate, others = shipped()
    path = tmp_path / "params.yaml"
    path.write_text(others + yaml.safe_dump({"gate": gate | change}), encoding="utf-8")
    return path


def rule(**change: Any) -> dict[str, Any]:
    return {"metric": "log_loss", "better": "lower", "margin": 0.02} | change


def test_the_shipped_policy_is_one() -> None:
    policy = read_policy("binary")

    assert policy.primary.metric == "log_loss"
    assert policy.rules[1:] == policy.guards


def test_a_margin_is_in_the_metrics_unit_or_a_share(tmp_path: Path) -> None:
    policy = read_policy("binary", written(tmp_path, primary=rule(margin="2.5 %"), guards=[]))

    assert policy.primary.margin.of(0.4) == pytest.approx(0.01)
    assert policy.primary.margin.of(-0.4) == pytest.approx(0.01)  # r2 can be below zero
    assert read_policy("binary").primary.margin.of(0.4) == 0.017


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"primary": rule(margin=-0.01)}, r"primary\.margin` should be 0 or more"),
        ({"primary": rule(margin="-2%")}, r"primary\.margin` should be 0 or more"),
        ({"primary": rule(margin="much")}, r"primary\.margin` should be a number"),
        ({"primary": rule(margin=True)}, r"primary\.margin` should be a number"),
        ({"primary": rule(metric="logloss")}, r"`gate\.primary`: `logloss` is no metric of binary; there are log_loss"),
        ({"primary": rule(better="higher")}, r"says that higher is better, but of log_loss lower is"),
        ({"primary": None}, r"primary`"),
        ({"guards": [rule()]}, r"each metric once"),
        ({"guards": [rule(metric="rmse")]}, r"`gate\.guards\.0`: `rmse` is no metric of binary"),
        ({"floors": {"auc": 0.7}}, r"`gate\.floors\.auc`: `auc` is no metric"),
        ({"slices": {"metric": "f2", "margin": 0.1}}, r"`gate\.slices`: `f2`"),
        ({"must_run": ["locks"]}, r"must_run` should name some of overlap"),
        ({"cluster": "week"}, r"cluster`"),
        ({"block_days": 0}, r"block_days`"),
        ({"margn": 1}, r"`margn` is not a known key"),
    ],
)
def test_what_it_refuses(tmp_path: Path, change: dict[str, Any], said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        read_policy("binary", written(tmp_path, **change))


@pytest.mark.parametrize("gate", [None, {}])
def test_a_policy_without_any_check_is_none(tmp_path: Path, gate: Any) -> None:
    content = yaml.safe_load(Path("params.yaml").read_text(encoding="utf-8")) | {"gate": gate}
    path = tmp_path / "params.yaml"
    path.write_text(yaml.safe_dump(content), encoding="utf-8")

    with pytest.raises(ConfigError, match="nothing would be checked"):
        read_policy("binary", path)


def test_a_policy_is_frozen() -> None:
    assert GateParams.model_config["frozen"]
