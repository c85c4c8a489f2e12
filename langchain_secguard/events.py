"""What a step tells tracers, as LangChain custom events: counts and durations, never a text.

A handler hears them in ``on_custom_event(name, data, run_id=...)``, with the run id of the step.
"""

from collections.abc import Mapping

from langchain_core.callbacks import AsyncCallbackManagerForChainRun, CallbackManagerForChainRun

ANONYMIZED = "secguard.anonymized"
"""``entities``: spans hidden, by entity type; ``cached`` and ``read``: texts remembered and detected in;
``seconds``: time spent; ``vault_id``."""

DEANONYMIZED = "secguard.deanonymized"
"""``entities``: values restored, by entity type; ``unknown``: placeholders that the vault does not hold;
``withheld``: placeholders left in place, in a URL or for their type; ``vault_id``."""

BLOCKED = "secguard.blocked"
"""``scores``: the risk score of each entity type that a policy refused; ``vault_id``."""


def announce(manager: CallbackManagerForChainRun, name: str, data: Mapping[str, object]) -> None:
    """Tell the handlers of a run what happened in it."""
    if manager.handlers:
        manager.get_child().on_custom_event(name, dict(data), run_id=manager.run_id)


async def aannounce(manager: AsyncCallbackManagerForChainRun, name: str, data: Mapping[str, object]) -> None:
    """Tell the handlers of an async run what happened in it."""
    if manager.handlers:
        await manager.get_child().on_custom_event(name, dict(data), run_id=manager.run_id)
