"""An ASGI app run by uvicorn, as its users run it."""

import http.client
import os
import sys
from collections.abc import Mapping
from pathlib import Path

from tests.servers.process import HOST, LocalServer

_ROOT = Path(__file__).parents[2]


class AppServer(LocalServer):
    """Run ``uvicorn --factory`` with some workers.

    Args:
        factory: Where the function is that makes the app, such as ``"package.module:create"``.
        workers: So many processes serve it.
        environment: Variables of the environment besides those of the tests.
        grace: Seconds for which a stop waits for what is under way.
        ready: A path that answers with a 200 once the app can do its work.
        options: More of uvicorn's command line.
    """

    def __init__(
        self,
        factory: str,
        *options: str,
        workers: int = 1,
        environment: Mapping[str, str] | None = None,
        grace: int = 5,
        ready: str = "/readyz",
    ) -> None:
        super().__init__()
        self._factory = factory
        self._workers = workers
        self._environment = environment or {}
        self._grace = grace
        self._ready = ready
        self._options = options

    @property
    def url(self) -> str:
        """The URL of the server, without a path."""
        return f"http://{HOST}:{self.port}"

    def command(self) -> list[str]:
        """Return the command line of the server."""
        inherited = (f"--unset={name}" for name in os.environ if name.startswith("SECGUARD_"))
        given = (f"{name}={value}" for name, value in self._environment.items())
        return [
            *("/usr/bin/env", *inherited, *given),
            *(sys.executable, "-m", "uvicorn", "--factory", self._factory, "--app-dir", str(_ROOT)),
            *("--host", HOST, "--port", str(self.port), "--workers", str(self._workers)),
            *("--no-access-log", "--timeout-graceful-shutdown", str(self._grace), *self._options),
        ]

    def _await(self, seconds: float = 120) -> None:
        super()._await(seconds)  # each worker imports what it needs, on a machine that may be busy

    def answers(self) -> bool:
        """Tell whether the app is ready."""
        connection = http.client.HTTPConnection(HOST, self.port, timeout=5)
        try:
            connection.request("GET", self._ready)
            return connection.getresponse().status == 200
        finally:
            connection.close()

    def workers(self) -> list[int]:
        """Return the ids of the processes that serve."""
        if self._workers == 1:
            return [self.pid]
        listed = Path(f"/proc/{self.pid}/task/{self.pid}/children").read_text(encoding="ascii").split()
        return [pid for pid in map(int, listed) if _runs(pid, b"multiprocessing")]

    def memory(self) -> int:
        """Return the bytes that the processes which serve hold together."""
        pages = (Path(f"/proc/{pid}/statm").read_text(encoding="ascii").split()[1] for pid in self.workers())
        return sum(map(int, pages)) * os.sysconf("SC_PAGE_SIZE")


def _runs(pid: int, word: bytes) -> bool:
    command = Path(f"/proc/{pid}/cmdline").read_bytes()
    return word in command and b"resource_tracker" not in command
