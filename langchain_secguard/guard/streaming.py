"""How an answer is let through while it streams: whole, or sentence by sentence.

Nothing leaves these objects but in windows, and who reads them lets a window go when it has been judged.
"""

import re
from collections.abc import (
    AsyncGenerator,
    AsyncIterable,
    AsyncIterator,
    Generator,
    Iterable,
    Iterator,
    Mapping,
)
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any, Protocol

from langchain_core.messages import AIMessageChunk, BaseMessageChunk
from langchain_core.runnables.utils import AddableDict

from langchain_secguard.blocks import is_prose

_END = re.compile(
    r"[.!?\u2026][\"'\u2019\u201d)\]*_]*\s+"
    r"|[\u3002\uff01\uff1f][\u300d\u300f\u2019\u201d\uff09)\]]*"
    r"|\n\s*"
)
"""Where a sentence ends: behind a sign and white space, so that "3.14" is one word, and at a line's end."""

NOTHING: Any = object()
"""Stands for the first chunk of a stream that has none."""

_LONGEST = 1000
"""A text of so many characters in which no sentence ends is cut between two words."""


@dataclass(slots=True)
class Window:
    """Hold chunks that are let through together, and their ``text``, or the ``parts`` that they add up to."""

    chunks: list[Any] = field(repr=False)
    text: str | None = field(default=None, repr=False)
    parts: list[Any] = field(default_factory=list, repr=False)
    is_judged: bool = True

    def value(self) -> Any:
        """Return what the chunks add up to, the last of it if it is several things."""
        return self.parts[-1] if self.parts else sum_of(self.chunks)


class Windows(Protocol):
    """Take chunks, and give them back in windows; ``before`` is the text that was let through last."""

    before: str

    def feed(self, chunk: Any) -> list[Window]:
        """Take the next chunk."""
        ...

    def flush(self) -> list[Window]:
        """Give what is left: the stream ends here."""
        ...

    def passed(self, text: str) -> None:
        """Note a text that was let through."""
        ...


class Whole:
    """Hold an answer until it is whole.

    What adds up is one part: the chunks of a message, of a text, of a dict of such. Anything else, such as a
    parser's snapshots or a graph's updates, is a part by itself.
    """

    before = ""

    def __init__(self) -> None:
        self._groups: list[list[Any]] = []

    def feed(self, chunk: Any) -> list[Window]:
        """Take the next chunk."""
        if self._groups and _adds_up(self._groups[-1][-1], chunk):
            self._groups[-1].append(chunk)
        else:
            self._groups.append([chunk])
        return []

    def flush(self) -> list[Window]:
        """Give all."""
        groups, self._groups = self._groups, []
        chunks = [chunk for group in groups for chunk in group]
        return [Window(chunks, parts=[sum_of(group) for group in groups])] if chunks else []

    def passed(self, text: str) -> None:
        """Note nothing: there is no text before a whole answer."""


class Through(Whole):
    """Let everything pass at once, and give it once more to be judged when it is whole."""

    def feed(self, chunk: Any) -> list[Window]:
        """Give the next chunk."""
        super().feed(chunk)
        return [Window([chunk], is_judged=False)]

    def flush(self) -> list[Window]:
        """Give what passed, in a window without chunks."""
        return [Window([], parts=window.parts) for window in super().flush()]


class Sentences:
    """Give text sentence by sentence, and from the first chunk that holds more than text, hold the rest.

    Args:
        context: So many characters of what was let through are kept in ``before``.
    """

    def __init__(self, context: int) -> None:
        self.before = ""
        self._context = context
        self._held: list[tuple[Any, str]] = []
        self._text = ""
        self._rest: Whole | None = None

    def feed(self, chunk: Any) -> list[Window]:
        """Take the next chunk; give the sentences that have ended by now."""
        if self._rest is not None:
            return self._rest.feed(chunk)
        text = plain_text(chunk)
        if text is None:
            return self._hold(chunk)
        windows = []
        if self._held and not _adds_up(self._held[-1][0], chunk):
            windows = self._cut(len(self._text))
        self._held.append((chunk, text))
        self._text += text
        end = self._end()
        return [*windows, *self._cut(end)] if end else windows

    def flush(self) -> list[Window]:
        """Give what is left."""
        return self._rest.flush() if self._rest is not None else self._cut(len(self._text))

    def passed(self, text: str) -> None:
        """Note a text that was let through."""
        self.before = (self.before + text)[-self._context :] if self._context else ""

    def _hold(self, chunk: Any) -> list[Window]:
        """Hold a chunk and all that follow, with the sentence that it may go on with."""
        self._rest = Whole()
        held, self._held, self._text = self._held, [], ""
        for one in (*(one for one, _ in held), chunk):
            self._rest.feed(one)
        return []

    def _end(self) -> int:
        """Return where the last sentence that has ended does."""
        ends = [match.end() for match in _END.finditer(self._text)]
        if ends or len(self._text) < _LONGEST:
            return ends[-1] if ends else 0
        return self._text.rfind(" ") + 1 or len(self._text)

    def _cut(self, end: int) -> list[Window]:
        """Take the chunks of the first ``end`` characters; that in which they end becomes two."""
        if not self._held:
            return []
        chunks: list[Any] = []
        left = end
        while self._held and len(self._held[0][1]) <= left:
            chunk, text = self._held.pop(0)
            chunks.append(chunk)
            left -= len(text)
        if left:
            chunk, text = self._held[0]
            chunks.append(with_text(chunk, text[:left], last=False))
            self._held[0] = (with_text(chunk, text[left:]), text[left:])
        window = Window(chunks, self._text[:end])
        self._text = self._text[end:]
        return [window]


