"""The messages in what a tool gave: its own, and those that its commands write or send."""

import copy
import dataclasses
from collections.abc import Iterator
from typing import Any

from langchain_core.messages import BaseMessage, convert_to_messages

from langchain_secguard.middleware.framework import Command, Overwrite, Send, writes_of

_MESSAGES = "messages"


def told(result: Any) -> list[BaseMessage]:
    """Return the messages in what a tool gave."""
    if isinstance(result, list):
        return [message for one in result for message in told(one)]
    if isinstance(result, Command):
        values = [value for key, value in writes_of(result) if key == _MESSAGES]
        values += [arg[_MESSAGES] for arg in _sent(result.goto) if _MESSAGES in arg]
        return [message for value in values for message in _messages(value)]
    return [result] if isinstance(result, BaseMessage) else []


def retold(result: Any, new: Iterator[BaseMessage]) -> Any:
    """Put messages in the place of those in what a tool gave, in the order of :func:`told`."""
    if isinstance(result, list):
        return [retold(one, new) for one in result]
    if isinstance(result, BaseMessage):
        return next(new)
    if not isinstance(result, Command) or not told(result):
        return result
    writes = [
        (key, _rewritten(value, new) if key == _MESSAGES else value) for key, value in writes_of(result)
    ]
    update: Any = dict(writes) if isinstance(result.update, dict) else writes
    return dataclasses.replace(result, update=update, goto=_resent(result.goto, new))


def _messages(value: Any) -> list[BaseMessage]:
    value = value.value if isinstance(value, Overwrite) else value
    if value is None:
        return []
    return convert_to_messages(value if isinstance(value, list) else [value])


def _rewritten(value: Any, new: Iterator[BaseMessage]) -> Any:
    written = [next(new) for _ in _messages(value)]
    return dataclasses.replace(value, value=written) if isinstance(value, Overwrite) else written


def _sent(goto: Any) -> list[dict[str, Any]]:
    """Return the states that a command sends to nodes."""
    if isinstance(goto, Send):
        return [goto.arg] if isinstance(goto.arg, dict) else []
    return [arg for one in goto for arg in _sent(one)] if isinstance(goto, list | tuple) else []


def _resent(goto: Any, new: Iterator[BaseMessage]) -> Any:
    if isinstance(goto, list | tuple):
        return type(goto)([_resent(one, new) for one in goto])
    if not isinstance(goto, Send) or not isinstance(goto.arg, dict) or _MESSAGES not in goto.arg:
        return goto
    sent = copy.copy(goto)
    sent.arg = {**goto.arg, _MESSAGES: _rewritten(goto.arg[_MESSAGES], new)}
    return sent
