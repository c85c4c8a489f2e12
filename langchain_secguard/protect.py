"""Both steps around a Runnable, with a vault for each call where none is named."""

from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from typing import Any

from langchain_core.runnables import (
    Runnable,
    RunnableConfig,
    RunnableSequence,
    RunnableSerializable,
    ensure_config,
    patch_config,
)
from langchain_core.runnables.base import RunnableLike, coerce_to_runnable
from langchain_core.runnables.graph import Graph
from langchain_core.runnables.utils import ConfigurableFieldSpec
from pydantic import ConfigDict

from langchain_secguard.anonymize import Anonymizer
from langchain_secguard.config import names_vault
from langchain_secguard.deanonymize import Deanonymizer
from langchain_secguard.vault import Vault


def protect(
    runnable: RunnableLike[Any, Any],
    *,
    anonymizer: Anonymizer | None = None,
    deanonymizer: Deanonymizer | None = None,
) -> "ProtectedRunnable":
    """Wrap ``runnable``, a model or a chain, so that it sees placeholders and its caller sees values.

    When the config names a vault, it is used and kept. When it names none, each call has a vault of its own,
    which is erased when the call ends.

    Args:
        runnable: What must not see personal data: a Runnable, or a function or dict that stands for one.
        anonymizer: The step before it; ``Anonymizer()`` by default.
        deanonymizer: The step behind it; a ``Deanonymizer`` with the anonymizer's store, vault and form by
            default.

    Raises:
        ValueError: The two steps name different vaults, stores or forms.
        TypeError: ``runnable`` is none.
    """
    before = anonymizer if anonymizer is not None else _beside(deanonymizer)
    after = deanonymizer or Deanonymizer(store=before.store, vault=before.vault, form=before.form)
    if (before.store, before.vault, before.form) != (after.store, after.vault, after.form):
        raise ValueError("the anonymizer and the deanonymizer must be given the same store, vault and form")
    return ProtectedRunnable(anonymizer=before, runnable=coerce_to_runnable(runnable), deanonymizer=after)


def _beside(deanonymizer: Deanonymizer | None) -> Anonymizer:
    if deanonymizer is None:
        return Anonymizer()
    return Anonymizer(store=deanonymizer.store, vault=deanonymizer.vault, form=deanonymizer.form)


class ProtectedRunnable(RunnableSerializable[Any, Any]):
    """Run ``anonymizer | runnable | deanonymizer``; made by :func:`protect`.

    What a call is given besides its input and config, such as ``stop``, goes to the wrapped Runnable.
    """

    model_config = ConfigDict(
        arbitrary_types_allowed=True, extra="forbid", frozen=True, hide_input_in_errors=True
    )

    anonymizer: Anonymizer
    runnable: Runnable[Any, Any]
    deanonymizer: Deanonymizer

    @property
    def InputType(self) -> Any:  # noqa: N802 - the name is LangChain's
        """The shapes that the wrapped Runnable takes."""
        return self.runnable.InputType

    @property
    def OutputType(self) -> Any:  # noqa: N802 - the name is LangChain's
        """The shapes that the wrapped Runnable gives."""
        return self.runnable.OutputType

    def get_input_schema(self, config: RunnableConfig | None = None) -> type[Any]:
        """Return the wrapped Runnable's: its prompt's variables, for instance."""
        return self.runnable.get_input_schema(config)

    def get_output_schema(self, config: RunnableConfig | None = None) -> type[Any]:
        """Return the wrapped Runnable's."""
        return self.runnable.get_output_schema(config)

    @property
    def config_specs(self) -> list[ConfigurableFieldSpec]:
        """Declare what the three steps declare."""
        return self._chain().config_specs

    def get_graph(self, config: RunnableConfig | None = None) -> Graph:
        """Draw the steps, not a box around them."""
        return self._chain().get_graph(config)

    @classmethod
    def is_lc_serializable(cls) -> bool:
        """Refuse serialization: a vault, a detector or a key must not be written down."""
        return False

    def invoke(self, input: Any, config: RunnableConfig | None = None, **kwargs: Any) -> Any:
        """Run the wrapped Runnable on placeholders, and restore its answer."""
        with self._vault(config) as named:
            return self._chain(kwargs).invoke(input, named)

    async def ainvoke(self, input: Any, config: RunnableConfig | None = None, **kwargs: Any) -> Any:
        """Do what :meth:`invoke` does, without blocking the event loop."""
        async with self._avault(config) as named:
            return await self._chain(kwargs).ainvoke(input, named)

    def stream(self, input: Any, config: RunnableConfig | None = None, **kwargs: Any) -> Iterator[Any]:
        """Restore the answer while it streams."""
        with self._vault(config) as named:
            yield from self._chain(kwargs).stream(input, named)

    async def astream(
        self, input: Any, config: RunnableConfig | None = None, **kwargs: Any
    ) -> AsyncIterator[Any]:
        """Do what :meth:`stream` does, without blocking the event loop."""
        async with self._avault(config) as named:
            async for chunk in self._chain(kwargs).astream(input, named):
                yield chunk

    def _chain(self, kwargs: Mapping[str, Any] | None = None) -> RunnableSequence[Any, Any]:
        """Put the steps in sequence, under this Runnable's name; what is bound is what a call was given."""
        runnable = self.runnable.bind(**kwargs) if kwargs else self.runnable
        return RunnableSequence(self.anonymizer, runnable, self.deanonymizer, name=self.get_name())

    def _is_named(self, config: RunnableConfig | None) -> bool:
        return self.anonymizer.vault is not None or names_vault(ensure_config(config))

    @contextmanager
    def _vault(self, config: RunnableConfig | None) -> Iterator[RunnableConfig | None]:
        if self._is_named(config):
            yield config
            return
        vault = Vault()
        try:
            yield patch_config(config, configurable={"vault": vault})
        finally:
            vault.erase()

    @asynccontextmanager
    async def _avault(self, config: RunnableConfig | None) -> AsyncIterator[RunnableConfig | None]:
        with self._vault(config) as named:
            yield named
