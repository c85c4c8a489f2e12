"""What servers of HTTP share that run in the test's own process: a port, threads, and errors that show."""

import socketserver
import threading
from http.server import BaseHTTPRequestHandler
from types import TracebackType
from typing import Any, Self


class HttpServer:
    """Serve HTTP on a free port of 127.0.0.1 while the `with` block lasts, a thread for each request.

    A handler finds its server at ``self.server.owner``. The first of ``errors`` is raised when the block ends
    without another one.
    """

    def __init__(self, handler: type["Handler"]) -> None:
        self.errors: list[Exception] = []
        self._handler = handler
        self._listener: Listener | None = None
        self._thread: threading.Thread | None = None

    @property
    def address(self) -> str:
        """Return where the server is, without a path."""
        if self._listener is None:
            raise RuntimeError("the server runs inside its `with` block only")
        host, port = self._listener.server_address[:2]
        return f"http://{host!s}:{port}"

    def end(self) -> None:
        """Let go of what waits, and of what was made for the block, before the server ends."""

    def __enter__(self) -> Self:
        self._listener = Listener(self, self._handler)
        self._thread = threading.Thread(
            target=self._listener.serve_forever, args=(0.01,), name=type(self).__name__
        )
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.end()
        if self._listener is not None and self._thread is not None:
            self._listener.shutdown()
            self._listener.server_close()
            self._thread.join()
            self._listener = self._thread = None
        if kind is None and self.errors:
            raise self.errors[0]


class Listener(socketserver.ThreadingTCPServer):
    """Listen for a server: not HTTPServer, which looks up the host's name. Threads are joined at the end."""

    daemon_threads = False
    block_on_close = True
    request_queue_size = 128

    def __init__(self, owner: Any, handler: type["Handler"]) -> None:
        self.owner = owner
        super().__init__(("127.0.0.1", 0), handler)


class Handler(BaseHTTPRequestHandler):
    """Handle requests by :meth:`respond`, and log none."""

    protocol_version = "HTTP/1.1"
    timeout = 30
    disable_nagle_algorithm = True
    server: Listener

    def do_GET(self) -> None:
        self.respond()

    def do_POST(self) -> None:
        self.respond()

    def respond(self) -> None:
        """Read a request, and answer it."""
        raise NotImplementedError

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the base class's name
        """Log nothing."""
