"""The texts that a text may be read as: what it says, and what it says to who decodes it.

A model reads base64, hexadecimal, ROT13, URL encoding, escapes and letters that merely look right; a rule
that looks at characters does not. A view is one such reading. Each way to decode is tried on the text and on
what was decoded, so far as :data:`DEEPEST` goes.
"""

import base64
import binascii
import codecs
import html
import re
from collections import Counter
from collections.abc import Callable, Iterator
from typing import NamedTuple
from urllib.parse import unquote_plus

from langchain_secguard.scan.embedded.confusables import INVISIBLE, folded, latinized, tagged

DEEPEST = 3
"""How many times one encoding may stand within another."""

LONGEST = 200_000
"""Characters of decoded text that are read in all; what is longer is not decoded any further."""

_MOST = 64
"""Views of one text."""

_BASE64 = re.compile(r"[A-Za-z0-9+/_-]{12,}(?:\s{1,2}[A-Za-z0-9+/_-]{12,})*={0,2}")
_HEX = re.compile(r"(?<![0-9A-Za-z])(?:(?:0x|\\x)?[0-9a-fA-F]{2}[ :,]{0,2}){8,}")
_DIGITS = re.compile(r"[2-7][0-9a-fA-F]")
_BINARY = re.compile(r"(?<!\d)(?:[01]{8}[ ,]?){6,}")
_ESCAPES = re.compile(r"\\u\{?([0-9a-fA-F]{4,6})\}?|\\x([0-9a-fA-F]{2})")
_PERCENT = re.compile(r"%[0-9a-fA-F]{2}")
_ENTITY = re.compile(r"&(?:#\d{2,6}|#x[0-9a-fA-F]{2,5}|[a-z]{2,8});")
_SPACED = re.compile(r"(?<![^\W_])[^\W_](?:[ .\-_*|/,~]{1,3}[^\W_](?![^\W_])){3,}")
_GAPS = re.compile(r"[\W_]+")
_QUOTED = re.compile(r"(?:[=+(,]\s{0,3}|^)[\"']([^\"'\n]{1,80})[\"']", re.MULTILINE)
_BASE32 = re.compile(r"(?<![A-Za-z0-9])[A-Z2-7]{24,}={0,6}(?![A-Za-z0-9])")
_LEET_MARK = re.compile(
    r"[0134578@$|](?:(?<=[a-z].)[0134578@$|]*[a-z]|(?<![a-z0-9].)(?<!8)[a-z]{2}|(?<=[a-z]{2}[013457$])(?![a-z0-9]))",
    re.DOTALL,
)
_LEET = str.maketrans("0134578@$!|", "oleastbasil")
_LEET_I = str.maketrans("0134578@$!|", "oieastbasii")
_BROKEN = re.compile(rf"[A-Za-z]{INVISIBLE.pattern}+[A-Za-z]")
_SPACES = re.compile(r"(\s+)")
_WORDS = re.compile(r"[a-z]{2,}")
_ROT13_WORDS = frozenset(
    [
        "gur",
        "naq",
        "vtaber",
        "nyy",
        "lbhe",
        "vafgehpgvbaf",
        "flfgrz",
        "cebzcg",
        "lbh",
        "cerivbhf",
        "abj",
        "jvgu",
    ]
)
_REVERSED_WORDS = frozenset(
    ("eht", "dna", "erongi", "lla", "ruoy", "snoitcurtsni", "metsys", "tpmorp", "uoy", "suoiverp", "htiw")
)


class View(NamedTuple):
    """Hold one reading, in small letters; ``hidden`` tells that a person would not read it so at once.

    ``changed`` has the only words that differ from another view, where these are few.
    """

    text: str
    hidden: bool
    changed: frozenset[str] | None = None


def views(text: str) -> list[View]:
    """List the readings of ``text``, the plain one first."""
    found = [View(folded(text), hidden=not text.isascii() and bool(_BROKEN.search(text)))]
    seen = {found[0].text}
    room = LONGEST
    for reading in _readings(text):
        plain = folded(reading)
        if plain not in seen and len(plain) <= room and len(found) < _MOST:
            seen.add(plain)
            found.append(View(plain, hidden=True))
            room -= len(plain)
    for view in list(found):
        for plain, changed in _respelled(view.text):
            if plain not in seen and len(found) < _MOST:
                seen.add(plain)
                found.append(View(plain, hidden=True, changed=changed))
    return found


