"""Mutations of who may do what how often, of routes, links, problems and examples."""

from collections.abc import Iterator, Mapping
from itertools import pairwise
from typing import Any

from stockroom.contract.document import Pointer
from tests.contract.gates.mutants.trees import ABSENT, contents, operations, renamed, responses

Tree = Mapping[str, Any]
Changes = Iterator[tuple[Pointer, str, Any]]


def remove_scope(raw: Tree) -> Changes:
    for pointer, scheme, scopes in _securities(raw):
        for scope in scopes:
            rest = [other for other in scopes if other != scope]
            yield (*pointer, scheme), f"without {scope}", rest


def add_scope(raw: Tree) -> Changes:
    """One that each operation but those of administrators does without."""
    for pointer, scheme, scopes in _securities(raw):
        added = "webhooks:manage"
        yield (*pointer, scheme), f"and {added}", [*scopes, added]


def change_scope(raw: Tree) -> Changes:
    for pointer, scheme, scopes in _securities(raw):
        for scope in scopes:
            other = {"read": "write", "write": "read"}.get(scope.partition(":")[2])
            new = f"{scope.partition(':')[0]}:{other}" if other else "items:write"
            yield (*pointer, scheme), f"{scope} to {new}", [new]


def drop_security(raw: Tree) -> Changes:
    for pointer, operation in operations(raw):
        if operation["security"]:
            yield (*pointer, "security"), "dropped", []


def add_security(raw: Tree) -> Changes:
    for pointer, operation in operations(raw):
        if not operation["security"]:
            yield (*pointer, "security"), "added", [{"password": []}]


def _securities(raw: Tree) -> Iterator[tuple[Pointer, str, list[str]]]:
    for pointer, operation in operations(raw):
        for index, entry in enumerate(operation["security"]):
            for scheme, scopes in entry.items():
                yield (*pointer, "security", index), scheme, scopes


def drop_scope_of_scheme(raw: Tree) -> Changes:
    for name, scheme in raw["components"]["securitySchemes"].items():
        for flow, spec in scheme["flows"].items():
            for scope in spec["scopes"]:
                pointer = ("components", "securitySchemes", name, "flows", flow, "scopes", scope)
                yield pointer, "dropped", ABSENT


def change_limit_amount(raw: Tree) -> Changes:
    for pointer, rate in _with(raw, "x-rate-limit"):
        amount, _, window = rate["limit"].partition("/")
        new = f"{int(amount) + 1}/{window}"
        yield (*pointer, "limit"), f"{rate['limit']} to {new}", new


def change_limit_window(raw: Tree) -> Changes:
    for pointer, rate in _with(raw, "x-rate-limit"):
        amount, _, window = rate["limit"].partition("/")
        new = f"{amount}/{'hour' if window == 'minute' else 'minute'}"
        yield (*pointer, "limit"), f"{rate['limit']} to {new}", new


def change_limit_per(raw: Tree) -> Changes:
    for pointer, rate in _with(raw, "x-rate-limit"):
        new = "ip" if rate["per"] == "user" else "user"
        yield (*pointer, "per"), f"{rate['per']} to {new}", new


def drop_limit(raw: Tree) -> Changes:
    for pointer, _ in _with(raw, "x-rate-limit"):
        yield pointer, "dropped", ABSENT


def change_cache_seconds(raw: Tree) -> Changes:
    for pointer, cache in _with(raw, "x-cache"):
        yield (*pointer, "seconds"), f"{cache['seconds']} to {cache['seconds'] + 1}", cache["seconds"] + 1


def change_cache_vary(raw: Tree) -> Changes:
    for pointer, cache in _with(raw, "x-cache"):
        for vary in ([], ["role"], ["user"]):
            if vary != cache["vary"]:
                yield (*pointer, "vary"), f"{cache['vary']} to {vary}", vary


def drop_cache(raw: Tree) -> Changes:
    for pointer, _ in _with(raw, "x-cache"):
        yield pointer, "dropped", ABSENT


def _with(raw: Tree, extension: str) -> Iterator[tuple[Pointer, Any]]:
    for pointer, operation in operations(raw):
        if extension in operation:
            yield (*pointer, extension), operation[extension]


def move_template_up(raw: Tree) -> Changes:
    """A templated path, called so that it matches a static one, stands before it."""
    template = "/items/{sku}"
    rest = {path: methods for path, methods in raw["paths"].items() if path != template}
    for path in rest:
        parent = path.rpartition("/")[0]
        if parent and "{" not in path:
            first = f"{parent}/{{sku}}"
            yield ("paths",), f"{first} before {path}", {first: raw["paths"][template]} | rest


