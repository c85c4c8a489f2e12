"""Both steps around a Runnable, with a vault for each call where none is named."""

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import Any

from langchain_core.runnables import Runnable, RunnableConfig, RunnableSerializable, ensure_config
from langchain_core.runnables.config import merge_configs
from langchain_core.runnables.utils import ConfigurableFieldSpec
from pydantic import ConfigDict, PrivateAttr

from langchain_secguard.anonymize import Anonymizer
from langchain_secguard.config import names_vault
from langchain_secguard.deanonymize import Deanonymizer
from langchain_secguard.vault import Vault


def protect(
    runnable: Runnable[Any, Any],
    *,
    anonymizer: Anonymizer | None = None,
    deanonymizer: Deanonymizer | None = None,
) -> "ProtectedRunnable":
    """Wrap ``runnable``, a model or a chain, so that it sees placeholders and its caller sees values.

    When the config names a vault, it is used and kept. When it names none, each call has a vault of its own,
    which is erased when the call ends.

    Args:
        runnable: What must not see personal data.
        anonymizer: The step before it; ``Anonymizer()`` by default.
        deanonymizer: The step behind it; a ``Deanonymizer`` with the anonymizer's store, vault and form by
            default.

    Raises:
        ValueError: The two steps name different vaults, stores or forms.
    """
    before = anonymizer if anonymizer is not None else _beside(deanonymizer)
    after = deanonymizer or Deanonymizer(store=before.store, vault=before.vault, form=before.form)
    if (before.store, before.vault, before.form) != (after.store, after.vault, after.form):
        raise ValueError("the anonymizer and the deanonymizer must be given the same store, vault and form")
    return ProtectedRunnable(anonymizer=before, runnable=runnable, deanonymizer=after)


def _beside(deanonymizer: Deanonymizer | None) -> Anonymizer:
    if deanonymizer is None:
        return Anonymizer()
    return Anonymizer(store=deanonymizer.store, vault=deanonymizer.vault, form=deanonymizer.form)


class ProtectedRunnable(RunnableSerializable[Any, Any]):
    """Run ``anonymizer | runnable | deanonymizer``; made by :func:`protect`."""

    model_config = ConfigDict(
        arbitrary_types_allowed=True, extra="forbid", frozen=True, hide_input_in_errors=True
    )

    anonymizer: Anonymizer
    runnable: Runnable[Any, Any]
    deanonymizer: Deanonymizer

    _chain: Runnable[Any, Any] = PrivateAttr()

    def model_post_init(self, context: Any, /) -> None:
        """Put the steps in sequence, once."""
        super().model_post_init(context)
        self._chain = self.anonymizer | self.runnable | self.deanonymizer

    @property
    def InputType(self) -> Any:  # noqa: N802 - the name is LangChain's
        """The shapes that the wrapped Runnable takes."""
        return self.runnable.InputType

    @property
    def OutputType(self) -> Any:  # noqa: N802 - the name is LangChain's
        """The shapes that the wrapped Runnable gives."""
        return self.runnable.OutputType

    @property
    def config_specs(self) -> list[ConfigurableFieldSpec]:
        """Declare what the three steps declare."""
        return self._chain.config_specs

    @classmethod
    def is_lc_serializable(cls) -> bool:
        """Refuse serialization: a vault, a detector or a key must not be written down."""
        return False

    def invoke(self, input: Any, config: RunnableConfig | None = None, **kwargs: Any) -> Any:
        """Run the wrapped Runnable on placeholders, and restore its answer."""
        with self._vault(config) as named:
            return self._chain.invoke(input, named, **kwargs)

    async def ainvoke(self, input: Any, config: RunnableConfig | None = None, **kwargs: Any) -> Any:
        """Do what :meth:`invoke` does, without blocking the event loop."""
        async with self._avault(config) as named:
            return await self._chain.ainvoke(input, named, **kwargs)

    def stream(self, input: Any, config: RunnableConfig | None = None, **kwargs: Any) -> Iterator[Any]:
        """Restore the answer while it streams."""
        with self._vault(config) as named:
            yield from self._chain.stream(input, named, **kwargs)

    async def astream(
        self, input: Any, config: RunnableConfig | None = None, **kwargs: Any
    ) -> AsyncIterator[Any]:
        """Do what :meth:`stream` does, without blocking the event loop."""
        async with self._avault(config) as named:
            async for chunk in self._chain.astream(input, named, **kwargs):
                yield chunk

    def _is_named(self, config: RunnableConfig | None) -> bool:
        return self.anonymizer.vault is not None or names_vault(ensure_config(config))

    @contextmanager
    def _vault(self, config: RunnableConfig | None) -> Iterator[RunnableConfig | None]:
        if self._is_named(config):
            yield config
            return
        vault = Vault()
        try:
            yield _with_vault(config, vault)
        finally:
            vault.erase()

    @asynccontextmanager
    async def _avault(self, config: RunnableConfig | None) -> AsyncIterator[RunnableConfig | None]:
        with self._vault(config) as named:
            yield named


def _with_vault(config: RunnableConfig | None, vault: Vault) -> RunnableConfig:
    return merge_configs(config, {"configurable": {"vault": vault}})
