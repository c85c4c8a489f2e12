"""Texts to measure with: prose, prose with names or placeholders in it, and text dense with entities."""

import itertools
import random
from collections.abc import Iterator, Sequence
from pathlib import Path

from langchain_secguard.detect import Span

PROSE = (
    "The committee met again in the afternoon to go over what had been left open in the morning. Most of the "
    "members thought that the plan was sound, yet nobody could say who would carry it out, or how it was to "
    "be paid for. "
)
_DENSE = (
    "Write to jane.doe{n}@example.com or call +1 415-555-2{n:03d}, card 4111 1111 1111 1111, "
    "SSN 856-45-6{n:03d}, from 10.0.3.{n} to DE89370400440532013000, "
    "ticket 550e8400-e29b-41d4-a716-446655440{n:03d}. "
)
_SYLLABLES = (
    "ba",
    "den",
    "fi",
    "gor",
    "hal",
    "ka",
    "lo",
    "mer",
    "nis",
    "ov",
    "pe",
    "ran",
    "su",
    "tov",
    "wen",
)


def prose(size: int) -> str:
    """Return ``size`` characters of prose in which there is nothing to find."""
    return (PROSE * (size // len(PROSE) + 1))[:size]


def dense(size: int) -> str:
    """Return ``size`` characters that hold an entity every five words or so."""
    parts = (_DENSE.format(n=number % 200) for number in range(size // len(_DENSE) + 2))
    return "".join(parts)[:size]


def written(count: int) -> list[str]:
    """Return ``count`` words that people wrote: the example's complaint, then the project's own pages."""
    root = Path(__file__).parents[1]
    pages = (root / "examples" / "complaint.txt", root / "README.md", *sorted((root / "docs").glob("*.md")))
    words = [word for page in pages for word in page.read_text(encoding="utf-8").split()]
    return list(itertools.islice(itertools.cycle(words), count))


def names(seed: int) -> Iterator[str]:
    """Make up names of two words, each another."""
    source = random.Random(seed)
    seen: set[str] = set()
    while True:
        name = " ".join("".join(source.choices(_SYLLABLES, k=3)).title() for _ in range(2))
        if name not in seen:
            seen.add(name)
            yield name


def sprinkled(inserts: Sequence[str], size: int) -> str:
    """Return about ``size`` characters of prose with ``inserts`` spread over it, between words."""
    words = itertools.cycle(PROSE.split())
    gap = (size - sum(map(len, inserts))) // len(inserts) - 2
    parts: list[str] = []
    for insert in inserts:
        length = 0
        while length < gap:
            parts.append(next(words))
            length += len(parts[-1]) + 1
        parts.append(insert)
    return " ".join(parts) + "."


def spans_of(text: str, values: Sequence[str], entity_type: str = "PERSON") -> list[Span]:
    """Mark the first place of each of ``values`` in ``text``."""
    starts = [text.index(value) for value in values]
    return [Span(start, start + len(value), entity_type) for start, value in zip(starts, values, strict=True)]


def pieces(text: str, seed: int = 1) -> list[str]:
    """Cut a text as a model's tokens do: about four characters at a time."""
    source = random.Random(seed)
    cut: list[str] = []
    position = 0
    while position < len(text):
        size = source.choice((1, 2, 3, 4, 4, 5, 6, 7))
        cut.append(text[position : position + size])
        position += size
    return cut
