"""Kinds of facts: what tells a request and its answer from ten thousand others that would prove the same."""

import base64
import binascii
from collections.abc import Hashable, Iterator, Mapping
from functools import cache, lru_cache
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl

import orjson
import yaml

from stockroom.contract.document import CONTRACT
from tests.contract.gates.facts.edges import edges_of, walk

if TYPE_CHECKING:
    from tests.contract.gates.facts import Fact

Shape = frozenset[tuple[str, str]]


def kinds_of(fact: "Fact") -> Iterator[Hashable]:
    """What `fact` shows: a kind of request and answer, and what is answered at which edge of the contract."""
    yield kind_of(fact)
    for edge in edges_of(fact):
        yield fact.method, _path_class(fact.path), fact.status, _problem(fact), edge


def kind_of(fact: "Fact") -> Hashable:
    """Method, path class, query names, headers, scopes, status, shapes of both bodies, faults told of."""
    return (
        fact.method,
        _path_class(fact.path),
        frozenset(name for name, _ in parse_qsl(fact.query, keep_blank_values=True)),
        frozenset(fact.headers),
        _media_type(fact.headers),
        _scopes(fact.headers.get("authorization", "")),
        _shape(fact.body, fact.headers),
        fact.status,
        frozenset(fact.answer_headers),
        _media_type(fact.answer_headers),
        _shape(fact.answer_body, fact.answer_headers),
        _problem(fact),
    )


def _path_class(path: str) -> str:
    """The path with `*` for each segment that is not a word of the contract's own paths."""
    return "/".join(segment if segment in _words() else "*" for segment in path.split("/"))


@cache
def _words() -> frozenset[str]:
    paths = yaml.load(CONTRACT.read_bytes(), yaml.CSafeLoader)["paths"]
    return frozenset(segment for path in paths for segment in path.split("/") if "{" not in segment)


def _media_type(headers: Mapping[str, str]) -> str:
    return headers.get("content-type", "").partition(";")[0].strip().lower()


@lru_cache(maxsize=1024)
def _scopes(authorization: str) -> frozenset[str] | None:
    """The scopes that an access token claims; None when there is nothing that reads as one."""
    try:
        _, payload, _ = authorization.partition(" ")[2].split(".")
        return frozenset(orjson.loads(base64.urlsafe_b64decode(payload + "=="))["scope"].split())
    except (ValueError, TypeError, LookupError, AttributeError, binascii.Error):
        return None


def _shape(body: bytes, headers: Mapping[str, str]) -> Shape | bool:
    """The types found at each path of a JSON body, indices left out; of others only whether there is one."""
    value = _json(body, headers)
    if value is None:
        return bool(body)
    return frozenset((place, type(member).__name__) for place, member in walk(value))


def _problem(fact: "Fact") -> Hashable:
    """The type of a problem and the faults it lists, indices left out."""
    problem = _json(fact.answer_body, fact.answer_headers)
    if fact.status < 400 or not isinstance(problem, dict):
        return None
    return problem.get("type"), frozenset(_fault(entry) for entry in problem.get("errors", ()))


def _fault(entry: Mapping[str, Any]) -> Hashable:
    pointer = "/".join("*" if step.isdigit() else step for step in entry.get("pointer", "").split("/"))
    return entry.get("parameter"), pointer, entry.get("detail")


def _json(body: bytes, headers: Mapping[str, str]) -> Any:
    if not _media_type(headers).endswith("json"):
        return None
    try:
        return orjson.loads(body)
    except orjson.JSONDecodeError:
        return None
