"""What a sanitizing scanner took out of a text, told from the text and what it became, in bounded time.

Words that stand once in both are where the two meet, as in Bram Cohen's patience diff; what lies between is
compared by itself. Where nothing meets and much is left, all of it counts as taken out.
"""

import re
from bisect import bisect_left
from collections import Counter
from collections.abc import Iterator, Sequence
from difflib import SequenceMatcher
from typing import NamedTuple

_WORD = re.compile(r"\s+|\S+")
_MOST_PAIRS = 2_500
"""So many pairs of words are compared one by one."""


class _Part(NamedTuple):
    """Words ``a`` to ``b`` of a text, and ``c`` to ``d`` of what it became."""

    a: int
    b: int
    c: int
    d: int


def removed(text: str, new: str) -> dict[str, str]:
    """Map what was taken out of ``text``, in whole words, to what stands in its place in ``new``."""
    before, after = _WORD.findall(text), _WORD.findall(new)
    return {
        gone: "".join(after[c:d]).strip() or "[REDACTED]"
        for a, b, c, d in _changes(before, after)
        if (gone := "".join(before[a:b]).strip())
    }


def _changes(before: Sequence[str], after: Sequence[str]) -> Iterator[_Part]:
    waiting = [_Part(0, len(before), 0, len(after))]
    while waiting:
        part = _trimmed(before, after, waiting.pop())
        a, b, c, d = part
        if a == b:
            continue
        if (b - a) * (d - c) <= _MOST_PAIRS:
            yield from _compared(before, after, part)
        elif meetings := _meetings(before[a:b], after[c:d]):
            waiting += _between(part, meetings)
        else:
            yield part


def _trimmed(before: Sequence[str], after: Sequence[str], part: _Part) -> _Part:
    """Leave out what both begin and end with."""
    a, b, c, d = part
    while a < b and c < d and before[a] == after[c]:
        a, c = a + 1, c + 1
    while a < b and c < d and before[b - 1] == after[d - 1]:
        b, d = b - 1, d - 1
    return _Part(a, b, c, d)


def _compared(before: Sequence[str], after: Sequence[str], part: _Part) -> Iterator[_Part]:
    a, b, c, d = part
    matcher = SequenceMatcher(None, before[a:b], after[c:d], autojunk=False)
    for how, i, j, k, m in matcher.get_opcodes():
        if how in ("replace", "delete"):
            yield _Part(a + i, a + j, c + k, c + m)


def _meetings(before: Sequence[str], after: Sequence[str]) -> list[tuple[int, int]]:
    """Return where words stand that each has once: the most of them that are in order in both."""
    counts, places = Counter(before), Counter(after)
    at = {word: number for number, word in enumerate(after) if places[word] == 1}
    pairs = [(i, at[word]) for i, word in enumerate(before) if counts[word] == 1 and word in at]
    ends: list[int] = []
    last: list[int] = []
    behind: list[int] = []
    for number, (_, j) in enumerate(pairs):
        length = bisect_left(ends, j)
        if length == len(ends):
            ends.append(j)
            last.append(number)
        else:
            ends[length], last[length] = j, number
        behind.append(last[length - 1] if length else -1)
    chosen: list[tuple[int, int]] = []
    number = last[-1] if last else -1
    while number >= 0:
        chosen.append(pairs[number])
        number = behind[number]
    return chosen[::-1]


def _between(part: _Part, meetings: Sequence[tuple[int, int]]) -> Iterator[_Part]:
    """Return what lies before, between and behind the meetings."""
    a, _, c, _ = part
    i = k = 0
    for j, m in meetings:
        yield _Part(a + i, a + j, c + k, c + m)
        i, k = j + 1, m + 1
    yield _Part(a + i, part.b, c + k, part.d)
