"""Links (OpenAPI 3.0, 4.7.20): which request an answer leads to."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import httpx

from stockroom.contract.contract import Contract
from tests.contract.gates.requests import Example

EXPRESSION = re.compile(
    r"\$(?P<of>request|response)\.(?:body#(?P<pointer>/.*)|(?:header|path|query)\.(?P<name>.+))"
)


@dataclass(frozen=True)
class Link:
    """A link by its `name`, from the success of one operation to another."""

    name: str
    source: str
    target: str
    parameters: dict[str, Any]
    body: Any

    def __str__(self) -> str:
        return f"{self.source} {self.name}"

    def follow(self, example: Example, asked: Example, answer: httpx.Response) -> Example:
        """`example` of the target with what the link takes from the request `asked` and its answer.

        Raises LookupError for an expression that leads to nothing.
        """
        try:
            parameters = {name: _value(given, asked, answer) for name, given in self.parameters.items()}
            body = example.body if self.body is None else _value(self.body, asked, answer)
        except (LookupError, ValueError) as error:
            raise LookupError(f"the link {self} finds nothing: {error!r} in {answer.text[:500]}") from error
        return replace(example, parameters={**example.parameters, **parameters}, body=body)


def links_of(contract: Contract) -> Iterator[Link]:
    """All links of the contract, in its order."""
    resolve = contract.document.resolve
    for operation in contract.operations.values():
        for name, entry in operation.responses[operation.success].get("links", {}).items():
            spec = resolve(entry)
            parameters = spec.get("parameters", {})
            yield Link(name, operation.id, spec["operationId"], parameters, spec.get("requestBody"))


def _value(given: Any, asked: Example, answer: httpx.Response) -> Any:
    """The value of a runtime expression, or of all those in a template; other values stand for themselves."""
    if isinstance(given, dict):
        return {name: _value(member, asked, answer) for name, member in given.items()}
    if not isinstance(given, str) or not given.startswith("$"):
        return given
    parts = EXPRESSION.fullmatch(given)
    if parts is None:
        raise LookupError(f"the expression {given} is none that is understood here")
    if parts["pointer"]:
        return _at(parts["pointer"], answer.json() if parts["of"] == "response" else asked.body)
    return answer.headers[parts["name"]] if parts["of"] == "response" else asked.parameters[parts["name"]]


def _at(pointer: str, value: Any) -> Any:
    """What a JSON pointer (RFC 6901) leads to."""
    for step in pointer.split("/")[1:]:
        key = step.replace("~1", "/").replace("~0", "~")
        value = value[int(key)] if isinstance(value, list) else value[key]
    return value
