"""The step that lets a prompt or an answer pass, or not: scanners, and what is done when one refuses."""

from collections.abc import AsyncGenerator, AsyncIterator, Generator, Iterable, Iterator, Mapping, Sequence
from contextlib import aclosing
from typing import TYPE_CHECKING, Any, Literal

from langchain_core.callbacks import AsyncCallbackManagerForChainRun, CallbackManagerForChainRun
from langchain_core.messages import BaseMessage
from langchain_core.runnables import RunnableConfig
from langchain_core.runnables.base import RunnableLike, coerce_to_runnable

from langchain_secguard.blocks import Unscanned
from langchain_secguard.events import aannounce_all, announce_all
from langchain_secguard.guard.call import GuardCall, Passage
from langchain_secguard.guard.logic import ASK, GuardLogic
from langchain_secguard.guard.refusals import AnswerKind, as_chunk
from langchain_secguard.guard.streaming import (
    NOTHING,
    Told,
    aagain,
    again,
    awindows_of,
    windows_of,
)
from langchain_secguard.guard.unheard import unheard, unheard_runs
from langchain_secguard.scan.base import Scanner
from langchain_secguard.scan.function import ScannerFunction
from langchain_secguard.scan.panel import adrive, drive
from langchain_secguard.steps import StreamingStep, signed, untyped


