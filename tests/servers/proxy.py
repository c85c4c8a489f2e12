"""A proxy between a client and its server that records, counts, stalls and cuts."""

import contextlib
import socket
import threading
from types import TracebackType
from typing import Self

from tests.servers.process import HOST


class StallProxy:
    """Forward bytes to a port of 127.0.0.1, and keep what passed. Use it as a context manager.

    ``sent`` has what clients sent and ``received`` what the server answered, over all connections.
    """

    def __init__(self, port: int) -> None:
        self.sent = bytearray()
        self.received = bytearray()
        self.turns = 0
        self._target = port
        self._listener = socket.create_server((HOST, 0))
        self.port: int = self._listener.getsockname()[1]
        self._open = threading.Event()
        self._open.set()
        self._lock = threading.Lock()
        self._links: list[socket.socket] = []
        self._closed = False
        self._asking: set[int] = set()
        threading.Thread(target=self._accept, daemon=True).start()

    def stall(self) -> None:
        """Take what comes, and pass nothing on, until :meth:`flow`."""
        self._open.clear()

    def flow(self) -> None:
        """Pass on what was held back, and what comes."""
        self._open.set()

    def cut(self) -> None:
        """Close every connection; new ones are taken."""
        with self._lock:
            links, self._links = self._links, []
        for link in links:
            with contextlib.suppress(OSError):
                link.shutdown(socket.SHUT_RDWR)

    def clear(self) -> None:
        """Forget what was recorded and counted."""
        with self._lock:
            self.sent.clear()
            self.received.clear()
            self.turns = 0

    def close(self) -> None:
        """End it, and every connection."""
        self._closed = True
        self._open.set()
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self.cut()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _accept(self) -> None:
        while not self._closed:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            try:
                server = socket.create_connection((HOST, self._target))
            except OSError:
                client.close()
                continue
            with self._lock:
                self._links += [client, server]
            link = id(client)
            for source, target, kept in ((client, server, self.sent), (server, client, self.received)):
                threading.Thread(target=self._forward, args=(source, target, kept, link), daemon=True).start()

    def _forward(self, source: socket.socket, target: socket.socket, kept: bytearray, link: int) -> None:
        with contextlib.suppress(OSError), source, target:
            while data := source.recv(1 << 16):
                self._record(data, kept, link)
                self._open.wait()
                target.sendall(data)
            target.shutdown(socket.SHUT_WR)

    def _record(self, data: bytes, kept: bytearray, link: int) -> None:
        """Keep ``data``; a question after an answer, or the first, begins a round trip."""
        with self._lock:
            kept += data
            if kept is self.received:
                self._asking.discard(link)
            elif link not in self._asking:
                self._asking.add(link)
                self.turns += 1
