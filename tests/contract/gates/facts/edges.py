"""Values at the edges of what the contract allows: with them on record, no bound can be moved unseen."""

from collections.abc import Hashable, Iterator
from functools import cache
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl

import orjson
import yaml

from stockroom.contract.document import CONTRACT

if TYPE_CHECKING:  # It imports this module.
    from tests.contract.gates.facts import Fact

SIZES = frozenset({"minLength", "maxLength", "minItems", "maxItems", "minProperties", "maxProperties"})
NUMBERS = frozenset({"minimum", "maximum"})


def edges_of(fact: "Fact") -> Iterator[Hashable]:
    """(place, edge) for each value that is as long, as many or as large as some bound, or one of an enum."""
    for number, segment in enumerate(fact.path.split("/")):
        yield from _edge(("path", number), _read(segment))
    for name, text in parse_qsl(fact.query, keep_blank_values=True):
        yield from _edge(("query", name), _read(text))
    for side, body in (("request", fact.body), ("answer", fact.answer_body)):
        for place, value in walk(_json(body)):
            yield from _edge((side, place), value)


def walk(value: Any) -> Iterator[tuple[str, Any]]:
    """All values within `value`, each with the way to it; indices are left out."""
    # A loop, for bodies that nest a thousand levels deep are sent too.
    ahead = [("", value)]
    while ahead:
        place, value = ahead.pop()
        yield place, value
        if isinstance(value, dict):
            ahead.extend((f"{place}/{name}", member) for name, member in value.items())
        elif isinstance(value, list):
            ahead.extend((f"{place}/*", entry) for entry in value)


def _edge(place: Hashable, value: Any) -> Iterator[Hashable]:
    sizes, numbers, names = _known()
    if isinstance(value, str) and value in names:
        yield place, value
    elif isinstance(value, (str, list, dict)) and len(value) in sizes:
        yield place, type(value).__name__, len(value)
    elif isinstance(value, int) and value in numbers:
        yield place, value


def _read(text: str) -> int | str:
    digits = text.removeprefix("-")
    return int(text) if digits.isdecimal() and len(digits) < 20 else text


@cache
def _known() -> tuple[frozenset[int], frozenset[int], frozenset[str]]:
    """All sizes, numbers and names that stand in the contract as bounds and enums."""
    sizes, numbers, names = set(), set(), set()
    for _, node in walk(yaml.load(CONTRACT.read_bytes(), yaml.CSafeLoader)):
        if isinstance(node, dict):
            sizes |= {node[key] for key in SIZES & node.keys() if isinstance(node[key], int)}
            numbers |= {node[key] for key in NUMBERS & node.keys() if isinstance(node[key], int)}
            names |= {name for name in node.get("enum", ()) if isinstance(name, str)}
    return frozenset(sizes), frozenset(numbers), frozenset(names)


def _json(body: bytes) -> Any:
    try:
        return orjson.loads(body)
    except orjson.JSONDecodeError:
        return None
