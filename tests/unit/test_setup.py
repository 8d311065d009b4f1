"""`weighlock init`: what is inferred, what is written, what is cleared away and what is refused."""

from __future__ import annotations

import io
import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from ruamel.yaml import YAML

from weighlock.cli import main
from weighlock.errors import ConfigError, DataError, SourceError, WeighlockError
from weighlock.params import Csv, read_params
from weighlock.plots import NAMES
from weighlock.schema import label, read_schema
from weighlock.setup import Roles, set_up
from weighlock.setup.columns import infer_column, widened
from weighlock.setup.outcome import infer_outcome
from weighlock.setup.pipeline import pipeline_text
from weighlock.setup.plan import make_plan
from weighlock.setup.reset import written
from weighlock.setup.table import open_table, sniff
from weighlock.setup.training import train_params
from weighlock.setup.write import labelled, params_text, scalar, schema_text

REPOSITORY = Path(__file__).parents[2]
RANDOM = np.random.default_rng(11)


@pytest.fixture
def clone(tmp_path, monkeypatch):
    for name in ("dvc.yaml", "params.yaml", "schema.yaml"):
        shutil.copy(REPOSITORY / name, tmp_path)
    (tmp_path / "data" / "mine").mkdir(parents=True)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def people(rows=200):
    random = np.random.default_rng(11)
    age = random.integers(18, 80, rows)
    return pd.DataFrame(
        {
            "id": np.arange(rows) * 7,
            "age": age,
            "income": np.where(random.random(rows) < 0.1, np.nan, random.lognormal(8, 1, rows).round(2)),
            "town": random.choice(["Genève", "Bern", "Zürich"], rows),
            "member": random.random(rows) < 0.5,
            "joined": pd.date_range("2020-01-01", periods=rows).astype(str),
            "bought": np.where(age + random.normal(0, 20, rows) > 45, "yes", "no"),
        }
    )


def write(frame, path="data/mine/people.csv", **options):
    frame.to_csv(path, index=False, **options)
    return path


def listed(column):
    return column.model_dump()["values"]


# --- what is written -------------------------------------------------------------------------------------------------


def test_a_table_becomes_params_and_schema_that_read_back_as_planned(clone):
    data = write(people())
    roles = Roles(target="bought", time="joined", key="id")
    plan = make_plan(open_table(data, clone, []), roles)
    set_up(data, roles, clone, force=True)
    assert read_params() == plan.params
    assert read_schema() == plan.schema
    assert plan.schema.classes == ["no", "yes"]
    assert listed(plan.schema.features["town"]) == ["Bern", "Genève", "Zürich"]
    assert plan.schema.features["income"].nullable
    assert plan.schema.features["member"].type == "boolean"
    assert plan.params.data.source.files == plan.params.data.depends_on == data
    assert plan.params.split.holdout == "40d"  # a fifth of 200 days
    assert "id" not in plan.schema.features


def test_days_are_quoted_and_every_key_that_dvc_reads_is_there(clone):
    set_up(write(people()), Roles(target="bought", time="joined"), clone, force=True)
    loaded = YAML(typ="safe").load(Path("params.yaml"))  # as DVC does
    assert loaded["data"]["window"] == {"start": "2020-01-01", "end": "2020-07-18"}
    keys = yaml.safe_load((REPOSITORY / "dvc.yaml").read_text())["stages"]["validate"]["params"][3]["schema.yaml"]
    assert set(keys) <= set(YAML(typ="safe").load(Path("schema.yaml")))


def documented(text):
    return {line.split(":")[0].strip() for line in text.splitlines() if ":" in line.partition(" #")[0] and " #" in line}


