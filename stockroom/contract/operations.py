"""Operations: what the contract says of each, compiled once at start."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

import limits

from stockroom.contract.body_readers import BodyReader, FileReader, FormReader, JsonReader, Readers
from stockroom.contract.deprecation import Deprecation
from stockroom.contract.document import ContractError, Document, Pointer
from stockroom.contract.parameters import Parameter, converter_of, reader_of
from stockroom.contract.schemas import Schemas
from stockroom.uploads import UploadFolder

METHODS = ("get", "put", "post", "delete", "options", "head", "patch", "trace")
JSON, HTML = "application/json", "text/html"

POLICY = "default"
"""The name of an operation's only limit, in headers and problems."""

FORM = "application/x-www-form-urlencoded"

# These are kept by the runtime itself and never reach a handler.
IF_NONE_MATCH, IDEMPOTENCY_KEY = "if_none_match", "idempotency_key"


@dataclass(frozen=True)
class RateLimit:
    """`x-rate-limit`: `quota` requests in `window` seconds, for each caller (`user`) or address (`ip`)."""

    quota: int
    window: int
    per: Literal["ip", "user"]

    @cached_property
    def item(self) -> limits.RateLimitItem:
        """The same in the words of the library that counts."""
        return limits.RateLimitItemPerSecond(self.quota, self.window)

    @cached_property
    def header(self) -> tuple[bytes, bytes]:
        """How callers are told of it (draft-ietf-httpapi-ratelimit-headers)."""
        return b"ratelimit-policy", f'"{POLICY}";q={self.quota};w={self.window}'.encode()


@dataclass(frozen=True)
class CachePolicy:
    """`x-cache`: how long an answer is kept, and whom it may be shared among."""

    seconds: int
    vary: tuple[str, ...]


@dataclass(frozen=True)
class Operation:
    """One operation. `scopes` is None where no token is asked for; `success` is its only 2xx status."""

    id: str
    method: str
    path: str
    pointer: Pointer
    spec: Mapping[str, Any]
    parameters: tuple[Parameter, ...]
    bodies: Readers
    scopes: frozenset[str] | None
    rate_limit: RateLimit | None
    cache: CachePolicy | None
    deprecation: Deprecation | None
    responses: Mapping[int, Mapping[str, Any]]

    @cached_property
    def success(self) -> int:
        return next(status for status in self.responses if status < 300)

    @cached_property
    def media_type(self) -> str | None:
        """The media type of the success, if it is always the same one."""
        content = list(self.responses[self.success].get("content", ()))
        return content[0] if len(content) == 1 else None

    @cached_property
    def is_negotiated(self) -> bool:
        """Whether the success is JSON, and HTML for whoever prefers it."""
        return list(self.responses[self.success].get("content", ())) == [JSON, HTML]

    @cached_property
    def invalidates(self) -> bool:
        """Whether it changes what answers that are kept may speak of."""
        return self.method != "GET" and any(scope.endswith(":write") for scope in self.scopes or ())

    @cached_property
    def cache_control(self) -> str:
        """What the Cache-Control of the success is, unless its handler says otherwise."""
        if self.cache:
            return f"private, max-age={self.cache.seconds}"
        if self.method == "GET" and self.scopes is not None:
            return "private, no-cache"
        return "no-store"

    @cached_property
    def arguments(self) -> tuple[str, ...]:
        """The names of what a handler gets from the request."""
        names = tuple(
            p.argument for p in self.parameters if p.argument not in (IF_NONE_MATCH, IDEMPOTENCY_KEY)
        )
        return (*names, "body") if self.bodies else names

    def takes(self, argument: str) -> bool:
        return any(parameter.argument == argument for parameter in self.parameters)


def compile_operations(document: Document, uploads: Path) -> Mapping[str, Operation]:
    """All operations by id. `uploads` is the directory where files that are sent are put."""
    schemas = Schemas(document.raw.get("components", {}).get("schemas", {}))
    compiler = _Compiler(document, schemas, uploads)
    return {operation.id: operation for operation in compiler.operations()}


