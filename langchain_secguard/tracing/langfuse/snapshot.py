"""What a run was given and gave, kept until it is masked: containers copied, leaves shared."""

import threading
from collections.abc import Mapping
from typing import Any

from langchain_core.messages import BaseMessage

DROPPED = "[dropped: too much is waiting to be masked]"
"""Stands for a text that was not kept."""

_DEEPEST = 32


def snapshot(value: Any) -> tuple[Any, int]:
    """Copy the lists, dicts, tuples, sets and messages that ``value`` is made of, as they are now.

    Returns:
        The copy, and how many characters (and bytes) its texts have.
    """
    counter = _Counter()
    return counter.copy(value, 0), counter.characters


class _Counter:
    __slots__ = ("characters",)

    def __init__(self) -> None:
        self.characters = 0

    def copy(self, value: Any, depth: int) -> Any:
        if isinstance(value, str | bytes):
            self.characters += len(value)
            return value
        if depth > _DEEPEST:
            return value
        if isinstance(value, BaseMessage):
            return self._message(value, depth)
        if type(value) is dict:
            return {self.copy(key, depth + 1): self.copy(each, depth + 1) for key, each in value.items()}
        if type(value) in (list, tuple, set, frozenset):
            return type(value)(self.copy(each, depth + 1) for each in value)
        self.characters += _guess(value)
        return value

    def _message(self, message: BaseMessage, depth: int) -> BaseMessage:
        copied = message.model_copy()
        for name in ("content", "additional_kwargs", "tool_calls", "artifact"):
            if name in message.__dict__:
                copied.__dict__[name] = self.copy(message.__dict__[name], depth + 1)
        return copied


def _guess(value: object) -> int:
    """Guess at the size of what is shared, from its own attributes alone."""
    try:
        attributes: Mapping[str, object] = vars(value)
    except TypeError:
        return 0
    return sum(len(each) for each in attributes.values() if isinstance(each, str | bytes))


class Budget:
    """Count the characters that are kept, so that they stay below ``limit``."""

    def __init__(self, limit: int) -> None:
        self._left = limit
        self._lock = threading.Lock()

    def take(self, characters: int) -> bool:
        """Ask to keep this many more."""
        with self._lock:
            if characters > self._left:
                return False
            self._left -= characters
            return True

    def give_back(self, characters: int) -> None:
        """Say that this many are no longer kept."""
        with self._lock:
            self._left += characters
