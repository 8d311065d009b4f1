"""Challenger and champion by name: what they are, which of two models is compared, and who is refused."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from repository import BEFORE, FIRST, NEWER, OLDER, Model, Repository, alone, make_repository

from weighlock.errors import DataError, EvidenceError, NothingToWeigh, WeighlockError
from weighlock.layout import MODEL, PREDICTIONS, SERVED, SIGNATURE, WEIGHED
from weighlock.releases.record import format_release
from weighlock.scoring import Scorer
from weighlock.tables import write_table
from weighlock.weighing.contender import Contender
from weighlock.weighing.contenders import find_challenger, find_champion
from weighlock.weighing.predictions import read_predictions
from weighlock.weighing.unseen import is_before

pytestmark = pytest.mark.processes

OLD, NEW = Model("linear"), Model("lightgbm")
FOREST = "random_forest"


@pytest.fixture
def repository(tmp_path: Path, trained: Callable, monkeypatch: pytest.MonkeyPatch) -> Repository:
    alone(monkeypatch)
    monkeypatch.chdir(tmp_path)
    return make_repository(tmp_path, trained)


def parts(rows_of: Callable, task: str = "binary", seed: int = 0, first: str = FIRST) -> dict[str, pd.DataFrame]:
    """240 rows, an hour each; the holdout's first 48 are of `first` and after."""
    rows = rows_of(task, seed=seed)
    rows["when"] = (pd.Timestamp(first) + pd.to_timedelta(np.arange(240) - 192, "h")).astype("datetime64[us, UTC]")
    rows["site"] = [f"g{i // 8}" for i in range(240)]
    return {"train": rows[:150], "validation": rows[150:192], "holdout": rows[192:]}


@pytest.fixture(scope="module")
def committed(tmp_path_factory: Any, trained: Callable, rows_of: Callable, schema_of: Callable) -> Repository:
    """A committed version, made once; tests work on copies."""
    with pytest.MonkeyPatch.context() as monkeypatch:
        alone(monkeypatch)
        made = make_repository(tmp_path_factory.mktemp("committed") / "r", trained)
        made.save(schema_of("binary", time="when"), parts(rows_of))
        made.run(OLD, Model(FOREST, NEWER))
        made.commit()
    return made


@pytest.fixture
def tree(committed: Repository, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Repository:
    """The committed version."""
    alone(monkeypatch)
    shutil.copytree(committed.root, tmp_path, dirs_exist_ok=True)
    monkeypatch.chdir(tmp_path)
    return Repository(tmp_path, committed.train)


def renewed(repository: Repository) -> Contender:
    repository.run(NEW, Model("lightgbm", NEWER))
    return find_challenger(None, repository.root)


def test_the_challenger_is_the_working_trees_weighed_model(tree: Repository) -> None:
    found = find_challenger(None, tree.root)

    weighed, served = (Scorer.load(tree.root / folder).signature.digest for folder in (WEIGHED, SERVED))
    assert (found.kind, found.which, found.unseen, found.trained_until) == ("tree", "weighed", True, BEFORE)
    assert (found.digests.weighed, found.digests.served) == (weighed, served)
    assert found.holdout.rows["id"].tolist() == found.predictions.frame["key"].tolist()
    assert found.scorer.score(found.holdout.rows).tolist() == found.predictions.scored.scores.tolist()
    assert "log_loss" in found.params_text


@pytest.mark.parametrize("task", ["multiclass", "regression"])
def test_every_task_is_brought_to_the_gate(
    task: str, repository: Repository, rows_of: Callable, schema_of: Callable
) -> None:
    repository.save(schema_of(task, time="when"), parts(rows_of, task))
    repository.run(OLD, Model(FOREST, NEWER), task)
    repository.commit()
    repository.run(NEW, Model("lightgbm", NEWER), task)

    challenger = find_challenger(None, repository.root)
    champion = find_champion("HEAD", challenger, repository.root)

    expected = Scorer(repository.train(task, "linear").content, champion.scorer.signature)
    scores = expected.score(challenger.holdout.rows)
    np.testing.assert_allclose(champion.predictions.scored.scores, scores, atol=1e-6)


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (lambda r: (r.root / PREDICTIONS).unlink(), r"predictions\.parquet` is missing"),
        (lambda r: r.put(WEIGHED, NEW), "is of another model than `models/weighed/model.onnx`. Run `dvc repro`"),
        (lambda r: (r.root / SERVED / MODEL).write_bytes(b"torn"), "not what its signature describes"),
        (lambda r: (r.root / SERVED / MODEL).unlink(), "is missing or not what its signature"),
        (lambda r: (r.root / WEIGHED / MODEL).write_bytes(b"torn"), "the model's digest is"),
        (lambda r: (r.root / "data/split/holdout.parquet").unlink(), r"holdout\.parquet` is missing. Run `dvc repro`"),
    ],
)
def test_a_tree_that_is_not_of_one_piece_is_refused(
    tree: Repository, spoil: Callable[[Repository], Any], said: str
) -> None:
    spoil(tree)

    with pytest.raises(EvidenceError, match=said):
        find_challenger(None, tree.root)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda rows: rows[:-1], "the keys: 48 rows there, 47 here, 47 of them shared"),
        (lambda rows: rows.assign(target=1 - rows["target"]), "the truth of 48 rows, such as `k192`"),
    ],
)
def test_predictions_of_other_rows_ask_for_a_new_run(
    tree: Repository, rows_of: Callable, change: Callable, said: str
) -> None:
    write_table(change(parts(rows_of)["holdout"]), tree.root / "data/split/holdout.parquet")

    with pytest.raises(EvidenceError, match=f"{said}. Run `dvc repro`"):
        find_challenger(None, tree.root)


