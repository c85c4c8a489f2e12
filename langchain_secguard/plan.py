"""Plans: logic without I/O, and what carries it out.

A plan is a generator that yields what it needs and is sent the answer. It holds all logic, and what performs
its requests all I/O, so that a sync and an async call cannot drift apart.
"""

from collections.abc import Awaitable, Callable, Generator
from typing import Any, TypeVar

T = TypeVar("T")
R = TypeVar("R")


def carry_out(plan: Generator[R, Any, T], perform: Callable[[R], Any]) -> T:
    """Send a plan what ``perform`` gives for each of its requests; return what it returns."""
    try:
        request = next(plan)
        while True:
            request = plan.send(perform(request))
    except StopIteration as stop:
        result: T = stop.value
        return result


async def acarry_out(plan: Generator[R, Any, T], perform: Callable[[R], Awaitable[Any]]) -> T:
    """Do what :func:`carry_out` does, without blocking the event loop."""
    try:
        request = next(plan)
        while True:
            request = plan.send(await perform(request))
    except StopIteration as stop:
        result: T = stop.value
        return result
