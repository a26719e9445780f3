"""The paths of a contract, to be looked up: how many there are makes no difference."""

from collections.abc import Mapping
from operator import itemgetter
from typing import Any

from stockroom.contract.operations import Operation
from stockroom.frozen import frozen

Segments = list[str]


@frozen
class Route:
    """What is at a path, by method; `parameters` gives the place of each among the path's segments."""

    methods: dict[str, Operation]
    parameters: Mapping[str, int]

    def operation(self, method: str) -> Operation | None:
        if method == "HEAD" and method not in self.methods:
            # GET without its body (RFC 9110, 9.3.2), which the server leaves out.
            method = "GET"
        return self.methods.get(method)


_Tables = dict[int, dict[tuple[int, ...], dict[Any, Route]]]
"""By the number of segments, the places of the literal ones, and these themselves."""


class Routes:
    """The paths of a contract. Of those that match, the one with the most literal segments is taken.

    Paths of one length whose parameters stand in the same places are one table, by their literal segments.
    """

    def __init__(self, operations: Mapping[str, Operation]) -> None:
        tables: _Tables = {}
        for operation in operations.values():
            _add(tables, operation)
        self._lookups = {
            length: [
                (itemgetter(*places), table) for places, table in sorted(of_length.items(), key=_literals)
            ]
            for length, of_length in tables.items()
        }

    def find(self, path: str) -> tuple[Route, Segments] | None:
        """What is at `path` (percent-decoded), and its segments."""
        segments = path.split("/")
        for literals_of, table in self._lookups.get(len(segments), ()):
            route = table.get(literals_of(segments))
            if route and all(segments[place] for place in route.parameters.values()):
                return route, segments
        return None

    def methods_at(self, path: str) -> list[str]:
        """The methods that a path has, for `Allow` (RFC 9110, 10.2.1)."""
        found = self.find(path)
        methods = set(found[0].methods) if found else set()
        return sorted(methods | {"HEAD"} if "GET" in methods else methods)


def _add(tables: _Tables, operation: Operation) -> None:
    segments = operation.path.split("/")
    parameters = {name[1:-1]: place for place, name in enumerate(segments) if name.startswith("{")}
    places = tuple(place for place in range(len(segments)) if place not in parameters.values())
    table = tables.setdefault(len(segments), {}).setdefault(places, {})
    route = table.setdefault(itemgetter(*places)(segments), Route({}, parameters))
    route.methods[operation.method] = operation


def _literals(entry: tuple[tuple[int, ...], object]) -> int:
    return -len(entry[0])
