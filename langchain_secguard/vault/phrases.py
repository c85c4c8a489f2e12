"""Phrases: values as sequences of whole words, and an index that finds them in a text.

A phrase of several words is known again whatever its case and the white space between its words. A single
word is known again only as it was written and in capitals, or "Will" would hide every "will".
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from typing import Generic, NamedTuple, TypeVar

T = TypeVar("T")

MAX_WORDS = 8
"""The longest phrase, in words; a longer value is left to detection."""

_WORD = re.compile(r"\w+")
_PLAIN = re.compile(rf"[A-Za-z0-9_]+(?: [A-Za-z0-9_]+){{1,{MAX_WORDS - 1}}}")
"""Most phrases of several words: what they fold to is plain as well."""
_SPACES = re.compile(r"\s+")
_MARKED = re.compile(
    "[\u0130\u0131\u0345\u01f0\u0390\u03b0\u1e96-\u1e99\u1f50\u1f52\u1f54\u1f56\u1fb6\u1fb7\u1fc6\u1fc7"
    "\u1fd2\u1fd3\u1fd6\u1fd7\u1fe2-\u1fe4\u1fe6\u1fe7\u1ff6\u1ff7]"
)
"""What folding case would turn from a letter into a letter and a mark, or from a mark into a letter.

And the Turkish letter that is written as any other I in capitals.
"""


class Match(NamedTuple):
    """Mark a phrase: characters ``start`` to ``end`` (exclusive) of a text, and its key."""

    start: int
    end: int
    key: str


def phrase_keys(value: str) -> tuple[str, ...]:
    """Return the keys under which ``value`` is known again: none when it is too long or too short."""
    if _PLAIN.fullmatch(value):
        return (value.lower(),)
    words = _word_spans(value)
    if not words or len(words) > MAX_WORDS:
        return ()
    phrase = value[words[0][0] : words[-1][1]]
    if len(words) == 1:
        return tuple({phrase: None, phrase.upper(): None}) if len(phrase) > 1 else ()
    return (fold(phrase),)


def fold(phrase: str) -> str:
    """Write a phrase so that its case and the white space in it do not matter."""
    return fold_case(_SPACES.sub(" ", phrase.replace("\u2019", "'")))


def fold_case(text: str) -> str:
    """Write ``text`` so that its case does not matter, and what was one word stays one."""
    return (text if text.isascii() else _MARKED.sub(_unmarked, text)).casefold()


def _unmarked(match: re.Match[str]) -> str:
    if match[0] == "\u0131":
        return "i"
    return match[0].casefold()[0] if match[0].isalpha() else "\u0301"


def word_sequences(text: str, max_words: int = MAX_WORDS) -> Iterator[Match]:
    """List every sequence of up to ``max_words`` words of ``text``, for a store that looks keys up afar."""
    words = _word_spans(text)
    for first, (start, _) in enumerate(words):
        for last in range(first, min(first + max_words, len(words))):
            end = words[last][1]
            yield Match(start, end, _key(text[start:end], last - first + 1))


def count_words(text: str) -> int:
    """Count the words of ``text``."""
    return len(_WORD.findall(text))


def folded_words(text: str) -> list[str]:
    """List the words of ``text``, their case folded."""
    return _folded(_WORD.findall(text))


def _folded(words: Iterable[str]) -> list[str]:
    """Fold the case of words: all in one call, which is many times faster."""
    return fold_case(" ".join(words)).split()


def _word_spans(text: str) -> list[tuple[int, int]]:
    return [match.span() for match in _WORD.finditer(text)]


def _key(phrase: str, words: int) -> str:
    return phrase if words == 1 else fold(phrase)


def _measure(key: str, longest: dict[str, int], words: set[str]) -> None:
    """Note the words of a phrase, and how many they are."""
    if key.islower() and key.isascii():
        own = key.split() if _PLAIN.fullmatch(key) else _WORD.findall(key)
    else:
        own = folded_words(key)
    longest[own[0]] = max(longest.get(own[0], 0), len(own))
    words.update(own)


class PhraseIndex(Generic[T]):
    """Map phrases to things, and find the phrases in a text, the longest first, from left to right.

    The cost of a search grows with the text, not with the index. An index that is searched while a text
    still arrives is told so by ``streamed``, and then keeps the beginnings of its phrases too.
    """

    __slots__ = ("_begun", "_longest", "_things", "_words")

    def __init__(self, *, streamed: bool = False) -> None:
        self._things: dict[str, T] = {}
        self._longest: dict[str, int] = {}
        self._words: set[str] = set()
        self._begun: set[str] | None = set() if streamed else None

    def __len__(self) -> int:
        return len(self._things)

    def __contains__(self, key: str) -> bool:
        return key in self._things

    def get(self, key: str) -> T | None:
        """Return what the phrase ``key`` is mapped to, or ``None``."""
        return self._things.get(key)

    def add(self, key: str, thing: T) -> None:
        """Map the phrase ``key`` to ``thing``, unless it is mapped already."""
        if key in self._things:
            return
        self._things[key] = thing
        _measure(key, self._longest, self._words)
        if self._begun is not None:
            self._begun.update(fold(key[:end]) for _, end in _word_spans(key)[:-1])

    def remove(self, key: str) -> None:
        """Forget the phrase ``key``, and its words, which may be a person's: this reads the whole index."""
        self._things.pop(key, None)
        longest: dict[str, int] = {}
        words: set[str] = set()
        for left in self._things:
            _measure(left, longest, words)
        self._longest, self._words = longest, words  # at once, since an answer may be read meanwhile

    def has_word_of(self, text: str) -> bool:
        """Tell whether a word of ``text`` is one of some phrase: quicker than to find the phrases."""
        return not self._words.isdisjoint(folded_words(text))

    def find(self, text: str) -> list[Match]:
        """Find the phrases of the index in ``text``, sorted and disjoint."""
        return self.scan(text)[0] if self._things else []

    def scan(self, text: str, start: int = 0, *, final: bool = True) -> tuple[list[Match], int]:
        """Find phrases from ``start`` on, up to where more text could change what is found.

        Returns the matches, and the offset from which on nothing is certain yet; that is the length of
        ``text`` when ``final`` says that no more will come.
        """
        spans = _word_spans(text)
        folded = _folded([text[first:last] for first, last in spans])
        longest = [self._longest.get(word, 0) for word in folded]
        matches: list[Match] = []
        free = 0  # the first word that no match has taken
        for position, most in enumerate(longest):
            if (final and not most) or position < free or spans[position][0] < start:
                continue
            if not final and self._undecided(text, spans, position, most):
                return matches, spans[position][0]
            match, words = self._at(text, spans, position, most)
            if match:
                matches.append(match)
            free = position + words
        return matches, len(text)

    def _at(
        self, text: str, spans: Sequence[tuple[int, int]], position: int, longest: int
    ) -> tuple[Match | None, int]:
        start = spans[position][0]
        for words in range(min(longest, len(spans) - position), 0, -1):
            end = spans[position + words - 1][1]
            key = _key(text[start:end], words)
            if key in self._things:
                return Match(start, end, key), words
        return None, 1

    def _undecided(self, text: str, spans: Sequence[tuple[int, int]], position: int, longest: int) -> bool:
        complete = [span for span in spans[position : position + longest + 1] if span[1] < len(text)]
        if not complete:  # the first word itself may go on
            return True
        if not longest or len(complete) > longest:
            return False
        return self._begun is None or fold(text[spans[position][0] : complete[-1][1]]) in self._begun


class PhraseStream(Generic[T]):
    """Find the phrases of an index in a text that arrives in pieces; ``before`` stands before the first."""

    def __init__(self, before: str = "") -> None:
        self._before = before
        self._held = ""

    def feed(self, text: str, index: PhraseIndex[T]) -> list[str | tuple[str, T]]:
        """Take the next piece, and give what is certain: strings, and phrases with their things."""
        return self._give(text, index, final=False)

    def flush(self, index: PhraseIndex[T]) -> list[str | tuple[str, T]]:
        """Give what was held back: the text ends here."""
        return self._give("", index, final=True)

    def _give(self, text: str, index: PhraseIndex[T], *, final: bool) -> list[str | tuple[str, T]]:
        text, position = self._before + self._held + text, len(self._before)
        matches, end = index.scan(text, position, final=final)
        self._before, self._held = ("" if final else text[end - 1 : end] if end else ""), text[end:]
        parts: list[str | tuple[str, T]] = []
        for match in matches:
            thing = index.get(match.key)
            if thing is not None:
                parts += [text[position : match.start], (text[match.start : match.end], thing)]
                position = match.end
        parts.append(text[position:end])
        return [part for part in parts if part]
