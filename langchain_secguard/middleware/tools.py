"""One call of a tool: which values it is given, and how what it says is read."""

import json
from collections.abc import Callable, Collection, Mapping
from contextvars import ContextVar
from functools import partial
from typing import Any, NamedTuple

from langchain_core.messages import ToolMessage
from langchain_core.runnables import RunnableConfig

from langchain_secguard.blocks import UNSCANNED
from langchain_secguard.content import rewrite
from langchain_secguard.deanonymize import Deanonymizer
from langchain_secguard.errors import ToolCallError
from langchain_secguard.leaf import Reader
from langchain_secguard.middleware.framework import Command, GraphInterrupt, ParentCommand
from langchain_secguard.middleware.pair import Call, Pair, Plan
from langchain_secguard.middleware.shapes import command, interrupts, result
from langchain_secguard.placeholders import Placeholder, Ref, entity_type_name
from langchain_secguard.vault import Entry, Vault

EVERY_OTHER = "*"
"""The name, in ``tool_entity_types``, of the tools that are not named."""


class Tools:
    """Say what each tool is given: all values, or those of some entity types."""

    def __init__(self, pair: Pair, entity_types: Mapping[str, Collection[str]] | None) -> None:
        self._all = pair.deanonymizer
        self._named: dict[str, Deanonymizer] = {}
        self._other = self._all
        if entity_types is None:
            return
        for name, types in entity_types.items():
            if isinstance(types, str):
                raise TypeError("the entity types of a tool are a collection of names, not one string")
            allowed = frozenset(map(entity_type_name, types))
            general = self._all.entity_types
            self._named[name] = self._all.model_copy(
                update={"entity_types": allowed if general is None else allowed & general}
            )
        nothing = self._all.model_copy(update={"entity_types": frozenset()})
        self._other = self._named.pop(EVERY_OTHER, nothing)

    def step(self, name: str) -> Deanonymizer:
        """Return the step that gives a tool its values."""
        return self._named.get(name, self._other)


class Opened(NamedTuple):
    """Hold the arguments of one call: as the model wrote them, and as the tool is given them."""

    name: str
    hidden: Any
    given: Any
    withheld: Mapping[str, str]
    """Each placeholder that the tool was left, and its value."""

    def raw(self, part: Any) -> Any:
        """Write what a tool gave as if the tool had been given all values.

        Placeholders that the tool was left are known ones, not text of its own; and an error spells the
        values that it was given as Python or JSON does.
        """
        spelled = _spelled(self) if isinstance(part, ToolMessage) and part.status == "error" else {}
        return _replaced(part, {**spelled, **self.withheld})


def open_call(tools: Tools, pair: Pair, call: Mapping[str, Any], vault: Vault) -> Plan[tuple[Any, list[Ref]]]:
    """Give a call its values; return its arguments, and the placeholders that are left in them."""
    step = tools.step(call["name"])
    given = yield Call(step, call["args"])
    if step.entity_types is None:
        return given, []
    return given, [placeholder.ref for placeholder in _placeholders(given, pair, vault)]


def opened(
    call: Mapping[str, Any], given: Any, pair: Pair, vault: Vault, entries: Mapping[Ref, Entry | None]
) -> Opened:
    """Put together what is known of a call."""
    withheld = {
        placeholder.text: entry.value + placeholder.tail
        for placeholder in (_placeholders(given, pair, vault) if entries else ())
        if (entry := entries.get(placeholder.ref)) is not None
    }
    return Opened(call["name"], call["args"], given, withheld)


def close_call(pair: Pair, call: Opened, value: Any, vault: Vault) -> Plan[Any]:
    """Hide what a tool gave."""
    return pair.hide(value, result, vault, call.raw)


def close_interrupt(pair: Pair, call: Opened, value: GraphInterrupt, vault: Vault) -> Plan[GraphInterrupt]:
    """Hide what a tool asks a person."""
    hidden = yield from pair.hide(value.args[0] if value.args else (), interrupts, vault, call.raw)
    return GraphInterrupt(hidden)


def close_command(pair: Pair, call: Opened, value: ParentCommand, vault: Vault) -> Plan[ParentCommand]:
    """Hide what a tool tells the graph around its own."""
    hidden: Command[Any] = yield from pair.hide(value.args[0], command, vault, call.raw)
    return ParentCommand(hidden)


def failed(name: str, error: BaseException) -> ToolCallError:
    """Tell of a failure without its message, which may hold a value."""
    kind = type(error).__name__
    return ToolCallError(f"The tool {name} failed with {kind}.", tool=name, error=kind)


def _placeholders(value: Any, pair: Pair, vault: Vault) -> list[Placeholder]:
    reader = Reader(pair.deanonymizer.form, vault.vault_id)
    found: list[Placeholder] = []

    def take(text: str) -> str:
        found.extend(part for part in reader.read(text) if isinstance(part, Placeholder))
        return text

    _rewrite(value, take)
    return found


def _leaves(value: Any) -> list[str]:
    leaves: list[str] = []

    def take(text: str) -> str:
        leaves.append(text)
        return text

    _rewrite(value, take)
    return leaves


def _spelled(call: Opened) -> dict[str, str]:
    """Map other spellings of the values that a tool was given to the values."""
    spelled: dict[str, str] = {}
    for hidden, given in zip(_leaves(call.hidden), _leaves(call.given), strict=False):
        if hidden != given:
            ways = (repr(given), json.dumps(given), json.dumps(given, ensure_ascii=False))
            spelled |= {way[1:-1]: given for way in ways if way[1:-1] != given}
    return spelled


def _replaced(value: Any, texts: Mapping[str, str]) -> Any:
    if not texts:
        return value

    def write(text: str) -> str:
        for old in sorted(texts, key=len, reverse=True):
            text = text.replace(old, texts[old])
        return text

    return _rewrite(value, write)


def _rewrite(value: Any, visit: Callable[[str], str]) -> Any:
    return rewrite(value, lambda text, kind: text if kind == "scalar" else visit(text), allow=UNSCANNED)


# What a tool sees of its own call.

Revealer = tuple[Deanonymizer, RunnableConfig]

_REVEALER: ContextVar[Revealer | None] = ContextVar("langchain_secguard_revealer", default=None)


def enter(step: Deanonymizer, config: RunnableConfig) -> Callable[[], None]:
    """Let the code of a tool call :func:`reveal`; call what is returned when the tool is done."""
    return partial(_REVEALER.reset, _REVEALER.set((step, config)))


def reveal(value: Any) -> Any:
    """Give a tool the values behind placeholders: of the state, or of a person's answer to ``interrupt``.

    What a tool is called with holds values already. A tool that may have values of some entity types gets
    those alone.

    Raises:
        RuntimeError: It is not called by a tool of an agent that has an ``AnonymizeMiddleware``.
    """
    step, config = _revealer()
    return step.invoke(value, _quiet(config))


async def areveal(value: Any) -> Any:
    """Do what :func:`reveal` does, without blocking the event loop."""
    step, config = _revealer()
    return await step.ainvoke(value, _quiet(config))


def _revealer() -> Revealer:
    revealer = _REVEALER.get()
    if revealer is None:
        raise RuntimeError("reveal() is for the tools of an agent that has an AnonymizeMiddleware")
    return revealer


def _quiet(config: RunnableConfig) -> RunnableConfig:
    return RunnableConfig(configurable=config.get("configurable") or {}, callbacks=[])
