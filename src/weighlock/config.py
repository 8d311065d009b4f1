"""How configuration files are read: strictly, into frozen models, with messages that name the key."""

from __future__ import annotations

import difflib
from pathlib import Path
from typing import Any, TypeVar

import yaml
from pydantic import BaseModel, ConfigDict, ValidationError

from weighlock.errors import ConfigError


class Strict(BaseModel):
    """A frozen section of a configuration file: unknown keys and wrong types are refused."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False)


Model = TypeVar("Model", bound=Strict)


LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # ten times faster, where it is built in


class _UniqueKeys(LOADER):  # type: ignore[misc]
    """YAML lets a key stand twice and keeps the last; a configuration must not."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:  # noqa: FBT001
        keys = [self.construct_object(key, deep=True) for key, _ in node.value]
        for position, key in enumerate(keys):
            if key in keys[:position]:
                line = node.value[position][0].start_mark.line + 1
                raise yaml.YAMLError(f"the key `{key}` stands twice, again on line {line}")
        mapping: dict[Any, Any] = super().construct_mapping(node, deep)
        return mapping


def read_yaml(path: Path, model: type[Model]) -> Model:
    """Read a YAML file into `model`.

    Raises:
        ConfigError: the file is missing, is not YAML, or does not fit; every misfit is named by its key.
    """
    try:
        text = path.read_bytes()
    except FileNotFoundError:
        raise ConfigError(f"`{path}` is missing. `weighlock init DATA --target COLUMN` writes one.") from None
    return parse_yaml(text, model, str(path))


def parse_yaml(text: str | bytes, model: type[Model], source: str) -> Model:
    """The text of a YAML file as a `model`; `source` names it in messages.

    Raises:
        ConfigError: it is not YAML, or does not fit; every misfit is named by its key.
    """
    try:
        content = yaml.load(text if isinstance(text, str) else text.decode(), _UniqueKeys)  # noqa: S506  (a safe one)
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise ConfigError(f"`{source}` is not valid YAML: {error}") from error
    return parse(content, model, source)


def load_yaml(text: str | bytes) -> Any:
    """Whatever a YAML text holds, quickly and safely.

    Raises:
        yaml.YAMLError: it is none.
    """
    return yaml.load(text, LOADER)  # noqa: S506  (a safe one)


def parse(content: Any, model: type[Model], source: str) -> Model:
    """`content` as a `model`; `source` names where it comes from in messages.

    Raises:
        ConfigError: with one line for each misfit.
    """
    if not isinstance(content, dict):
        raise ConfigError(f"`{source}` should hold keys and values, but holds {type(content).__name__}.")
    try:
        return model.model_validate(content)
    except ValidationError as error:
        lines = [_line(content, model, item) for item in error.errors()]
        raise ConfigError(f"`{source}` does not fit:\n" + "\n".join(f"  - {line}" for line in lines)) from None


def _line(content: dict[str, Any], model: type[BaseModel], item: Any) -> str:
    # pydantic adds the names of union members and validators to the location; only what stands in the file is shown
    location: list[str] = []
    at: Any = content
    for part in item["loc"]:
        if (isinstance(at, dict) and part in at) or (isinstance(at, list) and isinstance(part, int) and part < len(at)):
            at = at[part]
        elif item["type"] != "missing" or part != item["loc"][-1]:
            continue
        location.append(str(part))
    key = ".".join(location) or str(item["loc"][-1] if item["loc"] else "the file")
    if item["type"] == "missing":
        return f"`{key}` is missing."
    if item["type"] == "extra_forbidden":
        names = _names(model, item["loc"][:-1])
        near = difflib.get_close_matches(str(item["loc"][-1]), names, n=1)
        hint = f" Did you mean `{near[0]}`?" if near else f" Known here: {', '.join(sorted(names))}." if names else ""
        return f"`{key}` is not a known key.{hint}"
    message = str(item["msg"]).removeprefix("Value error, ").removeprefix("Input ")
    return f"`{key}` {message}, but is {item['input']!r}."


def _names(model: Any, location: tuple[int | str, ...]) -> list[str]:
    """The keys allowed at a location of a model, as far as annotations tell."""
    for part in location:
        field = getattr(model, "model_fields", {}).get(part)
        if field is None:
            continue
        candidates = [field.annotation, *getattr(field.annotation, "__args__", ())]
        nested = [c for c in candidates if isinstance(c, type) and issubclass(c, BaseModel)]
        model = nested[0] if nested else None
    return list(getattr(model, "model_fields", {}))
