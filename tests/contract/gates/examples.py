"""Whether the contract's examples are what their schemas say: those of parameters, headers and bodies."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from stockroom.contract.contract import Contract
from stockroom.contract.document import ContractFault, Pointer
from stockroom.contract.problem_types import PROBLEM
from stockroom.contract.schemas import Schemas, faults


def example_faults(contract: Contract) -> list[str]:
    """What is wrong with the contract's examples, a line each: where it stands, and what the schema says."""
    found = _Examples(contract, Schemas(contract.document.raw["components"]["schemas"]))
    return [contract.document.fault(where, message) for where, message in found.faults()]


@dataclass(frozen=True)
class _Examples:
    contract: Contract
    schemas: Schemas

    def faults(self) -> Iterator[ContractFault]:
        raw = self.contract.document.raw
        for part in ("paths", "components"):
            yield from self._below((part,), raw.get(part, {}))

    def _below(self, where: Pointer, node: Any) -> Iterator[ContractFault]:
        """Parameters, headers and media types are what has a schema and shows values of it."""
        if isinstance(node, list):
            for index, entry in enumerate(node):
                yield from self._below((*where, index), entry)
        elif isinstance(node, dict):
            if "schema" in node:
                yield from self._shown(where, node)
            for name, entry in node.items():
                if name not in ("schema", "schemas", "example", "examples"):
                    yield from self._below((*where, name), entry)

    def _shown(self, where: Pointer, node: Mapping[str, Any]) -> Iterator[ContractFault]:
        validator = self.schemas.validator(node["schema"])
        for below, value in self._values(node):
            for pointer, message in faults(validator, value):
                yield (*where, *below), f"the example{' at ' * bool(pointer)}{pointer} is wrong: {message}"
            if where[-1] == PROBLEM:
                yield from self._problem((*where, *below), value)

    def _values(self, node: Mapping[str, Any]) -> Iterator[tuple[Pointer, Any]]:
        if "example" in node:
            yield ("example",), node["example"]
        for name, entry in node.get("examples", {}).items():
            yield ("examples", name), self.contract.document.resolve(entry)["value"]

    def _problem(self, where: Pointer, value: Mapping[str, Any]) -> Iterator[ContractFault]:
        """The catalogue alone knows a problem's title and status, so an example repeats them."""
        kind = self.contract.catalogue.types.get(str(value.get("type")).removeprefix("/problems/"))
        # Whether it is one of the types that may be here, the schema says.
        if kind and (value.get("status"), value.get("title")) != (kind.status, kind.title):
            yield where, f"{kind.type} has the status {kind.status} and the title {kind.title!r}"
