"""GitHub's published description of its REST API: what a request and an answer must look like."""

from __future__ import annotations

import json
import os
import re
import subprocess
import tarfile
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any
from urllib.parse import unquote

PACKAGE = "@octokit/openapi@23.0.2"
INSIDE = "package/generated/api.github.com.json"
UNUSED = {"examples", "description", "title", "deprecated", "readOnly", "writeOnly", "discriminator", "xml"}
METHODS = {"get", "put", "post", "delete", "patch"}


class NoDescriptionError(Exception):
    """npm gave no description; the message says why."""


@dataclass(frozen=True)
class Operation:
    """One path and method of the description."""

    name: str
    template: str
    method: str
    content: dict[str, Any]


@dataclass(frozen=True)
class Match:
    """An operation, with the values of its path."""

    operation: Operation
    values: dict[str, str]


class Description:
    """The description, indexed by path."""

    def __init__(self, content: dict[str, Any]) -> None:
        self.content = content
        self._validators: dict[int, Any] = {}

    @classmethod
    def fetched(cls, folder: Path) -> Description:
        """From npm, into `folder`, once.

        Raises:
            NoDescriptionError: npm is not there, or does not get the package.
        """
        target = folder / "api.github.com.json"
        if not target.exists():
            folder.mkdir(parents=True, exist_ok=True)
            target.write_bytes(_packed(folder))
        return cls(json.loads(target.read_bytes()))

    @cached_property
    def _routes(self) -> list[tuple[re.Pattern[str], int, dict[str, Operation]]]:
        """Patterns of paths, the ones with the most literal words first."""
        found = []
        for template, methods in self.content["paths"].items():
            operations = {
                method: Operation(content["operationId"], template, method, content)
                for method, content in methods.items()
                if method in METHODS
            }
            several = {
                parameter["name"]
                for operation in operations.values()
                for parameter in self.parameters(operation)
                if parameter["in"] == "path" and parameter.get("x-multi-segment")
            }
            pattern = re.sub(
                r"\\{(\w+)\\}|\{(\w+)\}",
                lambda found, several=several: (
                    f"(?P<{found[1] or found[2]}>.+)"
                    if (found[1] or found[2]) in several
                    else f"(?P<{found[1] or found[2]}>[^/]+)"
                ),
                re.escape(template).replace(r"\-", "-"),
            )
            literal = sum(not word.startswith("{") for word in template.split("/"))
            found.append((re.compile(pattern), literal, operations))
        return sorted(found, key=lambda route: -route[1])

    def match(self, method: str, path: str) -> Match | None:
        """The operation that a request means; None where GitHub has none such."""
        for pattern, _, operations in self._routes:
            if (values := pattern.fullmatch(path)) and (operation := operations.get(method.lower())):
                return Match(operation, {name: unquote(value) for name, value in values.groupdict().items()})
        return None

    def parameters(self, operation: Operation) -> list[dict[str, Any]]:
        """Its parameters, references followed."""
        return [self.followed(parameter) for parameter in operation.content.get("parameters", ())]

    def followed(self, node: dict[str, Any]) -> dict[str, Any]:
        """A node, or what it refers to."""
        while "$ref" in node:
            target: Any = self.content
            for word in node["$ref"].removeprefix("#/").split("/"):
                target = target[word.replace("~1", "/").replace("~0", "~")]
            node = target
        return node

    def problems(self, schema: dict[str, Any], value: Any) -> list[str]:
        """What is wrong with a value, in words."""
        key = id(schema)
        if key not in self._validators:
            self._validators[key] = self._validator(schema)
        found = sorted(self._validators[key].iter_errors(value), key=lambda error: list(map(str, error.instance_path)))
        return [f"{'/'.join(map(str, one.instance_path)) or 'the whole'}: {one.message[:300]}" for one in found[:5]]

    def _validator(self, schema: dict[str, Any]) -> Any:
        import jsonschema_rs

        parts: dict[str, Any] = {}
        whole = self._modern(schema, parts)
        return jsonschema_rs.Draft202012Validator({**whole, "$defs": parts})

    def _modern(self, node: Any, parts: dict[str, Any]) -> Any:
        """A schema of OpenAPI 3.0 as one of JSON Schema 2020-12; what it refers to is added to `parts`."""
        if isinstance(node, list):
            return [self._modern(part, parts) for part in node]
        if not isinstance(node, dict):
            return node
        if "$ref" in node:
            name = node["$ref"].rpartition("/")[2]
            if name not in parts:
                parts[name] = {}
                parts[name] = self._modern(self.followed(node), parts)
            return {"$ref": f"#/$defs/{name}"}
        new = {key: self._modern(part, parts) for key, part in node.items() if key not in UNUSED and key[:2] != "x-"}
        if isinstance(node.get("properties"), dict):  # its keys are names, not keywords
            new["properties"] = {key: self._modern(part, parts) for key, part in node["properties"].items()}
        for keyword in ("example", "format"):
            if not isinstance(new.get(keyword), dict):
                new.pop(keyword, None)
        return {"anyOf": [new, {"type": "null"}]} if new.pop("nullable", False) else new

    def body_problems(self, operation: Operation, body: Any) -> list[str]:
        """What is wrong with a request's JSON body. GitHub ignores unknown keys; here they are typing errors."""
        wanted = self.followed(operation.content.get("requestBody", {}))
        if not wanted:
            return ["the body: this request has none"] if body is not None else []
        if body is None:
            return ["the body: it is missing"] if wanted.get("required") else []
        schema = wanted["content"].get("application/json", {}).get("schema")
        if schema is None:
            return []
        schema = self.followed(schema)
        found = self.problems(schema, body)
        if isinstance(body, dict) and "properties" in schema and not schema.get("additionalProperties"):
            found += [f"{key}: not a key of `{operation.name}`" for key in body if key not in schema["properties"]]
        return found

    def query_problems(self, operation: Operation, query: dict[str, str]) -> list[str]:
        """What is wrong with a request's query."""
        known = {parameter["name"]: parameter for parameter in self.parameters(operation) if parameter["in"] == "query"}
        found = [f"?{name}: not a parameter of `{operation.name}`" for name in query if name not in known]
        found += [f"?{name}: it is missing" for name, one in known.items() if one.get("required") and name not in query]
        for name, text in query.items():
            if name in known:
                schema = self.followed(known[name].get("schema", {}))
                kind = schema.get("type")
                value: Any = int(text) if kind == "integer" and text.lstrip("-").isdigit() else text
                value = text == "true" if kind == "boolean" and text in {"true", "false"} else value
                if kind in {"integer", "boolean", "string"}:
                    found += [f"?{name}: {problem}" for problem in self.problems(schema, value)]
        return found

    def answer(self, operation: Operation, status: int) -> tuple[dict[str, Any] | None, Any]:
        """The schema and an example of an answer; None and None where it has no JSON."""
        answer = self.followed(operation.content["responses"][str(status)])
        content = answer.get("content", {}).get("application/json")
        if not content:
            return None, None
        examples = [self.followed(example).get("value") for example in content.get("examples", {}).values()]
        return self.followed(content["schema"]), examples[0] if examples else content.get("example")

    def filled(self, operation: Operation, status: int, value: Any) -> Any:
        """A whole answer: GitHub's own example with our values in it."""
        _, example = self.answer(operation, status)
        return merged(example, value)


