"""What a peer must do to be measured, and the loop in its process: one JSON object a line, in and out.

This module needs the standard library alone, as it runs in the environment of each peer.
"""

import asyncio
import json
import os
import resource
import signal
import sys
import time
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import cycle
from pathlib import Path
from threading import Barrier
from typing import Any, Literal, Protocol, TypeAlias

Pattern: TypeAlias = tuple[str, str]
"""A regular expression, and the entity type of what it matches."""
Feature: TypeAlias = Literal["streams", "threads", "tasks", "forgets", "erases", "chats"]
Reply: TypeAlias = dict[str, Any]

_STATUS = Path("/proc/self/status")
_SECONDS = 0.1
"""The processor time that restoring one answer of a line may take."""
_BYTES = 256 * 2**20
"""The memory that a peer may take for answers, more than it had before."""
_CHARACTERS = 1_000_000
"""The length of an answer that no user would be shown."""
_PATIENCE = 10
"""How many failures a crowd may see before the rest is given up."""


class Session(Protocol):
    """One vault or map of a peer, with a detector that marks what some patterns match."""

    def hide(self, text: str) -> str:
        """Return what a model would be sent."""
        ...

    def restore(self, text: str) -> str:
        """Return what a user would be shown for an answer."""
        ...


@dataclass(frozen=True, slots=True)
class Peer:
    """Hold how a peer is called, what it offers, and how to open a session.

    A session has the methods of :class:`Session`, and those of what is offered: ``stream(pieces)``, which
    yields texts; ``forget(value)``; ``erase()``; ``ahide`` and ``arestore``, for tasks; ``hide_all(texts)``,
    for all messages of a chat in one call.
    """

    name: str
    version: str
    open: Callable[[Sequence[Pattern]], Any]
    offers: frozenset[Feature] = frozenset()
    notes: Mapping[str, str] = field(default_factory=dict)


def serve(peer: Peer) -> None:
    """Answer requests until the input ends. What else is printed goes to the error output."""
    replies = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    sessions: list[Any] = []
    for line in sys.stdin:
        request = json.loads(line)
        replies.write(json.dumps(_answer(peer, sessions, request)) + "\n")
        replies.flush()


def _answer(peer: Peer, sessions: list[Any], request: dict[str, Any]) -> Reply:
    if request["op"] == "describe":
        told = {"name": peer.name, "version": peer.version, "notes": dict(peer.notes)}
        return {**told, "offers": sorted(peer.offers)}
    if request["op"] == "open":
        sessions.append(peer.open([(regex, kind) for regex, kind in request["patterns"]]))
        return {"session": len(sessions) - 1}
    session = sessions[request["session"]]
    if request["op"] == "hide":
        return _attempt(lambda: session.hide(request["text"]))
    if request["op"] == "restore":
        with _bounded():
            return {"replies": [_restore(session, pieces) for pieces in request["answers"]]}
    if request["op"] == "together":
        return {"replies": _together(session, request["mode"], request["width"], request["texts"])}
    if request["op"] in ("time", "turn"):
        timed = _times if request["op"] == "time" else _turn
        return asyncio.run(timed(session, request["texts"], peer.offers))
    return _attempt(lambda: getattr(session, request["op"])(*request.get("arguments", [])))


@contextmanager
def _bounded() -> Iterator[None]:
    """Let what runs away end with an error: one peer makes gigabytes of one line."""
    before = resource.getrlimit(resource.RLIMIT_DATA)
    if _STATUS.exists():  # Linux: elsewhere the time alone is bounded
        lines = _STATUS.read_text(encoding="ascii").splitlines()
        [kilobytes] = [int(line.split()[1]) for line in lines if line.startswith("VmData:")]
        resource.setrlimit(resource.RLIMIT_DATA, (kilobytes * 1024 + _BYTES, before[1]))
    signal.signal(signal.SIGVTALRM, _time_is_up)
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_DATA, before)


def _time_is_up(_number: int, _frame: object) -> None:
    raise TimeoutError