def test_a_revision_is_weighed_by_its_twin_where_the_served_model_saw_the_rows(tree: Repository) -> None:
    commit = tree.git("rev-parse", "HEAD").strip()
    challenger = renewed(tree)

    champion = find_champion("main", challenger, tree.root)

    assert (champion.kind, champion.which, champion.unseen, champion.revision) == ("revision", "weighed", True, commit)
    assert champion.why == (
        f"the weighed twin, for the served model may have seen the holdout: trained up to {NEWER}, the twin trained "
        f"up to {BEFORE}, and the holdout's first row is of {FIRST}"
    )
    assert champion.predictions.frame["key"].tolist() == challenger.predictions.frame["key"].tolist()
    assert champion.predictions.model == tree.train("binary", "linear").signature.digest


def test_a_revision_is_weighed_by_its_served_model_where_that_ended_before(tree: Repository, rows_of: Callable) -> None:
    served = tree.train("binary", FOREST).signature.digest
    challenger = newer_rows(tree, rows_of)

    champion = find_champion("HEAD", challenger, tree.root)

    assert (champion.which, champion.predictions.model, champion.trained_until) == ("served", served, NEWER)
    assert (
        champion.why == f"the served model: trained up to {NEWER}, before the holdout's first row (2013-09-01T00:00Z)"
    )


def test_a_retraining_by_the_same_recipe_is_weighed_against_the_twin(tree: Repository, rows_of: Callable) -> None:
    # what was served then, all rows up to the new holdout, is what is weighed now: it would meet itself
    newer_rows(tree, rows_of)
    tree.run(Model(FOREST, NEWER), Model("lightgbm", "2013-09-02T23:00Z"))

    champion = find_champion("HEAD", find_challenger(None, tree.root), tree.root)

    assert (champion.which, champion.trained_until) == ("weighed", BEFORE)
    assert champion.why.startswith(
        "the weighed twin, for the served model is the very one that is weighed now: the same"
    )


def newer_rows(repository: Repository, rows_of: Callable, first: str = "2013-09-01T00:00Z") -> Contender:
    for name, rows in parts(rows_of, seed=1, first=first).items():
        write_table(rows, repository.root / f"data/split/{name}.parquet")
    repository.run(Model("lightgbm", "2013-08-31T23:00Z"), Model("lightgbm", "2013-09-02T23:00Z"))
    return find_challenger(None, repository.root)


def test_a_version_of_which_both_models_saw_the_rows_is_refused_with_the_dates(
    tree: Repository, rows_of: Callable
) -> None:
    tree.run(Model("linear", "2013-09-01T00:00Z"), Model(FOREST, "2013-09-02T00:00Z"))
    tree.commit()
    challenger = newer_rows(tree, rows_of)

    with pytest.raises(EvidenceError) as refused:
        find_champion("HEAD", challenger, tree.root)
    for said in ("served model: trained up to 2013-09-02", "weighed twin: trained up to 2013-09-01T00:00Z",
                 "the holdout's first row is of 2013-09-01T00:00Z", "both of its models may have seen"):  # fmt: skip
        assert said in str(refused.value)