@dataclass(frozen=True)
class _Compiler:
    document: Document
    schemas: Schemas
    uploads: Path

    def operations(self) -> Iterator[Operation]:
        for path, methods in self.document.raw["paths"].items():
            shared = methods.get("parameters", [])
            for method in METHODS:
                if method in methods:
                    yield self.checked(path, method, methods[method], shared)

    def checked(
        self, path: str, method: str, spec: dict[str, Any], shared: list[dict[str, Any]]
    ) -> Operation:
        try:
            return self.operation(path, method, spec, shared)
        except ValueError as error:
            fault, _, _ = str(error).partition("\n")
            raise ContractError(self.document.fault(("paths", path, method), fault)) from error

    def operation(
        self, path: str, method: str, spec: dict[str, Any], shared: list[dict[str, Any]]
    ) -> Operation:
        resolve = self.document.resolve
        return Operation(
            id=spec["operationId"],
            method=method.upper(),
            path=path,
            pointer=("paths", path, method),
            spec=spec,
            parameters=tuple(
                self.parameter(resolve(entry)) for entry in [*shared, *spec.get("parameters", [])]
            ),
            bodies=self.bodies(resolve(spec.get("requestBody", {}))),
            scopes=_scopes(spec.get("security", self.document.raw.get("security", []))),
            rate_limit=_rate_limit(spec.get("x-rate-limit")),
            cache=_cache_policy(spec.get("x-cache")),
            deprecation=_deprecation(spec.get("x-deprecation")),
            responses={int(status): resolve(entry) for status, entry in spec["responses"].items()},
        )

    def parameter(self, spec: dict[str, Any]) -> Parameter:
        if "schema" not in spec or spec["in"] not in ("query", "path", "header"):
            raise ValueError(f"{spec['name']} needs a schema and a place in the query, path or headers")
        schema = self.document.resolve(spec["schema"])
        items = self.document.resolve(schema["items"]) if "items" in schema else None
        return Parameter(
            name=spec["name"],
            where=spec["in"],
            argument=spec["name"].lower().replace("-", "_"),
            required=spec.get("required", False),
            default=schema.get("default"),
            read=reader_of(schema, items),
            validator=self.schemas.validator(schema),
            convert=converter_of(schema),
            listed=spec["in"] == "path" and "enum" in schema,
        )

    def bodies(self, spec: dict[str, Any]) -> Readers:
        return {media: self.body(media, entry["schema"]) for media, entry in spec.get("content", {}).items()}

    def body(self, media: str, schema: dict[str, Any]) -> BodyReader:
        if media == "application/json" or media.endswith("+json"):
            return JsonReader(self.schemas.validator(schema))
        if media == FORM:
            return FormReader(self.schemas.validator(schema))
        schema = self.document.resolve(schema)
        if "maxLength" not in schema:
            raise ValueError(f"a body of {media} needs a maxLength")
        return FileReader(schema["maxLength"], UploadFolder(self.uploads))


def _scopes(security: list[dict[str, list[str]]]) -> frozenset[str] | None:
    return (
        frozenset(scope for entry in security for scopes in entry.values() for scope in scopes)
        if security
        else None
    )


def _rate_limit(spec: dict[str, Any] | None) -> RateLimit | None:
    if spec is None:
        return None
    parsed = limits.parse(spec["limit"])
    return RateLimit(parsed.amount, parsed.get_expiry(), spec["per"])


def _cache_policy(spec: dict[str, Any] | None) -> CachePolicy | None:
    return CachePolicy(spec["seconds"], tuple(spec["vary"])) if spec else None


def _deprecation(spec: dict[str, Any] | None) -> Deprecation | None:
    return Deprecation.of(spec) if spec else None
