"""Whether an answer is one that the contract declares: its status, media type, headers and body."""

from collections.abc import Iterator, Mapping
from functools import cached_property
from http import HTTPStatus
from itertools import islice
from typing import Any, Literal

import orjson
import yaml

from stockroom.contract.contract import Contract
from stockroom.contract.deprecation import Deprecation
from stockroom.contract.discriminator import ValidationFault, Validator
from stockroom.contract.operations import Operation
from stockroom.contract.policies import template_pattern
from stockroom.contract.problem_types import PROBLEM
from stockroom.contract.schemas import MAX_ERRORS, Schemas, pointer
from stockroom.frozen import frozen

# What every answer may carry; the contract says so once, in its description.
COMMON_HEADERS = frozenset(
    {
        "allow",
        "cache-control",
        "connection",
        "content-length",
        "content-security-policy",
        "content-type",
        "date",
        "referrer-policy",
        "x-content-type-options",
        "x-frame-options",
        "x-request-id",
    }
)
# Answers to what is no operation: a request that no path can be read from, no such path, no such method; and,
# whatever the path, a body that ends nobody knows where, and a method that is done nowhere.
OUTSIDE = {
    400: ["/problems/malformed-request"],
    404: ["/problems/not-found"],
    405: ["/problems/method-not-allowed"],
    501: ["/problems/unknown-transfer-coding", "/problems/unknown-method"],
}

Part = Literal["status", "header", "media-type", "body"]


@frozen
class Deviation:
    """Something of an answer that is not declared; `message` tells people of it, and may repeat the answer.

    `place` and `rule` repeat nothing of it, so that they may be logged: the name of a header and what is
    wrong with it, or a pointer to a schema (in the contract if it has a name) and the keyword broken there.
    """

    part: Part
    place: str
    rule: str
    message: str


class Conformance:
    """Holds answers against a contract."""

    def __init__(self, contract: Contract) -> None:
        self._contract = contract
        self._schemas = Schemas(contract.document.raw["components"]["schemas"])
        self._validators: dict[int, Validator] = {}
        self._patterns = [(template_pattern(o.path), o) for o in contract.operations.values()]

    def faults(
        self, method: str, path: str, status: int, headers: Mapping[str, str], body: bytes
    ) -> list[str]:
        """What of an answer is not declared. `path` is percent-decoded, header names are lower-case."""
        operation = self.operation(method, path)
        return [fault.message for fault in self.examine(operation, method, status, headers, body)]

    def examine(
        self, operation: Operation | None, method: str, status: int, headers: Mapping[str, str], body: bytes
    ) -> Iterator[Deviation]:
        """The same, for an operation that is known; None stands for a request that is for no operation."""
        if status == HTTPStatus.NOT_IMPLEMENTED:
            operation = None  # Whatever the path, the request is none that could be done here.
        spec = (self._outside if operation is None else operation.responses).get(status)
        if spec is None:
            yield Deviation("status", "", "undeclared", f"status {status} is not declared")
            return
        deprecation = operation and operation.deprecation
        yield from self._headers(spec, headers, deprecation.headers if deprecation else {})
        yield from self._content(spec, method, headers, body)
        if deprecation:
            yield from _unannounced(deprecation, status, headers)

    def operation(self, method: str, path: str) -> Operation | None:
        """The operation that a request is for; HEAD is GET without the body (RFC 9110, 9.3.2)."""
        method = "GET" if method == "HEAD" else method
        for pattern, operation in self._patterns:
            if operation.method == method and pattern.fullmatch(path):
                return operation
        return None

    @cached_property
    def _outside(self) -> Mapping[int, Mapping[str, Any]]:
        problem = {"$ref": "#/components/schemas/Problem"}
        schemas = {
            status: {"allOf": [problem, {"properties": {"type": {"enum": kinds}}}]}
            for status, kinds in OUTSIDE.items()
        }
        return {status: {"content": {PROBLEM: {"schema": schema}}} for status, schema in schemas.items()}

    def _headers(
        self, spec: Mapping[str, Any], headers: Mapping[str, str], announced: Mapping[str, str]
    ) -> Iterator[Deviation]:
        resolve = self._contract.document.resolve
        declared = {name.lower(): resolve(entry) for name, entry in spec.get("headers", {}).items()}
        for name in headers.keys() - declared.keys() - announced.keys() - COMMON_HEADERS:
            yield Deviation("header", name, "undeclared", f"the header {name} is not declared")
        for name, entry in declared.items():
            if name not in headers:
                if entry.get("required"):
                    yield Deviation("header", name, "missing", f"the header {name} is missing")
                continue
            text = headers[name]
            value = int(text) if entry["schema"]["type"] == "integer" and text.isdigit() else text
            for fault in self._errors(entry["schema"], value):
                _, rule = _broken(fault)
                yield Deviation("header", name, rule, f"header {name}: {fault.message[:500]}")

    def _content(
        self, spec: Mapping[str, Any], method: str, headers: Mapping[str, str], body: bytes
    ) -> Iterator[Deviation]:
        content = spec.get("content")
        if content is None:
            if body or "content-type" in headers:
                yield Deviation("body", "", "undeclared", "there is a body, and none is declared")
            return
        media = headers.get("content-type", "").partition(";")[0]
        if media not in content:
            yield Deviation("media-type", "", "undeclared", f"the media type {media!r} is not declared")
        elif method != "HEAD":
            yield from self._body(content[media]["schema"], media, body)

    def _body(self, schema: dict[str, Any], media: str, body: bytes) -> Iterator[Deviation]:
        if schema.get("format") == "binary":
            return
        try:
            value = _read(media, body)
        except (ValueError, yaml.YAMLError) as error:
            yield Deviation("body", "", "unreadable", f"the body is no {media}: {error}")
            return
        for fault in self._errors(schema, value):
            where = pointer(fault.instance_path)
            yield Deviation("body", *_broken(fault), f"body {where}: {fault.message[:500]}")

    def _errors(self, schema: dict[str, Any], value: Any) -> Iterator[ValidationFault]:
        return islice(self._validator(schema).iter_errors(value), MAX_ERRORS)

    def _validator(self, schema: dict[str, Any]) -> Validator:
        # By identity: the schemas are parts of the document, which outlives this.
        if id(schema) not in self._validators:
            self._validators[id(schema)] = self._schemas.validator(schema)
        return self._validators[id(schema)]


def _unannounced(deprecation: Deprecation, status: int, headers: Mapping[str, str]) -> Iterator[Deviation]:
    """What an answer of a deprecated operation does not say of that."""
    # A malformed request is refused before it is known for which operation it is.
    if status == 400 and not headers.keys() & {"deprecation", "sunset"}:
        return
    for name, value in deprecation.headers.items():
        if value not in (headers.get(name, ""), headers.get(name, "").rpartition(", ")[2]):
            yield Deviation("header", name, "missing", f"the header {name} does not tell of the deprecation")


def _read(media: str, body: bytes) -> Any:
    if media.endswith("json"):
        return orjson.loads(body)
    return yaml.load(body, yaml.CSafeLoader) if media.endswith("yaml") else body.decode()


def _broken(fault: ValidationFault) -> tuple[str, str]:
    """The place and the rule of a fault."""
    *place, keyword = fault.schema_path
    # The steps to the schema itself, which is wrapped where it is compiled.
    return pointer(place[2:] if place[:2] == ["allOf", 0] else place), str(keyword)
