"""Requests made of the examples of the contract: of an operation nothing is known but what it declares."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote, urlencode

import orjson

from stockroom.contract.contract import Contract
from stockroom.contract.operations import FORM, Operation

Spec = Mapping[str, Any]
Body = tuple[str, str | None, Any]
"""The name of a body's example, its media type and its value."""


@dataclass(frozen=True)
class Example:
    """One request as the contract shows it: `parameters` by name, `body` as a value of the media type.

    `name` tells it from the operation's other examples: that of a named example, the media type where there
    are several, or the optional parameter that is there besides.
    """

    operation: Operation
    name: str = ""
    parameters: Mapping[str, Any] = field(default_factory=dict)
    media: str | None = None
    body: Any = None

    def __str__(self) -> str:
        return f"{self.operation.id} {self.name}".rstrip()

    def request(self) -> dict[str, Any]:
        """What an httpx client is asked with."""
        where = {parameter.name: parameter.where for parameter in self.operation.parameters}
        texts: dict[str, dict[str, str]] = {"path": {}, "query": {}, "header": {}}
        for name, value in self.parameters.items():
            texts[where[name]][name] = _text(value)
        path = self.operation.path
        for name, text in texts["path"].items():
            path = path.replace(f"{{{name}}}", quote(text, safe=""))
        headers = texts["header"]
        request: dict[str, Any] = {"method": self.operation.method, "headers": headers}
        request["url"] = with_query(path, texts["query"])
        if self.media:
            headers["Content-Type"] = self.media
            request["content"] = _content(self.media, self.body)
        return request


def with_query(url: str, parameters: Mapping[str, str]) -> str:
    """`url` with more parameters."""
    return f"{url}{'&' if '?' in url else '?'}{urlencode(parameters)}" if parameters else url


def refused(example: Example) -> dict[str, Any]:
    """The request of an example, made one that every operation refuses for its values: 400."""
    request = example.request()
    return request | {"url": with_query(request["url"], {"unheard-of": "1"})}


def examples_of(contract: Contract, operation: Operation) -> Iterator[Example]:
    """All requests that an operation shows, the plainest first.

    One for each example of a body, or one without a body; it has the required parameters, and of the others
    those that have an example of the same name. Then the first one again with each optional parameter.
    Raises LookupError for a body or a required parameter without example.
    """
    shown = _Shown(contract, operation)
    bodies = list(shown.bodies()) or [("", None, None)]
    for name, media, value in bodies:
        yield Example(operation, name, shown.parameters(name), media, value)
    first, media, value = bodies[0]
    names = {name for name, _, _ in bodies}
    for suffix, optional in shown.optional(names):
        yield Example(operation, suffix, {**shown.parameters(first), **optional}, media, value)


def plain_examples(contract: Contract) -> Iterator[Example]:
    """One request for each operation."""
    for operation in contract.operations.values():
        yield next(examples_of(contract, operation))


@dataclass(frozen=True)
class _Shown:
    """The examples of one operation, as they stand in the contract."""

    contract: Contract
    operation: Operation

    def bodies(self) -> Iterator[Body]:
        resolve = self.contract.document.resolve
        content = resolve(self.operation.spec.get("requestBody", {})).get("content", {})
        for media, spec in content.items():
            values = _values(spec, resolve)
            if not values:
                raise LookupError(f"{self.operation.id} shows no body of {media}: give it an example")
            for name, value in values.items():
                yield " ".join([media] * (len(content) > 1) + [name] * bool(name)), media, value

    def parameters(self, body: str) -> dict[str, Any]:
        """Those that go with the body's example of this name."""
        chosen: dict[str, Any] = {}
        for spec, values in self._parameters():
            name, paired = spec["name"], body.rpartition(" ")[2]
            if paired and paired in values:
                chosen[name] = values[paired]
            elif spec.get("required"):
                if not values:
                    raise LookupError(f"{self.operation.id} does not show its {name}: give it an example")
                chosen[name] = next(iter(values.values()))
        return chosen

    def optional(self, bodies: set[str]) -> Iterator[tuple[str, dict[str, Any]]]:
        for spec, values in self._parameters():
            if not spec.get("required"):
                for name, value in values.items():
                    if name not in bodies or not name:
                        yield f"{spec['name']} {name}".rstrip(), {spec["name"]: value}

    def _parameters(self) -> Iterator[tuple[Spec, dict[str, Any]]]:
        document = self.contract.document
        shared = document.raw["paths"][self.operation.path].get("parameters", [])
        for spec in map(document.resolve, [*shared, *self.operation.spec.get("parameters", [])]):
            yield spec, _values(spec, document.resolve)


def _values(spec: Spec, resolve: Any) -> dict[str, Any]:
    """The examples of a parameter or media type by name; the only one has none."""
    if "example" in spec:
        return {"": spec["example"]}
    return {name: resolve(entry)["value"] for name, entry in spec.get("examples", {}).items()}


def _text(value: Any) -> str:
    """A parameter on the wire, in the styles that the runtime reads: `form` and `simple`, not exploded."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return ",".join(map(_text, value)) if isinstance(value, list) else str(value)


def _content(media: str, value: Any) -> bytes:
    if media == FORM:
        return urlencode(value).encode()
    return value.encode() if isinstance(value, str) else orjson.dumps(value)
