"""A detector from a plain function, such as a regular expression's or a web service's."""

import asyncio
import functools
import inspect
from collections.abc import Awaitable, Callable, Iterable, Sequence
from typing import Any, TypeAlias

from langchain_secguard.detect.base import Span, Uniting
from langchain_secguard.detect.calling import without_origin
from langchain_secguard.errors import DetectorError

Mark: TypeAlias = Span | tuple[int, int, str] | tuple[int, int, str, float]
"""A span, or its start, end and entity type, and perhaps its score."""

Marks: TypeAlias = Iterable[Mark]

DetectorFunction: TypeAlias = Callable[[str], Marks] | Callable[[str], Awaitable[Marks]]
"""Take a text, and give what is to be marked in it."""

BatchFunction: TypeAlias = (
    Callable[[Sequence[str]], Sequence[Marks]] | Callable[[Sequence[str]], Awaitable[Sequence[Marks]]]
)
"""Take texts, and give what is to be marked in each."""


class FunctionDetector(Uniting):
    """Find what a function finds: ``(text) -> [(start, end, entity type), ...]``.

    A plain function runs in a worker thread when it is awaited, and is called from several threads at once.
    An ``async def`` function is awaited on the caller's event loop; without one (``invoke``) it runs on a
    loop of its own, so it must not hold on to a client that belongs to another.

    Example:
        .. code-block:: python

            def badges(text: str) -> Iterable[tuple[int, int, str]]:
                return [(*match.span(), "BADGE") for match in re.finditer(r"B-[0-9]{6}", text)]

            anonymizer = Anonymizer(detector=EmbeddedDetector() | badges)

    Args:
        function: Gives spans, or tuples of start, end, entity type and, if it likes, score; offsets count
            characters, and the end is exclusive.
        batch: The function takes a list of texts, and gives a list of such lists.
        max_concurrency: How many calls of an async function may be under way for one batch of texts.

    Raises:
        TypeError: ``function`` cannot be called.
        ValueError: ``max_concurrency`` is less than 1.
    """

    def __init__(
        self, function: DetectorFunction | BatchFunction, *, batch: bool = False, max_concurrency: int = 16
    ) -> None:
        if not callable(function) or isinstance(function, type):
            raise TypeError(f"FunctionDetector takes a function, not {_name_of(function)}")
        if max_concurrency < 1:
            raise ValueError("max_concurrency must be at least 1")
        self._function: Callable[[Any], Any] = function
        self._batch = batch
        self._max_concurrency = max_concurrency
        self._is_async = any(map(inspect.iscoroutinefunction, (function, type(function).__call__)))

    def __repr__(self) -> str:
        return f"FunctionDetector({_name_of(self._function)})"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, FunctionDetector) and (self._function, self._batch) == (
            other._function,
            other._batch,
        )

    def __hash__(self) -> int:
        return hash((FunctionDetector, self._function, self._batch))

    def detect(self, texts: Sequence[str]) -> list[list[Span]]:
        """Call the function.

        Raises:
            DetectorError: The function failed, or gave what marks no text; or it is async, and this was
                called on a running event loop, where only :meth:`adetect` can wait for it.
        """
        if not self._is_async:
            return self._guarded(texts)
        if _loop_is_running():
            raise DetectorError(
                f"{_name_of(self._function)} is async, and an event loop runs here already: "
                "call the chain with ainvoke or astream."
            )
        return asyncio.run(self.adetect(texts))

    async def adetect(self, texts: Sequence[str]) -> list[list[Span]]:
        """Do what :meth:`detect` does, without blocking the event loop."""
        if not self._is_async:
            return await asyncio.to_thread(self._guarded, texts)
        try:
            return self._spans(texts, await self._acalled(texts))
        except Exception as error:  # noqa: BLE001 - whatever it is, its message may hold the text
            failure = self._failure(error)
        raise failure

    def _guarded(self, texts: Sequence[str]) -> list[list[Span]]:
        function = self._function
        try:
            return self._spans(texts, function(texts) if self._batch else [function(text) for text in texts])
        except Exception as error:  # noqa: BLE001 - whatever it is, its message may hold the text
            failure = self._failure(error)
        raise failure

    async def _acalled(self, texts: Sequence[str]) -> Sequence[Marks]:
        if self._batch:
            marked: Sequence[Marks] = await self._function(texts)
            return marked
        free = asyncio.Semaphore(self._max_concurrency)

        async def one(text: str) -> Marks:
            async with free:
                marks: Marks = await self._function(text)
            return marks

        tasks = [asyncio.ensure_future(one(text)) for text in texts]
        try:
            return await asyncio.gather(*tasks)
        finally:
            for task in tasks:
                task.cancel()

    def _spans(self, texts: Sequence[str], marked: Sequence[Marks]) -> list[list[Span]]:
        if len(marked) != len(texts):
            raise DetectorError(f"{_name_of(self._function)} gave {len(marked)} lists for {len(texts)} texts")
        return [[mark if isinstance(mark, Span) else Span(*mark) for mark in marks] for marks in marked]

    def _failure(self, error: Exception) -> DetectorError:
        if isinstance(error, DetectorError):
            return without_origin(error)
        return DetectorError(
            f"the function {_name_of(self._function)} failed with {type(error).__name__}; nothing was sent. "
            "It takes a text and gives spans, or tuples of start, end, entity type and score."
        )


def _name_of(function: object) -> str:
    inner = function.func if isinstance(function, functools.partial) else function
    return getattr(inner, "__qualname__", type(inner).__name__)


def _loop_is_running() -> bool:
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return False
    return True
