"""Which messages of a thread a prompt's guard has let pass: kept in its state, where no input can write.

Where a message stands says nothing: a client may send messages of the model, too, and some of an older turn.
"""

from collections.abc import Iterable, Mapping
from typing import Annotated, Any, NotRequired

from langchain_core.messages import BaseMessage

from langchain_secguard.middleware.framework import AgentState, PrivateStateAttr
from langchain_secguard.middleware.marks import mark_of

PASSED = "secguard_passed"
OPEN = "secguard_open"


class GuardedState(AgentState[Any]):
    """Hold digests of messages, and whether a run is under way whose prompt was let pass."""

    secguard_passed: NotRequired[Annotated[list[str], PrivateStateAttr]]
    secguard_open: NotRequired[Annotated[bool, PrivateStateAttr]]


def new_messages(state: Mapping[str, Any]) -> list[BaseMessage]:
    """Return the messages that no run has let pass, nor made."""
    known = frozenset(state.get(PASSED) or ())
    return [one for one in state["messages"] if _digest(one) not in known]


def opened(state: Mapping[str, Any], more: Iterable[BaseMessage]) -> dict[str, Any]:
    """Write that ``more`` was let pass, and that what comes until the end of the run is the agent's own."""
    known = {*(state.get(PASSED) or ()), *map(_digest, more)}
    return {PASSED: sorted(known), OPEN: True}


def closed(state: Mapping[str, Any]) -> dict[str, Any] | None:
    """Write that all messages passed, if the run let its prompt pass: other middleware may have ended it."""
    if not state.get(OPEN):
        return None
    return {PASSED: sorted(set(map(_digest, state["messages"]))), OPEN: False}


def _digest(message: BaseMessage) -> str:
    return mark_of(message, message.type)