@pytest.mark.parametrize(
    ("until", "first", "before"),
    [
        ("2013-08-04T03:59Z", "2013-08-04T04:00:00Z", True),
        ("2013-08-04T03:59Z", "2013-08-04T03:59:59Z", False),  # it may have ended in that very second
        ("2013-08-04T04:00Z", "2013-08-04T04:00:00Z", False),
        ("2013-08-04T03:59:30Z", "2013-08-04T04:00:00Z", True),
        ("2013-08-04T06:59+03:00", "2013-08-04T04:00:00Z", True),
    ],
)
def test_before_is_by_the_instant_and_by_whole_minutes(until: str, first: str, before: bool) -> None:
    assert is_before(until, pd.Timestamp(first)) is before


def test_its_own_holdout_is_what_a_twin_left_out_even_where_it_does_not_say_when_training_ended(
    tree: Repository,
) -> None:
    tree.run(Model("linear", None), Model(FOREST, None))
    tree.commit()

    champion = find_champion("HEAD", renewed(tree), tree.root)

    assert (champion.which, champion.unseen) == ("weighed", True)
    assert "this holdout is the twin's own" in champion.why


def test_a_signature_that_is_older_than_the_key_says_nothing(tree: Repository) -> None:
    path = tree.root / WEIGHED / SIGNATURE
    content = json.loads(path.read_text())
    content.pop("trained_until")
    path.write_text(json.dumps(content))
    tree.lock()
    tree.commit()

    assert "the twin's own" in find_champion("HEAD", renewed(tree), tree.root).why


def without_time(repository: Repository, schema: Any, all_parts: dict, by: str, *, change: Callable) -> Contender:
    """A version without time, then a change of its rows and a new model."""
    repository.save(schema, all_parts, by)
    repository.run(Model("linear", None), Model(FOREST, None))
    repository.commit()
    change(repository)
    repository.run(Model("lightgbm", None), Model("lightgbm", None))
    return find_challenger(None, repository.root)


def grown(rows_of: Callable) -> Callable[[Repository], None]:
    """Another holdout: all but one of its rows."""
    return lambda r: write_table(parts(rows_of)["holdout"][1:], r.root / "data/split/holdout.parquet")


def test_the_same_hash_kept_the_rows_from_the_twin(
    repository: Repository, rows_of: Callable, schema_of: Callable
) -> None:
    challenger = without_time(repository, schema_of("binary"), parts(rows_of), "hash", change=grown(rows_of))

    champion = find_champion("HEAD", challenger, repository.root)

    assert champion.which == "weighed"
    assert "both split by the same hash, which kept these rows from the twin" in champion.why


def resplit(rows_of: Callable, schema: Any, holdout: pd.DataFrame) -> Callable[[Repository], None]:
    return lambda r: r.save(schema, parts(rows_of) | {"holdout": holdout}, "hash", 0.1)


def test_where_the_split_is_another_the_training_rows_are_looked_at(
    repository: Repository, rows_of: Callable, schema_of: Callable
) -> None:
    schema, made = schema_of("binary", group="site"), parts(rows_of)
    challenger = without_time(
        repository, schema, made, "group", change=resplit(rows_of, schema, made["holdout"][8:])
    )  # fmt: skip

    assert "share no key and no group" in find_champion("HEAD", challenger, repository.root).why


@pytest.mark.parametrize("shared", ["key", "group", "unknown"])
def test_training_rows_that_are_in_the_holdout_or_not_to_be_told_are_no_proof(
    shared: str, repository: Repository, rows_of: Callable, schema_of: Callable
) -> None:
    schema, made = schema_of("binary", group="site"), parts(rows_of)
    holdout = made["holdout"][8:].copy()
    if shared == "key":
        holdout.iloc[0, holdout.columns.get_loc("id")] = made["validation"]["id"].iloc[0]
    elif shared == "group":
        holdout.iloc[0, holdout.columns.get_loc("site")] = made["train"]["site"].iloc[0]
    train = made["train"] if shared != "unknown" else made["train"].drop(columns="id")
    change = resplit(rows_of, schema, holdout)
    challenger = without_time(repository, schema, made | {"train": train}, "group", change=change)

    with pytest.raises(EvidenceError, match=r"both of its models may have seen: .* rows have no time"):
        find_champion("HEAD", challenger, repository.root)


