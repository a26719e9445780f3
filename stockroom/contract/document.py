"""The contract as a document: read once, checked, kept as the bytes that were written."""

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import orjson
import yaml

# The hand-written contract; beside the packages in a checkout and in an installation alike.
CONTRACT = Path(__file__).parents[2] / "openapi" / "openapi.yaml"

Pointer = tuple[str | int, ...]
ContractFault = tuple[Pointer, str]
"""Where in a document something is wrong, and what."""


class ContractError(Exception):
    """The contract cannot be run as it stands; the message has a line a fault, as `file:line: fault`."""


@dataclass(frozen=True)
class Document:
    """An OpenAPI document: `raw` is the parsed tree with its references, `text` the file's bytes."""

    path: Path
    text: bytes
    raw: dict[str, Any]

    @cached_property
    def json(self) -> bytes:
        return orjson.dumps(self.raw)

    @cached_property
    def _root(self) -> yaml.Node:
        return yaml.compose(self.text, yaml.CSafeLoader)

    def resolve(self, node: dict[str, Any]) -> dict[str, Any]:
        """Follow a local `$ref`, if `node` is one."""
        while "$ref" in node:
            target: Any = self.raw
            for step in node["$ref"].removeprefix("#/").split("/"):
                target = target[step.replace("~1", "/").replace("~0", "~")]
            node = target
        return node

    def fault(self, pointer: Sequence[str | int], message: str) -> str:
        """`message` with the file and line of what `pointer` leads to, or of the nearest thing above it."""
        return _fault(self.path, self._line(pointer), message)

    def _line(self, pointer: Sequence[str | int]) -> int:
        node, line = self._root, 1
        for step in pointer:
            for key, value, mark in _children(node):
                if key == step:
                    node, line = value, mark
                    break
            else:
                break
        return line


def read_document(path: Path) -> Document:
    """Read the document at `path`.

    Raises ContractError when it is no YAML, repeats a key or is of another version than OpenAPI 3.0.
    """
    document = parse_document(path, path.read_bytes())
    if not str(document.raw.get("openapi")).startswith("3.0."):
        raise ContractError(document.fault((), "this is no OpenAPI 3.0 document"))
    return document


def parse_document(path: Path, text: bytes) -> Document:
    """The document that `text` is; `path` is only named in faults. Raises ContractError if it is no YAML."""
    loader = yaml.CSafeLoader(text)
    try:
        root = loader.get_single_node()
        repeated = [_fault(path, line, f"{key!r} is there twice") for key, line in _repeated_keys(root)]
        if repeated:
            raise ContractError("\n".join(repeated))
        raw = loader.construct_document(root) if isinstance(root, yaml.MappingNode) else {}
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        fault = _fault(path, mark.line + 1 if mark else 1, f"this is no YAML: {error}")
        raise ContractError(fault) from error
    finally:
        loader.dispose()
    return Document(path, text, raw)


def _fault(path: Path, line: int, message: str) -> str:
    return f"{path.parent.name}/{path.name}:{line}: {' '.join(message.split())}"


def _children(node: yaml.Node) -> Iterator[tuple[str | int, yaml.Node, int]]:
    if isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            yield key.value, value, key.start_mark.line + 1
    elif isinstance(node, yaml.SequenceNode):
        for index, value in enumerate(node.value):
            yield index, value, value.start_mark.line + 1


def _repeated_keys(node: yaml.Node) -> Iterator[tuple[str, int]]:
    seen: set[str | int] = set()
    for key, value, line in _children(node):
        if key in seen:
            yield str(key), line
        seen.add(key)
        yield from _repeated_keys(value)


def digest(content: bytes) -> str:
    """A strong validator (RFC 9110, 8.8.3) for `content`, quotes included."""
    return f'"{hashlib.blake2b(content, digest_size=12).hexdigest()}"'
