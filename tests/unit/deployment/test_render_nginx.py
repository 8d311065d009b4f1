"""The nginx that is rendered: shares, who stays where, values that stay values. tests/e2e/test_routing.py runs it."""

from __future__ import annotations

import re
from typing import Any

import crossplane
import pytest
from crossplane.analyzer import DIRECTIVES
from hypothesis import given, settings
from hypothesis import strategies as st

from support.deployed import RELEASES, environment
from weighlock.deployment.environment import Environment, Match, Route
from weighlock.deployment.render import render
from weighlock.deployment.targets import Machine, Rate, Tls
from weighlock.errors import ConfigError

SITE = "machine/weighlock-production.conf"
WEIGHTS = st.integers(1, 9_999).map(lambda n: n / 100)
ENTITIES = st.lists(st.text(st.characters(min_codepoint=33, max_codepoint=126), min_size=1, max_size=40), max_size=30)
PRINTABLE = st.text(st.characters(codec="utf-8"), min_size=1, max_size=60).filter(
    lambda text: text.isprintable() and text == text.strip()
)


def site(route: Route | None = None, machine: Machine | None = None, **other: Any) -> list[dict[str, Any]]:
    """The rendered directives, read back by nginx-crossplane."""
    files = render("production", environment(route, machine=machine or Machine(), **other), RELEASES)
    return read(files[SITE])


def read(text: str) -> list[dict[str, Any]]:
    """What stands in nginx's `http`; every directive is a known one, in its place and with as many arguments."""
    found = crossplane.parse_string("http {\n" + text + "}\n")
    assert found["status"] == "ok", found["errors"]
    (http,) = found["config"][0]["parsed"]
    directives: list[dict[str, Any]] = http["block"]
    assert {name for name in named(directives) if name not in DIRECTIVES} <= {"#"}
    return directives


def named(directives: list[dict[str, Any]]) -> set[str]:
    """The names of all directives; what a `map` or a split holds are values."""
    inner = [d["block"] for d in directives if "block" in d and d["directive"] not in ("map", "split_clients")]
    return {d["directive"] for d in directives}.union(*(named(block) for block in inner))


def find(directives: list[dict[str, Any]], name: str, *args: str) -> list[dict[str, Any]]:
    """Directives of this name whose arguments begin with these, at any depth."""
    here = [d for d in directives if d["directive"] == name and d["args"][: len(args)] == list(args)]
    return here + [inner for d in directives for inner in find(d.get("block", []), name, *args)]


def shares(directives: list[dict[str, Any]]) -> tuple[str, list[tuple[str, str]]]:
    """What is hashed, and who gets which share of it."""
    (split,) = find(directives, "split_clients")
    return split["args"][0], [(d["directive"], d["args"][0]) for d in split["block"]]