def test_groups_that_are_kept_whole_reach_before_the_border(
    repository: Repository, rows_of: Callable, schema_of: Callable
) -> None:
    schema, made = schema_of("binary", time="when", group="site"), parts(rows_of)
    made["holdout"].iloc[0, made["holdout"].columns.get_loc("when")] = pd.Timestamp(OLDER)
    repository.save(schema, made)
    repository.run(OLD, Model(FOREST, NEWER))
    repository.commit()
    write_table(made["holdout"][:40], repository.root / "data/split/holdout.parquet")

    assert "share no key and no group" in find_champion("HEAD", renewed(repository), repository.root).why


def test_a_release_names_its_commit_and_its_digests_must_verify(tree: Repository, release_of: Callable) -> None:
    commit = tree.git("rev-parse", "HEAD").strip()
    digests = {name: tree.train("binary", learner).signature.digest
               for name, learner in (("weighed", "linear"), ("served", FOREST))}  # fmt: skip
    plain = release_of("v7", commit=commit)
    models = {name: getattr(plain, name).model_copy(update={"digest": digest}) for name, digest in digests.items()}
    release = plain.model_copy(update=models)
    record = tree.root / "releases/v7.yaml"
    record.parent.mkdir()
    record.write_text(format_release(release))
    challenger = renewed(tree)

    champion = find_champion("v7", challenger, tree.root)

    assert (champion.name, champion.kind, champion.revision, champion.which) == ("v7", "release", commit, "weighed")
    for change, said in (
        ({"served": plain.served}, "of the served model of `v7` does not verify"),
        ({"commit": "0" * 40}, "which this clone does not have"),
        ({"version": "v6"}, "says that it is v6"),
        ({"weighed": None}, "is no record of a release"),
    ):
        record.write_text(format_release(release.model_copy(update=change)))
        with pytest.raises(EvidenceError, match=said):
            find_champion("v7", challenger, tree.root)
    record.write_text("- v7")
    with pytest.raises(EvidenceError, match="is no record of a release"):
        find_champion("v7", challenger, tree.root)
    with pytest.raises(EvidenceError, match="no release in `releases/` and no git revision"):
        find_champion("v8", challenger, tree.root)


def test_a_retraining_without_new_rows_is_nothing_new(tree: Repository) -> None:
    with pytest.raises(NothingToWeigh, match="nothing new: the working tree has the weighed model") as found:
        find_champion("HEAD", find_challenger(None, tree.root), tree.root)
    assert (found.value.nothing_new, found.value.exit_code) == (True, 0)


def test_the_same_model_on_other_rows_is_nothing_to_weigh(tree: Repository, rows_of: Callable) -> None:
    write_table(parts(rows_of)["holdout"][1:], tree.root / "data/split/holdout.parquet")
    tree.run(OLD, Model(FOREST, NEWER))

    with pytest.raises(NothingToWeigh, match="a model in common") as found:
        find_champion("HEAD", find_challenger(None, tree.root), tree.root)
    assert (found.value.nothing_new, found.value.exit_code) == (False, 2)


@pytest.mark.parametrize("name", [WEIGHED, SERVED, PREDICTIONS])
def test_files_of_the_challenger_itself_are_nothing_to_weigh(tree: Repository, name: str) -> None:
    with pytest.raises(NothingToWeigh, match="nothing to weigh") as found:
        find_champion(name, find_challenger(None, tree.root), tree.root)
    assert found.value.exit_code == 2


def test_a_folder_is_scored_on_the_challengers_rows(tree: Repository) -> None:
    challenger = find_challenger(None, tree.root)
    folder = tree.put("elsewhere", Model("lightgbm", OLDER))

    champion = find_champion(str(folder), challenger, tree.root)

    assert (champion.kind, champion.which, champion.unseen) == ("folder", None, True)
    expected = champion.scorer.score(challenger.holdout.rows)
    assert champion.predictions.scored.scores.tolist() == expected.tolist()
    assert champion.predictions.slices == ["port"]


