"""The transport of a connection: asyncio's, and how its last bytes are not lost."""

import asyncio
from contextlib import suppress
from typing import Any, cast

LINGERING = 2.0
"""Seconds that a client has to read the last answer of a connection, and to stop sending."""


class Transport:
    """A transport that sends a head together with its body, and takes its time to be closed.

    Once closed it sends no more, and reads on for a while. Otherwise the system would reset a connection with
    something unread, and the last answer might be lost on its way (RFC 9112, 9.6).
    """

    def __init__(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        self._loop = asyncio.get_running_loop()
        self._closed = False
        self._held = b""
        self._written = 0
        self.is_reading = True
        """Whether bytes are taken from the client. There is no reading while the application has enough."""

    def __getattr__(self, name: str) -> Any:
        return getattr(self._transport, name)

    @property
    def taken(self) -> int:
        """Bytes that the system has taken to send; it takes no more from whom it can send no more."""
        return self._written - self.get_write_buffer_size()

    def get_write_buffer_size(self) -> int:
        return len(self._held) + self._transport.get_write_buffer_size()

    def pause_reading(self) -> None:
        self.is_reading = False
        self._transport.pause_reading()

    def resume_reading(self) -> None:
        self.is_reading = True
        self._transport.resume_reading()

    def is_closing(self) -> bool:
        return self._closed or self._transport.is_closing()

    def write(self, data: bytes) -> None:
        if self._closed:
            return  # An answer may come late: one to a request whose body turned out to be broken, say.
        self._written += len(data)
        if self._held:
            data, self._held = self._held + data, b""
            self._transport.write(data)
        else:
            self._held = data
            self._loop.call_soon(self._send_held)

    def _send_held(self) -> None:
        data, self._held = self._held, b""
        if data and not self._transport.is_closing():
            self._transport.write(data)

    def close(self) -> None:
        if self.is_closing():
            return
        self._closed = True
        self._send_held()
        if not self._transport.can_write_eof():  # TLS cannot.
            self._transport.close()
            return
        self.resume_reading()
        with suppress(OSError):  # The client may have reset the connection.
            self._transport.write_eof()
        self._loop.call_later(LINGERING, self._transport.close)
