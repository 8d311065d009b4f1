"""`schema.yaml`, the data contract: what a row is, and therefore what a request is."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BeforeValidator, Field, model_validator

from weighlock.config import Strict, read_yaml
from weighlock.errors import ConfigError
from weighlock.params import Duration

FILE = Path("schema.yaml")
Task = Literal["binary", "multiclass", "regression"]
Type = Literal["number", "integer", "boolean", "category"]


def label(value: Any) -> str:
    """A category or class as the text by which it is known everywhere: `true`, `3`, `JFK`."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return str(value)


def _labels(value: Any) -> Any:
    return [label(v) for v in value] if isinstance(value, list) else value


def _unique(value: list[str]) -> list[str]:
    if len(set(value)) < len(value):
        raise ValueError("should not name anything twice")
    return value


Name = Annotated[str, Field(min_length=1)]
Labels = Annotated[list[str], BeforeValidator(_labels), AfterValidator(_unique)]


class Column(Strict):
    """What the values of one column may be."""

    type: Type
    nullable: bool = False
    min: float | None = None
    max: float | None = None
    values: Literal["open"] | Labels = "open"
    known: Literal["before", "after"] = "before"

    @model_validator(mode="after")
    def _fits(self) -> Column:
        ranged = self.min is not None or self.max is not None
        if ranged and self.type not in {"number", "integer"}:
            raise ValueError("should have `min` and `max` only where it is a number or an integer")
        if self.min is not None and self.max is not None and self.min > self.max:
            raise ValueError("should have min <= max")
        if self.values != "open" and self.type != "category":
            raise ValueError("should list `values` only where it is a category")
        return self


class Schema(Strict):
    """The whole of `schema.yaml`."""

    task: Task
    target: str
    classes: Labels | None = None
    key: str | None = None
    time: str | None = None
    group: str | None = None
    freshness: Duration | None = None
    features: Annotated[dict[Name, Column], Field(min_length=1)]
    others: dict[Name, Column] = {}

    @model_validator(mode="after")
    def _fits(self) -> Schema:
        if self.task == "regression" and self.classes is not None:
            raise ValueError("should have no `classes` where the task is regression")
        if self.task == "binary" and len(self.classes or ()) != 2:
            raise ValueError("should have two `classes` where the task is binary: the negative, then the positive")
        if self.task == "multiclass" and len(self.classes or ()) < 3:
            raise ValueError("should have three `classes` or more where the task is multiclass")
        if self.freshness and not self.time:
            raise ValueError("should have `freshness` only where there is a `time` column")
        roles = [name for name in (self.target, self.key, self.time) if name]
        if len(set(roles)) < len(roles):
            raise ValueError("should give target, key and time a column each")
        for name in [*roles, *self.others]:
            if name in self.features:
                raise ValueError(f"should not have `{name}` among the features as well")
        return self

    @property
    def columns(self) -> dict[str, Column]:
        """Features first, then what is carried along."""
        return {**self.features, **self.others}

    def require_no_outcome(self) -> None:
        """Refuse features that are known only after the outcome.

        Raises:
            ConfigError: names them.
        """
        late = [name for name, column in self.features.items() if column.known == "after"]
        if late:
            raise ConfigError(
                f"`{FILE}`: {', '.join(f'`{n}`' for n in late)} is known only after the outcome, so no request can "
                "carry it. Move it from `features` to `others`."
            )


def read_schema(path: Path = FILE) -> Schema:
    """Read `schema.yaml`.

    Raises:
        ConfigError: a key is unknown, misspelt, missing or of the wrong type; it is named.
    """
    return read_yaml(path, Schema)
