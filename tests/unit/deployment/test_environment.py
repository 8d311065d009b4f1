"""Environments: strict, and edited without touching what people wrote."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from weighlock.deployment.environment import (
    Blocked,
    Candidate,
    Match,
    Route,
    parse_environment,
    read_environment,
    rewritten,
)
from weighlock.errors import ConfigError

SHIPPED = {name: Path(f"deploy/{name}.yaml").read_text() for name in ("staging", "production")}
PERCENT = st.integers(0, 10_000).map(lambda n: n / 100)
TEXT = st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Cs"]), min_size=1, max_size=20)
ROUTES = st.one_of(
    PERCENT.map(lambda weight: Route(weight=weight)),
    PERCENT.map(lambda share: Route(mirror=share)),
    st.lists(TEXT, min_size=1, max_size=3).map(lambda values: Route(match=Match(values=values))),
)


@st.composite
def states(draw: Any) -> dict[str, Any]:
    stable, candidate, blocked = draw(st.permutations(["v1", "v2", "v13"]))
    runs = draw(st.booleans())
    return {
        "stable": stable if runs or draw(st.booleans()) else None,
        "candidate": Candidate(release=candidate, route=draw(ROUTES)) if runs else None,
        "blocked": [Blocked(release=blocked, reason=draw(TEXT))] if draw(st.booleans()) else [],
    }


@pytest.mark.parametrize("name", SHIPPED)
def test_nothing_runs_in_what_ships(name: str) -> None:
    found = read_environment(name, Path())

    assert (found.stable, found.candidate, found.blocked, found.releases) == (None, None, [], [])


@given(first=states(), second=states())
def test_an_edit_reads_back_and_leaves_the_rest_alone(first: dict[str, Any], second: dict[str, Any]) -> None:
    text = SHIPPED["production"]
    for state in (first, second):
        wanted = parse_environment(text, "x").model_copy(update=state)
        text = rewritten(text, wanted)
        assert parse_environment(text, "x") == wanted
    others = [line for line in SHIPPED["production"].splitlines() if not line.startswith("stable")]
    assert set(others) <= set(text.splitlines())


def test_a_promotion_is_a_diff_of_a_few_lines() -> None:
    before = SHIPPED["production"]
    environment = parse_environment(before, "x").model_copy(
        update={"stable": "v1", "candidate": Candidate(release="v2", route=Route(weight=10.0))}
    )

    added = [line for line in rewritten(before, environment).splitlines() if line not in before.splitlines()]

    assert [line.split("#")[0].rstrip() for line in added] == [
        "stable: v1", "candidate:", "  release: v2", "  route:", "    weight: 10",
    ]  # fmt: skip
    assert rewritten(before, parse_environment(before, "x")) == before


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("{}", "`stable` is missing"),
        ("stable: 8", "`stable`"),
        ("stable: latest", "`stable`"),
        ("stable: v1\nstabel: v2", "Did you mean `stable`"),
        ("stable: v1\ncandidate: {release: v1, route: {weight: 10}}", "both stable and candidate"),
        ("stable: null\ncandidate: {release: v1, route: {weight: 10}}", "needs a stable release"),
        ("stable: v1\ncandidate: {release: v2, route: {}}", "exactly one of weight, mirror and match"),
        ("stable: v1\ncandidate: {release: v2, route: {weight: 10, mirror: 10}}", "exactly one of"),
        ("stable: v1\ncandidate: {release: v2, route: {weight: 101}}", "`candidate.route.weight`"),
        ("stable: v1\ncandidate: {release: v2, route: {match: {values: []}}}", "values"),
        ("stable: v1\nsteps: [50, 10]", "rise"),
        ("stable: v1\nblocked: [{release: v1, reason: slow}]", "`v1` is blocked, and runs"),
        ("stable: v1\nautoscaling: {least: 3, most: 2}", "`least`"),
        ("stable: {", "is not valid YAML"),
        ("- a", "should hold keys and values"),
    ],
)
def test_what_does_not_fit_is_named(text: str, said: str) -> None:
    with pytest.raises(ConfigError, match=r"deploy/x\.yaml") as caught:
        parse_environment(text, "deploy/x.yaml")
    assert said in str(caught.value)


@pytest.mark.parametrize("name", ["test", "../deploy/production", "Production", ""])
def test_an_unknown_environment_is_refused(name: str) -> None:
    with pytest.raises(ConfigError, match="`deploy/` holds production, staging"):
        read_environment(name, Path())
