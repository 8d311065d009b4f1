"""API keys: stored as hashes, refused while their file cannot be trusted, revoked without a restart."""

from __future__ import annotations

import datetime as dt
import hashlib
import json
import stat
import threading
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from weighlock.cli import main
from weighlock.errors import ConfigError, StorageError
from weighlock.serving.keys import KeyStore, add_key, bearer_of, read_keys, revoke_key

TODAY = dt.date(2026, 1, 31)


class Clock:
    """Seconds that pass when told."""

    now = 100.0

    def __call__(self) -> float:
        return self.now

    def later(self) -> None:
        self.now += 1.0


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "keys.json"


def test_a_key_opens_its_scopes_and_no_other(file: Path) -> None:
    app = add_key(file, "app", ["feedback", "predict"], TODAY)
    boss = add_key(file, "boss", ["admin"], TODAY)
    store = KeyStore.load(file)

    opened = {
        (key, scope) for key in (app, boss) for scope in ("predict", "feedback", "admin") if store.allows(key, scope)
    }

    assert opened == {(app, "predict"), (app, "feedback"), (boss, "admin")}
    assert len(store) == 2


@given(st.one_of(st.none(), st.text()))
def test_nothing_else_opens_anything(tmp_path_factory: pytest.TempPathFactory, guess: str | None) -> None:
    file = tmp_path_factory.mktemp("keys") / "keys.json"
    key = add_key(file, "app", ["predict"], TODAY)
    store = KeyStore.load(file)

    assert not store.allows(guess, "predict")
    assert not store.allows(key[:-1], "predict")
    assert not store.allows(key + "\0", "predict")
    assert not store.allows(hashlib.sha256(key.encode()).hexdigest(), "predict")  # what the file holds
    assert not store.allows(key, "")


def test_the_file_holds_the_hash_alone_for_its_owner_alone(file: Path) -> None:
    key = add_key(file, "app", ["predict"], TODAY)

    assert key.startswith("wl_")
    assert len(key) == 3 + 43  # 256 bits in base 64
    assert key not in file.read_text()
    assert hashlib.sha256(key.encode()).hexdigest() in file.read_text()
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert [p.name for p in file.parent.iterdir()] == ["keys.json"]


def test_a_revoked_key_closes_without_a_restart_within_a_second(file: Path) -> None:
    clock = Clock()
    key, other = add_key(file, "app", ["predict"], TODAY), add_key(file, "other", ["predict"], TODAY)
    store = KeyStore.load(file, clock=clock)

    revoke_key(file, "app")

    assert store.allows(key, "predict")  # it is looked at once a second
    clock.later()
    assert not store.allows(key, "predict")
    assert store.allows(other, "predict")


@pytest.mark.parametrize("content", [None, b"", b"{", b"[]", b'{"version": 2, "keys": []}', b"\xff", b"[" * 100_000])
def test_while_the_file_cannot_be_trusted_nothing_opens_and_then_it_does_again(
    content: bytes | None, file: Path
) -> None:
    clock = Clock()
    key = add_key(file, "app", ["predict"], TODAY)
    good = file.read_bytes()
    store = KeyStore.load(file, clock=clock)

    file.unlink()
    if content is not None:
        file.write_bytes(content)
    clock.later()
    assert not store.allows(key, "predict")
    assert "keys.json" in str(store.problem)

    file.write_bytes(good)
    clock.later()
    assert store.allows(key, "predict")
    assert store.problem is None


def test_a_service_does_not_start_without_its_keys(file: Path) -> None:
    with pytest.raises(ConfigError, match=r"is missing. `weighlock keys add NAME --scope predict --keys .*` writes it"):
        KeyStore.load(file)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"scopes": ["everything"]}, "scopes other than"),
        ({"scopes": []}, "scopes other than"),
        ({"scopes": "predict"}, "scopes other than"),
        ({"sha256": "00"}, "no SHA-256"),
        ({"name": "a\nb"}, "no name of a key"),
        ({"name": None}, "version|no name|twice|None"),
    ],
)
def test_a_file_that_is_amiss_is_refused(change: dict[str, object], said: str, file: Path) -> None:
    add_key(file, "app", ["predict"], TODAY)
    content = json.loads(file.read_text())
    content["keys"][0] |= change
    if change.get("name", "") is None:
        content["keys"].append(content["keys"][0])
    file.write_text(json.dumps(content))

    with pytest.raises(ConfigError, match=said):
        KeyStore.load(file)


@pytest.mark.parametrize(
    ("name", "scopes", "said"),
    [
        ("app", ["predict"], "has a key `app` already"),
        ("a b", ["predict"], "'a b' should be"),
        ("", ["predict"], "'' should be"),
        ("new", ["predict", "write"], "`--scope predict,write` should name some of predict, feedback, admin"),
        ("new", [], "should name some of"),
    ],
)
def test_what_cannot_be_added_leaves_the_file_as_it_was(name: str, scopes: list[str], said: str, file: Path) -> None:
    add_key(file, "app", ["predict"], TODAY)
    before = file.read_bytes()

    with pytest.raises(ConfigError, match=said):
        add_key(file, name, scopes, TODAY)
    assert file.read_bytes() == before


def test_keys_added_at_once_are_all_there(file: Path) -> None:
    threads = [threading.Thread(target=add_key, args=(file, f"app{i}", ["predict"], TODAY)) for i in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert {key.name for key in read_keys(file)} == {f"app{i}" for i in range(12)}


def test_a_key_that_is_not_there_cannot_be_revoked(file: Path) -> None:
    add_key(file, "app", ["predict"], TODAY)

    with pytest.raises(ConfigError, match="has no key `ap`; it has `app`"):
        revoke_key(file, "ap")


def test_a_place_that_cannot_be_written_is_said(tmp_path: Path) -> None:
    (tmp_path / "in-the-way").write_text("")

    with pytest.raises(StorageError, match="cannot be written"):
        add_key(tmp_path / "in-the-way" / "keys.json", "app", ["predict"], TODAY)


@pytest.mark.parametrize(
    ("header", "key"),
    [
        ("Bearer abc", "abc"),
        ("bearer  abc ", "abc"),
        ("Basic abc", None),
        ("Bearer", None),
        ("Bearer ", None),
        ("", None),
        (None, None),
    ],
)
def test_the_key_of_a_header(header: str | None, key: str | None) -> None:
    assert bearer_of(header) == key


def test_the_command_prints_the_key_alone_to_stdout(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["keys", "add", "app", "--scope", "predict, feedback", "--keys", str(file)]) == 0
    shown = capsys.readouterr()
    key = shown.out.strip()
    assert KeyStore.load(file).allows(key, "feedback")
    assert key not in shown.err

    assert main(["keys", "list", "--keys", str(file)]) == 0
    assert capsys.readouterr().out.startswith("app  predict,feedback  since 2")
    assert main(["keys", "revoke", "app", "--keys", str(file)]) == 0
    assert not KeyStore.load(file).allows(key, "predict")
    assert main(["keys", "revoke", "app", "--keys", str(file)]) == 2