class Guard(StreamingStep, GuardLogic):
    """Let a prompt or an answer pass as it is, or refuse it: a step around, before or behind a model.

    All text in it is scanned: every message of a prompt, retrieved context, tool calls and their results,
    content blocks, documents and dicts. Scanners that sanitize come first, in order, each with the text of
    the one before; all others run at once on what goes on, each with its ``timeout``. A scanner that fails
    or is late counts as one that refuses.

    What is piped behind a guard that answers is skipped when the guard refuses::

        guard = Guard([BanTopics(...)], on_fail="This is not child safe, please request another topic")
        chain = guard | prompt | model | StrOutputParser()

    The refusal has the type that the rest of the chain gives, see
    :class:`~langchain_secguard.guard.Guarded`. A guard in the middle of a chain is put in parentheses with
    what it guards: ``prompt | (guard | model)``. One that stands bare in a sequence, also one that was
    wrapped by ``with_config`` or ``bind``, guards an answer, and the refusal takes the answer's place: a str
    for a str, an AI message for an AI message. What is clearly a prompt (messages of a person, a prompt
    value, a dict) cannot be replaced, and raises :class:`BlockedError`, which holds the refusal.

    Args:
        scanners: Objects with ``scan`` and ``ascan``, or functions: see :mod:`langchain_secguard.scan`.
        on_fail: ``"raise"`` a :class:`BlockedError`; ``"monitor"``: measure only, and let everything pass;
            any other text, or a message, is the refusal; a Runnable is given the input, and what it gives,
            unscanned, is the answer.
        timeout: Seconds that a scan of one text may take; or such by scanner's name, 10 for those left out.
        fail_open: Dangerous: names of scanners whose failure lets the text pass unscanned. Who can make such
            a scanner fail or hang (by a very long text, for instance) is not scanned by it.
        thresholds: The risk from which a text is refused, by scanner's name, in place of its own verdict.
        keys: Of a dict, scan these keys alone; a refusal takes the place of their values.
        prompt_key: The key of a dict that holds what the rest of the dict answers; not scanned itself.
        allow_unscanned: Dangerous: let through what cannot be scanned: ``"image"``, ``"audio"``,
            ``"video"``, ``"file"``, ``"scalar"``, ``"object"``.
        streaming: ``"hold"`` an answer that streams until it has passed whole; or let it go by
            ``"sentences"``, each after it has passed: what came before a refusal is out by then.
        context: With ``"sentences"``: so many characters before a sentence are scanned with it.
        concurrent: Run while what is piped behind it runs, whose answer is held until this has passed.
        cache_size: How many verdicts are remembered, by keyed hashes of the texts, so that a long
            conversation costs what is new in it.

    Raises:
        BlockedError: A scanner refused or failed, and ``on_fail`` is ``"raise"``.
        UnsupportedContentError: The input holds what cannot be scanned.
    """

    if TYPE_CHECKING:  # what the constructor takes is wider than what it keeps

        def __init__(  # noqa: PLR0913 - each is an option of its own
            self,
            scanners: Sequence[Scanner | ScannerFunction],
            *,
            on_fail: str | BaseMessage | RunnableLike[Any, Any] = "raise",
            timeout: float | Mapping[str, float | None] | None = 10.0,
            fail_open: Iterable[str] = (),
            thresholds: Mapping[str, float] = ...,
            keys: Iterable[str] | None = None,
            prompt_key: str | None = None,
            allow_unscanned: Iterable[Unscanned] = (),
            streaming: Literal["hold", "sentences"] = "hold",
            context: int = 400,
            concurrent: bool = False,
            cache_size: int = 4096,
            name: str | None = None,
        ) -> None: ...
    else:

        def __init__(self, scanners: Sequence[Any], **options: Any) -> None:
            super().__init__(**{"scanners": scanners, **options})

    def __or__(self, other: Any) -> Any:
        """Put ``other`` behind the guard: it is skipped when the guard answers."""
        if not self.answers and not self.concurrent:
            return super().__or__(other)
        from langchain_secguard.guard.guarded import Guarded  # noqa: PLC0415 - it is a guard and what is behind it

        return Guarded(guard=self, runnable=coerce_to_runnable(other))

    def pipe(self, *others: Any, name: str | None = None) -> Any:
        """Do what ``|`` does with each of ``others``."""
        if not others or (not self.answers and not self.concurrent):
            return super().pipe(*others, name=name)
        piped: Any = self
        for other in others:
            piped = piped | other
        return piped.model_copy(update={"name": name}) if name else piped

    def check(
        self,
        value: Any,
        config: RunnableConfig | None = None,
        *,
        prompt: str | None = None,
        kind: AnswerKind | None = None,
    ) -> Passage:
        """Scan ``value``, and tell whether it was refused.

        Args:
            value: A prompt or an answer.
            config: The config of the call.
            prompt: What ``value`` answers.
            kind: What a refusal must be; by default it takes the place of ``value``.

        Raises:
            BlockedError: It was refused, and ``on_fail`` is ``"raise"``, or no refusal can have the type.
        """
        call = self.begin(prompt, kind)
        passed = self.run(value, config, call)
        return Passage(passed, call.refused, call.scores())

    async def acheck(
        self,
        value: Any,
        config: RunnableConfig | None = None,
        *,
        prompt: str | None = None,
        kind: AnswerKind | None = None,
    ) -> Passage:
        """Do what :meth:`check` does, without blocking the event loop."""
        call = self.begin(prompt, kind)
        passed = await self.arun(value, config, call)
        return Passage(passed, call.refused, call.scores())

    def invoke(
        self, input: Any, config: RunnableConfig | None = None, *, prompt: str | None = None, **kwargs: Any
    ) -> Any:
        """Scan ``input`` and hand it on, or what answers in its place; ``prompt`` is what it answers."""
        return self.run(input, config, self.begin(prompt), **kwargs)

    async def ainvoke(
        self, input: Any, config: RunnableConfig | None = None, *, prompt: str | None = None, **kwargs: Any
    ) -> Any:
        """Do what :meth:`invoke` does, without blocking the event loop."""
        return await self.arun(input, config, self.begin(prompt), **kwargs)

    def transform(
        self,
        input: Iterator[Any],
        config: RunnableConfig | None = None,
        *,
        prompt: str | None = None,
        **kwargs: Any,
    ) -> Iterator[Any]:
        """Let an answer pass while it streams, as ``streaming`` says."""
        return self.let(input, config, self.begin(prompt), **kwargs)

    def atransform(
        self,
        input: AsyncIterator[Any],
        config: RunnableConfig | None = None,
        *,
        prompt: str | None = None,
        **kwargs: Any,
    ) -> AsyncIterator[Any]:
        """Do what :meth:`transform` does, without blocking the event loop."""
        return self.alet(input, config, self.begin(prompt), **kwargs)

    def begin(self, prompt: str | None = None, kind: AnswerKind | None = None) -> GuardCall:
        """Begin a call, which tells afterwards whether it was refused."""
        monitors = self.on_fail == "monitor"
        return GuardCall(self._panel.findings(), prompt, self.fail_open, kind=kind, monitors=monitors)

    def run(self, value: Any, config: RunnableConfig | None, call: GuardCall, **kwargs: Any) -> Any:
        """Scan a whole value in a call of its own."""
        return self._call_with_config(untyped(self._guard), value, config, call=call, **kwargs)

    async def arun(self, value: Any, config: RunnableConfig | None, call: GuardCall, **kwargs: Any) -> Any:
        """Do what :meth:`run` does, without blocking the event loop."""
        return await self._acall_with_config(untyped(self._aguard), value, config, call=call, **kwargs)

    def let(
        self, input: Iterator[Any], config: RunnableConfig | None, call: GuardCall, **kwargs: Any
    ) -> Iterator[Any]:
        """Let a stream pass in a call of its own."""
        told, chunks = Told(), again(next(input, NOTHING), input)  # the steps before are heard to begin first
        yield from self._transform_stream_with_config(
            told, untyped(self._guard_stream), config, chunks=chunks, call=call, told=told, **kwargs
        )

    async def alet(
        self, input: AsyncIterator[Any], config: RunnableConfig | None, call: GuardCall, **kwargs: Any
    ) -> AsyncIterator[Any]:
        """Do what :meth:`let` does, without blocking the event loop."""
        told, chunks = Told(), aagain(await anext(input, NOTHING), input)
        guarded: Any = self._atransform_stream_with_config(
            untyped(told), untyped(self._aguard_stream), config, chunks=chunks, call=call, told=told, **kwargs
        )
        async with aclosing(guarded):
            async for chunk in guarded:
                yield chunk

    @signed
    def _guard(
        self, value: Any, run_manager: CallbackManagerForChainRun, config: RunnableConfig, call: GuardCall
    ) -> Any:
        try:
            with unheard_runs(config):
                became = drive(self._judge([value], call))
            passed = self._passed(value, became, call)
            if passed is ASK:
                passed = self.on_fail.invoke(value, unheard(config))
        except BaseException as error:
            announce_all(run_manager, call.stopped(error))
            raise
        announce_all(run_manager, call.endings())
        return passed

    @signed
    async def _aguard(
        self,
        value: Any,
        run_manager: AsyncCallbackManagerForChainRun,
        config: RunnableConfig,
        call: GuardCall,
    ) -> Any:
        try:
            with unheard_runs(config):
                became = await adrive(self._judge([value], call))
            passed = self._passed(value, became, call)
            if passed is ASK:
                passed = await self.on_fail.ainvoke(value, unheard(config))
        except BaseException as error:
            await aannounce_all(run_manager, call.stopped(error))
            raise
        await aannounce_all(run_manager, call.endings())
        return passed

    @signed
    def _guard_stream(
        self,
        _: Iterator[Any],
        run_manager: CallbackManagerForChainRun,
        config: RunnableConfig,
        chunks: Generator[Any],
        call: GuardCall,
        told: Told,
    ) -> Iterator[Any]:
        windows = self._windows()
        try:
            for window in windows_of(chunks, windows):
                passed: Sequence[Any] | None = window.chunks
                if window.is_judged:
                    with unheard_runs(config):
                        passed = drive(self._let(window, windows, call, told))
                if passed is not None:
                    call.released = call.released or bool(passed)
                    yield from passed
                    continue
                chunks.close()
                value = window.value()
                answer = self._refused(value, call)
                if answer is not ASK:
                    yield as_chunk(answer)
                    break
                yield from self.on_fail.stream(value, unheard(config))
                break
        except BaseException as error:
            announce_all(run_manager, call.stopped(error))
            raise
        finally:
            chunks.close()
        announce_all(run_manager, call.endings())

    @signed
    async def _aguard_stream(
        self,
        _: AsyncIterator[Any],
        run_manager: AsyncCallbackManagerForChainRun,
        config: RunnableConfig,
        chunks: AsyncGenerator[Any],
        call: GuardCall,
        told: Told,
    ) -> AsyncIterator[Any]:
        windows = self._windows()
        try:
            async with aclosing(chunks), aclosing(awindows_of(chunks, windows)) as read:
                async for window in read:
                    passed: Sequence[Any] | None = window.chunks
                    if window.is_judged:
                        with unheard_runs(config):
                            passed = await adrive(self._let(window, windows, call, told))
                    call.released = call.released or bool(passed)
                    for chunk in passed or ():
                        yield chunk
                    if passed is not None:
                        continue
                    await chunks.aclose()
                    value = window.value()
                    answer = self._refused(value, call)
                    if answer is not ASK:
                        yield as_chunk(answer)
                        break
                    async for chunk in self.on_fail.astream(value, unheard(config)):
                        yield chunk
                    break
        except BaseException as error:
            await aannounce_all(run_manager, call.stopped(error))
            raise
        await aannounce_all(run_manager, call.endings())
