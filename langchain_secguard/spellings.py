r"""The spellings of a text: what it reads as when escapes are undone, and where each character came from.

Known are escapes of JSON and of Python's ``repr`` (``\n``, ``\u00e9``), of URLs (``%20``, ``+``), of HTML
(``&amp;``), characters that are not seen, and Latin letters of full width. They may be nested: JSON in
JSON, a URL in JSON.
"""

import html
import re
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple, TypeAlias
from urllib.parse import unquote_to_bytes

_NESTED = 4
_MOST = 12
"""So many spellings of one text are looked at."""


class Reading(NamedTuple):
    """Hold one reading of a text; ``offsets`` tell where its characters begin, if it is another text."""

    text: str
    offsets: Sequence[int] | None = None

    def origin(self, start: int, end: int) -> tuple[int, int]:
        """Return the characters of the text that characters ``start`` to ``end`` were read from."""
        return (start, end) if self.offsets is None else (self.offsets[start], self.offsets[end])


Decode: TypeAlias = Callable[[re.Match[str]], Sequence[tuple[str, int]]]
"""Give the characters that an escape stands for, each with its length in the escape."""

_SIMPLE = dict(zip("\"'\\/bfnrtav0", "\"'\\/\b\f\n\r\t\a\v\0", strict=True))


def _backslash(match: re.Match[str]) -> Sequence[tuple[str, int]]:
    escape = match[0]
    if len(escape) == 2:
        return [(_SIMPLE[escape[1].lower()], 2)]
    if escape.count("\\") == 2:
        high, low = int(escape[2:6], 16), int(escape[8:12], 16)
        return [(chr(0x10000 + ((high - 0xD800) << 10) + (low - 0xDC00)), 12)]
    code = int(f"0x{escape[2:]}", base=0)
    return [(chr(code), len(escape))] if code <= 0x10FFFF else [(escape[0], 1), *_same(escape[1:])]


def _percent(match: re.Match[str]) -> Sequence[tuple[str, int]]:
    escape = match[0]
    if escape[0] == "+":
        return [(" ", 1)] * len(escape)
    try:
        text = unquote_to_bytes(escape).decode()
    except UnicodeDecodeError:
        text = unquote_to_bytes(escape).decode("latin-1")
        return [(character, 3) for character in text]
    return [(character, 3 * len(character.encode())) for character in text]


def _entity(match: re.Match[str]) -> Sequence[tuple[str, int]]:
    text = html.unescape(match[0])
    if text == match[0] or not text:
        return _same(match[0])
    return [*((character, 0) for character in text[:-1]), (text[-1], len(match[0]))]


def _nothing(match: re.Match[str]) -> Sequence[tuple[str, int]]:
    return [("", len(match[0]))]


def _narrow(match: re.Match[str]) -> Sequence[tuple[str, int]]:
    return [(chr(ord(character) - 0xFEE0), 1) for character in match[0]]


def _same(text: str) -> Sequence[tuple[str, int]]:
    return [(character, 1) for character in text]


_DECODERS: Sequence[tuple[re.Pattern[str], Decode]] = (
    (
        re.compile(
            r"\\(?:u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}|u[0-9a-fA-F]{4}"
            r"|x[0-9a-fA-F]{2}|U[0-9a-fA-F]{8}|[\"'\\/bfnrtav0])"
        ),
        _backslash,
    ),
    (re.compile(r"(?:%[0-9a-fA-F]{2})+"), _percent),
    (re.compile(r"(?:%[0-9a-fA-F]{2})+|(?<=[\w%.~-])\++(?=[\w%.~-])"), _percent),
    (re.compile(r"&(?:#[0-9]{1,7}|#[xX][0-9a-fA-F]{1,6}|[A-Za-z][A-Za-z0-9]{1,24});"), _entity),
    (re.compile("[\u00ad\u200b-\u200f\u202a-\u202e\u2060-\u2064\ufeff]+"), _nothing),
    (re.compile("[\uff10-\uff19\uff20-\uff3a\uff41-\uff5a]+"), _narrow),
    (re.compile(r"\\(?:[BFNRT]|U[0-9a-fA-F]{4})"), _backslash),
)
_PLAINEST = [_DECODERS[0], *_DECODERS[2:]]
_CERTAIN = [*_DECODERS[:2], *_DECODERS[3:-1]]
"""Without a plus sign, which is a space in a query alone, and without escapes in capitals ("D:\\New")."""
_ESCAPE = re.compile(
    "%[0-9a-fA-F][0-9a-fA-F]|&[#A-Za-z][A-Za-z0-9]{1,24};|&#[xX]?[0-9a-fA-F]|\\\\[uUx\"'\\\\/bfnrtav0]"
    "|[\u00ad\u200b-\u200f\u202a-\u202e\u2060-\u2064\ufeff\uff10-\uff19\uff20-\uff3a\uff41-\uff5a]"
)
_HINTS = re.compile(
    "[\\\\%+&\u00ad\u200b-\u200f\u202a-\u202e\u2060-\u2064\ufeff\uff10-\uff19\uff20-\uff3a\uff41-\uff5a]"
)


def spellings(text: str) -> list[Reading]:
    """List the readings of ``text``, itself first; most texts have no other."""
    found = [Reading(text)]
    if not _HINTS.search(text):
        return found
    seen = {text}
    queue = deque([(found[0], 0)])
    while queue:
        spelling, depth = queue.popleft()
        for new in _decoded(spelling) if depth < _NESTED else ():
            if new.text not in seen and len(found) < _MOST:
                seen.add(new.text)
                found.append(new)
                queue.append((new, depth + 1))
    return found


def plainest(text: str) -> Reading:
    """Return the reading of ``text`` in which all escapes are undone."""
    return _plain(text, _PLAINEST) if _HINTS.search(text) else Reading(text)


def _plain(text: str, decoders: Sequence[tuple[re.Pattern[str], Decode]]) -> Reading:
    spelling = Reading(text)
    for _ in range(_NESTED):
        before = spelling.text
        for pattern, decode in decoders:
            spelling = _decode(spelling, pattern, decode) or spelling
        if spelling.text == before:
            break
    return spelling


def unescaped(text: str) -> Reading | None:
    """Return what a reader makes of a text that is written with escapes; ``None`` where it has none."""
    if "\\" not in text and "%" not in text and "&" not in text and text.isascii():
        return None
    spelling = _plain(text, _CERTAIN) if _ESCAPE.search(text) else Reading(text)
    return spelling if spelling.offsets is not None and spelling.text != text else None


def _decoded(spelling: Reading) -> Iterator[Reading]:
    for pattern, decode in _DECODERS:
        new = _decode(spelling, pattern, decode)
        if new is not None:
            yield new


def _decode(spelling: Reading, pattern: re.Pattern[str], decode: Decode) -> Reading | None:
    """Undo one kind of escape once; ``None`` if there is none."""
    text, before = spelling.text, spelling.offsets or range(len(spelling.text) + 1)
    parts: list[str] = []
    offsets: list[int] = []
    position = 0
    for match in pattern.finditer(text):
        parts.append(text[position : match.start()])
        offsets += before[position : match.start()]
        at = match.start()
        for characters, length in decode(match):
            parts.append(characters)
            offsets += [before[at]] * len(characters)
            at += length
        position = match.end()
    if not position:
        return None
    return Reading("".join([*parts, text[position:]]), [*offsets, *before[position:]])