@dataclass(frozen=True)
class Exactly:
    """A value of an answer that no example may add to."""

    value: Any


LEFT_OUT = Exactly(None)  # a key of the example that the answer does not have


def merged(example: Any, value: Any) -> Any:
    """`value` laid over `example`; each element of a list over the example's first one."""
    if isinstance(value, Exactly):
        return value.value
    if isinstance(value, dict) and isinstance(example, dict):
        kept = {key: part for key, part in example.items() if value.get(key) is not LEFT_OUT}
        ours = {key: part for key, part in value.items() if part is not LEFT_OUT}
        return {**kept, **{key: merged(example.get(key), part) for key, part in ours.items()}}
    if isinstance(value, list) and isinstance(example, list) and example:
        return [merged(example[0], part) for part in value]
    return value


def _packed(folder: Path) -> bytes:
    try:
        subprocess.run(
            ["npm", "pack", "--silent", PACKAGE],
            cwd=folder, env={**os.environ, "npm_config_update_notifier": "false"},
            check=True, capture_output=True, text=True, timeout=120,
        )  # fmt: skip
        (archive,) = folder.glob("*.tgz")
        with tarfile.open(archive, "r|gz") as tar:  # as a stream: there are 400 MB of others behind it
            content = next(tar.extractfile(member).read() for member in tar if member.name == INSIDE)  # type: ignore[union-attr]
        archive.unlink()
    except subprocess.CalledProcessError as error:
        raise NoDescriptionError(f"npm does not get {PACKAGE}: {error.stderr.strip()[-200:]}") from error
    except (OSError, subprocess.TimeoutExpired, StopIteration, ValueError, tarfile.TarError) as error:
        raise NoDescriptionError(f"no {PACKAGE} from npm: {error}") from error
    return content
