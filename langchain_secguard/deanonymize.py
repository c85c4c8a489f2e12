"""The step behind the model: placeholders in its answer become values again, also while it streams."""

import time
from collections import Counter
from collections.abc import AsyncIterator, Iterable, Iterator, Mapping
from functools import partial
from typing import TYPE_CHECKING, Any, Literal

from langchain_core.callbacks import AsyncCallbackManagerForChainRun, CallbackManagerForChainRun
from langchain_core.runnables import RunnableConfig
from pydantic import PrivateAttr

from langchain_secguard.errors import UnknownPlaceholderError
from langchain_secguard.events import DEANONYMIZED, FAILED, Ending, aannounce, announce, watch
from langchain_secguard.leaf import Reader
from langchain_secguard.placeholders import Form, Style
from langchain_secguard.restore import Restorer, Rules, Tally
from langchain_secguard.sight import Sight
from langchain_secguard.steps import PairStep, StreamingStep, adrive, aguarded, drive, guarded, signed
from langchain_secguard.stream import StreamRestorer
from langchain_secguard.vault import Vault, VaultStore


class Deanonymizer(StreamingStep, PairStep):
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

    if TYPE_CHECKING:  # what the constructor takes is wider than what it keeps

        def __init__(  # noqa: PLR0913 - each is an option of its own
            self,
            *,
            store: VaultStore | None = None,
            vault: Vault | None = None,
            entity_types: Iterable[str] | None = None,
            unknown: Literal["keep", "drop", "error"] = "keep",
            restore_urls: bool = False,
            json_text: bool = False,
            keys: Iterable[str] | None = None,
            form: Form | Style = ...,
            name: str | None = None,
        ) -> None: ...

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
        return self._transform_stream_with_config(input, self._restore_stream, config, **kwargs)

    def atransform(
        self, input: AsyncIterator[Any], config: RunnableConfig | None = None, **kwargs: Any
    ) -> AsyncIterator[Any]:
        """Do what :meth:`transform` does, without blocking the event loop."""
        return self._atransform_stream_with_config(input, self._arestore_stream, config, **kwargs)

    @signed
    def _deanonymize(
        self, value: Any, run_manager: CallbackManagerForChainRun, config: RunnableConfig
    ) -> Any:
        call = _Call()
        try:
            vault, restorer = self._open(call, config)
            draft = drive(restorer.draft(value), vault.lookup)
            restored = drive(restorer.finish(value, draft, guarded(vault.surrogates)), vault.lookup)
        except BaseException as error:
            announce(run_manager, partial(call.stopped, error))
            raise
        announce(run_manager, call.done)
        return restored

    @signed
    async def _adeanonymize(
        self, value: Any, run_manager: AsyncCallbackManagerForChainRun, config: RunnableConfig
    ) -> Any:
        call = _Call()
        try:
            vault, restorer = self._open(call, config)
            draft = await adrive(restorer.draft(value), vault.alookup)
            surrogates = await aguarded(vault.asurrogates)
            restored = await adrive(restorer.finish(value, draft, surrogates), vault.alookup)
        except BaseException as error:
            await aannounce(run_manager, partial(call.stopped, error))
            raise
        await aannounce(run_manager, call.done)
        return restored

    def _restore_stream(
        self, chunks: Iterator[Any], run_manager: CallbackManagerForChainRun, config: RunnableConfig
    ) -> Iterator[Any]:
        call = _Call()
        try:
            vault, restorer = self._open(call, config)
            stream = self._begin(restorer)
            watch(run_manager, call.sight)
            call.rest()
            for chunk in chunks:
                call.works = True
                restorer.reader.surrogates = guarded(vault.surrogates)
                if stream.quick(chunk):
                    call.works = False
                    yield chunk
                    continue
                call.work()
                restored = drive(stream.feed(chunk), vault.lookup)
                call.rest()
                yield from restored
            call.work()
            restored = drive(stream.flush(), vault.lookup)
            call.rest()
            yield from restored
        except BaseException as error:
            announce(run_manager, partial(call.stopped, error))
            raise
        announce(run_manager, call.done)

    async def _arestore_stream(
        self, chunks: AsyncIterator[Any], run_manager: AsyncCallbackManagerForChainRun, config: RunnableConfig
    ) -> AsyncIterator[Any]:
        call = _Call()
        try:
            vault, restorer = self._open(call, config)
            stream = self._begin(restorer)
            watch(run_manager, call.sight)
            call.rest()
            async for chunk in chunks:
                call.works = True
                restorer.reader.surrogates = await aguarded(vault.asurrogates)
                if stream.quick(chunk):
                    call.works = False
                    yield chunk
                    continue
                call.work()
                restored = await adrive(stream.feed(chunk), vault.alookup)
                call.rest()
                for one in restored:
                    yield one
            call.work()
            restored = await adrive(stream.flush(), vault.alookup)
            call.rest()
            for one in restored:
                yield one
        except BaseException as error:
            await aannounce(run_manager, partial(call.stopped, error))
            raise
        await aannounce(run_manager, call.done)

    def _begin(self, restorer: Restorer) -> StreamRestorer:
        """Begin a stream; what a subclass begins has the same ``quick``, ``feed`` and ``flush``."""
        return StreamRestorer(restorer, self.keys)

    def _open(self, call: "_Call", config: RunnableConfig) -> tuple[Vault, Restorer]:
        vault = self._vault_of(config)
        call.restorer = Restorer(Reader(self.form, vault.vault_id), self._rules, self.keys)
        call.sight = Sight(vault, self.form, partial(_values, call.restorer, vault, self.form))
        return vault, call.restorer


