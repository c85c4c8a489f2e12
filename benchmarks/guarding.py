"""What a guard costs by itself, beside a step that does nothing, and that its scanners wait side by side."""

import asyncio
import itertools
import time
from collections.abc import Callable, Iterator
from typing import Any

from langchain_core.messages import AIMessageChunk, BaseMessage, HumanMessage
from langchain_core.runnables import RunnableLambda

from benchmarks.clock import Timing, timing
from benchmarks.report import Row, at_most, at_most_more
from langchain_secguard import Guard
from langchain_secguard.scan import FunctionScanner

_SCANNERS = 4
_SLOW = 0.1
_ROUNDS = 200
_CHUNKS = 500


def measure() -> Iterator[Row]:
    """Time whole calls by the wall clock, since scanners work in threads and tasks of their own."""
    fast = Guard([FunctionScanner(_passes, name=f"s{number}") for number in range(_SCANNERS)])
    bare, new, known = _alternate(_ROUNDS, RunnableLambda(_same).invoke, _fresh(fast), _again(fast))
    yield at_most_more("a guard of 4 scanners that take no time, a new text", new, bare, 0.001)
    yield at_most_more("the same, a text that it knows", known, bare, 0.0005)
    slow = Guard([FunctionScanner(_waits, name=f"s{number}") for number in range(_SCANNERS)], cache_size=0)
    one = Timing(_SLOW, _SLOW)
    for texts in (1, 4):
        batch = [f"text {number}" for number in range(texts)]
        [sync] = _alternate(5, lambda slow=slow, batch=batch: slow.invoke(batch))
        yield at_most(f"4 scanners of 100 ms on {texts} text(s), against 100 ms", sync, one, 1.2)
        [awaited] = _alternate(5, lambda slow=slow, batch=batch: asyncio.run(slow.ainvoke(batch)))
        yield at_most(f"the same, awaited, {texts} text(s)", awaited, one, 1.2)
    yield _streaming()
    yield _chat()


def _streaming() -> Row:
    chunks = [AIMessageChunk(content=f"word{number} ", id="m") for number in range(_CHUNKS)]
    held = Guard([_passes], cache_size=0)
    nothing = RunnableLambda(_same)
    bare, guarded = _alternate(
        20, lambda: list(nothing.stream(chunks)), lambda: list(held.transform(iter(chunks)))
    )
    return at_most_more("a held answer of 500 chunks, for each chunk", guarded, bare, 0.0001, units=_CHUNKS)


def _chat() -> Row:
    """Time the guard of a long chat's hundredth turn, and of a new chat's second."""
    guard = Guard([FunctionScanner(_passes, name=f"s{number}") for number in range(_SCANNERS)])
    early: list[float] = []
    late: list[float] = []
    long: list[BaseMessage] = []
    numbers = itertools.count()

    def turn(chat: list[BaseMessage]) -> float:
        chat += [HumanMessage(f"{next(numbers)} words " * 100), HumanMessage(f"{next(numbers)} words " * 100)]
        start = time.perf_counter()
        guard.invoke(chat)
        return time.perf_counter() - start

    for _ in range(99):
        turn(long)
    for _ in range(15):
        new: list[BaseMessage] = []
        turn(new)
        early.append(turn(new))
        late.append(turn(long))
    return at_most_more("turn 100 of a chat against turn 2, guarded", timing(late), timing(early), 0.01)


def _alternate(rounds: int, *actions: Callable[..., Any]) -> list[Timing]:
    """Time actions in turns, by the wall clock."""
    times: list[list[float]] = [[] for _ in actions]
    for number in range(rounds + 1):
        for action, taken in zip(actions, times, strict=True):
            start = time.perf_counter()
            action() if action.__name__ != "invoke" else action("a text")
            if number:
                taken.append(time.perf_counter() - start)
    return [timing(taken) for taken in times]


def _fresh(guard: Guard) -> Callable[[], Any]:
    numbers = itertools.count()
    return lambda: guard.invoke(f"text {next(numbers)}")


def _again(guard: Guard) -> Callable[[], Any]:
    return lambda: guard.invoke("a text that is known")


def _same(value: Any) -> Any:
    return value


def _passes(text: str) -> bool:
    return bool(text)


def _waits(text: str) -> bool:
    time.sleep(_SLOW)
    return bool(text)
