"""A server as a process of a test's own: started, stopped, restarted, killed."""

import contextlib
import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import IO, Self

import pytest

HOST = "127.0.0.1"


def free_port(*, room: int = 0) -> int:
    """Return a port on which nothing listens, with one that many above it that could be listened on."""
    while True:
        with socket.socket() as probe:
            probe.bind((HOST, 0))
            port: int = probe.getsockname()[1]
        if port + room < 1 << 16:
            return port


def find_program(name: str, *, package: str, folders: Sequence[Path] = ()) -> str:
    """Return the path of a server's program.

    Where it is missing the test is skipped, and fails if the environment variable ``CI`` is set.
    """
    path = os.pathsep.join([os.environ.get("PATH", os.defpath), *map(str, folders)])
    found = shutil.which(name, path=path)
    if found is None:
        missing = f"{name} is not installed: apt-get install {package}"
        if os.environ.get("CI"):
            pytest.fail(missing)
        pytest.skip(missing)
    return found


class LocalServer:
    """Run one server in a folder that lasts until :meth:`close`, so that a restart finds its data.

    A subclass says what is run, and when it answers. Use it as a context manager.

    Args:
        user: The account to run under where the tests run as root; the present one when ``None``.
    """

    stop_signal = signal.SIGTERM
    kill_signal = signal.SIGKILL

    def __init__(self, *, user: str | None = None) -> None:
        self.port = free_port()
        self.folder = Path(tempfile.mkdtemp(prefix="secguard-"))
        self._account = pwd.getpwnam(user) if user and os.geteuid() == 0 else None
        if self._account:
            os.chown(self.folder, self._account.pw_uid, self._account.pw_gid)
        self._process: subprocess.Popen[bytes] | None = None
        self._log: IO[bytes] | None = None

    def command(self) -> list[str]:
        """Return the command line of the server."""
        raise NotImplementedError

    def answers(self) -> bool:
        """Tell whether the server answers."""
        raise NotImplementedError

    @property
    def pid(self) -> int:
        """The id of the running process."""
        assert self._process is not None
        return self._process.pid

    @property
    def log(self) -> str:
        """What the server wrote to its standard output and error."""
        return (self.folder / "server.log").read_text(encoding="utf-8", errors="replace")

    def start(self) -> None:
        """Start the server, and return when it answers."""
        self._log = (self.folder / "server.log").open("ab")
        self._process = self._popen(self.command())
        self._await()

    def stop(self) -> None:
        """Ask the server to end, and wait until it did."""
        self._end(self.stop_signal)

    def kill(self) -> None:
        """End the server as a crash would."""
        self._end(self.kill_signal)

    def restart(self) -> None:
        """Stop the server, and start it again on its port and its data."""
        self.stop()
        self.start()

    def close(self) -> None:
        """End the server, and remove its folder."""
        self.kill()
        shutil.rmtree(self.folder, ignore_errors=True)

    def run(self, *command: str) -> None:
        """Run a program to its end under the server's account."""
        process = self._popen(list(command), log=subprocess.PIPE)
        output, _ = process.communicate(timeout=60)
        if process.returncode:
            raise RuntimeError(f"{command[0]} failed:\n{output.decode(errors='replace')}")

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

    def _popen(self, command: list[str], *, log: IO[bytes] | int | None = None) -> subprocess.Popen[bytes]:
        account = self._account
        return subprocess.Popen(
            command,
            cwd=self.folder,
            stdin=subprocess.DEVNULL,
            stdout=log or self._log,
            stderr=subprocess.STDOUT,
            user=account.pw_uid if account else None,
            group=account.pw_gid if account else None,
            extra_groups=[] if account else None,
            start_new_session=True,
        )

    def _await(self, seconds: float = 30) -> None:
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            assert self._process is not None
            if self._process.poll() is not None:
                break
            with contextlib.suppress(OSError):
                if self.answers():
                    return
            time.sleep(0.02)
        raise RuntimeError(f"{type(self).__name__} did not start:\n{self.log}")

    def _end(self, signal_: signal.Signals) -> None:
        process, self._process = self._process, None
        if process is not None:
            process.send_signal(signal_)
            try:
                process.wait(timeout=20)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        if self._log is not None:
            self._log.close()
            self._log = None