@pytest.mark.parametrize(
    ("model", "change", "said"),
    [
        (Model("lightgbm", None), {}, "does not say up to when it was trained, .* its predictions file instead"),
        (Model("lightgbm", FIRST), {}, f"was trained up to {FIRST}, and the holdout's first row is of {FIRST}"),
        (Model("lightgbm", OLDER), {"digest": "sha256:0"}, "the model's digest is"),
        (Model("lightgbm", OLDER), {"target": "other"}, "`target` is 'target' in one and 'other' in the other"),
        (Model("lightgbm", OLDER), {"classes": ("yes", "no")}, "`classes` is"),
    ],
)
def test_a_folder_that_is_no_champion_is_refused(
    tree: Repository, model: Model, change: dict[str, Any], said: str
) -> None:
    folder = tree.put("elsewhere", model, **change)

    with pytest.raises(EvidenceError, match=said):
        find_champion(str(folder), find_challenger(None, tree.root), tree.root)


def test_a_model_of_another_task_is_refused(tree: Repository) -> None:
    folder = tree.put("elsewhere", Model("lightgbm", OLDER), "regression")

    with pytest.raises(EvidenceError, match="one is binary, the other regression"):
        find_champion(str(folder), find_challenger(None, tree.root), tree.root)
    with pytest.raises(EvidenceError, match=r"is a regression model of `target`.*`schema.yaml` says binary"):
        find_challenger(str(folder), tree.root)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda rows: rows.drop(columns=["size", "kind"]), "takes `size`, `kind`, which the holdout .* does not have"),
        (lambda rows: rows.assign(size="large"), "cannot score the holdout .* a value of `size` is not of its type"),
    ],
)
def test_a_champion_of_other_features_is_refused(
    tree: Repository, rows_of: Callable, schema_of: Callable, change: Callable, said: str
) -> None:
    made = {name: change(rows) for name, rows in parts(rows_of).items()}
    features = ["weight", "count", "new", "port"]
    tree.save(schema_of("binary", features, time="when"), made)
    frame = read_predictions(tree.root / PREDICTIONS).frame
    write_table(frame, tree.root / "mine.parquet")
    challenger = find_challenger("mine.parquet", tree.root)

    with pytest.raises(EvidenceError, match=said):
        find_champion("HEAD", challenger, tree.root)


def test_prediction_files_alone_can_be_weighed(tree: Repository, tmp_path: Path) -> None:
    frame = read_predictions(tree.root / PREDICTIONS).frame
    frame.to_csv(tmp_path / "a.csv", index=False)
    frame.assign(score=0.5).to_csv(tmp_path / "b.csv", index=False)

    challenger = find_challenger("a.csv", tree.root)
    champion = find_champion("b.csv", challenger, tree.root)

    for found in (challenger, champion):
        assert (found.kind, found.scorer, found.unseen, found.params_text) == ("file", None, None, None)
    assert challenger.holdout is not None
    (tree.root / "params.yaml").unlink()
    assert find_challenger("a.csv", tree.root).holdout is None


@pytest.mark.parametrize(("until", "unseen"), [(OLDER, True), (None, None), (FIRST, EvidenceError), (BEFORE, True)])
def test_a_file_that_says_that_it_saw_the_rows_is_refused(tree: Repository, until: str | None, unseen: Any) -> None:
    challenger = find_challenger(None, tree.root)
    p = challenger.predictions
    meta = {"task": p.task, "target": p.target, "classes": p.classes, "threshold": 0.5, "trained_until": until}
    write_table(p.frame.assign(score=0.5), tree.root / "b.parquet", meta | {"model": "sha256:b"})

    if unseen is EvidenceError:
        for find in (lambda: find_champion("b.parquet", challenger, tree.root),
                     lambda: find_challenger("b.parquet", tree.root)):  # fmt: skip
            with pytest.raises(EvidenceError, match=f"trained up to {FIRST}"):
                find()
    else:
        assert find_champion("b.parquet", challenger, tree.root).unseen is unseen
        assert find_challenger("b.parquet", tree.root).unseen is unseen


def test_where_the_split_is_not_by_time_the_end_of_training_is_no_proof(
    repository: Repository, rows_of: Callable, schema_of: Callable
) -> None:
    repository.save(schema_of("binary", time="when"), parts(rows_of), "hash")
    repository.run(Model("linear", NEWER), Model(FOREST, NEWER))
    challenger = find_challenger(None, repository.root)
    p = challenger.predictions
    meta = {"task": p.task, "target": p.target, "classes": p.classes, "trained_until": NEWER, "model": "sha256:b"}
    write_table(p.frame.assign(score=0.5), repository.root / "b.parquet", meta)
    folder = repository.put("elsewhere", Model("lightgbm", NEWER))

    assert find_champion("b.parquet", challenger, repository.root).unseen is None
    with pytest.raises(EvidenceError, match=r"was trained on rows of the same time, .* predictions file instead"):
        find_champion(str(folder), challenger, repository.root)


