"""Cut a text into words, numbers and signs, with what stands between them, for the name model."""

import itertools
import re
import sys
import unicodedata
from dataclasses import dataclass

GLUED, SPACE, WIDE, NEWLINE, BLANK_LINE, OPENING = range(6)
"""What precedes a token: nothing, a space, a tab or spaces, a line break, an empty line, the text's start."""

PLACEHOLDER = re.compile(r"\[[A-Z][A-Z0-9_]{0,60}_[0-9]{1,9}(?:[_:.-][0-9A-Za-z]{1,20})?\]")

_MARKS = "".join(chr(code) for code in range(0x300, 0x3100) if unicodedata.category(chr(code))[0] == "M")
_TOKEN = re.compile(
    rf"(\s*)([^\W\d_]+(?:[{_MARKS}\u200c\u200d]+[^\W\d_]*)*"  # a word, also a decomposed one
    rf"|{PLACEHOLDER.pattern}"  # one token, so that it is never taken for a name
    r"|\d+"
    r"|\\[nrt](?![a-z])"  # a line break within JSON
    r"|[^\w\s]|_)"
)
_LATIN = str.maketrans(
    {
        "ł": "l",
        "ø": "o",
        "đ": "d",
        "\u0131": "i",
        "ß": "ss",
        "æ": "ae",
        "œ": "oe",
        "þ": "th",
        "ð": "d",
        "\u2019": "'",
    }
)
_LONGEST = 64


@dataclass(frozen=True, slots=True)
class Tokens:
    """Hold the tokens of a text: ``words[i]`` is ``text[starts[i]:ends[i]]``, and ``gaps[i]`` precedes it."""

    words: list[str]
    starts: list[int]
    ends: list[int]
    gaps: list[int]

    def __len__(self) -> int:
        return len(self.words)


def tokenize(text: str) -> Tokens:
    """Cut ``text`` into tokens, in time linear in its length."""
    pairs = _TOKEN.findall(text.rstrip())  # no space is left that no token follows
    gaps = [GLUED if not between else SPACE if between == " " else _gap(between) for between, _ in pairs]
    words = [sys.intern(word) if len(word) < 3 else word for _, word in pairs]
    ends = list(itertools.accumulate(len(between) + len(word) for between, word in pairs))
    starts = [end - len(word) for end, word in zip(ends, words, strict=True)]
    if gaps:
        gaps[0] = OPENING
    return Tokens(words, starts, ends, gaps)


def _gap(between: str) -> int:
    lines = between.count("\n") or between.count("\r")
    if lines:
        return NEWLINE if lines == 1 else BLANK_LINE
    return WIDE if "\t" in between or len(between) > 1 else SPACE


def fold(word: str) -> str:
    """Reduce ``word`` to the form under which the lexicon knows it: no case, no accents, digits as ``0``."""
    if len(word) > _LONGEST:
        word = word[: _LONGEST // 2] + word[-_LONGEST // 2 :]
    if word.isascii():
        return "0" * min(len(word), 5) if word.isdigit() else word.lower()
    if word.isdecimal():
        return "0" * min(len(word), 5)
    bare = unicodedata.normalize("NFKD", word.lower())
    return "".join(char for char in bare if not unicodedata.combining(char)).translate(_LATIN) or word.lower()