def murmur2(data: bytes) -> int:
    """MurmurHash2 (Austin Appleby, 2008), 32 bits, seed 0: what `split_clients` hashes by."""
    factor, mask = 0x5BD1E995, 0xFFFFFFFF
    found = len(data)
    for at in range(0, len(data) - 3, 4):
        word = int.from_bytes(data[at : at + 4], "little") * factor & mask
        found = (found * factor & mask) ^ ((word ^ word >> 24) * factor & mask)
    if rest := data[len(data) // 4 * 4 :]:
        found = (found ^ int.from_bytes(rest, "little")) * factor & mask
    found = (found ^ found >> 13) * factor & mask
    return found ^ found >> 15


def chosen(directives: list[dict[str, Any]], unit: str) -> str:
    """What nginx would choose, by its documentation: percents are ranges of the hash, one after the other."""
    key, parts = shares(directives)
    hashed = murmur2(re.sub(r"\$\w+", lambda _: unit, key).encode())
    last = 0
    for share, name in parts:
        if share == "*":
            return name
        last += round(float(share.rstrip("%")) * 100) * 0xFFFFFFFF // 10_000
        if hashed < last:
            return name
    raise AssertionError(parts)


@pytest.mark.parametrize(
    ("data", "hashed"), [(b"", 0), (b"a", 0x92685F5E), (b"abcd", 0x26873021), (b"hello", 0xE56129CB)]
)
def test_the_hash_is_the_one_of_its_author(data: bytes, hashed: int) -> None:
    assert murmur2(data) == hashed


@settings(max_examples=30)
@given(weights=st.lists(WEIGHTS, min_size=2, max_size=2, unique=True).map(sorted), entities=ENTITIES)
def test_who_had_the_candidate_keeps_it_when_its_share_grows(weights: list[float], entities: list[str]) -> None:
    less, more = (site(Route(weight=weight)) for weight in weights)
    had = {entity for entity in entities if chosen(less, entity) == "candidate"}
    assert had <= {entity for entity in entities if chosen(more, entity) == "candidate"}


def test_a_tenth_of_the_entities_is_a_tenth() -> None:
    tenth = site(Route(weight=10.0))
    found = sum(chosen(tenth, f"entity-{i}") == "candidate" for i in range(5_000))
    assert abs(found / 5_000 - 0.1) < 0.01


def test_another_candidate_begins_with_other_entities() -> None:
    first, second = site(Route(weight=10.0)), site(Route(weight=10.0), stable="v2", candidate=None)
    assert shares(first)[0] == "v2:$weighlock_production_unit"
    assert not find(second, "split_clients")


@given(weight=WEIGHTS)
@settings(max_examples=30)
def test_shares_are_what_is_asked_and_sum_up(weight: float) -> None:
    (first, candidate), (rest, stable) = shares(site(Route(weight=weight)))[1]
    assert (candidate, stable, rest) == ("candidate", "stable", "*")
    assert float(first.rstrip("%")) == weight
    assert re.fullmatch(r"\d+(\.\d\d?)?%", first)  # what nginx reads


@pytest.mark.parametrize(("weight", "who"), [(0.0, "stable"), (100.0, "candidate")])
def test_none_and_all_are_said_without_a_percent(weight: float, who: str) -> None:
    assert shares(site(Route(weight=weight)))[1] == [("*", who)]


@settings(max_examples=60)
@given(values=st.lists(PRINTABLE, min_size=1, max_size=4, unique=True), other=PRINTABLE)
def test_a_value_to_match_stays_a_value(values: list[str], other: str) -> None:
    match = site(Route(match=Match(header="X-Plan", values=values)))
    (found,) = find(match, "map", "$http_x_plan")
    patterns = [d["directive"] for d in found["block"][1:]]
    assert found["block"][0]["directive"] == "default"
    assert [d["args"] for d in found["block"]] == [["stable"], *[["candidate"]] * len(values)]
    for value in (*values, other):
        met = [p for p in patterns if re.search(p.removeprefix("~").encode(), value.encode())]
        assert len(met) == (value in values)
    plain = site(Route(match=Match(header="X-Plan", values=["a"] * len(values))))
    assert [d["directive"] for d in match] == [d["directive"] for d in plain]  # nothing became a directive


@pytest.mark.parametrize("value", ["two\nlines", "tab\t", " before", "after ", "\x00", "x" * 201, "\u2028"])
def test_a_value_that_no_header_carries_is_refused(value: str) -> None:
    with pytest.raises(ConfigError, match="which no request can carry"):
        site(Route(match=Match(values=["fine", value])))


def test_upper_and_lower_case_are_two_entities() -> None:
    """nginx compares the strings of a `map` without regard to case, and its patterns with."""
    (found,) = find(
        site(Route(match=Match(values=["Ab-1"]))), "map", "$http_x_entity_id", "$weighlock_production_variant"
    )
    assert found["block"][1]["directive"] == r"~^Ab\x2d1$"


def test_a_shadow_is_asked_the_same_answers_nobody_and_is_waited_for_by_nobody() -> None:
    found = site(Route(mirror=25.0))
    key, parts = shares(found)
    assert (key, parts) == ("v2:$weighlock_production_request", [("25%", "yes"), ("*", "no")])
    server, shadow = (d["block"] for d in found if d["directive"] == "server")
    (predict,) = find(server, "location", "=", "/v1/predict")
    assert [d["args"] for d in predict["block"]][::2] == [["/weighlock-mirror"], ["http://weighlock_production_stable"]]
    assert len(find(server, "mirror")) == 1  # feedback is not told twice
    copies, sent = (find(place, "location", "=", "/weighlock-mirror")[0]["block"] for place in (server, shadow))
    assert [d["directive"] for d in copies][:2] == ["internal", "if"]
    assert find(copies, "proxy_pass")[0]["args"] == ["http://127.0.0.1:3200/v1/predict"]
    assert find(shadow, "listen")[0]["args"] == ["127.0.0.1:3200"]
    assert find(sent, "proxy_pass")[0]["args"] == ["http://weighlock_production_candidate/v1/predict"]
    assert [d["args"] for d in find(found, "proxy_ignore_client_abort")] == [["on"], ["on"]]
    # set for whole servers, and by no location anew: the copy has its request's name and entity
    assert not [d for place in find(found, "location") for d in find(place["block"], "proxy_set_header")]
    passed = [{tuple(d["args"]) for d in place if d["directive"] == "proxy_set_header"} for place in (server, shadow)]
    assert ("X-Request-Id", "$weighlock_production_request") in passed[0]
    assert ("X-Request-Id", "$http_x_request_id") in passed[1]
    assert ("X-Entity-Id", "$http_x_entity_id") in passed[0] & passed[1]
    (upstream,) = find(found, "upstream", "weighlock_production_candidate")
    assert not [d for d in upstream["block"] if "backup" in d["args"]]  # or stable would be asked twice


def test_only_where_no_connection_was_made_does_another_variant_answer() -> None:
    found = site(Route(weight=10.0))
    assert {tuple(d["args"]) for d in find(found, "proxy_next_upstream")} == {("error", "timeout")}
    servers = {u["args"][0]: [d["args"] for d in find(u["block"], "server")] for u in find(found, "upstream")}
    assert servers["weighlock_production_predict_candidate"] == [
        ["127.0.0.1:3102", "max_fails=3", "fail_timeout=10s"], ["127.0.0.1:3101", "backup"],
    ]  # fmt: skip
    assert len(servers["weighlock_production_predict_stable"]) == 1  # what is tried answers for nobody else
    assert len(servers["weighlock_production_candidate"]) == 1  # of which `/variants/candidate/v1/model` tells


def test_what_a_machine_says_is_there() -> None:
    machine = Machine(
        address="::", listen=8443, server_names=["flights.example.com"], rate=Rate(per_second=5, burst=0),
        tls=Tls(certificate="/etc/tls/a.pem", key="/etc/tls/a.key"), trusted_proxies=["10.0.0.0/8"], max_kilobytes=64,
        access_log="/srv/log/a.json",
    )  # fmt: skip
    found = site(machine=machine)
    said = [(d["directive"], *d["args"]) for d in found[-1]["block"]]
    assert ("listen", "[::]:8443", "ssl") in said
    assert ("server_name", "flights.example.com") in said
    assert ("limit_req", "zone=weighlock_production_rate") in said
    assert ("client_max_body_size", "64k") in said
    assert ("set_real_ip_from", "10.0.0.0/8") in said
    assert ("add_header", "Strict-Transport-Security", "max-age=31536000", "always") in said
    assert ("access_log", "/srv/log/a.json", "weighlock_production_json") in said
    assert find(found, "limit_req_zone")[0]["args"][-1] == "rate=5r/s"
    assert not find(site(machine=Machine(rate=None)), "limit_req")


def test_no_one_outside_reads_metrics_or_asks_the_mirror() -> None:
    found = site(Route(mirror=100.0))
    places = [d["args"] for d in find(found, "location")]
    assert not [args for args in places if "metrics" in args[-1]]
    (rest,) = find(found, "location", "/")
    assert find(rest["block"], "return")[0]["args"][0] == "404"


def test_before_the_first_release_every_request_is_told_so() -> None:
    files = render("production", Environment(stable=None, machine=Machine()), {})
    assert {path for path in files if "weighlock-sync-" not in path} == {"machine/nginx.conf", SITE}
    parsed = read(files[SITE])
    assert find(parsed, "return")[0]["args"][0] == "503"
    assert not find(parsed, "upstream")


def test_names_of_two_environments_do_not_meet() -> None:
    texts = [render(name, environment(machine=Machine()), RELEASES) for name in ("staging", "pre-prod")]
    first, second = (
        next(t for path, t in files.items() if path.endswith(".conf") and "weighlock" in t) for files in texts
    )
    own = [set(re.findall(r"weighlock_\w+", text)) for text in (first, second)]
    assert not own[0] & own[1]
