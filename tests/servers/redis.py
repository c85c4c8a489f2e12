"""A Redis server, and a cluster of three, for tests."""

import socket
import subprocess
import time
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

from tests.servers.process import HOST, LocalServer, find_program, free_port

PACKAGE = "redis-server"
_SLOTS = 16_384


class RedisServer(LocalServer):
    """Run ``redis-server``.

    Args:
        append_only: Write each command to disk before it is answered, so that a restart, or a crash,
            loses nothing that was acknowledged.
        options: More of ``redis.conf``, such as ``maxmemory="2mb"``; an underscore stands for a hyphen.
    """

    def __init__(self, *, append_only: bool = False, **options: str) -> None:
        self._program = find_program("redis-server", package=PACKAGE)
        self._cli = find_program("redis-cli", package=PACKAGE)
        super().__init__()
        self._options = options
        self._append_only = append_only

    @property
    def url(self) -> str:
        """The URL of the server, with its password if it has one."""
        password = self._options.get("requirepass")
        return f"redis://{f':{password}@' if password else ''}{HOST}:{self.port}/0"

    def command(self) -> list[str]:
        """Return the command line of the server."""
        given = {
            "port": str(self.port),
            "bind": HOST,
            "dir": str(self.folder),
            "save": "",
            "appendonly": "yes" if self._append_only else "no",
            "appendfsync": "always",
            "loglevel": "warning",
            **{name.replace("_", "-"): value for name, value in self._options.items()},
        }
        return [self._program, *(word for name, value in given.items() for word in (f"--{name}", value))]

    def answers(self) -> bool:
        """Tell whether the server answers, its data loaded."""
        with socket.create_connection((HOST, self.port), timeout=5) as connection:
            connection.sendall(b"PING\r\n")
            return connection.recv(64).startswith((b"+PONG", b"-NOAUTH"))

    def cli(self, *arguments: str) -> str:
        """Run ``redis-cli`` and return what it prints."""
        password = self._options.get("requirepass")
        login = ["-a", password, "--no-auth-warning"] if password else []
        done = subprocess.run(
            [self._cli, "-h", HOST, "-p", str(self.port), *login, *arguments],
            capture_output=True,
            encoding="latin-1",
            check=True,
            timeout=60,
        )
        return done.stdout.strip()

    def files(self) -> list[Path]:
        """List the files that the server wrote."""
        return [path for path in self.folder.rglob("*") if path.is_file() and path.name != "server.log"]


class RedisCluster:
    """Run some Redis servers as one cluster. Use it as a context manager."""

    def __init__(self, nodes: int = 3) -> None:
        self.nodes: Sequence[RedisServer] = [_node() for _ in range(nodes)]

    @property
    def url(self) -> str:
        """The URL of the first node."""
        return self.nodes[0].url

    def start(self) -> None:
        """Start the nodes, share the slots out, and return when the cluster is complete."""
        for node in self.nodes:
            node.start()
        first, *others = self.nodes
        for place, node in enumerate(self.nodes):
            slots = range(_SLOTS * place // len(self.nodes), _SLOTS * (place + 1) // len(self.nodes))
            node.cli("cluster", "addslots", *map(str, slots))
            node.cli("cluster", "set-config-epoch", str(place + 1))
        for node in others:
            first.cli("cluster", "meet", HOST, str(node.port))
        self._await()

    def close(self) -> None:
        """End the nodes, and remove their folders."""
        for node in self.nodes:
            node.close()

    def __enter__(self) -> Self:
        try:
            self.start()
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _await(self, seconds: float = 30) -> None:
        deadline = time.monotonic() + seconds
        signs = ("cluster_state:ok", f"cluster_slots_ok:{_SLOTS}", f"cluster_known_nodes:{len(self.nodes)}")
        while not all(sign in node.cli("cluster", "info") for node in self.nodes for sign in signs):
            if time.monotonic() > deadline:
                raise RuntimeError(f"the cluster did not form:\n{self.nodes[0].log}")
            time.sleep(0.05)


def _node() -> RedisServer:
    """Make a node whose cluster bus, which listens 10,000 above its port, has room there."""
    node = RedisServer(cluster_enabled="yes", cluster_node_timeout="5000")
    node.port = free_port(room=10_000)
    return node