def test_the_files_have_the_keys_and_comments_of_the_shipped_ones(clone):
    def keys(node, path=""):
        if not isinstance(node, dict) or path.endswith(("learners", "features", "others", "floors")):
            return {path}
        return {k for name, value in node.items() for k in keys(value, f"{path}.{name}")}

    shipped = {name: (REPOSITORY / name).read_text() for name in ("params.yaml", "schema.yaml")}
    set_up(write(people()), Roles(target="bought", time="joined"), clone, force=True)
    for name, text in shipped.items():
        theirs, ours = keys(yaml.safe_load(text)), keys(yaml.safe_load(Path(name).read_text()))
        assert {k.replace("source.python", "source.files") for k in theirs} == ours
    assert documented(shipped["params.yaml"]) - {"python"} <= documented(Path("params.yaml").read_text())


def test_a_table_outside_is_named_by_its_whole_path(clone, tmp_path_factory):
    data = tmp_path_factory.mktemp("elsewhere") / "people.csv"
    write(people(), data)
    lines = list(set_up(str(data), Roles(target="bought"), clone, force=True))
    assert read_params().data.source.files == str(data)
    assert any("outside of the repository" in line for line in lines)


@given(st.text())
def test_any_text_survives_yaml_as_scalar_and_as_label(text):
    try:
        text.encode()
    except UnicodeEncodeError:
        return  # no file of text holds it
    for load in (yaml.safe_load, YAML(typ="safe").load):
        assert load(f"{{{scalar(text)}: [{scalar(text)}]}}") == {text: [text]}
    assert [label(v) for v in yaml.safe_load(f"[{labelled(text)}]")] == [text]


@pytest.mark.parametrize("name", ["true", "3", "JFK", "-1", "0.5"])
def test_labels_that_read_back_as_themselves_stand_plain(name):
    assert labelled(name) == name


@pytest.mark.parametrize("name", ["yes", "True", "null", "010", "1_000", "12:30", "1.0", "2020-01-01", "a, b", ""])
def test_labels_that_yaml_would_change_are_quoted(name):
    assert labelled(name) == f'"{name}"'


# --- how files are written -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("content", "delimiter", "encoding", "decimal"),
    [
        (b"a,b\n1.5,x\n", ",", "utf-8", "."),
        (b"a;b\n1,5;x\n2,5;y\n", ";", "utf-8", ","),
        (b"a;b\n1.5;x\n", ";", "utf-8", "."),
        (b"a\tb\n1\tx, y\n", "\t", "utf-8", "."),
        (b"a|b\n1|2\n", "|", "utf-8", "."),
        ("a,b\n1,Genève\n".encode("latin-1"), ",", "cp1252", "."),
        (b"a,b\n1,\x81\n", ",", "latin-1", "."),
        ("a,b\n1,Genève\n".encode("utf-8-sig"), ",", "utf-8", "."),
        ("a,b\n1,Genève\n".encode("utf-16"), ",", "utf-16", "."),
        (b'a,b\n"1,234",x\n', ",", "utf-8", "."),
        (b'name;note\n"a";"one, two, three"\n', ";", "utf-8", "."),
    ],
)
def test_sniffing(content, delimiter, encoding, decimal):
    assert sniff("x.csv", content) == Csv(delimiter=delimiter, encoding=encoding, decimal=decimal)


def test_a_semicolon_file_in_latin_1_with_decimal_commas_is_read_as_it_is_meant(clone):
    data = write(people(), sep=";", decimal=",", encoding="cp1252")
    set_up(data, Roles(target="bought"), clone, force=True)
    assert read_params().data.csv == Csv(delimiter=";", encoding="cp1252", decimal=",")
    schema = read_schema()
    assert schema.features["income"].type == "number"
    assert "Genève" in listed(schema.features["town"])


