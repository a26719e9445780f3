"""Answers that are kept while they are sent, to be looked at afterwards."""

from dataclasses import dataclass, field

from starlette.types import Message

LONGEST_BODY = 1024 * 1024
"""Bytes of a body that are kept; nothing is kept of one that is longer."""


@dataclass(slots=True)
class CapturedResponse:
    """What was sent in answer to one request. `path` is percent-decoded."""

    method: str
    path: str
    request_id: str
    status: int = 0
    fields: list[tuple[bytes, bytes]] = field(default_factory=list)
    chunks: list[bytes] = field(default_factory=list)
    length: int = 0

    def keep(self, message: Message) -> bool:
        """Take in a message of ASGI. Returns whether it was the last."""
        if message["type"] == "http.response.start":
            self.status, self.fields = message["status"], message["headers"]
            return False
        # After HEAD a server sends no body, whatever it is given.
        chunk = b"" if self.method == "HEAD" else message.get("body", b"")
        self.length += len(chunk)
        if self.too_long:
            self.chunks.clear()
        else:
            self.chunks.append(chunk)
        return not message.get("more_body", False)

    @property
    def too_long(self) -> bool:
        return self.length > LONGEST_BODY

    def headers(self) -> dict[str, str]:
        """By name in lower case; the values of one that is there several times are joined (RFC 9110, 5.2)."""
        headers: dict[str, str] = {}
        for raw_name, raw_value in self.fields:
            name, value = raw_name.decode("latin-1").lower(), raw_value.decode("latin-1")
            headers[name] = f"{headers[name]}, {value}" if name in headers else value
        return headers

    def body(self) -> bytes:
        return b"".join(self.chunks)