def test_swapped_contenders_are_told(tree: Repository) -> None:
    old, new = tree.put("old", Model("linear", OLDER)), tree.put("new", Model("lightgbm", BEFORE))

    assert find_champion(str(old), find_challenger(str(new), tree.root), tree.root).unseen
    with pytest.raises(EvidenceError, match=f"up to {BEFORE}, later than .*: are challenger and champion swapped"):
        find_champion(str(new), find_challenger(str(old), tree.root), tree.root)


def test_a_model_folder_is_a_challenger_but_for_the_served_one(tree: Repository) -> None:
    found = find_challenger(WEIGHED, tree.root)

    assert (found.kind, found.unseen) == ("folder", True)
    assert found.predictions.frame.equals(find_challenger(None, tree.root).predictions.frame)
    with pytest.raises(EvidenceError, match="is the tree's served model, which was trained on the holdout too"):
        find_challenger(SERVED, tree.root)


def test_a_challenger_whose_rows_are_not_here_cannot_be_held_against_a_model(tree: Repository) -> None:
    frame = read_predictions(tree.root / PREDICTIONS).frame
    write_table(frame.assign(key="x" + frame["key"]), tree.root / "mine.parquet")
    challenger = find_challenger("mine.parquet", tree.root)

    for name in ("HEAD", str(tree.put("elsewhere", Model("lightgbm", OLDER)))):
        with pytest.raises(EvidenceError, match=r"has to score the rows of `mine.parquet`; but these are not"):
            find_champion(name, challenger, tree.root)


@pytest.mark.parametrize("name", ["no-such-thing", "--help", "-n", "data", "none.parquet", "none.csv"])
def test_what_is_not_there_is_named(tree: Repository, name: str) -> None:
    challenger = find_challenger(None, tree.root)

    for find in (lambda: find_champion(name, challenger, tree.root), lambda: find_challenger(name, tree.root)):
        with pytest.raises(WeighlockError, match=f"`{name}` is"):
            find()


def test_a_revision_without_a_result_or_whose_files_are_nowhere_is_told(tree: Repository) -> None:
    challenger = renewed(tree)
    cached = tree.root / ".dvc/cache"
    cached.rename(tree.root / ".dvc/lost")

    with pytest.raises(EvidenceError, match=r"neither in DVC's cache nor in a remote .* `dvc fetch --rev"):
        find_champion("HEAD", challenger, tree.root)
    (tree.root / "dvc.lock").unlink()
    tree.commit()
    with pytest.raises(EvidenceError, match=r"git revision with `dvc\.lock`"):
        find_champion("HEAD", challenger, tree.root)


def test_a_cached_file_that_is_not_itself_is_not_used(tree: Repository) -> None:
    cached = tree.cached(f"{WEIGHED}/{MODEL}")
    challenger = renewed(tree)
    cached.write_bytes(b"something else")

    with pytest.raises(EvidenceError, match=r"neither in DVC's cache nor in a remote|is not what its `dvc\.lock` says"):
        find_champion("HEAD", challenger, tree.root)


def test_the_cache_may_be_anywhere_and_is_read_without_opening_dvc(
    tree: Repository, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    challenger, elsewhere = renewed(tree), tmp_path_factory.mktemp("elsewhere") / "cache"
    (tree.root / ".dvc/cache").rename(elsewhere)
    (tree.root / ".dvc/config.local").write_text(f"[cache]\n    dir = {elsewhere}\n")
    monkeypatch.setattr("dvc.repo.Repo.__init__", lambda *_, **__: pytest.fail("it was opened"))

    assert find_champion("HEAD", challenger, tree.root).kind == "revision"


def test_a_holdout_that_lacks_its_key_is_refused(tree: Repository, rows_of: Callable, schema_of: Callable) -> None:
    tree.save(schema_of("binary", key=None, time="when"), parts(rows_of))

    with pytest.raises(DataError, match="lacks the key `row_id`"):
        find_challenger(None, tree.root)
