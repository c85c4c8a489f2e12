"""What is fuzzed: of each target a function of bytes that raises where a promise is broken, and its seeds."""

from collections.abc import Callable, Iterable
from importlib import import_module
from typing import NamedTuple

_MODULES = {
    "stream": "text",
    "json": "text",
    "urls": "text",
    "phrases": "text",
    "content": "content",
    "detect": "find",
    "views": "find",
    "codec": "store",
}

NAMES = tuple(_MODULES)
"""The names of all targets."""


class Target(NamedTuple):
    """Hold one target; inputs have up to ``longest`` bytes, and the fuzzer may put ``words`` in."""

    check: Callable[[bytes], None]
    seeds: Callable[[], Iterable[bytes]]
    words: Iterable[str] = ()
    longest: int = 512


def load(name: str) -> Target:
    """Import a target, and with it what it fuzzes."""
    target: Target = import_module(f"{__name__}.{_MODULES[name]}").TARGETS[name]
    return target
