"""How far a change of a contract reaches: the operations it concerns, and the part of it to check again."""

from collections.abc import Iterator, Mapping
from typing import Any

from tests.contract.gates.trees import operations

Tree = Mapping[str, Any]
Component = tuple[str, str]


class Extents:
    """Tells of changes of one contract what they reach. Changed trees share with its own what is the same."""

    def __init__(self, raw: Tree) -> None:
        self._raw = raw
        self._references = {
            (kind, name): frozenset(_references(component))
            for kind, components in raw["components"].items()
            for name, component in components.items()
        }
        self._reached = {
            (pointer[1], spec["operationId"]): self._closure(spec) for pointer, spec in operations(raw)
        }

    def concerned(self, after: Tree) -> set[str] | None:
        """The ids of the operations that are others in `after`, or rest on what is; None for all and more."""
        before = self._raw
        if list(before["paths"]) != list(after["paths"]) or after["x-problems"] is not before["x-problems"]:
            return None
        components, paths = self._changed_components(after), self._changed_paths(after)
        return {
            operation
            for (path, operation), reached in self._reached.items()
            if path in paths or reached & components
        }

    def part(self, after: Tree) -> Tree:
        """As little of `after` as is a contract by itself and holds the change."""
        paths = self._changed_paths(after)
        kept = self._closure(
            [paths, [_reference(*component) for component in self._changed_components(after)]]
        )
        components = {
            kind: {
                name: entries[name] for name in entries if kind == "securitySchemes" or (kind, name) in kept
            }
            for kind, entries in after["components"].items()
        }
        return {**after, "paths": paths, "components": components}

    def _changed_paths(self, after: Tree) -> dict[str, Any]:
        before = self._raw["paths"]
        return {path: methods for path, methods in after["paths"].items() if methods is not before.get(path)}

    def _changed_components(self, after: Tree) -> set[Component]:
        before = self._raw["components"]
        return {
            (kind, name)
            for kind, components in after["components"].items()
            for name, component in components.items()
            if component is not before[kind].get(name)
        }

    def _closure(self, node: Any) -> set[Component]:
        reached: set[Component] = set()
        waiting = list(_references(node))
        while waiting:
            component = waiting.pop()
            if component not in reached:
                reached.add(component)
                waiting += self._references[component]
        return reached


def _references(node: Any) -> Iterator[Component]:
    """The components that stand in a tree as references."""
    if isinstance(node, list):
        for entry in node:
            yield from _references(entry)
    elif isinstance(node, dict):
        if isinstance(node.get("$ref"), str):
            _, _, kind, name = node["$ref"].split("/")
            yield kind, name
        for entry in node.values():
            yield from _references(entry)


def _reference(kind: str, name: str) -> dict[str, str]:
    return {"$ref": f"#/components/{kind}/{name}"}
