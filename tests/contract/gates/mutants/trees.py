"""Walking and changing the tree of a contract."""

from collections.abc import Iterator, Mapping
from typing import Any

from stockroom.contract.document import Pointer
from stockroom.contract.operations import METHODS

# In place of a value: what is there is taken away.
ABSENT = object()

Tree = Mapping[str, Any]
Found = Iterator[tuple[Pointer, dict[str, Any]]]


def operations(raw: Tree) -> Found:
    for path, methods in raw["paths"].items():
        for method in METHODS:
            if method in methods:
                yield ("paths", path, method), methods[method]


def responses(raw: Tree) -> Found:
    """Where responses are written: in operations, and in the components that operations refer to."""
    for pointer, operation in operations(raw):
        for status, response in operation["responses"].items():
            if "$ref" not in response:
                yield (*pointer, "responses", status), response
    for name, response in raw["components"]["responses"].items():
        yield ("components", "responses", name), response


def parameters(raw: Tree) -> Found:
    """Where parameters are written."""
    for pointer, operation in operations(raw):
        for index, parameter in enumerate(operation.get("parameters", ())):
            if "$ref" not in parameter:
                yield (*pointer, "parameters", index), parameter
    for name, parameter in raw["components"]["parameters"].items():
        yield ("components", "parameters", name), parameter


def contents(raw: Tree) -> Found:
    """What media types are said of bodies, sent and answered."""
    for pointer, operation in operations(raw):
        if "requestBody" in operation:
            yield (*pointer, "requestBody", "content"), operation["requestBody"]["content"]
    for pointer, response in responses(raw):
        if "content" in response:
            yield (*pointer, "content"), response["content"]


def schemas(raw: Tree) -> Found:
    """All schemas that are no references, each before those within it."""
    for name, schema in raw["components"]["schemas"].items():
        yield from _within(("components", "schemas", name), schema)
    for pointer, parameter in parameters(raw):
        yield from _within((*pointer, "schema"), parameter["schema"])
    for name, header in raw["components"]["headers"].items():
        yield from _within(("components", "headers", name, "schema"), header["schema"])
    for pointer, content in contents(raw):
        for media, entry in content.items():
            yield from _within((*pointer, media, "schema"), entry["schema"])


def sent_schemas(raw: Tree) -> Found:
    """Those of them that parameters and bodies of requests are made of."""
    roots = [parameter for _, parameter in parameters(raw)]
    roots += [spec["requestBody"] for _, spec in operations(raw) if "requestBody" in spec]
    names = {name for _, name in _reached(raw, roots)}
    for pointer, schema in schemas(raw):
        component = pointer[2] if pointer[:2] == ("components", "schemas") else None
        if component in names or "parameters" in pointer or "requestBody" in pointer:
            yield pointer, schema


def references(node: Any) -> Iterator[tuple[str, str]]:
    """The kinds and names of the components that stand in a tree as references."""
    if isinstance(node, list):
        for entry in node:
            yield from references(entry)
    elif isinstance(node, dict):
        if isinstance(node.get("$ref"), str):
            _, _, kind, name = node["$ref"].split("/")
            yield kind, name
        for entry in node.values():
            yield from references(entry)


def _reached(raw: Tree, node: Any) -> set[tuple[str, str]]:
    reached: set[tuple[str, str]] = set()
    waiting = list(references(node))
    while waiting:
        kind, name = component = waiting.pop()
        if component not in reached:
            reached.add(component)
            waiting += references(raw["components"][kind][name])
    return reached


def _within(pointer: Pointer, schema: dict[str, Any]) -> Found:
    if "$ref" in schema:
        return
    yield pointer, schema
    for name, below in schema.get("properties", {}).items():
        yield from _within((*pointer, "properties", name), below)
    if "items" in schema:
        yield from _within((*pointer, "items"), schema["items"])
    for index, below in enumerate(schema.get("allOf", ())):
        yield from _within((*pointer, "allOf", index), below)


def replaced(tree: Any, pointer: Pointer, value: Any) -> Any:
    """A copy of `tree` with `value` at `pointer`; what is beside the way there is shared."""
    if not pointer:
        return value
    step, below = pointer[0], pointer[1:]
    copy = tree.copy()
    if below:
        copy[step] = replaced(tree[step], below, value)
    elif value is ABSENT:
        del copy[step]
    else:
        copy[step] = value
    return copy


def renamed(members: Mapping[str, Any], old: str, new: str) -> dict[str, Any]:
    """The same members in the same order, one of them under another name."""
    return {new if name == old else name: value for name, value in members.items()}
