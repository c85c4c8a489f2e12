"""Where texts are in what goes into a graph and what its nodes write: states, commands, answers, results.

Each function passes what may hold text through ``visit``, and returns the same shape. Structure is left
alone: the names of channels, nodes and tools, ids of interrupts, and the kind of a decision.
"""

import copy
import dataclasses
import re
from collections.abc import Callable, Mapping
from typing import Any, TypeAlias

from langchain_core.messages import ToolMessage, convert_to_messages

from langchain_secguard.middleware.framework import Command, Overwrite, Send, StateUpdate

Visit: TypeAlias = Callable[[Any], Any]

_INTERRUPT_ID = re.compile(r"[0-9a-f]{32}")
_DECISIONS = frozenset({"approve", "edit", "reject", "respond"})


def given(value: Any, visit: Visit) -> Any:
    """Walk what a graph is invoked with: a state, a command, or nothing."""
    return command(value, visit) if isinstance(value, Command) else state(value, visit)


def state(value: Any, visit: Visit) -> Any:
    """Walk a state, or an update of it, channel by channel."""
    if not isinstance(value, dict):
        return value if value is None else visit(value)
    return {key: _channel(key, item, visit) for key, item in value.items()}


def update(value: StateUpdate, visit: Visit) -> StateUpdate:
    """Walk one update of ``bulk_update_state``."""
    return value._replace(values=state(value.values, visit))


def command(value: Command[Any], visit: Visit) -> Command[Any]:
    """Walk a command: its update, its answer to interrupts, and what it sends."""
    return dataclasses.replace(
        value,
        update=_update(value.update, visit),
        resume=_resume(value.resume, visit),
        goto=_goto(value.goto, visit),
    )


def result(value: Any, visit: Visit) -> Any:
    """Walk what a tool gave: a message, with its artifact whatever that is, a command, or a list of these."""
    if isinstance(value, list):
        return [result(item, visit) for item in value]
    if isinstance(value, Command):
        return command(value, visit)
    return _with_artifacts(visit(value), visit)


def interrupts(value: Any, visit: Visit) -> Any:
    """Walk interrupts: what a person is asked."""
    return tuple(dataclasses.replace(item, value=named(item.value, visit)) for item in value)


def named(value: Any, visit: Visit) -> Any:
    """Walk a dict whose own keys are names, or anything else."""
    if isinstance(value, dict):
        return {key: visit(item) for key, item in value.items()}
    return visit(value)


def _channel(key: str, value: Any, visit: Visit) -> Any:
    if value is None:
        return None
    if isinstance(value, Overwrite):
        return dataclasses.replace(value, value=_channel(key, value.value, visit))
    if key == "messages":
        value = convert_to_messages(value if isinstance(value, list) else [value])
    return _with_artifacts(visit(value), visit)


def _with_artifacts(value: Any, visit: Visit) -> Any:
    """Walk the artifacts of messages by themselves: one that a message is let through with may be refused."""
    if isinstance(value, list) and any(isinstance(one, ToolMessage) for one in value):
        return [_with_artifacts(one, visit) for one in value]
    if not isinstance(value, ToolMessage) or value.artifact is None:
        return value
    return value.model_copy(update={"artifact": visit(value.artifact)})


def _update(value: Any, visit: Visit) -> Any:
    if isinstance(value, list | tuple) and all(_is_write(item) for item in value):
        return [(key, _channel(key, item, visit)) for key, item in value]
    return state(value, visit)


def _is_write(value: Any) -> bool:
    return isinstance(value, tuple) and len(value) == 2 and isinstance(value[0], str)


def _resume(value: Any, visit: Visit) -> Any:
    if isinstance(value, dict) and value and all(_INTERRUPT_ID.fullmatch(str(key)) for key in value):
        return {key: _answer(item, visit) for key, item in value.items()}
    return value if value is None else _answer(value, visit)


def _answer(value: Any, visit: Visit) -> Any:
    """Walk a person's answer; of the human-in-the-loop middleware's decisions, what the person wrote."""
    if not isinstance(value, dict):
        return visit(value)
    decisions = value.get("decisions")
    if isinstance(decisions, list):
        others = {key: visit(item) for key, item in value.items() if key != "decisions"}
        return {**others, "decisions": [_answer(item, visit) for item in decisions]}
    kind = value.get("type")
    if isinstance(kind, str) and kind in _DECISIONS:
        return {key: item if key == "type" else _decided(key, item, visit) for key, item in value.items()}
    return named(value, visit)


def _decided(key: str, value: Any, visit: Visit) -> Any:
    if key != "edited_action" or not isinstance(value, Mapping):
        return visit(value)
    return {part: item if part == "name" else named(item, visit) for part, item in value.items()}


def _goto(value: Any, visit: Visit) -> Any:
    if isinstance(value, Send):
        send = copy.copy(value)
        send.arg = state(value.arg, visit)
        return send
    if isinstance(value, list | tuple):
        return type(value)([_goto(item, visit) for item in value])
    return value
