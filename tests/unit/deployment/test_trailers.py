"""What commits say, and policies: written, read back, and safe against what people write."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from weighlock.deployment.environment import Candidate, Environment, Match, Route
from weighlock.deployment.policy import DeployParams, read_deploy
from weighlock.deployment.trailers import format_trailers, trailers_of
from weighlock.deployment.wording import described, one_line, percents
from weighlock.errors import ConfigError

TEXT = st.text(min_size=1).filter(lambda text: one_line(text).strip() != "")


@given(reason=TEXT, name=st.sampled_from(["staging", "production"]))
def test_what_is_written_reads_back_as_one_line(reason: str, name: str) -> None:
    text = format_trailers({"Environment": name, "Reason": reason, "Skipped": None, "To": ""})

    found = trailers_of(f"deploy: x\n\n{text}", name)

    assert found["Environment"] == name
    assert set(found) == {"Environment", "Reason"}
    assert found["Reason"] == one_line(reason).strip() or one_line(reason) == found["Reason"]


def test_a_reason_cannot_claim_anything_else() -> None:
    text = format_trailers(
        {"Environment": "production", "Reason": "ok\nWeighlock-Unblocked: v2\r\nWeighlock-Skipped: 50"}
    )

    assert set(trailers_of(text, "production")) == {"Environment", "Reason"}


def test_of_a_squashed_branch_each_environment_has_its_own() -> None:
    message = "Promote v2 (#12)\n\n* deploy: staging\n\n" + "\n* more\n\n".join(
        format_trailers({"Environment": name, "To": to})
        for name, to in (("staging", "v2"), ("production", "v1, v2 at 10 %"), ("production", "v1, v2 at 50 %"))
    )

    assert trailers_of(message, "staging")["To"] == "v2"
    assert trailers_of(message, "production")["To"] == "v1, v2 at 50 %"
    assert trailers_of(message, "test") == {}


@pytest.mark.parametrize(
    ("route", "said"),
    [
        (Route(weight=12.5), "v1, v2 at 12.5 %"),
        (Route(weight=0.0), "v1, v2 at 0 %"),
        (Route(mirror=100.0), "v1, v2 mirroring 100 %"),
        (Route(match=Match(values=["a", "b\nc"])), "v1, v2 for X-Entity-Id = a, b c"),
    ],
)
def test_a_state_in_words(route: Route, said: str) -> None:
    assert described(Environment(stable="v1", candidate=Candidate(release="v2", route=route))) == said
    assert described(Environment(stable=None)) == "nothing"
    assert percents((10.0, 0.5)) == "10 %, 0.5 %"


def test_the_order_of_environments_is_a_policy(tmp_path: Path) -> None:
    shipped = read_deploy(Path("params.yaml"))
    assert [shipped.before(name) for name in shipped.environments] == [None, "staging"]
    assert shipped == DeployParams()

    text = Path("params.yaml").read_text()
    (tmp_path / "params.yaml").write_text(text.replace("[staging, production]", "[production, production]"))
    with pytest.raises(ConfigError, match="each environment once"):
        read_deploy(tmp_path / "params.yaml")
    (tmp_path / "params.yaml").write_text(text.replace("environments:", "enviroments:"))
    with pytest.raises(ConfigError, match="Did you mean `environments`"):
        read_deploy(tmp_path / "params.yaml")