# --- what is inferred ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("values", "task", "classes"),
    [
        ([True, False] * 20, "binary", ["false", "true"]),
        ([0, 1] * 20, "binary", ["0", "1"]),
        ([1.0, 0.0, None] * 20, "binary", ["0", "1"]),
        (["Yes", "No"] * 20, "binary", ["No", "Yes"]),
        (["alive", "gone"] * 20, "binary", ["alive", "gone"]),
        (["blue"] * 20 + ["red"] * 15, "binary", ["blue", "red"]),  # no meaning: the rarer one
        (["blue"] * 15 + ["red"] * 20, "binary", ["red", "blue"]),
        (["a", "b", "c"] * 20, "multiclass", ["a", "b", "c"]),
        ([1, 2, 3, 10] * 30, "multiclass", ["1", "2", "3", "10"]),
        ([1, 2, 3, 10] * 15, "regression", None),  # too few rows each to be classes
        (list(range(21)) * 30, "regression", None),
        ([0.5, 1.5, 2.5] * 50, "regression", None),
        (["a", "b", "c"] * 20 + ["d"] * 3, "multiclass", ["a", "b", "c"]),
    ],
)
def test_the_task_and_its_classes(values, task, classes):
    outcome = infer_outcome(pd.Series(values, name="y"))
    assert (outcome.task, outcome.classes) == (task, classes)


def test_the_user_may_know_the_task_better():
    assert infer_outcome(pd.Series([1, 2, 3] * 30, name="y"), "regression").task == "regression"
    for values, task in ((["a", "b", "c"] * 20, "regression"), ([1, 2, 3] * 30, "binary"), ([1, 2] * 30, "multiclass")):
        with pytest.raises(DataError):
            infer_outcome(pd.Series(values, name="y"), task)


DAYS = pd.date_range("2020-01-01", periods=60)


@pytest.mark.parametrize(
    ("values", "kind", "nullable"),
    [
        (RANDOM.normal(size=60), "number", False),
        (np.append(RANDOM.normal(size=59), np.nan), "number", True),
        (np.arange(60) % 7, "integer", False),
        (np.arange(60) % 2, "boolean", False),
        ([0.0, 1.0, None] * 20, "boolean", True),
        ([True, None, False] * 20, "boolean", True),
        (["a", "b", ""] * 20, "category", True),
        ([f"k{i % 40}" for i in range(120)], "category", False),
        (pd.Categorical(["a", "b", "c"] * 20), "category", False),
        ([f"{i}" for i in range(199)] + ["?"], "number", False),  # one cell in a hundred may be broken
    ],
)
def test_types(values, kind, nullable):
    column = infer_column(pd.Series(values, name="x")).column
    assert column is not None
    assert (column.type, column.nullable) == (kind, nullable)


@pytest.mark.parametrize(
    ("name", "values", "reason"),
    [
        ("x", [None] * 60, "null in every row"),
        ("x", [""] * 60, "null in every row"),
        ("x", [3] * 60, "constant (3)"),
        ("customer_id", RANDOM.permutation(np.arange(60) * 7), "identifier"),
        ("customerID", RANDOM.permutation(np.arange(60) * 7), "identifier"),
        ("Unnamed: 0", range(60), "identifier"),
        ("x", range(5, 65), "identifier"),  # numbers its rows
        ("x", [f"A{i}" for i in range(60)], "identifier"),
        ("x", [f"the parcel number {i} came late" for i in range(60)], "free text"),
        ("x", DAYS, "dates or times"),
        ("x", DAYS.astype(str), "dates or times"),
        ("x", DAYS.strftime("%d.%m.%Y"), "dates or times"),
        ("x", list(DAYS.date), "dates or times"),
        ("x", DAYS - DAYS[0], "dates or times"),
        ("x", ["12", "?", "14"] * 20, "33% of its values are no number"),
        ("x", [[1], [2]] * 30, "list values"),
        ("x", [1e300, 2.0] * 30, "single precision"),
        ("row_id", [1.5, 2.5] * 30, "of this name"),
        ("a\nb", [1.5, 2.5] * 30, "unprintable"),
    ],
)
def test_what_is_left_out_and_why(name, values, reason):
    finding = infer_column(pd.Series(values, name=name))
    assert finding.column is None
    assert reason in finding.said


def test_categories_are_listed_only_where_each_has_rows_enough():
    common, rare = ["a", "b"] * 50, ["a"] * 91 + ["b"] * 9
    assert listed(infer_column(pd.Series(common, name="x")).column) == ["a", "b"]
    assert listed(infer_column(pd.Series(rare, name="x")).column) == "open"
    many = [f"k{i % 20_000}" for i in range(60_000)]
    assert listed(infer_column(pd.Series(many, name="x")).column) == "open"


