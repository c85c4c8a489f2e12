"""What a step tells tracers, as LangChain custom events: counts and durations, never a text.

A handler hears them in ``on_custom_event(name, data, run_id=...)``, with the run id of the step; whatever
way a step ends, it is told. In all of them ``step`` is the class of the step, ``seconds`` the time that it
took by itself, and ``vault_id`` its vault, ``None`` where none was named. Meanwhile a tracer of the same
process may ask :func:`~langchain_secguard.sight.sight_of` what the step saw.
"""

from collections.abc import Callable, Iterable, Mapping
from functools import partial
from typing import Literal, NamedTuple, TypeAlias

from langchain_core.callbacks import AsyncCallbackManagerForChainRun, CallbackManagerForChainRun

from langchain_secguard.sight import Sight, show

ANONYMIZED = "secguard.anonymized"
"""``entities``: spans hidden, by entity type; ``risk``: the highest score of them, 0.0 to 1.0; ``engine``:
the detector; ``cached`` and ``read``: texts remembered and detected in."""

DEANONYMIZED = "secguard.deanonymized"
"""``entities``: values restored, by entity type; ``unknown``: placeholders that the vault does not hold;
``withheld``: placeholders left in place, in a URL or for their type."""

BLOCKED = "secguard.blocked"
"""``scores``: the risk score, by entity type or scanner, of what was refused; ``engine``."""

SCANNED = "secguard.scanned"
"""``scanner``: its name; ``risk``: 0.0 to 1.0; ``valid``: whether the text may pass; ``verdict``:
``"passed"``, ``"redacted"``, ``"blocked"`` or ``"failed"``; ``engine``, if it is another's. A ``Guard`` tells
one for each scanner, the worst of all texts, with ``details``, scores by category; ``error``, why it failed;
and ``cached`` and ``read``, texts remembered and scanned."""

FAILED = "secguard.failed"
"""``error``: the name of the error's class. Nothing was sent."""


Verdict: TypeAlias = Literal["passed", "redacted", "blocked", "failed"]
"""What became of a text, from the best to the worst."""


class Ending(NamedTuple):
    """Tell how a run ended: the name of the event, its data, and what the step saw."""

    name: str
    data: Mapping[str, object]
    sight: Sight


def announce(manager: CallbackManagerForChainRun, ending: Callable[[], Ending]) -> None:
    """Tell the handlers of a run, if there are any, how it ended."""
    if manager.handlers:
        name, data, sight = ending()
        sight.end()
        show(manager.run_id, sight)
        manager.get_child().on_custom_event(name, dict(data), run_id=manager.run_id)


async def aannounce(manager: AsyncCallbackManagerForChainRun, ending: Callable[[], Ending]) -> None:
    """Tell the handlers of an async run, if there are any, how it ended."""
    if manager.handlers:
        name, data, sight = ending()
        sight.end()
        show(manager.run_id, sight)
        await manager.get_child().on_custom_event(name, dict(data), run_id=manager.run_id)


def announce_all(manager: CallbackManagerForChainRun, endings: Iterable[Ending]) -> None:
    """Tell the handlers of a run, if there are any, of each of its checks."""
    for ending in endings if manager.handlers else ():
        announce(manager, partial(_same, ending))


async def aannounce_all(manager: AsyncCallbackManagerForChainRun, endings: Iterable[Ending]) -> None:
    """Tell the handlers of an async run, if there are any, of each of its checks."""
    for ending in endings if manager.handlers else ():
        await aannounce(manager, partial(_same, ending))


def _same(ending: Ending) -> Ending:
    return ending


def watch(manager: CallbackManagerForChainRun | AsyncCallbackManagerForChainRun, sight: Sight) -> None:
    """Let the handlers of a run, if there are any, see what its step sees while it streams."""
    if manager.handlers:
        show(manager.run_id, sight)
