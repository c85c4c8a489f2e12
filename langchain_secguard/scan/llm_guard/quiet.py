"""Keep what LLM Guard logs of a text to itself: its loggers print texts, links and secrets' surroundings.

Its modules keep their loggers in ``LOGGER``. What is put in their place passes on whatever other code logs,
and drops what is logged while one of our scanners is at work.
"""

import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

_lock = threading.Lock()
_heard: ContextVar[list[dict[str, Any]] | None] = ContextVar("llm_guard_heard", default=None)
"""What was logged in the scan that this thread or task is at; ``None`` outside of any."""


@contextmanager
def quiet() -> Iterator[list[dict[str, Any]]]:
    """Let LLM Guard log nothing; give the fields of what it would have logged."""
    heard: list[dict[str, Any]] = []
    token = _heard.set(heard)
    try:
        yield heard
    finally:
        _heard.reset(token)


def watch() -> None:
    """Watch the loggers of all modules of LLM Guard that are imported by now."""
    with _lock:
        for name, module in list(sys.modules.items()):
            logger = getattr(module, "LOGGER", None) if name.startswith("llm_guard.") else None
            if logger is not None and not isinstance(logger, _Watched):
                module.LOGGER = _Watched(logger)  # type: ignore[attr-defined]


class _Watched:
    """Be a logger that says nothing while :func:`quiet` is asked for."""

    def __init__(self, logger: Any) -> None:
        self._logger = logger

    def __getattr__(self, name: str) -> Any:
        heard = _heard.get()
        if heard is None:
            return getattr(self._logger, name)
        return lambda *_, **fields: heard.append(fields)
