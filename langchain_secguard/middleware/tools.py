"""One call of a tool: which values it is given, and how what it says is read."""

import json
import re
from collections.abc import Callable, Collection, Mapping
from contextvars import ContextVar
from functools import partial
from typing import Any

from langchain_core.runnables import RunnableConfig

from langchain_secguard.blocks import UNSCANNED
from langchain_secguard.content import rewrite
from langchain_secguard.deanonymize import Deanonymizer
from langchain_secguard.errors import SecGuardError, ToolCallError
from langchain_secguard.leaf import Reader
from langchain_secguard.middleware.framework import (
    Command,
    GraphBubbleUp,
    GraphInterrupt,
    ParentCommand,
    invalid_resume,
)
from langchain_secguard.middleware.pair import Call, Pair, Plan, Walk, quiet_config
from langchain_secguard.middleware.shapes import command, interrupts, result
from langchain_secguard.placeholders import Placeholder, entity_type_name

_SCRATCHPAD = "__pregel_scratchpad"
_ESCAPE = re.compile(r"(?:\\u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}|\\u[0-9a-fA-F]{4}|\\.)")

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


class ToolCall:
    """Hold one call of a tool while it runs: what it is given, and what it is told besides."""

    def __init__(
        self, pair: Pair, step: Deanonymizer, call: Mapping[str, Any], config: RunnableConfig
    ) -> None:
        self.name: str = call["name"]
        self.config = config
        self.step = step
        self.vault = pair.vault(config)
        self.given: Any = None
        self._pair = pair
        self._args = call["args"]
        self._shown: list[tuple[Any, Any]] = []
        self._spelled: dict[str, str] = {}
        self._kept: dict[str, str] = {}

    def open(self) -> Plan[Any]:
        """Give the call its values; return its arguments."""
        self.given = yield Call(self.step, self._args)
        self.show(self._args, self.given)
        return self.given

    def show(self, hidden: Any, given: Any) -> None:
        """Note what the tool is shown, and what stood for it."""
        if hidden is not given:
            self._shown.append((hidden, given))

    def close(self, value: Any) -> Plan[Any]:
        """Hide what the tool gave, or what it raised: an error to raise in its place is returned."""
        if isinstance(value, GraphInterrupt):
            asked = yield from self._hide(value.args[0] if value.args else (), interrupts)
            return GraphInterrupt(asked)
        if isinstance(value, ParentCommand):
            told: Command[Any] = yield from self._hide(value.args[0], command)
            return ParentCommand(told)
        if isinstance(value, GraphBubbleUp | SecGuardError):
            return value
        if isinstance(value, BaseException):
            # An answer that has not the shape asked for is hidden, as the wrapped agent was given it.
            return value if invalid_resume(value) else _failed(self.name, value)
        return (yield from self._hide(value, result))

    def _hide(self, value: Any, walk: Walk) -> Plan[Any]:
        texts = list(dict.fromkeys(placeholder.text for placeholder in self._left()))
        if texts:
            values = yield Call(self._pair.reader, texts, quiet=True)
            self._kept = {text: one for text, one in zip(texts, values, strict=True) if text != one}
        for hidden, given in self._shown:
            self._spelled |= _spelled(hidden, given)
        return (yield from self._pair.hide(value, walk, self.vault, self._raw))

    def _left(self) -> list[Placeholder]:
        """List the placeholders that the tool was left: of types that it may not have, and in answers."""
        answers = getattr((self.config.get("configurable") or {}).get(_SCRATCHPAD), "resume", None) or ()
        given = [] if self.step.entity_types is None else [self.given, *(one for _, one in self._shown)]
        return [one for one in self._read([*given, *answers]) if not one.refused]

    def _read(self, value: Any) -> list[Placeholder]:
        reader = Reader(self._pair.deanonymizer.form, self.vault.vault_id)
        found: list[Placeholder] = []

        def take(text: str) -> str:
            found.extend(part for part in reader.read(text) if isinstance(part, Placeholder))
            return text

        _rewrite(value, take)
        return found

    def _raw(self, part: Any) -> Any:
        """Write what the tool gave as if it had been given all values, and wrote them as they are.

        Placeholders that it was left are known ones, not text of its own; and what it was given may come
        back as Python or JSON spells it.
        """
        reader = Reader(self._pair.deanonymizer.form, self.vault.vault_id)

        def write(text: str) -> str:
            text = plain_json(text)
            for way, value in self._spelled.items():
                text = text.replace(way, value)
            if not self._kept:
                return text
            return "".join(
                one
                if isinstance(one, str)
                else one.text
                if one.refused
                else self._kept.get(one.text, one.text)
                for one in reader.read(text)
            )

        return _rewrite(part, write)


def _failed(name: str, error: BaseException) -> ToolCallError:
    """Tell of a failure without its message, which may hold a value."""
    kind = type(error).__name__
    return ToolCallError(f"The tool {name} failed with {kind}.", tool=name, error=kind)


def _leaves(value: Any) -> list[str]:
    leaves: list[str] = []

    def take(text: str) -> str:
        leaves.append(text)
        return text

    _rewrite(value, take)
    return leaves


def _spelled(hidden: Any, given: Any) -> dict[str, str]:
    """Map other spellings of the values that a tool was given to the values."""
    spelled: dict[str, str] = {}
    for old, new in zip(_leaves(hidden), _leaves(given), strict=False):
        if old != new:
            ways = (repr(new), json.dumps(new), json.dumps(new, ensure_ascii=False))
            spelled |= {way[1:-1]: new for way in ways if way[1:-1] != new}
    return spelled


def plain_json(text: str) -> str:
    """Write the letters of JSON text as they are where they are escaped by their number."""
    if "\\u" not in text or text.lstrip()[:1] not in ("{", "[", '"'):
        return text
    try:
        json.loads(text)
    except ValueError:
        return text
    return _ESCAPE.sub(_letter, text)


def _letter(escape: re.Match[str]) -> str:
    written = escape[0]
    letter: str = json.loads(f'"{written}"') if written[1] == "u" else ""
    return letter if letter and letter.isprintable() and letter not in '"\\' else written


def _rewrite(value: Any, visit: Callable[[str], str]) -> Any:
    return rewrite(value, lambda text, kind: text if kind == "scalar" else visit(text), allow=UNSCANNED)


# What a tool sees of its own call.

_OPEN: ContextVar[ToolCall | None] = ContextVar("langchain_secguard_tool_call", default=None)


def enter(call: ToolCall) -> Callable[[], None]:
    """Let the code of a tool call :func:`reveal`; call what is returned when the tool is done."""
    return partial(_OPEN.reset, _OPEN.set(call))


def reveal(value: Any) -> Any:
    """Give a tool the values behind placeholders: of the state, or of a person's answer to ``interrupt``.

    What a tool is called with holds values already. A tool that may have values of some entity types gets
    those alone.

    Raises:
        RuntimeError: It is not called by a tool of an agent that has an ``AnonymizeMiddleware``.
    """
    call = _open()
    shown = call.step.invoke(value, quiet_config(call.config))
    call.show(value, shown)
    return shown


async def areveal(value: Any) -> Any:
    """Do what :func:`reveal` does, without blocking the event loop."""
    call = _open()
    shown = await call.step.ainvoke(value, quiet_config(call.config))
    call.show(value, shown)
    return shown


def _open() -> ToolCall:
    call = _OPEN.get()
    if call is None:
        raise RuntimeError("reveal() is for the tools of an agent that has an AnonymizeMiddleware")
    return call
