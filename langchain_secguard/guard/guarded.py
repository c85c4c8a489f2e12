"""A guard and what it guards: what is behind it runs when it lets the input pass, or is held until it has."""

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from concurrent.futures import Future
from contextlib import aclosing
from functools import partial
from typing import Any

from langchain_core.runnables import Runnable, RunnableConfig, RunnableSequence
from langchain_core.runnables.base import coerce_to_runnable
from langchain_core.runnables.graph import Graph
from langchain_core.runnables.utils import ConfigurableFieldSpec

from langchain_secguard.guard.call import Passage
from langchain_secguard.guard.refusals import AnswerKind, as_chunk, kind_of
from langchain_secguard.guard.step import Guard
from langchain_secguard.guard.streaming import sum_of
from langchain_secguard.scan.threads import leave, start
from langchain_secguard.steps import StreamingStep, signed, untyped
from langchain_secguard.wrapper import Wrapper

_END: Any = object()


class Guarded(Wrapper, StreamingStep):
    """Run ``guard``, and ``runnable`` if the guard lets the input pass; made by ``guard | runnable``.

    A refused call is answered by the guard, and ``runnable`` is not called. The refusal has the type that
    ``runnable`` gives, by its ``OutputType``: a str for what ends in a ``StrOutputParser``, an ``AIMessage``
    for a chat model (in a stream an ``AIMessageChunk``), a state for a graph that was given ``messages``.
    Where that type is not known (a function without annotations) it is a message if the input was messages,
    and else what the guard was given: a str, or a message. What gives something else, such as structured
    output, has no refusal: :class:`BlockedError` is raised, which holds it; give such a guard a Runnable
    that answers.

    With ``guard.concurrent`` both run at once: ``runnable`` is given the input while it is scanned, and its
    answer is held until the guard has let the input pass. If it does not, the stream of ``runnable``, or its
    task, is cancelled; a call without a stream or a task cannot be, and its answer is dropped.
    """

    guard: Guard
    runnable: Runnable[Any, Any]
    kind: AnswerKind | None = None

    def _wrapped(self) -> Runnable[Any, Any]:
        return self.runnable

    @property
    def config_specs(self) -> list[ConfigurableFieldSpec]:
        """Declare what the guarded Runnable declares."""
        return self.runnable.config_specs

    def get_graph(self, config: RunnableConfig | None = None) -> Graph:
        """Draw the steps, not a box around them."""
        return RunnableSequence(self.guard, self.runnable).get_graph(config)

    def __or__(self, other: Any) -> Any:
        """Put ``other`` behind what is guarded: it is skipped as well when the guard refuses."""
        return self.model_copy(update={"runnable": self.runnable | coerce_to_runnable(other)})

    def pipe(self, *others: Any, name: str | None = None) -> Any:
        """Do what ``|`` does with each of ``others``."""
        piped: Any = self
        for other in others:
            piped = piped | other
        return piped.model_copy(update={"name": name}) if name else piped

    def invoke(self, input: Any, config: RunnableConfig | None = None, **kwargs: Any) -> Any:
        """Answer ``input``, unless the guard refuses it."""
        return self._call_with_config(untyped(self._invoke), input, config, given=kwargs)

    async def ainvoke(self, input: Any, config: RunnableConfig | None = None, **kwargs: Any) -> Any:
        """Do what :meth:`invoke` does, without blocking the event loop."""
        return await self._acall_with_config(untyped(self._ainvoke), input, config, given=kwargs)

    def transform(
        self, input: Iterator[Any], config: RunnableConfig | None = None, **kwargs: Any
    ) -> Iterator[Any]:
        """Wait for the whole input, and stream the answer, unless the guard refuses it."""
        return self._transform_stream_with_config(input, untyped(self._stream), config, given=kwargs)

    def atransform(
        self, input: AsyncIterator[Any], config: RunnableConfig | None = None, **kwargs: Any
    ) -> AsyncIterator[Any]:
        """Do what :meth:`transform` does, without blocking the event loop."""
        return self._atransform_stream_with_config(input, untyped(self._astream), config, given=kwargs)

    @property
    def _kind(self) -> AnswerKind:
        return self.kind or kind_of(self.runnable)

    @signed
    def _invoke(self, value: Any, config: RunnableConfig, given: dict[str, Any]) -> Any:
        if not self.guard.concurrent:
            passage = self.guard.check(value, config, kind=self._kind)
            return passage.value if passage.refused else self.runnable.invoke(passage.value, config, **given)
        future = start(partial(self.guard.check, value, config, kind=self._kind), self.guard)
        answer: Any = None
        failure: Exception | None = None
        try:
            answer = self.runnable.invoke(value, config, **given)
        except Exception as error:  # noqa: BLE001 - raised below, if the guard lets the input pass
            failure = error
        except BaseException:
            leave(future, self.guard)
            raise
        passage = future.result()
        if failure is not None and not passage.refused:
            raise failure
        return passage.value if passage.refused else answer

    @signed
    async def _ainvoke(self, value: Any, config: RunnableConfig, given: dict[str, Any]) -> Any:
        check = self.guard.acheck(value, config, kind=self._kind)
        if not self.guard.concurrent:
            passage = await check
            if passage.refused:
                return passage.value
            return await self.runnable.ainvoke(passage.value, config, **given)
        checking = asyncio.ensure_future(check)
        answering = asyncio.ensure_future(self.runnable.ainvoke(value, config, **given))
        try:
            passage = await checking
            return passage.value if passage.refused else await answering
        finally:
            await _cancelled(checking, answering)

    @signed
    def _stream(self, chunks: Iterator[Any], config: RunnableConfig, given: dict[str, Any]) -> Iterator[Any]:
        value = sum_of(list(chunks))
        if not self.guard.concurrent:
            passage = self.guard.check(value, config, kind=self._kind)
            if passage.refused:
                yield as_chunk(passage.value)
            else:
                yield from self.runnable.stream(passage.value, config, **given)
            return
        future = start(partial(self.guard.check, value, config, kind=self._kind), self.guard)
        answer: Any = self.runnable.stream(value, config, **given)
        try:
            yield from _held(answer, future)
        finally:
            leave(future, self.guard)
            answer.close()

    @signed
    async def _astream(
        self, chunks: AsyncIterator[Any], config: RunnableConfig, given: dict[str, Any]
    ) -> AsyncIterator[Any]:
        value = sum_of([chunk async for chunk in chunks])
        check = self.guard.acheck(value, config, kind=self._kind)
        if self.guard.concurrent:
            answer: Any = _aheld(check, partial(self.runnable.astream, value, config, **given))
        else:
            passage = await check
            if passage.refused:
                yield as_chunk(passage.value)
                return
            answer = self.runnable.astream(passage.value, config, **given)
        async with aclosing(answer):
            async for chunk in answer:
                yield chunk


