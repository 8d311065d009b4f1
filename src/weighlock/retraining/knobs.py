"""Changing a value of `params.yaml` in its place: comments, order and every other byte stay."""

from __future__ import annotations

from typing import Any

import yaml

from weighlock.errors import ConfigError

END = ("data", "window", "end")


def with_value(text: str, key: tuple[str, ...], value: str) -> str:
    """The text of a YAML file with another value at `key`.

    Args:
        text: of the file.
        key: of nested mappings, such as `("data", "window", "end")`.
        value: as it is to stand in the file, quotes included.

    Raises:
        ConfigError: there is no such key with one plain value.
    """
    node = _find(text, key)
    return text[: node.start_mark.index] + value + text[node.end_mark.index :]


def _find(text: str, key: tuple[str, ...]) -> yaml.ScalarNode:
    try:
        node: Any = yaml.compose(text, yaml.SafeLoader)
    except yaml.YAMLError as error:
        raise ConfigError(f"`params.yaml` is not valid YAML: {error}") from error
    for part in key:
        pairs = node.value if isinstance(node, yaml.MappingNode) else []
        node = next((value for name, value in pairs if name.value == part), None)
    if not isinstance(node, yaml.ScalarNode) or node.start_mark.index == node.end_mark.index:
        raise ConfigError(f"`params.yaml` has no value at `{'.'.join(key)}` that could be moved. Write one there.")
    return node
