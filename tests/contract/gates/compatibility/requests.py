"""What clients send: parameters and bodies that are refused, or mean something else, where they were not."""

from collections.abc import Iterator

from tests.contract.gates.compatibility.comparer import Comparer
from tests.contract.gates.compatibility.findings import Both, Finding
from tests.contract.gates.compatibility.keywords import Breaks
from tests.contract.gates.compatibility.nodes import Node

# What OpenAPI 3.0.4 takes for granted (Parameter Object).
STYLES = {"query": "form", "cookie": "form", "path": "simple", "header": "simple"}


def parameter_changes(operation: Both, comparer: Comparer) -> Iterator[Finding]:
    was, now = _parameters(operation.before), _parameters(operation.after)
    for name, parameter in was.items():
        if comparer.is_over(parameter.value):
            continue
        if name not in now:
            yield operation.finding(f"the {name} is gone", "parameters")
        else:
            yield from _parameter(Both(f"{operation.place}, {name}", parameter, now[name]), comparer)
    for name, parameter in now.items():
        if name not in was and parameter.get("required"):
            yield Finding(parameter.pointer, f"the {name} is new and required", operation.place)


def _parameters(operation: Node) -> dict[str, Node]:
    """By place and name; those of an operation stand before those of its path."""
    path = Node.root(operation.document).at(*operation.pointer[:-1])
    found = [*path.entries("parameters"), *operation.entries("parameters")]
    return {_name(parameter): parameter for parameter in found}


def _name(parameter: Node) -> str:
    name = str(parameter.get("name"))
    # Names of headers are the same in any case (RFC 9110, 5.1).
    return f"{parameter.get('in')} {name.lower() if parameter.get('in') == 'header' else name}"


def _parameter(both: Both, comparer: Comparer) -> Iterator[Finding]:
    yield from _required(both)
    if _form(both.before) != _form(both.after):
        yield both.finding("it is written another way")
    yield from both.differing("allowEmptyValue", "allowReserved", "content")
    yield from both.sunsets()
    yield from both.schemas(comparer, Breaks.REQUESTS)


def _form(parameter: Node) -> tuple[str, bool]:
    style = parameter.get("style", STYLES[parameter.get("in")])
    return style, parameter.get("explode", style == "form")


def _required(both: Both) -> Iterator[Finding]:
    if both.after.get("required") and not both.before.get("required"):
        yield both.finding("it is required", "required")


def body_changes(operation: Both, comparer: Comparer) -> Iterator[Finding]:
    body = operation.at("requestBody", place="its body")
    if "requestBody" in operation.before and "requestBody" not in operation.after:
        yield operation.finding("no body is taken any more")
        return
    yield from _required(body)
    for media, _ in body.before.items("content"):
        if media not in body.after.get("content"):
            yield body.finding(f"{media} is not taken any more", "content")
            continue
        content = body.at("content", media, place=media)
        yield from content.differing("encoding")
        yield from content.schemas(comparer, Breaks.REQUESTS)
