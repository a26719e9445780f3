"""Which types of problem an error may be: what its schema enumerates, held against the catalogue."""

from collections.abc import Iterator, Mapping
from typing import Any

from stockroom.contract.document import ContractFault, Document, Pointer
from stockroom.contract.operations import METHODS

PROBLEM = "application/problem+json"


def problem_types(response: Mapping[str, Any]) -> tuple[str, ...]:
    """The problem types, as `/problems/<slug>`, that a response may carry. It is no reference."""
    return tuple(kind for _, kind in _enumerated(response))


def _enumerated(response: Mapping[str, Any]) -> Iterator[tuple[Pointer, str]]:
    parts = response.get("content", {}).get(PROBLEM, {}).get("schema", {}).get("allOf", ())
    for part, schema in enumerate(parts):
        for place, kind in enumerate(schema.get("properties", {}).get("type", {}).get("enum", ())):
            where = ("content", PROBLEM, "schema", "allOf", part, "properties", "type", "enum", place)
            yield where, kind


def check_catalogue(document: Document) -> Iterator[ContractFault]:
    """The faults of `x-problems` itself."""
    catalogue = document.raw.get("x-problems")
    if not isinstance(catalogue, dict):
        yield (), "the catalogue of problems (x-problems) is missing"
        return
    for slug, entry in catalogue.items():
        if not _is_entry(entry):
            yield ("x-problems", slug), "a problem has a status, a title and a description"
        elif type(entry["status"]) is not int or not 400 <= entry["status"] <= 599:
            yield ("x-problems", slug, "status"), "the status of a problem is from 400 to 599"


def _is_entry(entry: Any) -> bool:
    return isinstance(entry, dict) and set(entry) == {"status", "title", "description"}


def check_problem_types(document: Document) -> Iterator[ContractFault]:
    """The types that responses enumerate and the catalogue does not know, or not with that status."""
    catalogue = document.raw.get("x-problems")
    if not isinstance(catalogue, dict):
        return
    statuses = {f"/problems/{slug}": entry["status"] for slug, entry in catalogue.items() if _is_entry(entry)}
    for pointer, status, response in _responses(document):
        for below, kind in _enumerated(response):
            if kind not in statuses:
                yield (*pointer, *below), f"the problem {kind} is not in the catalogue (x-problems)"
            elif str(statuses[kind]) != status:
                yield (*pointer, *below), f"the problem {kind} has status {statuses[kind]}, not {status}"


def _responses(document: Document) -> Iterator[tuple[Pointer, str, Mapping[str, Any]]]:
    """Each response of each operation with its status and the place where it is written."""
    for path, methods in document.raw["paths"].items():
        for method in METHODS:
            for status, entry in methods.get(method, {}).get("responses", {}).items():
                shared = entry.get("$ref", "").removeprefix("#/")
                pointer = tuple(shared.split("/")) if shared else ("paths", path, method, "responses", status)
                yield pointer, str(status), document.resolve(entry)