def _held(answer: Iterator[Any], future: "Future[Passage]") -> Iterator[Any]:
    """Hold the chunks of an answer until its guard is done; give its refusal in their place."""
    held: list[Any] = []
    failure: Exception | None = None
    try:
        for chunk in answer:
            held.append(chunk)
            if future.done():
                break
    except Exception as error:  # noqa: BLE001 - raised below, if the guard lets the input pass
        failure = error
    passage = future.result()
    if passage.refused:
        yield as_chunk(passage.value)
        return
    yield from held
    if failure is not None:
        raise failure
    yield from answer


async def _aheld(
    check: Coroutine[Any, Any, Passage], answer: Callable[[], AsyncIterator[Any]]
) -> AsyncIterator[Any]:
    """Do what :func:`_held` does, and end both as soon as the guard refuses."""
    queue: asyncio.Queue[Any] = asyncio.Queue()

    async def pump() -> None:
        chunks: Any = answer()
        async with aclosing(chunks):
            async for chunk in chunks:
                queue.put_nowait(chunk)

    checking, answering = asyncio.ensure_future(check), asyncio.ensure_future(pump())
    answering.add_done_callback(lambda _: queue.put_nowait(_END))
    try:
        passage = await checking
        if passage.refused:
            await _cancelled(answering)
            yield as_chunk(passage.value)
            return
        while (chunk := await queue.get()) is not _END:
            yield chunk
        await answering
    finally:
        await _cancelled(checking, answering)


async def _cancelled(*tasks: "asyncio.Future[Any]") -> None:
    """Cancel tasks, and wait until they have ended."""
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
