"""The step behind the model: placeholders in its answer become values again, also while it streams."""

from collections.abc import AsyncIterator, Iterator
from typing import Any, Literal

from langchain_core.callbacks import AsyncCallbackManagerForChainRun, CallbackManagerForChainRun
from langchain_core.runnables import RunnableConfig
from pydantic import PrivateAttr

from langchain_secguard.events import DEANONYMIZED, aannounce, announce
from langchain_secguard.leaf import Reader
from langchain_secguard.restore import Restorer, Rules
from langchain_secguard.steps import PairStep, adrive, aguarded, drive, guarded, signed
from langchain_secguard.stream import StreamRestorer
from langchain_secguard.vault import Vault


class Deanonymizer(PairStep):
    r"""Put the values back into an answer, in place of the placeholders of the vault of the call.

    Takes and gives back the shapes that :class:`~langchain_secguard.Anonymizer` does, and streams: whatever
    way an answer is cut into chunks, the chunks add up to what ``invoke`` gives. Placeholders that a model
    bent (``[person 1]``, ``PERSON_1``, ``\[PERSON\_1\]``) are restored too; a placeholder of another vault,
    or one that was never issued, is text.

    Args:
        store: Keeps the vaults that the config names by id; one store for the process by default.
        vault: The vault of every call, whatever the config says.
        entity_types: Restore these alone, and leave the placeholders of others in place.
        unknown: What becomes of a placeholder that the vault does not hold: ``"keep"``, ``"drop"`` or
            ``"error"``.
        restore_urls: Dangerous: put values into URLs too. A model that was misled by what it read can
            send them to whoever it was told to, by a link or an image in its answer.
        json_text: The answer's text is JSON, so values are escaped as JSON wants it. Tool-call arguments
            are always treated so.
        keys: Of a dict, restore these keys alone, and hand the others on as they are.
        form: How placeholders are written, the same as the anonymizer's.

    Raises:
        VaultRequiredError: No vault is named; see :func:`~langchain_secguard.config.find_vault`.
        VaultUnavailableError: The store failed.
        UnknownPlaceholderError: ``unknown="error"``, and the vault does not hold a placeholder.
    """

    unknown: Literal["keep", "drop", "error"] = "keep"
    restore_urls: bool = False
    json_text: bool = False

    _rules: Rules = PrivateAttr()

    def model_post_init(self, context: Any, /) -> None:
        """Put the rules together, once."""
        super().model_post_init(context)
        self._rules = Rules(self.entity_types, self.unknown, urls=self.restore_urls, json=self.json_text)

    def invoke(self, input: Any, config: RunnableConfig | None = None, **kwargs: Any) -> Any:
        """Restore ``input``, and return the same shape."""
        return self._call_with_config(self._deanonymize, input, config, **kwargs)

    async def ainvoke(self, input: Any, config: RunnableConfig | None = None, **kwargs: Any) -> Any:
        """Do what :meth:`invoke` does, without blocking the event loop."""
        return await self._acall_with_config(self._adeanonymize, input, config, **kwargs)

    def transform(
        self, input: Iterator[Any], config: RunnableConfig | None = None, **kwargs: Any
    ) -> Iterator[Any]:
        """Restore a stream of chunks as they arrive."""
        yield from self._transform_stream_with_config(input, self._restore_stream, config, **kwargs)

    async def atransform(
        self,
        input: AsyncIterator[Any],
        config: RunnableConfig | None = None,
        **kwargs: Any,
    ) -> AsyncIterator[Any]:
        """Do what :meth:`transform` does, without blocking the event loop."""
        async for chunk in self._atransform_stream_with_config(
            input, self._arestore_stream, config, **kwargs
        ):
            yield chunk

    def stream(self, input: Any, config: RunnableConfig | None = None, **kwargs: Any) -> Iterator[Any]:
        """Restore one whole ``input`` as a stream of one chunk."""
        yield from self.transform(iter([input]), config, **kwargs)

    async def astream(
        self, input: Any, config: RunnableConfig | None = None, **kwargs: Any
    ) -> AsyncIterator[Any]:
        """Do what :meth:`stream` does, without blocking the event loop."""

        async def one() -> AsyncIterator[Any]:
            yield input

        async for chunk in self.atransform(one(), config, **kwargs):
            yield chunk

    @signed
    def _deanonymize(
        self, value: Any, run_manager: CallbackManagerForChainRun, config: RunnableConfig
    ) -> Any:
        vault = self._vault_of(config)
        restorer = self._restorer(vault)
        restorer.reader.surrogates = guarded(vault.surrogates)
        restored = drive(restorer.whole(value), vault.lookup)
        announce(run_manager, DEANONYMIZED, _report(restorer, vault))
        return restored

    @signed
    async def _adeanonymize(
        self, value: Any, run_manager: AsyncCallbackManagerForChainRun, config: RunnableConfig
    ) -> Any:
        vault = self._vault_of(config)
        restorer = self._restorer(vault)
        restorer.reader.surrogates = await aguarded(vault.asurrogates)
        restored = await adrive(restorer.whole(value), vault.alookup)
        await aannounce(run_manager, DEANONYMIZED, _report(restorer, vault))
        return restored

    def _restore_stream(
        self, chunks: Iterator[Any], run_manager: CallbackManagerForChainRun, config: RunnableConfig
    ) -> Iterator[Any]:
        vault = self._vault_of(config)
        restorer = self._restorer(vault)
        stream = StreamRestorer(restorer, self.keys)
        for chunk in chunks:
            restorer.reader.surrogates = guarded(vault.surrogates)
            if stream.quick(chunk):
                yield chunk
            else:
                yield from drive(stream.feed(chunk), vault.lookup)
        yield from drive(stream.flush(), vault.lookup)
        announce(run_manager, DEANONYMIZED, _report(restorer, vault))

    async def _arestore_stream(
        self, chunks: AsyncIterator[Any], run_manager: AsyncCallbackManagerForChainRun, config: RunnableConfig
    ) -> AsyncIterator[Any]:
        vault = self._vault_of(config)
        restorer = self._restorer(vault)
        stream = StreamRestorer(restorer, self.keys)
        async for chunk in chunks:
            restorer.reader.surrogates = await aguarded(vault.asurrogates)
            if stream.quick(chunk):
                yield chunk
                continue
            for restored in await adrive(stream.feed(chunk), vault.alookup):
                yield restored
        for restored in await adrive(stream.flush(), vault.alookup):
            yield restored
        await aannounce(run_manager, DEANONYMIZED, _report(restorer, vault))

    def _restorer(self, vault: Vault) -> Restorer:
        return Restorer(Reader(self.form, vault.vault_id), self._rules, self.keys)


def _report(restorer: Restorer, vault: Vault) -> dict[str, object]:
    tally = restorer.tally
    return {
        "entities": dict(tally.restored),
        "unknown": tally.unknown,
        "withheld": tally.withheld,
        "vault_id": vault.vault_id,
    }