@pytest.mark.parametrize(
    ("observed", "whole", "expected"),
    [
        ((3, 16), True, (0, 23)),  # 6.5 on either side, not below zero
        ((1980, 1987), True, (1976, 1991)),
        ((-10, -2), True, (-14, 0)),
        ((-1, 1), False, (-2, 2)),
        ((0.002, 0.004), False, (0.001, 0.005)),
        ((5, 5), True, (2, 8)),
    ],
)
def test_ranges_have_room(observed, whole, expected):
    assert widened(*map(float, observed), whole=whole) == expected


@given(st.lists(st.floats(allow_nan=False, width=32), min_size=2, max_size=2).map(sorted), st.booleans())
def test_a_range_holds_what_was_observed_and_does_not_cross_zero(ends, whole):
    low, high = ends
    if not np.isfinite([low, high]).all():
        return
    least, most = widened(low, high, whole=whole)
    assert least <= low <= high <= most
    assert (low < 0) or (least >= 0)
    assert (high > 0) or (most <= 0)


def test_what_predicts_the_target_almost_alone_is_set_aside(clone):
    frame = people().assign(receipt=lambda f: (f["bought"] == "yes") * 9.5 + f["age"] / 99)
    lines = list(set_up(write(frame), Roles(target="bought"), clone, force=True))
    schema = read_schema()
    assert schema.others["receipt"].known == "after"
    assert "receipt" not in schema.features
    assert any(line.split()[:2] == ["receipt", "AUC"] for line in lines)


def test_rows_without_an_outcome_go_to_quarantine_and_the_limit_makes_room(clone):
    frame = people()
    frame.loc[:19, "bought"] = None
    lines = list(set_up(write(frame), Roles(target="bought"), clone, force=True))
    assert read_params().validate_.max_bad_share == 0.15  # a tenth, and half as much again
    assert any("is missing, so the row has no outcome (20 rows)" in line for line in lines)


@pytest.mark.parametrize("rows", [100, 5_000, 50_000])
def test_smaller_tables_get_smaller_models_of_the_same_three_learners(rows):
    learners = train_params("regression", rows).learners
    assert list(learners) == ["linear", "lightgbm", "random_forest"]
    assert learners["lightgbm"].space["min_child_samples"].low * 20 <= rows


