"""Validation, compiled: every parameter and body is checked, and all faults are told."""

from collections.abc import Awaitable, Mapping
from typing import Any

from starlette.types import ASGIApp, Receive, Scope, Send

from stockroom.contract.body_readers import MAX_BYTES, Admit, Sender
from stockroom.contract.operations import Operation
from stockroom.contract.parameters import RequestFault, read_query
from stockroom.contract.problems import MAX_ERRORS, Problem
from stockroom.http.bodies import Memory, read_media_type, receive_chunks, too_large
from stockroom.http.context import RequestContext, context_of
from stockroom.uploads import Upload

MEMORY = 64 * MAX_BYTES
"""Bytes that all bodies may take while they arrive, but for what is always let in of each."""


class CompiledValidation:
    """Validates the requests of one operation. What depends on the contract alone is made here, once."""

    def __init__(
        self, operation: Operation, next_app: ASGIApp, memory: Memory, admit: Admit | None = None
    ) -> None:
        self.next_app = next_app
        self._memory = memory
        self._admit = admit
        self._operation = operation
        self._bodies = operation.bodies
        self._query = {p.name: p for p in operation.parameters if p.where == "query"}
        self._path = [p for p in operation.parameters if p.where == "path"]
        self._headers = {p.name.lower().encode(): p for p in operation.parameters if p.where == "header"}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        context = context_of(scope)
        errors: list[RequestFault] = []
        self._bind_path(scope, context.arguments, errors)
        self._bind_query(scope["query_string"], context.arguments, errors)
        self._bind_headers(context.fields, context.arguments, errors)
        try:
            if self._bodies:
                await self._bind_body(receive, context, errors)
            if errors:
                raise _invalid(errors)
            context.validated = self._operation
            await self.next_app(scope, receive, send)
        finally:
            upload = context.arguments.get("body")
            if isinstance(upload, Upload):
                upload.close()

    def _bind_path(self, scope: Scope, values: dict[str, Any], errors: list[RequestFault]) -> None:
        for parameter in self._path:
            parameter.bind(scope["path_params"][parameter.argument], values, errors)

    def _bind_query(self, raw: bytes, values: dict[str, Any], errors: list[RequestFault]) -> None:
        pairs = read_query(raw) if raw else {}
        for name, texts in pairs.items():
            if name not in self._query:
                errors.append({"detail": "There is no such parameter here.", "parameter": name[:100]})
            elif len(texts) > 1:
                errors.append({"detail": f"The parameter is there {len(texts)} times.", "parameter": name})
        for name, parameter in self._query.items():
            found = pairs.get(name)
            parameter.bind(found[0] if found else None, values, errors)

    def _bind_headers(
        self, fields: Mapping[bytes, bytes], values: dict[str, Any], errors: list[RequestFault]
    ) -> None:
        for name, parameter in self._headers.items():
            # Several lines of a list have become one; the patterns of what is no list refuse the comma.
            found = fields.get(name)
            parameter.bind(None if found is None else found.decode("latin-1").strip(), values, errors)

    async def _bind_body(self, receive: Receive, context: RequestContext, errors: list[RequestFault]) -> None:
        fields = context.fields
        media = read_media_type(fields.get(b"content-type", b"").decode("latin-1"))
        reader = self._bodies.get(media.name)
        if reader is None or fields.get(b"content-encoding", b"identity").lower() != b"identity":
            raise Problem(
                "unsupported-media-type", f"This operation takes {' or '.join(self._bodies)}, unencoded."
            )
        announced = fields.get(b"content-length")
        length = None if announced is None else int(announced)
        if length is not None and length > reader.limit:
            raise too_large(reader.limit)
        is_file = reader.limit > MAX_BYTES
        if errors and is_file:
            return  # A large file is not worth reading once the request is refused.
        chunks = receive_chunks(receive, reader.limit, None if is_file else self._memory)
        sender = Sender(context.caller, length, self._admit) if is_file else None
        body = await reader.read(chunks, media, errors, sender)
        context.arguments["body"] = body.value
        context.fingerprint = body.fingerprint


def _invalid(errors: list[RequestFault]) -> Problem:
    listed = f"; the first {MAX_ERRORS} are listed" if len(errors) > MAX_ERRORS else ""
    what = "One value is" if len(errors) == 1 else f"{len(errors)} values are"
    return Problem("validation-failed", f"{what} not what this operation takes{listed}.", errors=errors)


class ValidationMiddleware:
    """Stands where Connexion's RequestValidationMiddleware does, which makes validators for each request.

    It is a function that passes on, as routing is.
    """

    def __init__(self, app: ASGIApp, operations: Mapping[str, Operation], admit: Admit | None = None) -> None:
        """`admit` is asked before a file is received."""
        memory = Memory(MEMORY)
        self._validations = {
            id_: CompiledValidation(one, app, memory, admit) for id_, one in operations.items()
        }

    def __call__(self, scope: Scope, receive: Receive, send: Send) -> Awaitable[None]:
        operation = context_of(scope).operation
        return self._validations[operation.id](scope, receive, send)  # type: ignore[union-attr]  # it has been routed
