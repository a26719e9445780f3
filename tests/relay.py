"""A relay before a server; a test can end its connections in order, or by a reset as a lost machine does."""

import socket
import struct
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress

_RESET = struct.pack("ii", 1, 0)


class Relay:
    """Passes bytes between each client and a connection of its own to the server."""

    def __init__(self, server: tuple[str, int]) -> None:
        self._server = server
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=64)
        self.address: tuple[str, int] = self._listener.getsockname()
        self._clients: list[socket.socket] = []
        self._flowing = threading.Event()
        self._flowing.set()
        threading.Thread(target=self._accept, daemon=True).start()

    def reset(self) -> int:
        """Reset the connections of all clients; how many there were."""
        return self._end(reset=True)

    def close_in_order(self) -> int:
        return self._end(reset=False)

    def freeze(self) -> None:
        """Pass nothing on any more, and say nothing of it: as where a machine or a cable is lost."""
        self._flowing.clear()

    def close(self) -> None:
        self._flowing.set()
        self._listener.close()
        self._end(reset=True)

    def _end(self, *, reset: bool) -> int:
        clients, self._clients = self._clients, []
        for client in clients:
            with suppress(OSError):
                if reset:
                    client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
                    # Wakes whoever reads from it here, and sends nothing.
                    client.shutdown(socket.SHUT_RD)
                else:
                    client.shutdown(socket.SHUT_RDWR)
            client.close()
        return len(clients)

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                server = socket.create_connection(self._server)
                self._clients.append(client)
                for source, target in ((client, server), (server, client)):
                    threading.Thread(target=self._pass_on, args=(source, target), daemon=True).start()

    def _pass_on(self, source: socket.socket, target: socket.socket) -> None:
        with suppress(OSError):
            while piece := source.recv(65_536):
                self._flowing.wait()
                target.sendall(piece)
        # Both ways end together: what a relay cannot deliver it must not hold back.
        for end in (source, target):
            with suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
        if target.fileno() != -1:
            target.close()


@contextmanager
def relay(host: str, port: int) -> Iterator[Relay]:
    opened = Relay((host, port))
    try:
        yield opened
    finally:
        opened.close()