def shadow_path(raw: Tree) -> Changes:
    """A template takes the place of a static path's last segment, and matches its neighbours too."""
    for path in raw["paths"]:
        parent, _, last = path.rpartition("/")
        if last and "{" not in last:
            yield ("paths",), f"{path} is {parent}/{{any}}", renamed(raw["paths"], path, f"{parent}/{{any}}")


def rename_path(raw: Tree) -> Changes:
    for path in raw["paths"]:
        yield ("paths",), f"{path} is {path}-", renamed(raw["paths"], path, f"{path}-")


def change_method(raw: Tree) -> Changes:
    for pointer, _ in operations(raw):
        _, path, method = pointer
        if "put" not in raw["paths"][path]:
            yield ("paths", path), f"{method} is put", renamed(raw["paths"][path], str(method), "put")


def rename_operation_id(raw: Tree) -> Changes:
    for pointer, operation in operations(raw):
        name = operation["operationId"]
        yield (*pointer, "operationId"), f"{name}_", f"{name}_"


def swap_operation_ids(raw: Tree) -> Changes:
    """Of two operations that stand one after the other."""
    found = list(operations(raw))
    for (one, first), (other, second) in pairwise(found):
        paths = raw["paths"]
        for pointer, name in ((one, second["operationId"]), (other, first["operationId"])):
            _, path, method = pointer
            paths = paths | {path: paths[path] | {method: paths[path][method] | {"operationId": name}}}
        yield ("paths",), f"{first['operationId']} and {second['operationId']} swapped", paths


def change_link(raw: Tree) -> Changes:
    """To an operation that takes nothing of what the link gives."""
    other = next(operation["operationId"] for _, operation in operations(raw))
    for pointer, links in _links(raw):
        for name, link in links.items():
            yield (*pointer, name, "operationId"), f"{link['operationId']} to {other}", other


def change_link_parameter(raw: Tree) -> Changes:
    for pointer, links in _links(raw):
        for name, link in links.items():
            for parameter, source in link.get("parameters", {}).items():
                yield (*pointer, name, "parameters", parameter), f"{source}_", f"{source}_"


def rename_link_parameter(raw: Tree) -> Changes:
    for pointer, links in _links(raw):
        for name, link in links.items():
            for parameter in link.get("parameters", {}):
                new = renamed(link.get("parameters", {}), parameter, f"{parameter}_")
                yield (*pointer, name, "parameters"), f"{parameter} is {parameter}_", new


def _links(raw: Tree) -> Iterator[tuple[Pointer, dict[str, Any]]]:
    for pointer, response in responses(raw):
        if "links" in response:
            yield (*pointer, "links"), response["links"]


def drop_problem(raw: Tree) -> Changes:
    for slug in raw["x-problems"]:
        yield ("x-problems", slug), "dropped", ABSENT


def add_problem(raw: Tree) -> Changes:
    entry = {"status": 409, "title": "It is of another colour", "description": "Nothing answers with this."}
    yield ("x-problems", "other-colour"), "added", entry


def change_problem_status(raw: Tree) -> Changes:
    for slug, entry in raw["x-problems"].items():
        status = 409 if entry["status"] != 409 else 400
        yield ("x-problems", slug, "status"), f"{entry['status']} to {status}", status


def break_example(raw: Tree) -> Changes:
    """A member of an example is of a type that no value of this contract is."""
    for pointer, content in contents(raw):
        for media, entry in content.items():
            example = entry.get("example")
            for name in list(example)[-1:] if isinstance(example, dict) else ():
                yield (*pointer, media, "example", name), "broken", [[0.5]]


def drop_example(raw: Tree) -> Changes:
    for pointer, content in contents(raw):
        for media, entry in content.items():
            if "example" in entry:
                yield (*pointer, media, "example"), "dropped", ABSENT


OPERATORS = (
    remove_scope,
    add_scope,
    change_scope,
    drop_security,
    add_security,
    drop_scope_of_scheme,
    change_limit_amount,
    change_limit_window,
    change_limit_per,
    drop_limit,
    change_cache_seconds,
    change_cache_vary,
    drop_cache,
    move_template_up,
    shadow_path,
    rename_path,
    change_method,
    rename_operation_id,
    swap_operation_ids,
    change_link,
    change_link_parameter,
    rename_link_parameter,
    drop_problem,
    add_problem,
    change_problem_status,
    break_example,
    drop_example,
)
