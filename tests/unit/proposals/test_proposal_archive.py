"""Artifacts of anyone's: what no honest run makes is refused, and nothing of it touches the disk."""

from __future__ import annotations

import contextlib
import io
import json
import stat
import struct
import tempfile
import zipfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from weighlock.errors import EvidenceError
from weighlock.proposals import archive
from weighlock.proposals.archive import OWN_VERDICT, READ, open_artifact, pack

HONEST = {name: b"{}" if name.endswith(".json") else b"onnx" for name in READ}


def zipped(path: Path, files: dict[str, bytes], *more: tuple[zipfile.ZipInfo, bytes]) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as packed:
        for name, content in files.items():
            packed.writestr(name, content)
        for info, content in more:
            packed.writestr(info, content)
    return path


def entry(name: str, mode: int = stat.S_IFREG | 0o644) -> tuple[zipfile.ZipInfo, bytes]:
    info = zipfile.ZipInfo(name)
    info.external_attr = mode << 16
    return info, b"/etc/passwd"


def test_an_honest_artifact_is_read_and_nothing_else_of_it(tmp_path: Path) -> None:
    own = json.dumps({"outcome": "PASS", "reasons": ["fine", 3, "x" * 900]}).encode()
    path = zipped(tmp_path / "a.zip", HONEST | {OWN_VERDICT: own, "plots/roc.png": b"png", "verdict.json": b"PASS"})

    found = open_artifact(path)

    assert found.files == HONEST
    assert (found.own, found.own_reasons) == ("PASS", ("fine", "x" * 500))


@pytest.mark.parametrize(
    "own",
    [b"[]", b'"PASS"', b'{"outcome": "SHIP IT"}', b"{", b"\xff", b'{"outcome": ["PASS"]}'.replace(b'["PASS"]', b"1")],
)
def test_an_own_verdict_that_is_none_says_nothing(tmp_path: Path, own: bytes) -> None:
    assert open_artifact(zipped(tmp_path / "a.zip", HONEST | {OWN_VERDICT: own})).own is None


@pytest.mark.parametrize(
    ("strange", "said"),
    [
        (entry("../evil"), "leads out"),
        (entry("a/../../evil"), "leads out"),
        (entry("/etc/evil"), "leads out"),
        (entry("a\\..\\evil"), "leads out"),
        (entry("C:evil"), "leads out"),
        (entry("./a"), "leads out"),
        (entry("link", stat.S_IFLNK | 0o777), "link or a device"),
        (entry("pipe", stat.S_IFIFO | 0o666), "link or a device"),
        (entry("a\nb"), "name that is none"),
        (entry("caf\u00e9"), "name that is none"),
        (entry("\u202egnp.exe"), "name that is none"),
        (entry("x" * 300), "name that is none"),
        (entry("MODELS/weighed/MODEL.onnx"), "stands twice"),
    ],
)
def test_strange_entries_are_refused(tmp_path: Path, strange: tuple[zipfile.ZipInfo, bytes], said: str) -> None:
    before = set(tmp_path.rglob("*"))
    path = zipped(tmp_path / "a.zip", HONEST, strange)
    with pytest.raises(EvidenceError, match=said):
        open_artifact(path)
    assert set(tmp_path.rglob("*")) - before == {path}


def test_sizes_are_limited_whatever_the_archive_says(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(EvidenceError, match="unpacks to far more"):
        open_artifact(zipped(tmp_path / "bomb.zip", HONEST | {"plots/x.png": b"0" * 4 * 2**20}))
    with pytest.raises(EvidenceError, match="files; 200 are allowed"):
        open_artifact(zipped(tmp_path / "many.zip", HONEST | {f"f{n}": b"" for n in range(210)}))
    monkeypatch.setattr(archive, "LARGEST_JSON", 1000)
    with pytest.raises(EvidenceError, match="has more than"):
        open_artifact(zipped(tmp_path / "json.zip", HONEST | {READ[1]: b" " * 1001}))
    monkeypatch.setattr(archive, "LARGEST_ARCHIVE", 100)
    with pytest.raises(EvidenceError, match="bytes; 100 are allowed"):
        open_artifact(zipped(tmp_path / "large.zip", HONEST))


def test_a_size_that_lies_reads_no_more_than_the_limit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(archive, "LARGEST_JSON", 1000)
    content = zipped(tmp_path / "a.zip", HONEST | {READ[1]: b" " * 5000}).read_bytes()
    lying = content.replace(struct.pack("<I", 5000), struct.pack("<I", 10))
    (tmp_path / "a.zip").write_bytes(lying)
    with pytest.raises(EvidenceError, match="refused"):
        open_artifact(tmp_path / "a.zip")


@pytest.mark.parametrize("content", [b"\xff\xfe", b"[" * 100_000, b'{"a": NaN}', b'{"a": Infinity}', b"{'a': 1}", b""])
def test_what_is_no_json_is_refused(tmp_path: Path, content: bytes) -> None:
    with pytest.raises(EvidenceError, match="not JSON in UTF-8"):
        open_artifact(zipped(tmp_path / "a.zip", HONEST | {READ[1]: content}))


def test_what_is_missing_is_named(tmp_path: Path) -> None:
    less = {name: content for name, content in HONEST.items() if name != READ[2]}
    with pytest.raises(EvidenceError, match=f"lacks `{READ[2]}`"):
        open_artifact(zipped(tmp_path / "a.zip", less))


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_torn_archives_are_refused_and_never_crash(data: st.DataObject) -> None:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED) as packed:
        for name, text in HONEST.items():
            packed.writestr(name, text)
    torn = bytearray(content.getvalue())
    for _ in range(data.draw(st.integers(1, 4))):
        torn[data.draw(st.integers(0, len(torn) - 1))] = data.draw(st.integers(0, 255))
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "torn.zip")
        path.write_bytes(bytes(torn[: data.draw(st.integers(1, len(torn)))]))
        with contextlib.suppress(EvidenceError):
            assert set(open_artifact(path).files) == set(READ)


def test_what_is_packed_can_be_opened(tmp_path: Path) -> None:
    for name, content in HONEST.items():
        (tmp_path / "tree" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "tree" / name).write_bytes(content)
    assert set(pack(tmp_path / "tree", tmp_path / "out")) == set(READ)
    files = {str(f.relative_to(tmp_path / "out")): f.read_bytes() for f in (tmp_path / "out").rglob("*.*")}
    assert open_artifact(zipped(tmp_path / "a.zip", files)).files == HONEST