def test_groups_stay_together_unless_time_decides(clone):
    frame = people().assign(house=lambda f: f.index // 4)
    data = write(frame)
    set_up(data, Roles(target="bought", group="house"), clone, force=True)
    assert (read_params().split.by, read_schema().group) == ("group", "house")
    set_up(data, Roles(target="bought", group="house", time="joined"), clone, force=True)
    assert read_params().split.by == "time"


# --- the pipeline's plots --------------------------------------------------------------------------------------------


def test_plots_follow_the_task_and_all_else_stays_byte_for_byte():
    shipped = (REPOSITORY / "dvc.yaml").read_text()
    assert pipeline_text(shipped, "binary") == shipped
    changed = pipeline_text(shipped, "regression")
    files = [next(iter(next(iter(p.values()))["y"])) for p in yaml.safe_load(changed)["plots"]]
    assert files == [f"reports/plots/{name}.csv" for name in NAMES["regression"]]
    assert changed.startswith(shipped.partition("\nplots:")[0])
    assert pipeline_text(changed, "multiclass") == shipped


def test_plots_of_the_users_own_stay():
    mine = "plots:\n  - Mine: # look here\n      x: a\nvars: []\n"
    text = pipeline_text(mine, "regression")
    assert "  - Mine: # look here\n      x: a\nvars: []\n" in text
    assert text.index("Residuals") < text.index("Mine")


# --- what is cleared away --------------------------------------------------------------------------------------------


def test_what_belongs_to_the_old_model_goes_and_what_is_the_users_stays(clone):
    gone = [
        "dvc.lock", "data/raw/all.parquet", "data/valid.parquet", "models/served/model.onnx", "reports/metrics.json",
        "reports/plots/roc.csv", "releases/v1.yaml", "releases/accepted/v1.yaml",
        "deploy/rendered/production/canary.yaml",
    ]  # fmt: skip
    kept = [
        "releases/README.md", "deploy/.gitkeep", "data/.gitignore", "data/mine/other.csv", "reports/notes.md",
        "deploy/production.yaml",
    ]  # fmt: skip
    for name in gone + kept:
        (clone / name).parent.mkdir(parents=True, exist_ok=True)
        (clone / name).write_text("x")
    lines = list(set_up(write(people()), Roles(target="bought"), clone, force=True))
    assert [name for name in gone if (clone / name).exists()] == []
    assert [name for name in kept if not (clone / name).exists()] == []
    assert yaml.safe_load((clone / "deploy/production.yaml").read_text()) == {"stable": None}
    assert any(line.startswith("Removed") and "dvc.lock" in line for line in lines)
    assert not list(clone.glob(".staging-*"))


def test_a_table_where_the_pipeline_writes_is_refused(clone):
    (clone / "data" / "raw").mkdir()
    write(people(), "data/raw/mine.csv")
    with pytest.raises(SourceError, match="Move it"):
        set_up("data/raw/mine.csv", Roles(target="bought"), clone, force=True)
    assert (clone / "data/raw/mine.csv").exists()


def test_every_output_of_the_pipeline_is_known():
    places = written(REPOSITORY)
    for name in ("data/raw", "data/split/holdout.parquet", "reports/plots", "reports/metrics.json"):
        assert Path(name) in places


# --- what is refused -------------------------------------------------------------------------------------------------


def rows_of(**columns):
    rows = max(len(v) for v in columns.values())
    base = {"x": RANDOM.normal(size=rows), "y": ["a", "b"] * (rows // 2)}
    return pd.DataFrame({**base, **columns}).to_csv(index=False).encode()


BAD = {
    "empty": (b"", "is empty"),
    "header only": (b"x,y\n", "has a header but no rows"),
    "one column": (b"y\n" + b"a\nb\n" * 50, "no column can be a feature"),
    "duplicate columns": (b"x,x,y\n1,2,a\n", "more than once"),
    "more cells than names": (b"x,y\n1,2,a\n1,2,b\n", "more cells than its header"),
    "one outcome": (rows_of(y=["a"] * 100), "is 'a' in every row"),
    "outcome mostly missing": (rows_of(y=["a", "b", None, None, None] * 20), "is missing in 60 of 100 rows"),
    "outcome of dates": (rows_of(y=pd.date_range("2020", periods=100)), "holds dates"),
    "outcome of many texts": (rows_of(y=[f"k{i}" for i in range(100)]), "too many to be"),
    "few of one outcome": (rows_of(y=["a"] * 97 + ["b"] * 3), "with 10 rows or more"),
    "few rows": (rows_of(y=["a", "b"] * 15), "30 rows have an outcome"),
    "no column but constants": (rows_of(x=[1] * 100), "constant"),
    "binary": (b"x,y\n\x00\x01,2\n", "no text"),
    "a workbook": (b"PK\x03\x04....", "Excel"),
    "packed": (b"\x1f\x8b....", "gzip"),
    "parquet by another name": (b"PAR1....", "Parquet by its content"),
    "made of the target": (rows_of(x=[1.0, 2.5] * 50), "almost alone"),
}


@pytest.mark.parametrize("case", BAD)
def test_a_table_that_no_model_can_be_made_of_changes_nothing(clone, case, capsys):
    content, reason = BAD[case]
    Path("data/mine/bad.csv").write_bytes(content)
    before = {path: path.read_bytes() for path in clone.glob("*.yaml")}
    assert main(["init", "data/mine/bad.csv", "--target", "y", "--force"]) == 2
    assert reason in capsys.readouterr().err
    assert {path: path.read_bytes() for path in clone.iterdir() if path.is_file()} == before


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (["nowhere.csv", "--target", "bought"], "`nowhere.csv` does not exist"),
        (["data", "--target", "bought"], "`data` is a folder"),
        (["https://example.org/a.csv", "--target", "bought"], "Download it first"),
        (["data/mine/people.csv", "--target", "Bought"], "Did you mean `bought`?"),
        (["data/mine/people.csv", "--target", "bought", "--time", "joind"], "Did you mean `joined`?"),
        (["data/mine/people.csv", "--target", "bought", "--group", "zzz"], "It has: id, age"),
        (["data/mine/people.csv", "--target", "bought", "--key", "town"], "does not tell rows apart"),
        (["data/mine/people.csv", "--target", "bought", "--key", "bought"], "a column each"),
        (["data/mine/people.csv", "--target", "bought", "--time", "age"], "holds numbers"),
        (["data/mine/people.csv", "--target", "bought", "--time", "town"], "no time"),
    ],
)
def test_names_that_are_not_there_are_refused_with_the_nearest(clone, arguments, reason, capsys):
    write(people())
    assert main(["init", *arguments, "--force"]) == 2
    assert reason in capsys.readouterr().err


def test_configuration_is_replaced_only_by_force(clone, capsys):
    data = write(people())
    before = Path("params.yaml").read_text()
    assert main(["init", data, "--target", "bought"]) == 2
    assert "`--force`" in capsys.readouterr().err
    assert Path("params.yaml").read_text() == before
    assert main(["init", data, "--target", "bought", "--force"]) == 0
    assert "binary" in capsys.readouterr().out


def test_no_force_is_needed_where_nothing_is_replaced(clone):
    data = write(people())
    for name in ("params.yaml", "schema.yaml"):
        Path(name).unlink()
    assert main(["init", data, "--target", "bought"]) == 0


def test_outside_of_a_clone_it_says_where_to_go(tmp_path):
    with pytest.raises(ConfigError, match="clone of Weighlock"):
        set_up("people.csv", Roles(target="bought"), tmp_path)


# --- any table at all ------------------------------------------------------------------------------------------------

CELLS = st.one_of(
    st.none(), st.booleans(), st.integers(-(2**40), 2**40), st.floats(width=32), st.text(max_size=6),
    st.sampled_from(["yes", "no", "1", "2020-01-01", "NA", "3,5"]),
)  # fmt: skip
NAMES_OF_COLUMNS = st.text(min_size=1, max_size=8).filter(lambda s: s.isprintable() and s != "target")
OUTCOMES = st.sampled_from([["yes", "no"], ["a", "b", "c"], [1.5, 2.5, 4.0, 7.25], [True, False], ["n", "null x", "="]])


@st.composite
def tables(draw):
    rows = 80
    columns = {}
    for name in draw(st.lists(NAMES_OF_COLUMNS, min_size=1, max_size=5, unique=True)):
        cells = draw(st.lists(CELLS, min_size=1, max_size=12))
        columns[name] = [cells[i] for i in np.random.default_rng(len(cells)).integers(0, len(cells), rows)]
    columns["sure"] = np.random.default_rng(1).normal(size=rows)
    outcomes = draw(OUTCOMES)
    columns["target"] = [outcomes[i] for i in np.random.default_rng(2).integers(0, len(outcomes), rows)]
    return pd.DataFrame(columns)


@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(tables())
def test_whatever_the_table_the_files_read_back_or_it_is_refused_in_words(clone, frame):
    out = io.StringIO()
    frame.to_csv(out, index=False)
    Path("data/mine/any.csv").write_text(out.getvalue(), encoding="utf-8", errors="replace", newline="")
    try:
        table = open_table("data/mine/any.csv", clone, [])
        plan = make_plan(table, Roles(target="target"))
    except WeighlockError:
        return
    Path("params.yaml").write_text(params_text(plan.params), encoding="utf-8")
    Path("schema.yaml").write_text(schema_text(plan), encoding="utf-8")
    assert read_params() == plan.params
    assert read_schema() == plan.schema
    YAML(typ="safe").load(Path("schema.yaml"))
