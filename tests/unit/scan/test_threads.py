import asyncio
import subprocess
import sys
import threading
from contextvars import ContextVar

import pytest

from langchain_secguard.errors import ScannerError
from langchain_secguard.scan import threads
from langchain_secguard.scan.threads import leave, start, to_thread

HANGING = """
import asyncio, threading
from langchain_secguard import BlockedError, Guard

def hangs(text):
    threading.Event().wait(600)

guard = Guard([hangs], timeout=0.1)
for call in (guard.invoke, lambda text: asyncio.run(guard.ainvoke(text))):
    try:
        call("x")
    except BlockedError:
        print("blocked", flush=True)
"""


def test_the_interpreter_ends_while_a_scanner_hangs() -> None:
    done = subprocess.run(
        [sys.executable, "-c", HANGING], capture_output=True, text=True, check=True, timeout=60
    )
    assert (done.stdout.split(), done.stderr) == (["blocked", "blocked"], "")


def test_threads_are_used_again() -> None:
    def name(_: int) -> int:
        return threading.get_ident()

    owner = object()
    idents = {start(lambda: name(0), owner).result(5) for _ in range(50)}
    assert len(idents) < 50


def test_a_call_sees_the_context_of_its_caller() -> None:
    variable = ContextVar("variable", default="none")
    variable.set("mine")
    assert start(variable.get, object()).result(5) == "mine"


def test_what_would_end_the_process_or_a_generator_is_an_error() -> None:
    def leaves() -> None:
        raise SystemExit(3)

    def stops() -> None:
        raise StopIteration

    for function, name in ((leaves, "SystemExit"), (stops, "StopIteration")):
        with pytest.raises(ScannerError, match=name):
            start(function, object()).result(5)


async def test_a_method_is_awaited() -> None:
    assert await to_thread("a-b".split, "-") == ["a", "b"]
    with pytest.raises(ValueError, match="invalid literal"):
        await to_thread(int, "x")


async def test_a_call_that_is_cancelled_is_left_behind_and_counted_until_it_ends() -> None:
    free = threading.Event()

    begun: asyncio.Queue[None] = asyncio.Queue()
    loop = asyncio.get_running_loop()

    class Owner:
        def wait(self) -> None:
            if not free.is_set():
                loop.call_soon_threadsafe(begun.put_nowait, None)
            free.wait(30)

    owner = Owner()
    for _ in range(32):
        task = asyncio.create_task(to_thread(owner.wait))
        await begun.get()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
    with pytest.raises(ScannerError, match="still hang"):
        await to_thread(owner.wait)
    free.set()
    future = None
    for _ in range(500):
        await asyncio.sleep(0.01)
        if not threads._left[id(owner)]:
            future = start(owner.wait, owner)
            break
    assert future is not None
    future.result(5)


def test_what_is_done_is_not_left_behind() -> None:
    owner = object()
    future = start(lambda: 1, owner)
    assert future.result(5) == 1
    leave(future, owner)
    assert id(owner) not in threads._left
