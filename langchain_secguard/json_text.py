"""JSON as text: the string literals of tool-call arguments, which may be cut anywhere, or broken.

Escapes follow RFC 8259, section 7. What is outside a string literal is never touched.
"""

import json
import re
from collections import deque
from collections.abc import Callable, Sequence
from typing import Generic, NamedTuple, Protocol, TypeAlias, TypeVar

Edit: TypeAlias = tuple[int, int, str]
"""Put a text in the place of the characters from a start to an end (exclusive)."""

_UNIT = re.compile(
    r'[^"\\]+|"|\\u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}|\\u[0-9a-fA-F]{4}|\\u|\\[^u]|\\',
    re.DOTALL,
)
_CUT_ESCAPE = re.compile(
    r"(?<!\\)(?:\\\\)*"
    r"(\\(?:u(?:[0-9a-fA-F]{0,3}|[dD][89abAB][0-9a-fA-F]{2}(?:\\(?:u[0-9a-fA-F]{0,3})?)?))?)\Z"
)
_SIMPLE = {"\\" + key: value for key, value in zip('"\\/bfnrt', '"\\/\b\f\n\r\t', strict=True)}
_SURROGATE = re.compile("[\ud800-\udfff]")


def escape(text: str) -> str:
    """Write ``text`` as the inside of a JSON string literal."""
    quoted = json.dumps(text, ensure_ascii=False)[1:-1]
    return _SURROGATE.sub(lambda match: f"\\u{ord(match[0]):04x}", quoted)


EditsIn: TypeAlias = Callable[[str], Sequence[Edit]]
"""Take a text and return its edits, sorted and disjoint."""


def edit_strings(text: str, edits_of: EditsIn, edits_outside: EditsIn = lambda _: ()) -> str:
    """Edit the string literals of ``text``, and what stands outside them.

    ``edits_of`` is called with the content of each literal, and ``edits_outside`` with what is between two
    of them as it is: JSON's structure, unless ``text`` is no JSON. What the edits leave alone keeps its
    bytes, escapes and all.
    """
    parts: list[str] = []
    units: list[str] = []
    inside = False
    for unit in [*_UNIT.findall(text), '"']:
        if unit != '"':
            units.append(unit)
            continue
        outer = "".join(units)
        parts += [_edited(units, edits_of) if inside else apply(outer, edits_outside(outer)), unit]
        units, inside = [], not inside
    return "".join(parts[:-1])


def _edited(units: Sequence[str], edits_of: EditsIn) -> str:
    contents = [_decode(unit) for unit in units]
    raw, edits = "".join(units), edits_of("".join(contents))
    if not edits:
        return raw
    offsets: list[int] = []  # of each character of the content in the literal
    position = 0
    for unit, content in zip(units, contents, strict=True):
        offsets += range(position, position + len(unit)) if unit == content else [position] * len(content)
        position += len(unit)
    offsets.append(position)
    return apply(raw, [(offsets[start], offsets[end], escape(new)) for start, end, new in edits])


def apply(text: str, edits: Sequence[Edit]) -> str:
    """Make edits, sorted and disjoint, in ``text``."""
    parts: list[str] = []
    position = 0
    for start, end, new in edits:
        parts += [text[position:start], new]
        position = end
    return "".join([*parts, text[position:]]) if parts else text


def _decode(unit: str) -> str:
    """Decode one unit of a literal; what is no escape of JSON stands for itself."""
    if unit[0] != "\\":
        return unit
    if len(unit) == 2:
        return _SIMPLE.get(unit, unit)
    if len(unit) == 6:
        return chr(int(unit.removeprefix("\\u"), 16))
    return str(json.loads(f'"{unit}"')) if len(unit) == 12 else unit


S = TypeVar("S")


class Piece(NamedTuple, Generic[S]):
    """Hold something found in a string literal, and the characters it was read from, escapes and all."""

    found: S
    raw: str


class LiteralStream(Protocol[S]):
    """Read the content of one string literal as it arrives; ``length`` tells how much a finding spans."""

    def feed(self, text: str) -> list[str | S]:
        """Take the next characters, and give what is certain by now."""
        ...

    def flush(self) -> list[str | S]:
        """Give what was held back: the literal ends here."""
        ...

    def length(self, found: S) -> int:
        """Return how many characters of the text ``found`` was read from."""
        ...


class JsonStream(Generic[S]):
    """Read JSON text as it arrives, each string literal through a stream of its own.

    ``feed`` and ``flush`` give the text in order: what nothing was found in as it was written, a
    :class:`Piece` for each finding in a literal, and a finding as it is outside of them, where there is none
    unless the text is no JSON.
    """

    def __init__(self, new_stream: Callable[[], LiteralStream[S]]) -> None:
        self._new_stream = new_stream
        self._stream = new_stream()
        self._inside = False
        self._cut = ""
        self._raw: deque[tuple[str, str]] = deque()

    def feed(self, text: str) -> list[str | S | Piece[S]]:
        """Take the next piece of the text, and give what is certain by now."""
        text = self._cut + text
        cut = _CUT_ESCAPE.search(text)
        self._cut = cut[1] if cut else ""
        return self._read(text[: len(text) - len(self._cut)])

    def flush(self) -> list[str | S | Piece[S]]:
        """Give what was held back: the text ends here."""
        parts, self._cut = self._read(self._cut), ""
        return parts + self._give(self._stream.flush())

    def _read(self, text: str) -> list[str | S | Piece[S]]:
        parts: list[str | S | Piece[S]] = []
        for unit in _UNIT.findall(text):
            if unit == '"':
                parts += [*self._give(self._stream.flush()), unit]
                self._stream, self._inside = self._new_stream(), not self._inside
            else:
                content = _decode(unit) if self._inside else unit
                if self._inside:
                    self._raw.append((content, unit))
                parts += self._give(self._stream.feed(content))
        return parts

    def _give(self, found: list[str | S]) -> list[str | S | Piece[S]]:
        if not self._inside:
            return list(found)
        return [
            self._take(len(part))
            if isinstance(part, str)
            else Piece(part, self._take(self._stream.length(part)))
            for part in found
        ]

    def _take(self, length: int) -> str:
        """Return the next ``length`` characters of the literal as they were written."""
        raw: list[str] = []
        while length > 0:
            content, unit = self._raw.popleft()
            if len(content) > length:  # only plain characters come in runs
                self._raw.appendleft((content[length:], unit[length:]))
                unit = unit[:length]
            raw.append(unit)
            length -= len(content)
        return "".join(raw)
