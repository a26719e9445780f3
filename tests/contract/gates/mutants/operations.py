"""Mutations of what operations take and answer."""

from collections.abc import Iterator, Mapping
from itertools import pairwise
from typing import Any

from stockroom.contract.document import Pointer
from tests.contract.gates.mutants.trees import ABSENT, contents, operations, parameters, renamed, responses

Tree = Mapping[str, Any]
Changes = Iterator[tuple[Pointer, str, Any]]

# What is not declared somewhere, the first of these is.
ODD_STATUSES = ("404", "409", "410", "422")
OTHER_STATUS = {
    "200": "202",
    "201": "200",
    "202": "201",
    "204": "205",
    "403": "451",
    "404": "410",
    "409": "423",
}


def drop_status(raw: Tree) -> Changes:
    for pointer, operation in operations(raw):
        for status in operation["responses"]:
            yield (*pointer, "responses", status), "dropped", ABSENT


def add_status(raw: Tree) -> Changes:
    """An answer that the operation never gives."""
    for pointer, operation in operations(raw):
        status = next(odd for odd in ODD_STATUSES if odd not in operation["responses"])
        yield (*pointer, "responses", status), "added", {"$ref": "#/components/responses/NotFound"}


def change_status(raw: Tree) -> Changes:
    for pointer, operation in operations(raw):
        for status in operation["responses"].keys() & OTHER_STATUS.keys():
            new = renamed(operation["responses"], status, OTHER_STATUS[status])
            yield (*pointer, "responses"), f"{status} to {OTHER_STATUS[status]}", new


def swap_responses(raw: Tree) -> Changes:
    """The answers of two refusals are mistaken for each other."""
    for pointer, operation in operations(raw):
        refused = [status for status in operation["responses"] if status >= "400"]
        for one, other in pairwise(refused):
            entries = operation["responses"]
            if entries[one] != entries[other]:
                new = entries | {one: entries[other], other: entries[one]}
                yield (*pointer, "responses"), f"{one} and {other} swapped", new


def drop_media_type(raw: Tree) -> Changes:
    for pointer, content in contents(raw):
        for media in content:
            yield (*pointer, media), "dropped", ABSENT


def rename_media_type(raw: Tree) -> Changes:
    for pointer, content in contents(raw):
        for media in content:
            yield pointer, f"{media} is text/plain", renamed(content, media, "text/plain")


def add_media_type(raw: Tree) -> Changes:
    for pointer, content in contents(raw):
        for media in list(content)[:1]:
            yield (*pointer, "text/plain"), "added", content[media]


def drop_header(raw: Tree) -> Changes:
    for pointer, response in responses(raw):
        for name in response.get("headers", {}):
            yield (*pointer, "headers", name), "dropped", ABSENT


def add_header(raw: Tree) -> Changes:
    """A header that the answer always has, it says, and never does."""
    header = {"required": True, "schema": {"type": "string", "maxLength": 100}}
    for pointer, response in responses(raw):
        yield (*pointer, "headers"), "and Colour", response.get("headers", {}) | {"Colour": header}


def require_header(raw: Tree) -> Changes:
    for name, header in raw["components"]["headers"].items():
        if not header.get("required"):
            yield ("components", "headers", name, "required"), "required", True


def drop_parameter(raw: Tree) -> Changes:
    for pointer, operation in operations(raw):
        taken = operation.get("parameters", [])
        for index, parameter in enumerate(taken):
            name = parameter.get("name") or parameter["$ref"].rpartition("/")[2]
            yield (*pointer, "parameters"), f"without {name}", taken[:index] + taken[index + 1 :]


def add_parameter(raw: Tree) -> Changes:
    parameter = {
        "name": "colour",
        "in": "query",
        "description": "A colour.",
        "schema": {"type": "string", "minLength": 1, "maxLength": 20, "pattern": "^[a-z]+$"},
    }
    for pointer, operation in operations(raw):
        yield (*pointer, "parameters"), "and colour", [*operation.get("parameters", []), parameter]


def rename_parameter(raw: Tree) -> Changes:
    for pointer, parameter in parameters(raw):
        yield (*pointer, "name"), f"{parameter['name']}_", f"{parameter['name']}_"


def restyle_parameter(raw: Tree) -> Changes:
    """So that a list is several parameters of one name."""
    for pointer, parameter in parameters(raw):
        if parameter.get("explode") is False:
            yield (*pointer, "explode"), "exploded", True


def move_parameter(raw: Tree) -> Changes:
    for pointer, parameter in parameters(raw):
        other = {"query": "header", "header": "query", "path": "query"}[parameter["in"]]
        yield (*pointer, "in"), f"from {parameter['in']} to {other}", other


def require_parameter(raw: Tree) -> Changes:
    for pointer, parameter in parameters(raw):
        if not parameter.get("required"):
            yield (*pointer, "required"), "required", True


def unrequire_parameter(raw: Tree) -> Changes:
    for pointer, parameter in parameters(raw):
        if parameter.get("required"):
            yield (*pointer, "required"), "optional", False


def change_default(raw: Tree) -> Changes:
    for pointer, parameter in parameters(raw):
        if "default" in parameter["schema"]:
            other = _other_default(parameter["schema"])
            yield (*pointer, "schema", "default"), f"{parameter['schema']['default']} to {other}", other


def drop_default(raw: Tree) -> Changes:
    for pointer, parameter in parameters(raw):
        if "default" in parameter["schema"]:
            yield (*pointer, "schema", "default"), "dropped", ABSENT


def _other_default(schema: Mapping[str, Any]) -> Any:
    default = schema["default"]
    if "enum" in schema:
        return next(value for value in schema["enum"] if value != default)
    if isinstance(default, bool):
        return not default
    return default + 1 if isinstance(default, int) else [*default, "none"]


def drop_body(raw: Tree) -> Changes:
    for pointer, operation in operations(raw):
        if "requestBody" in operation:
            yield (*pointer, "requestBody"), "dropped", ABSENT


def unrequire_body(raw: Tree) -> Changes:
    for pointer, operation in operations(raw):
        if "requestBody" in operation:
            yield (*pointer, "requestBody", "required"), "optional", False


OPERATORS = (
    drop_status,
    add_status,
    change_status,
    swap_responses,
    drop_media_type,
    rename_media_type,
    add_media_type,
    drop_header,
    add_header,
    require_header,
    drop_parameter,
    add_parameter,
    rename_parameter,
    restyle_parameter,
    move_parameter,
    require_parameter,
    unrequire_parameter,
    change_default,
    drop_default,
    drop_body,
    unrequire_body,
)
