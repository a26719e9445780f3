"""Whether an answer is one that the contract declares: its status, media type, headers and body."""

from collections.abc import Iterator, Mapping
from functools import cached_property
from typing import Any

import orjson
import yaml

from stockroom.contract.contract import Contract
from stockroom.contract.deprecation import Deprecation
from stockroom.contract.discriminator import Validator
from stockroom.contract.operations import Operation
from stockroom.contract.policies import template_pattern
from stockroom.contract.problem_types import PROBLEM
from stockroom.contract.schemas import Schemas, faults

# What every answer may carry; the contract says so once, in its description.
COMMON = frozenset(
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
# Answers to what is no operation: a request that no path can be read from, no such path, no such method.
OUTSIDE = {
    400: "/problems/malformed-request",
    404: "/problems/not-found",
    405: "/problems/method-not-allowed",
}


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
        spec = (self._outside if operation is None else operation.responses).get(status)
        if spec is None:
            return [f"status {status} is not declared"]
        deprecation = operation and operation.deprecation
        return [
            *self._headers(spec, headers, deprecation.headers if deprecation else {}),
            *self._content(spec, method, headers, body),
            *(_unannounced(deprecation, status, headers) if deprecation else ()),
        ]

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
            status: {"allOf": [problem, {"properties": {"type": {"enum": [kind]}}}]}
            for status, kind in OUTSIDE.items()
        }
        return {status: {"content": {PROBLEM: {"schema": schema}}} for status, schema in schemas.items()}

    def _headers(
        self, spec: Mapping[str, Any], headers: Mapping[str, str], announced: Mapping[str, str]
    ) -> Iterator[str]:
        resolve = self._contract.document.resolve
        declared = {name.lower(): resolve(entry) for name, entry in spec.get("headers", {}).items()}
        for name in headers.keys() - declared.keys() - announced.keys() - COMMON:
            yield f"the header {name} is not declared"
        for name, entry in declared.items():
            if name not in headers:
                if entry.get("required"):
                    yield f"the header {name} is missing"
                continue
            text = headers[name]
            value = int(text) if entry["schema"]["type"] == "integer" and text.isdigit() else text
            yield from (
                f"header {name}: {message}" for _, message in faults(self._validator(entry["schema"]), value)
            )

    def _content(
        self, spec: Mapping[str, Any], method: str, headers: Mapping[str, str], body: bytes
    ) -> Iterator[str]:
        content = spec.get("content")
        if content is None:
            if body or "content-type" in headers:
                yield "there is a body, and none is declared"
            return
        media = headers.get("content-type", "").partition(";")[0]
        if media not in content:
            yield f"the media type {media!r} is not declared"
        elif method != "HEAD":
            yield from self._body(content[media]["schema"], media, body)

    def _body(self, schema: dict[str, Any], media: str, body: bytes) -> Iterator[str]:
        if media.endswith(("json", "yaml")):
            try:
                value = orjson.loads(body) if media.endswith("json") else yaml.load(body, yaml.CSafeLoader)
            except (ValueError, yaml.YAMLError) as error:
                yield f"the body is no {media}: {error}"
                return
        elif schema.get("format") == "binary":
            return
        else:
            value = body.decode()
        yield from (f"body {where}: {message}" for where, message in faults(self._validator(schema), value))

    def _validator(self, schema: dict[str, Any]) -> Validator:
        # By identity: the schemas are parts of the document, which outlives this.
        if id(schema) not in self._validators:
            self._validators[id(schema)] = self._schemas.validator(schema)
        return self._validators[id(schema)]


def _unannounced(deprecation: Deprecation, status: int, headers: Mapping[str, str]) -> Iterator[str]:
    """What an answer of a deprecated operation does not say of that."""
    # A malformed request is refused before it is known for which operation it is.
    if status == 400 and not headers.keys() & {"deprecation", "sunset"}:
        return
    for name, value in deprecation.headers.items():
        if value not in (headers.get(name, ""), headers.get(name, "").rpartition(", ")[2]):
            yield f"the header {name} does not tell of the deprecation"
