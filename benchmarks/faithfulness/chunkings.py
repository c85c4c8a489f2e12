"""How an answer is cut on its way: whole, by one and by three characters, in two, and as tokens are."""

import random
from collections.abc import Iterator

from benchmarks.faithfulness.counting import Answer
from benchmarks.texts import pieces

WHOLE = "whole"
CHUNKINGS = (WHOLE, "1 character", "3 characters", "in two", "like tokens")


def cut(answer: Answer, splits: int, seed: int) -> Iterator[tuple[str, list[str]]]:
    """Yield each chunking with its pieces; ``splits`` of all cuts in two at the placeholder are drawn."""
    text = answer.text
    yield WHOLE, [text]
    for name, size in (("1 character", 1), ("3 characters", 3)):
        yield name, [text[start : start + size] for start in range(0, len(text), size)]
    places = range(max(answer.start, 1), min(answer.end + 1, len(text) - 1) + 1)
    for place in sorted(random.Random(seed).sample(places, min(splits, len(places)))):
        yield "in two", [text[:place], text[place:]]
    yield "like tokens", pieces(text, seed)
