"""The parts of an OpenAPI document that rules are about, each with the pointer to it."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from stockroom.contract.document import Document, Pointer
from stockroom.contract.operations import METHODS

Fault = tuple[Pointer, str]

# What stands where in an object of each kind (OpenAPI 3.0.4, 4.7). A star is any name, or index of a list.
PARTS: Mapping[str, Mapping[str, str]] = {
    "document": {
        "paths/*": "path",
        "components/schemas/*": "schema",
        "components/parameters/*": "parameter",
        "components/headers/*": "header",
        "components/requestBodies/*": "body",
        "components/responses/*": "response",
    },
    "path": {"parameters/*": "parameter"} | dict.fromkeys(METHODS, "operation"),
    "operation": {"parameters/*": "parameter", "requestBody": "body", "responses/*": "response"},
    "parameter": {"schema": "schema"},
    "header": {"schema": "schema"},
    "body": {"content/*": "media type"},
    "response": {"content/*": "media type", "headers/*": "header"},
    "media type": {"schema": "schema"},
    "schema": {
        "properties/*": "schema",
        "items": "schema",
        "additionalProperties": "schema",
        "allOf/*": "narrowing",
        "anyOf/*": "schema",
        "oneOf/*": "schema",
    },
    # What `allOf` says beside a reference: it takes away from a schema that is described and bounded already.
    "narrowing": {"properties/*": "narrowing"},
}


@dataclass(frozen=True)
class Operation:
    """One operation; its references are followed, and the parameters of its path are among its own."""

    path: str
    method: str
    pointer: Pointer
    spec: Mapping[str, Any]
    parameters: list[dict[str, Any]]
    responses: dict[str, dict[str, Any]]

    @property
    def success(self) -> str:
        return next(status for status in self.responses if status.startswith("2"))

    @property
    def scopes(self) -> set[str]:
        return {scope for entry in self.spec["security"] for scopes in entry.values() for scope in scopes}

    def takes(self, name: str) -> bool:
        return any(parameter["name"] == name for parameter in self.parameters)

    def gives(self, status: str, *headers: str) -> bool:
        """Whether the answer with `status` carries all of `headers`."""
        return all(header in self.responses[status].get("headers", {}) for header in headers)


def operations(document: Document) -> Iterator[Operation]:
    for pointer, spec in parts(document, "operation"):
        _, path, method = pointer
        shared = document.raw["paths"][path].get("parameters", [])
        yield Operation(
            path=str(path),
            method=str(method),
            pointer=pointer,
            spec={"security": document.raw.get("security", [])} | spec,
            parameters=[document.resolve(entry) for entry in [*shared, *spec.get("parameters", [])]],
            responses={str(status): document.resolve(entry) for status, entry in spec["responses"].items()},
        )


def parts(document: Document, kind: str) -> Iterator[tuple[Pointer, dict[str, Any]]]:
    """All objects of a kind, each once, where it is written; references are no objects."""
    return ((pointer, node) for found, pointer, node in _below("document", (), document.raw) if found == kind)


def sent_schemas(document: Document) -> Iterator[tuple[Pointer, dict[str, Any]]]:
    """The schemas of what clients send: of parameters and bodies, and all that these refer to."""
    roots = [(kind, *part) for kind in ("parameter", "body") for part in parts(document, kind)]
    seen: set[str] = set()
    while roots:
        kind, pointer, node = roots.pop()
        yield from ((below, part) for found, below, part in _below(kind, pointer, node) if found == "schema")
        for _, reference in values(node):
            if str(reference).startswith("#/components/schemas/") and reference not in seen:
                seen.add(reference)
                name = reference.rpartition("/")[2]
                schema = document.raw["components"]["schemas"][name]
                roots.append(("schema", ("components", "schemas", name), schema))


def values(node: Any, pointer: Pointer = ()) -> Iterator[tuple[Pointer, Any]]:
    """All that is in `node`, itself included, with the pointer to it."""
    yield pointer, node
    for key, value in _entries(node):
        yield from values(value, (*pointer, key))


def _below(kind: str, pointer: Pointer, node: Any) -> Iterator[tuple[str, Pointer, dict[str, Any]]]:
    if not isinstance(node, dict) or "$ref" in node:
        return
    yield kind, pointer, node
    for steps, part in PARTS[kind].items():
        for below, value in _at(node, steps.split("/"), pointer):
            yield from _below(part, below, value)


def _at(node: Any, steps: list[str], pointer: Pointer) -> Iterator[tuple[Pointer, Any]]:
    if not steps:
        yield pointer, node
        return
    for key, value in _entries(node):
        if steps[0] in (key, "*"):
            yield from _at(value, steps[1:], (*pointer, key))


def _entries(node: Any) -> Iterator[tuple[str | int, Any]]:
    match node:
        case dict():
            yield from node.items()
        case list():
            yield from enumerate(node)
