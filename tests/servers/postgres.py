"""A PostgreSQL server for tests."""

import signal
import subprocess
from pathlib import Path

from tests.servers.process import HOST, LocalServer, find_program

PACKAGE = "postgresql"
_FOLDERS = sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)


class PostgresServer(LocalServer):
    """Run ``postgres`` over a database cluster of its own; user and database are ``secguard``, no password.

    ``kill`` ends it at once and without a checkpoint, so that the next start recovers as from a crash.

    Args:
        options: More of ``postgresql.conf``, such as ``max_connections="200"``.
    """

    made_with: tuple[str, ...] = ()
    """More options of ``initdb``."""

    stop_signal = signal.SIGINT
    kill_signal = signal.SIGQUIT

    def __init__(self, **options: str) -> None:
        self._postgres = find_program("postgres", package=PACKAGE, folders=_FOLDERS)
        self._initdb = find_program("initdb", package=PACKAGE, folders=_FOLDERS)
        self._ready = find_program("pg_isready", package=PACKAGE, folders=_FOLDERS)
        super().__init__(user="postgres")  # it refuses to run as root
        self._options = options

    @property
    def address(self) -> str:
        """The user, host, port and database, to put behind the ``driver://`` of a URL."""
        return f"secguard@{HOST}:{self.port}/postgres"

    @property
    def data(self) -> Path:
        """The folder of the database cluster."""
        return self.folder / "data"

    def start(self) -> None:
        """Start the server, and return when it answers; the first time its data is made."""
        if not self.data.exists():
            self.run(
                self._initdb,
                *("--pgdata", str(self.data), "--username", "secguard", "--auth", "trust"),
                *("--no-sync", "--encoding", "UTF8", "--no-locale", *self.made_with),
            )
        super().start()

    def command(self) -> list[str]:
        """Return the command line of the server."""
        given = {
            "port": str(self.port),
            "listen_addresses": HOST,
            "unix_socket_directories": "",
            "fsync": "off",  # a killed process loses nothing by it: only a machine that loses power does
            "max_connections": "100",
            **self._options,
        }
        settings = (word for name, value in given.items() for word in ("-c", f"{name}={value}"))
        return [self._postgres, "-D", str(self.data), *settings]

    def answers(self) -> bool:
        """Tell whether the server takes connections."""
        where = ("--host", HOST, "--port", str(self.port), "--username", "secguard", "--dbname", "postgres")
        asked = [self._ready, "--quiet", "--timeout", "5", *where]
        return subprocess.run(asked, check=False, timeout=30).returncode == 0
