"""The pair as an agent needs it: what is hidden stays hidden, whoever hides it again.

A plan is a generator that yields a step and its input, and is sent the step's output; :func:`drive` and
:func:`adrive` hold all calls.
"""

from collections.abc import Callable, Generator, Sequence
from typing import Any, NamedTuple, TypeAlias, TypeVar

from langchain_core.callbacks import BaseCallbackHandler
from langchain_core.messages import BaseMessage
from langchain_core.runnables import Runnable, RunnableConfig, patch_config

from langchain_secguard.anonymize import Anonymizer
from langchain_secguard.config import find_vault
from langchain_secguard.deanonymize import Deanonymizer
from langchain_secguard.middleware.marks import is_marked, mark_all
from langchain_secguard.middleware.shapes import Visit
from langchain_secguard.plan import acarry_out, carry_out
from langchain_secguard.protect import pair_of
from langchain_secguard.vault import Vault

T = TypeVar("T")

Walk: TypeAlias = Callable[[Any, Visit], Any]


class Call(NamedTuple):
    """Ask for a step to be called; ``quiet`` where nobody is to hear of it."""

    step: Runnable[Any, Any]
    value: Any
    quiet: bool = False
    handlers: tuple[BaseCallbackHandler, ...] = ()


Plan: TypeAlias = Generator[Call, Any, T]


class Pair:
    """Hold both steps, and what is made of them.

    Raises:
        ValueError: The two steps name different vaults, stores or forms, or one of them has ``keys``.
    """

    def __init__(
        self, anonymizer: Anonymizer | None = None, deanonymizer: Deanonymizer | None = None
    ) -> None:
        before, after = pair_of(anonymizer, deanonymizer)
        if before.keys is not None or after.keys is not None:
            raise ValueError("the state of an agent is hidden and restored whole: give neither step any keys")
        self.preamble = before.preamble
        self.anonymizer = before.model_copy(update={"preamble": ""}) if before.preamble else before
        self.deanonymizer = after
        whole = {"entity_types": None, "unknown": "keep", "json_text": False, "restore_urls": False}
        self.reader = after.model_copy(update=whole)

    def vault(self, config: RunnableConfig) -> Vault:
        """Find the vault of a call."""
        return find_vault(config, self.anonymizer.vault, self.anonymizer.store)

    def hide(self, value: Any, walk: Walk, vault: Vault, prepare: Visit = lambda part: part) -> Plan[Any]:
        """Hide and mark what ``walk`` finds in ``value``, in one call of the anonymizer."""
        parts: list[Any] = []

        def take(part: Any) -> Any:
            parts.append(prepare(part))
            return part

        walk(value, take)
        if all(part is None or isinstance(part, bool) for part in parts):
            return value
        hidden = yield Call(self.anonymizer, {str(number): part for number, part in enumerate(parts)})
        written = iter([mark_all(part, vault.vault_id) for part in hidden.values()])
        return walk(value, lambda _: next(written))

    def hide_again(
        self, messages: Sequence[BaseMessage], vault: Vault, *handlers: BaseCallbackHandler
    ) -> Plan[list[BaseMessage]]:
        """Hide the messages that are not marked; placeholders that stand in them already stay what they are.

        A message that was written from hidden ones (a summary) holds placeholders, so it is restored first:
        a value has one placeholder, so what was hidden comes out as it went in.
        """
        new = {
            str(number): message
            for number, message in enumerate(messages)
            if not is_marked(message, vault.vault_id)
        }
        if not new:
            return list(messages)
        restored = yield Call(self.reader, new, quiet=True)
        hidden = yield Call(self.anonymizer, restored, handlers=handlers)
        done = {key: mark_all(message, vault.vault_id) for key, message in hidden.items()}
        return [done.get(str(number), message) for number, message in enumerate(messages)]


def drive(plan: Plan[T], config: RunnableConfig) -> T:
    """Carry out a plan."""
    return carry_out(plan, lambda call: call.step.invoke(call.value, _config_of(call, config)))


async def adrive(plan: Plan[T], config: RunnableConfig) -> T:
    """Carry out a plan without blocking the event loop."""
    return await acarry_out(plan, lambda call: call.step.ainvoke(call.value, _config_of(call, config)))


def _config_of(call: Call, config: RunnableConfig) -> RunnableConfig:
    if call.quiet:
        return quiet_config(config)
    if not call.handlers:
        return patch_config(config)
    return patch_config(config, callbacks=_with(config.get("callbacks"), call.handlers))


def quiet_config(config: RunnableConfig) -> RunnableConfig:
    """Name the vault alone: nobody is to hear of the call."""
    return RunnableConfig(configurable=config.get("configurable") or {}, callbacks=[])


def _with(callbacks: Any, handlers: Sequence[BaseCallbackHandler]) -> Any:
    if callbacks is None or isinstance(callbacks, list):
        return [*(callbacks or ()), *handlers]
    manager = callbacks.copy()
    for handler in handlers:
        manager.add_handler(handler, inherit=True)
    return manager
