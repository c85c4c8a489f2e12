"""A peer in its process, and one of its sessions, as this process sees them."""

import json
import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, NamedTuple, Self

from benchmarks.faithfulness.peer import Pattern


class Times(NamedTuple):
    """Hold the processor time of hiding and of restoring one text, in seconds.

    ``right`` tells whether something was hidden, and the text came back as it was.
    """

    hide: float
    restore: float
    right: bool


class PeerFailedError(Exception):
    """Raised where a peer's process ends before it has answered; holds the end of what it said."""


class PeerProcess:
    """Start a peer, and end it at the end of the block."""

    def __init__(self, python: Path, module: str, *arguments: str) -> None:
        self._command = [str(python), "-m", module, *arguments]
        self.name = ""
        self.version = ""
        self.offers: frozenset[str] = frozenset()
        self.notes: Mapping[str, str] = {}

    def __enter__(self) -> Self:
        self._said = tempfile.TemporaryFile("w+", encoding="utf-8", errors="replace")
        self._process = subprocess.Popen(
            self._command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self._said, text=True
        )
        try:
            told = self.ask(op="describe")
        except PeerFailedError:
            self._close()
            raise
        self.name, self.version, self.notes = told["name"], told["version"], told["notes"]
        self.offers = frozenset(told["offers"])
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._close()

    def _close(self) -> None:
        try:
            self._process.communicate(timeout=10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.communicate()
        self._said.close()

    def ask(self, **request: Any) -> dict[str, Any]:
        """Send a request, and wait for its reply."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        try:
            self._process.stdin.write(json.dumps(request) + "\n")
            self._process.stdin.flush()
            line = self._process.stdout.readline()
        except BrokenPipeError:
            line = ""
        if not line:
            self._said.seek(0)
            raise PeerFailedError(f"{' '.join(self._command)}: {self._said.read()[-2000:]}")
        reply: dict[str, Any] = json.loads(line)
        return reply

    def open(self, patterns: Sequence[Pattern]) -> "PeerSession":
        """Open a new vault or map."""
        return PeerSession(self, self.ask(op="open", patterns=patterns)["session"])


class PeerSession:
    """Ask a peer about one of its vaults. ``None`` stands for a call that raised."""

    def __init__(self, peer: PeerProcess, number: int) -> None:
        self.peer = peer
        self._number = number

    def hide(self, text: str) -> str | None:
        """Return what a model would be sent."""
        found: str | None = self.peer.ask(op="hide", session=self._number, text=text).get("text")
        return found

    def restore(self, answers: Sequence[Sequence[str]]) -> list[str | None]:
        """Return what a user would be shown; an answer is its pieces, and one of a single piece is whole."""
        reply = self.peer.ask(op="restore", session=self._number, answers=answers)
        return [one.get("text") for one in reply["replies"]]

    def together(self, mode: str, width: int, texts: Sequence[str]) -> list[tuple[str, str | None]]:
        """Hide and restore many texts at once: what would be sent, and what would be shown."""
        reply = self.peer.ask(op="together", session=self._number, mode=mode, width=width, texts=texts)
        return [(one["hidden"], one.get("text")) for one in reply["replies"]]

    def time(self, texts: Sequence[str]) -> list[Times]:
        """Hide and restore texts, one after another."""
        return [
            Times(**one) for one in self.peer.ask(op="time", session=self._number, texts=texts)["replies"]
        ]

    def turn(self, messages: Sequence[str]) -> float:
        """Hide all messages of a chat, and return the processor time in seconds."""
        return float(self.peer.ask(op="turn", session=self._number, texts=messages)["seconds"])

    def forget(self, value: str) -> None:
        """Remove one value."""
        self.peer.ask(op="forget", session=self._number, arguments=[value])

    def erase(self) -> None:
        """Remove all values."""
        self.peer.ask(op="erase", session=self._number)
