"""Places in a document, with references followed: what is found there can be told with its line."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from stockroom.contract.document import Document, Pointer


@dataclass(frozen=True)
class Node:
    """`value` is what stands at `pointer`; where a reference stood, both are those of what it leads to."""

    document: Document
    pointer: Pointer
    value: Any

    @classmethod
    def root(cls, document: Document) -> "Node":
        return cls(document, (), document.raw)

    def __contains__(self, key: str) -> bool:
        return key in self.value

    def get(self, key: str, default: Any = None) -> Any:
        return self.value.get(key, default)

    def at(self, *steps: str | int) -> "Node":
        """What stands below, an empty object where nothing does."""
        node = self
        for step in steps:
            there = isinstance(step, int) or step in node.value
            node = node._entry(step, node.value[step] if there else {})
        return node

    def items(self, key: str) -> Iterator[tuple[str, "Node"]]:
        """The entries of the object under `key`."""
        for name in self.value.get(key, {}):
            yield str(name), self.at(key, name)

    def entries(self, key: str) -> list["Node"]:
        """The entries of the list under `key`."""
        return [self.at(key, index) for index in range(len(self.value.get(key, ())))]

    def _entry(self, step: str | int, value: Any) -> "Node":
        pointer = (*self.pointer, step)
        while isinstance(value, dict) and isinstance(value.get("$ref"), str):
            reference, value = value["$ref"], self.document.raw
            pointer = tuple(
                part.replace("~1", "/").replace("~0", "~") for part in reference.removeprefix("#/").split("/")
            )
            for part in pointer:
                value = value[part]
        return Node(self.document, pointer, value)