def _attempt(call: Callable[[], object]) -> Reply:
    """Tell what a call gave, or the name of what it raised: a peer may raise whatever it likes."""
    try:
        text = call()
    except Exception as error:  # noqa: BLE001
        return {"error": type(error).__name__}
    endless = isinstance(text, str) and len(text) > _CHARACTERS
    return {"error": "Endless"} if endless else {"text": text}


def _restore(session: Any, pieces: list[str]) -> Reply:
    def restore() -> str:
        signal.setitimer(signal.ITIMER_VIRTUAL, _SECONDS)
        try:
            whole = len(pieces) == 1
            return str(session.restore(pieces[0])) if whole else "".join(session.stream(iter(pieces)))
        finally:
            signal.setitimer(signal.ITIMER_VIRTUAL, 0)

    return _attempt(restore)


def _together(session: Any, mode: str, width: int, texts: list[str]) -> list[Reply]:
    """Hide texts and restore what came of them: ``width`` at a time, each after its own hiding."""
    if mode == "tasks":
        return asyncio.run(_in_tasks(session, width, texts))
    failed: list[str] = []
    if width == 1:
        with _bounded():
            return [_round_trip(session, text, failed) for text in texts]
    all_there = Barrier(width)
    with ThreadPoolExecutor(width) as pool:
        list(pool.map(lambda _: all_there.wait(), range(width)))  # a thread's stack is not what a peer takes
        with _bounded():
            return list(pool.map(lambda text: _round_trip(session, text, failed), texts))


def _round_trip(session: Any, text: str, failed: list[str]) -> Reply:
    if len(failed) >= _PATIENCE:
        return {"hidden": "", "error": "GivenUp"}
    hidden = _attempt(lambda: session.hide(text))
    reply = {"hidden": hidden.get("text", ""), **hidden}
    if "error" not in hidden:
        reply.update(_attempt(lambda: session.restore(hidden["text"])))
    if "error" in reply:
        failed.append(reply["error"])
    return reply


async def _in_tasks(session: Any, width: int, texts: list[str]) -> list[Reply]:
    replies: dict[int, Reply] = {}

    async def work(own: Iterator[int]) -> None:
        for place in own:
            replies[place] = await _around(session, texts[place])

    shares: list[list[int]] = [[] for _ in range(width)]
    for place, share in zip(range(len(texts)), cycle(shares), strict=False):
        share.append(place)
    await asyncio.gather(*(work(iter(share)) for share in shares))
    return [replies[place] for place in range(len(texts))]


async def _around(session: Any, text: str) -> Reply:
    hidden = ""
    try:
        hidden = await session.ahide(text)
        return {"hidden": hidden, "text": await session.arestore(hidden)}
    except Exception as error:  # noqa: BLE001
        return {"hidden": hidden, "error": type(error).__name__}


async def _times(session: Any, texts: Sequence[str], offers: Collection[Feature]) -> Reply:
    """Take the processor time of hiding each text, and of restoring what was sent."""
    replies: list[Reply] = []
    for text in texts:
        start = time.process_time()
        hidden = await _hide(session, text, offers)
        between = time.process_time()
        restored = session.restore(hidden) if "threads" in offers else await session.arestore(hidden)
        end = time.process_time()
        right = restored == text != hidden
        replies.append({"hide": between - start, "restore": end - between, "right": right})
    return {"replies": replies}


async def _turn(session: Any, texts: Sequence[str], offers: Collection[Feature]) -> Reply:
    """Take the processor time of hiding all messages of a chat: at once, where a tool offers that."""
    start = time.process_time()
    if "chats" in offers:
        session.hide_all(texts)
    else:
        for text in texts:
            await _hide(session, text, offers)
    return {"seconds": time.process_time() - start}


async def _hide(session: Any, text: str, offers: Collection[Feature]) -> str:
    """Hide a text; a peer that is made for tasks alone does so in this event loop, as in an application."""
    return str(session.hide(text) if "threads" in offers else await session.ahide(text))