def _readings(text: str) -> Iterator[str]:
    """Decode, and decode what was decoded."""
    layer = [text]
    for _ in range(DEEPEST):
        layer = [decoded for one in layer for decode in _DECODERS for decoded in decode(one)]
        yield from layer


def _respelled(text: str) -> Iterator[tuple[str, frozenset[str] | None]]:
    """Undo what is done to letters: look-alikes, digits for letters, letters apart, letters turned."""
    latin = latinized(text)
    if latin != text:
        yield latin, None
    if _SPACED.search(latin):
        yield _SPACED.sub(_closed_up, latin), None
    if _LEET_MARK.search(latin):
        parts = _SPACES.split(latin)
        marked = {part for part in parts if _LEET_MARK.search(part)}
        for table in (_LEET, _LEET_I):
            spelled = {part: part.translate(table) for part in marked}
            changed = frozenset(word for part in spelled.values() for word in _WORDS.findall(part))
            yield "".join(spelled.get(part, part) for part in parts), changed
    known = set(_WORDS.findall(latin))
    if len(known & _ROT13_WORDS) > 1:
        yield codecs.decode(latin, "rot13"), None
    if len(known & _REVERSED_WORDS) > 1:
        yield latin[::-1], None


def _closed_up(match: re.Match[str]) -> str:
    """Join letters that stand apart; what stands between words is another gap than between letters."""
    letters = match[0]
    gaps = _GAPS.findall(letters)
    [(usual, _)] = Counter(gaps).most_common(1)
    return _GAPS.sub(lambda gap: "" if gap[0] == usual else " ", letters)


def _from_base64(text: str) -> Iterator[str]:
    for match in _BASE64.finditer(text):
        word = re.sub(r"\s", "", match[0]).rstrip("=").replace("-", "+").replace("_", "/")
        if not word.isalpha() or not (word.islower() or word.istitle()):
            word = word[:-1] if len(word) % 4 == 1 else word
            yield from _as_text(base64.b64decode, word + "=" * (-len(word) % 4))


def _from_base32(text: str) -> Iterator[str]:
    for match in _BASE32.finditer(text):
        word = match[0].rstrip("=")
        yield from _as_text(base64.b32decode, word + "=" * (-len(word) % 8))


def _from_pieces(text: str) -> Iterator[str]:
    """Join pieces in quotes that a text assigns or adds."""
    pieces = _QUOTED.findall(text)
    if 1 < len(pieces) <= _MOST:
        yield "".join(pieces)


def _from_hex(text: str) -> Iterator[str]:
    if not _DIGITS.search(text):  # no text of letters is without
        return
    for match in _HEX.finditer(text):
        digits = re.sub(r"0x|\\x|[ :,]", "", match[0])
        yield from _as_text(binascii.unhexlify, digits[: len(digits) // 2 * 2])


def _from_binary(text: str) -> Iterator[str]:
    if "01" not in text:  # no letter is without
        return
    for match in _BINARY.finditer(text):
        yield from _as_text(_bytes_of_bits, re.sub(r"[ ,]", "", match[0]))


def _bytes_of_bits(bits: str) -> bytes:
    return bytes(int(bits[at : at + 8], 2) for at in range(0, len(bits), 8))


def _from_percents(text: str) -> Iterator[str]:
    if len(_PERCENT.findall(text)) > 2:
        yield unquote_plus(text, errors="replace")


def _from_entities(text: str) -> Iterator[str]:
    if len(_ENTITY.findall(text)) > 2:
        yield html.unescape(text)


def _from_escapes(text: str) -> Iterator[str]:
    if len(_ESCAPES.findall(text)) > 2:
        yield _ESCAPES.sub(lambda match: _character(match[1] or match[2]), text)


def _from_tags(text: str) -> Iterator[str]:
    hidden = tagged(text)
    if hidden:
        yield hidden


def _character(code: str) -> str:
    return chr(int(code, 16)) if int(code, 16) < 0x110000 else ""


def _as_text(decode: Callable[[str], bytes], word: str) -> Iterator[str]:
    """Decode, and give what is a text: UTF-8, mostly letters, digits and spaces."""
    try:
        text = decode(word).decode()
    except ValueError:
        return
    written = sum(character.isalnum() or character.isspace() for character in text)
    if len(text) > 5 and written > 0.7 * len(text):
        yield text


_DECODERS = (
    _from_tags, _from_base64, _from_base32, _from_pieces, _from_hex, _from_binary,
    _from_percents, _from_entities, _from_escapes,
)  # fmt: skip