def windows_of(chunks: Iterable[Any], windows: Windows) -> Iterator[Window]:
    """Read a stream in windows."""
    for chunk in chunks:
        yield from windows.feed(chunk)
    yield from windows.flush()


async def awindows_of(chunks: AsyncIterable[Any], windows: Windows) -> AsyncGenerator[Window]:
    """Do what :func:`windows_of` does, without blocking the event loop."""
    async for chunk in chunks:
        for window in windows.feed(chunk):
            yield window
    for window in windows.flush():
        yield window


def again(first: Any, chunks: Iterator[Any]) -> Generator[Any]:
    """Give a stream whose first chunk was taken; what is returned closes it."""
    try:
        if first is not NOTHING:
            yield first
            yield from chunks
    finally:
        close = getattr(chunks, "close", None)
        if close is not None:
            close()


async def aagain(first: Any, chunks: AsyncIterator[Any]) -> AsyncGenerator[Any]:
    """Do what :func:`again` does, without blocking the event loop."""
    try:
        if first is not NOTHING:
            yield first
            async for chunk in chunks:
                yield chunk
    finally:
        close = getattr(chunks, "aclose", None)
        if close is not None:
            await close()


class Told:
    """Stand for a stream where LangChain keeps what a step was given for whoever listens.

    It gives nothing but ``value``, at the end, which is what was let through: not what was refused.
    """

    def __init__(self) -> None:
        self.value: Any = None
        self._given: list[Any] = []

    def __iter__(self) -> Iterator[Any]:
        return self

    def __aiter__(self) -> AsyncIterator[Any]:
        return self

    def __next__(self) -> Any:
        if not self._given:
            self._given.append("")
            return ""
        if self.value is None or len(self._given) > 1:
            raise StopIteration
        self._given.append(self.value)
        return self.value

    async def __anext__(self) -> Any:
        given = next(self, NOTHING)
        if given is NOTHING:
            raise StopAsyncIteration
        return given


def plain_text(chunk: Any) -> str | None:
    """Return the text of a chunk that holds nothing else to be judged."""
    if isinstance(chunk, str):
        return chunk
    if not isinstance(chunk, AIMessageChunk) or chunk.tool_call_chunks or chunk.additional_kwargs:
        return None
    if isinstance(chunk.content, str):
        return chunk.content
    if not chunk.content:
        return ""
    block: Any = chunk.content[0]
    return str(block["text"]) if len(chunk.content) == 1 and _is_text(block) else None


def with_text(chunk: Any, text: str, *, last: bool = True) -> Any:
    """Put another text into a chunk of plain text; only the ``last`` of several keeps its metadata."""
    if isinstance(chunk, str):
        return text
    content: Any = text
    if not isinstance(chunk.content, str):
        content = [{**chunk.content[0], "text": text}] if chunk.content else []
    update: dict[str, Any] = {"content": content}
    if not last:
        update |= {"usage_metadata": None, "response_metadata": {}, "chunk_position": None}
    return chunk.model_copy(update=update)


def rewritten(window: Window, text: str) -> list[Any]:
    """Return the chunks of a window of plain text with another text: in the first that has one."""
    first = next(number for number, chunk in enumerate(window.chunks) if plain_text(chunk))
    return [
        chunk if not plain_text(chunk) else with_text(chunk, text if number == first else "")
        for number, chunk in enumerate(window.chunks)
    ]


def sum_of(chunks: list[Any]) -> Any:
    """Add chunks up; ``None`` for none."""
    if len(chunks) < 2:
        return chunks[0] if chunks else None
    if all(isinstance(chunk, str) for chunk in chunks):
        return "".join(chunks)
    if isinstance(chunks[0], AIMessageChunk):
        return chunks[0] + chunks[1:]
    total = chunks[0]
    for chunk in chunks[1:]:
        total = total + chunk
    return total


def without_beginnings(texts: Iterable[str]) -> list[str]:
    """Leave texts out with which another one begins, such as what a growing answer was before."""
    ordered = sorted(set(texts))
    others = [text for text, after in pairwise(ordered) if not after.startswith(text)]
    return [*others, *ordered[-1:]]


def _is_text(block: Any) -> bool:
    return (
        isinstance(block, Mapping)
        and block.get("type") == "text"
        and isinstance(block.get("text"), str)
        and not any(value for key, value in block.items() if key not in ("type", "text", "index", "id"))
        and not is_prose(block.get("id"))
    )


def _adds_up(before: Any, chunk: Any) -> bool:
    if isinstance(before, str):
        return isinstance(chunk, str)
    if isinstance(before, BaseMessageChunk):
        return type(chunk) is type(before) and not (before.id and chunk.id and before.id != chunk.id)
    return isinstance(before, AddableDict) and isinstance(chunk, AddableDict)