class _Call:
    """Gather what one call does, for who listens: whether it is at work itself, and for how long it was.

    It begins at work. Of a stream, chunks that pass through as they are take no time worth counting.
    """

    __slots__ = ("_since", "restorer", "seconds", "sight", "works")

    def __init__(self) -> None:
        self.restorer: Restorer | None = None
        self.sight = Sight(None, Form())
        self.seconds = 0.0
        self.works = True
        self._since = time.perf_counter()

    def work(self) -> None:
        """Begin to work."""
        self.works, self._since = True, time.perf_counter()

    def rest(self) -> None:
        """Wait for the next chunk, or for who takes it."""
        self.seconds += time.perf_counter() - self._since
        self.works = False

    def stopped(self, error: BaseException) -> Ending:
        """Tell of a call that did not end by itself: it failed, or its stream did, or was closed early."""
        if not self.works:
            return self.done()
        self.rest()
        seen = self.sight
        seen.end()
        known = isinstance(error, UnknownPlaceholderError)
        sight = seen if known else Sight(seen.vault, seen.form, lambda: seen.values, failed=True)
        return self._ending(FAILED, {"error": type(error).__name__}, sight)

    def done(self) -> Ending:
        """Tell of a call that restored what it found."""
        if self.works:
            self.rest()
        tally = self.restorer.tally if self.restorer else Tally(Counter())
        counts = {"entities": dict(tally.restored), "unknown": tally.unknown, "withheld": tally.withheld}
        return self._ending(DEANONYMIZED, counts, self.sight)

    def _ending(self, name: str, data: Mapping[str, object], sight: Sight) -> Ending:
        about = {
            "step": Deanonymizer.__name__,
            "seconds": self.seconds,
            "vault_id": sight.vault.vault_id if sight.vault else None,
        }
        return Ending(name, {**data, **about}, sight)


def _values(restorer: Restorer, vault: Vault, form: Form) -> dict[str, str]:
    """Map each value that was restored to its placeholder."""
    entries = list(restorer.tally.entries.values())  # a copy, since a stream may go on meanwhile
    return {entry.value: form.mint(entry.ref, vault.vault_id) for entry in entries}
