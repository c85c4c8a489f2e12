"""The worst misses of a detector, with the text around them: for the eyes of whoever owns the data.

Nothing here writes to a file or a trace; :mod:`~langchain_secguard.evaluate.cli` shows them on a terminal.
"""

import heapq
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from langchain_secguard.detect.base import Span
from langchain_secguard.evaluate.data import Example
from langchain_secguard.evaluate.metrics import Words

CONTEXT = 40
"""Characters shown to each side."""


@dataclass(frozen=True, slots=True)
class Miss:
    """Hold an expected mention that would have been sent, or a part of which would.

    ``shown`` and ``words`` count its words, and those left in sight. ``before``, ``value`` and ``after`` are
    stretches of the text, and are not in the ``repr``.
    """

    where: str
    entity_type: str
    shown: int
    words: int
    before: str = field(repr=False)
    value: str = field(repr=False)
    after: str = field(repr=False)


def worst_misses(examples: Sequence[Example], found: Sequence[Sequence[Span]], count: int) -> list[Miss]:
    """Return the mentions of which most words are left in sight, first the wholly missed ones.

    Args:
        examples: The annotated texts.
        found: What a detector found in each, at or above the threshold.
        count: How many at most.
    """
    every = (miss for example, spans in zip(examples, found, strict=True) for miss in _misses(example, spans))
    return heapq.nlargest(count, every, key=lambda miss: (miss.shown == miss.words, miss.shown))


def _misses(example: Example, found: Sequence[Span]) -> Iterator[Miss]:
    places = Words(example.text)
    hidden = places.inside((span.start, span.end) for span in found)
    for span in example.spans:
        inside = places.inside([(span.start, span.end)])
        if inside - hidden:
            yield Miss(
                example.where or example.id,
                span.entity_type,
                len(inside - hidden),
                len(inside),
                example.text[max(0, span.start - CONTEXT) : span.start],
                example.text[span.start : span.end],
                example.text[span.end : span.end + CONTEXT],
            )


def line(miss: Miss) -> str:
    """Write a miss in one line; what a terminal would obey (control characters) is escaped."""
    share = "missed" if miss.shown == miss.words else f"{miss.shown} of {miss.words} words in sight"
    text = f"{_plain(miss.before)}>>>{_plain(miss.value)}<<<{_plain(miss.after)}"
    return f"{_plain(miss.where)}  {miss.entity_type}, {share}:  {text}"


def _plain(text: str) -> str:
    return "".join(
        char if char.isprintable() else char.encode("unicode_escape", "replace").decode() for char in text
    )
