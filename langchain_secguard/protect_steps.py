"""The steps of a protected call, which know what was asked, and whether it was answered already."""

from collections.abc import AsyncIterator, Iterator
from contextlib import aclosing
from typing import Any

from langchain_core.runnables import Runnable, RunnableConfig

from langchain_secguard.guard import Guard
from langchain_secguard.guard.call import GuardCall
from langchain_secguard.guard.refusals import asked
from langchain_secguard.guard.streaming import NOTHING, aagain, again
from langchain_secguard.guard.unheard import unheard
from langchain_secguard.scan.base import Sees


class Talk:
    """Hold what one call was asked, as the user wrote it and as the model was sent it.

    Args:
        prompt_key: The key of a dict that holds the question; all of its strings are it by default.
    """

    def __init__(self, prompt_key: str | None) -> None:
        self.prompts: dict[str, str | None] = {}
        self._prompt_key = prompt_key
        self._calls: list[GuardCall] = []

    def note(self, form: Sees, value: Any) -> None:
        """Note what was asked."""
        if self._prompt_key is not None and isinstance(value, dict):
            value = value.get(self._prompt_key)
        self.prompts[form] = asked(value)

    def begin(self, guard: Guard, form: Sees) -> GuardCall:
        """Begin a call of an output guard."""
        call = guard.begin(self.prompts.get(form))
        self._calls.append(call)
        return call

    @property
    def is_refused(self) -> bool:
        """Whether all that is answered is a refusal, which no other guard is to judge."""
        return any(call.refused and not call.released for call in self._calls)


class Unheard(Runnable[Any, Any]):
    """Run a step of which no stream of events tells."""

    def __init__(self, runnable: Runnable[Any, Any]) -> None:
        self._runnable = runnable

    def invoke(self, input: Any, config: RunnableConfig | None = None, **kwargs: Any) -> Any:
        """Run the step."""
        return self._runnable.invoke(input, unheard(config or {}), **kwargs)

    async def ainvoke(self, input: Any, config: RunnableConfig | None = None, **kwargs: Any) -> Any:
        """Run the step."""
        return await self._runnable.ainvoke(input, unheard(config or {}), **kwargs)

    def transform(
        self, input: Iterator[Any], config: RunnableConfig | None = None, **kwargs: Any
    ) -> Iterator[Any]:
        """Stream the step."""
        return self._runnable.transform(input, unheard(config or {}), **kwargs)

    def atransform(
        self, input: AsyncIterator[Any], config: RunnableConfig | None = None, **kwargs: Any
    ) -> AsyncIterator[Any]:
        """Stream the step."""
        return self._runnable.atransform(input, unheard(config or {}), **kwargs)


class Noting(Runnable[Any, Any]):
    """Run the anonymizer, and note what was asked by what it gives."""

    def __init__(self, runnable: Runnable[Any, Any], talk: Talk) -> None:
        self._runnable = runnable
        self._talk = talk

    def invoke(self, input: Any, config: RunnableConfig | None = None, **kwargs: Any) -> Any:
        """Run the anonymizer."""
        hidden = self._runnable.invoke(input, config, **kwargs)
        self._talk.note("placeholders", hidden)
        return hidden

    async def ainvoke(self, input: Any, config: RunnableConfig | None = None, **kwargs: Any) -> Any:
        """Run the anonymizer."""
        hidden = await self._runnable.ainvoke(input, config, **kwargs)
        self._talk.note("placeholders", hidden)
        return hidden


class Answering(Runnable[Any, Any]):
    """Guard an answer, with what was asked; a refusal of another guard goes through."""

    def __init__(self, guard: Guard, talk: Talk, form: Sees) -> None:
        self._guard = guard
        self._talk = talk
        self._form = form

    def invoke(self, input: Any, config: RunnableConfig | None = None, **kwargs: Any) -> Any:
        """Guard a whole answer."""
        if self._talk.is_refused:
            return input
        return self._guard.run(input, config, self._talk.begin(self._guard, self._form), **kwargs)

    async def ainvoke(self, input: Any, config: RunnableConfig | None = None, **kwargs: Any) -> Any:
        """Guard a whole answer."""
        if self._talk.is_refused:
            return input
        return await self._guard.arun(input, config, self._talk.begin(self._guard, self._form), **kwargs)

    def transform(
        self, input: Iterator[Any], config: RunnableConfig | None = None, **kwargs: Any
    ) -> Iterator[Any]:
        """Guard an answer while it streams; by the time of its first chunk it is known what was asked."""
        first = next(input, NOTHING)
        chunks = again(first, input)
        if self._talk.is_refused or first is NOTHING:
            yield from chunks
            return
        yield from self._guard.let(chunks, config, self._talk.begin(self._guard, self._form), **kwargs)

    async def atransform(
        self, input: AsyncIterator[Any], config: RunnableConfig | None = None, **kwargs: Any
    ) -> AsyncIterator[Any]:
        """Guard an answer while it streams."""
        first = await anext(input, NOTHING)
        chunks: Any = aagain(first, input)
        if not self._talk.is_refused and first is not NOTHING:
            chunks = self._guard.alet(chunks, config, self._talk.begin(self._guard, self._form), **kwargs)
        async with aclosing(chunks):
            async for chunk in chunks:
                yield chunk
