"""What is asked of a chain whose store is broken, whatever database it is over."""

import asyncio
import threading
import time
from collections.abc import Callable
from typing import Any

import pytest
from langchain_core.runnables import Runnable, RunnableLambda

from langchain_secguard import Anonymizer, Deanonymizer, VaultUnavailableError
from langchain_secguard.testing.values import JANE
from langchain_secguard.vault import VaultStore
from tests.support import Capture, LexiconDetector

TIMEOUT = 0.4
PATIENCE = 20.0
"""Seconds in which a call has failed for sure: some timeouts one after another, on a busy machine."""

PASSWORD = "s3cr%3At-w0rd"
NAME = "Jane Doe"


def around(store: VaultStore, act: Callable[[str], None], name: str = NAME) -> Runnable[Any, Any]:
    """Make a chain whose model acts on what it is sent, and gives it back."""

    def model(text: str) -> str:
        act(text)
        return text

    before = Anonymizer(detector=LexiconDetector({name: "PERSON"}), store=store)
    return before | RunnableLambda(model) | Deanonymizer(store=store)


def within_patience(call: Callable[[], Any]) -> BaseException:
    """Return the error with which ``call`` fails, which it must, and in time."""
    begun = time.monotonic()
    with pytest.raises(VaultUnavailableError) as caught:
        call()
    assert time.monotonic() - begun < PATIENCE
    return caught.value


def fails_closed_and_quietly(store: VaultStore, name: str = NAME) -> None:
    """Check that no way to call a chain sends anything, and that errors, logs and traces hold no secret."""
    reached: list[object] = []
    with Capture() as capture:
        chain = around(store, reached.append, name)
        text = f"{name} is here."
        calls: list[Callable[[], Any]] = [
            lambda: chain.invoke(text, capture.config()),
            lambda: asyncio.run(chain.ainvoke(text, capture.config())),
            lambda: list(chain.stream(text, capture.config())),
        ]
        for call in calls:
            capture.add(within_patience(call))
        capture.add(store)
    assert reached == []
    for secret in (name.split(maxsplit=1)[0], PASSWORD, "s3cr:t-w0rd", "w0rd"):
        assert not capture.holds(secret)


async def turns_while_waiting(
    store: VaultStore, stall: Callable[[], object], flow: Callable[[], object]
) -> None:
    """Check that the event loop turns while a call waits for a database that stalls."""
    stall()
    threading.Timer(0.3, flow).start()
    waiting = asyncio.create_task(store.aassign("v", [JANE]))
    turns = 0
    while not waiting.done():
        await asyncio.sleep(0.005)
        turns += 1
    assert len(waiting.result().entries) == 1
    assert turns > 10
