"""Which messages of a thread a prompt's guard has let pass: kept in its state, where no input can write.

Where a message stands says nothing: a client may send messages of the model, too, and some of an older turn.
"""

from collections.abc import Collection, Iterable, Mapping
from typing import Annotated, Any, NotRequired

from langchain_core.messages import BaseMessage
from langchain_core.runnables import RunnableConfig

from langchain_secguard.lru import Lru
from langchain_secguard.middleware.framework import AgentState, PrivateStateAttr
from langchain_secguard.middleware.marks import mark_of

PASSED = "secguard_passed"
OPEN = "secguard_open"
_MOST_MADE = 16_384


class GuardedState(AgentState[Any]):
    """Hold digests of messages, and whether a run is under way whose prompt was let pass."""

    secguard_passed: NotRequired[Annotated[list[str], PrivateStateAttr]]
    secguard_open: NotRequired[Annotated[bool, PrivateStateAttr]]


def new_messages(state: Mapping[str, Any]) -> list[BaseMessage]:
    """Return the messages that no run has let pass, nor made."""
    known = _passed(state)
    return [one for one in state["messages"] if _digest(one) not in known]


def opened(state: Mapping[str, Any], more: Iterable[BaseMessage]) -> dict[str, Any]:
    """Write that ``more`` was let pass, and that what comes until the end of the run is the agent's own."""
    known = {*_passed(state), *map(_digest, more)}
    return {PASSED: sorted(known), OPEN: True}


class Made:
    """Remember what model and tools made in each thread, until the end of a run writes it to the state.

    It is kept by this process alone: in a run that goes on in another one, what was made before is read like
    what comes from outside.
    """

    def __init__(self) -> None:
        self._known: Lru[tuple[str, str], bool] = Lru(_MOST_MADE)

    def note(self, messages: Iterable[BaseMessage], config: RunnableConfig) -> None:
        """Note messages that need not be judged as prompts in this thread."""
        thread = _thread(config)
        for one in messages:
            self._known.put((thread, _digest(one)), True)

    def others(
        self, messages: Iterable[BaseMessage], state: Mapping[str, Any], config: RunnableConfig
    ) -> list[BaseMessage]:
        """Return the messages that no run let pass, and that nobody in this one is known to have made.

        A command that goes on with a run writes them into its state, or a person who answers an interrupt.
        """
        thread, passed = _thread(config), _passed(state)
        return [one for one in messages if not self._is_known(_digest(one), thread, passed)]

    def closed(self, state: Mapping[str, Any], config: RunnableConfig) -> dict[str, Any] | None:
        """Write what passed and what was made, if the run let its prompt pass: another may have ended it."""
        if not state.get(OPEN):
            return None
        thread, passed = _thread(config), _passed(state)
        digests = set(map(_digest, state["messages"]))
        return {PASSED: sorted(one for one in digests if self._is_known(one, thread, passed)), OPEN: False}

    def _is_known(self, digest: str, thread: str, passed: Collection[str]) -> bool:
        return digest in passed or self._known.get((thread, digest)) is not None


def _passed(state: Mapping[str, Any]) -> frozenset[str]:
    return frozenset(state.get(PASSED) or ())


def _thread(config: RunnableConfig) -> str:
    return str((config.get("configurable") or {}).get("thread_id"))


def _digest(message: BaseMessage) -> str:
    return mark_of(message, message.type)
