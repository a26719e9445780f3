"""How far a change of a contract reaches: the operations it concerns, and the part of it to check again."""

from collections.abc import Mapping
from typing import Any

from tests.contract.gates.mutants.trees import operations, references

Tree = Mapping[str, Any]
Component = tuple[str, str]


class ChangeScope:
    """Tells of changes of one contract what they reach. Changed trees share with its own what is the same."""

    def __init__(self, raw: Tree) -> None:
        self._raw = raw
        self._references = {
            (kind, name): frozenset(references(component))
            for kind, components in raw["components"].items()
            for name, component in components.items()
        }
        self._reached = {
            (pointer[1], spec["operationId"]): self._closure(spec) for pointer, spec in operations(raw)
        }

    def operations(self, after: Tree) -> set[str] | None:
        """The ids of the operations that are others in `after`, or rest on what is; None for all and more."""
        if (
            list(self._raw["paths"]) != list(after["paths"])
            or after["x-problems"] is not self._raw["x-problems"]
        ):
            return None
        return {operation for _, operation in self._concerned(after)}

    def part(self, after: Tree) -> Tree:
        """As little of `after` as holds what was changed and what that rests on."""
        return self._part(after, self._changed_paths(after))

    def parts(self, after: Tree) -> tuple[Tree, Tree]:
        """The same of the contract itself and of `after`, together with all operations that it concerns."""
        paths = {path for path, _ in self._concerned(after)} | self._changed_paths(after)
        return self._part(self._raw, paths & self._raw["paths"].keys()), self._part(after, paths)

    def _concerned(self, after: Tree) -> set[tuple[str, str]]:
        components, paths = self._changed_components(after), self._changed_paths(after)
        return {
            place for place, reached in self._reached.items() if place[0] in paths or reached & components
        }

    def _part(self, tree: Tree, kept: set[str]) -> Tree:
        paths = {path: methods for path, methods in tree["paths"].items() if path in kept}
        changed = [_reference(*component) for component in self._changed_components(tree)]
        reached = self._closure([paths, changed])
        components = {
            kind: {
                name: entries[name]
                for name in entries
                if kind == "securitySchemes" or (kind, name) in reached
            }
            for kind, entries in tree["components"].items()
        }
        return {**tree, "paths": paths, "components": components}

    def _changed_paths(self, after: Tree) -> set[str]:
        before = self._raw["paths"]
        return {path for path, methods in after["paths"].items() if methods is not before.get(path)}

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
        waiting = list(references(node))
        while waiting:
            component = waiting.pop()
            if component not in reached:
                reached.add(component)
                waiting += self._references[component]
        return reached


def _reference(kind: str, name: str) -> dict[str, str]:
    return {"$ref": f"#/components/{kind}/{name}"}
