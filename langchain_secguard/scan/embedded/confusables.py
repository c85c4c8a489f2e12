"""Characters that look like a Latin letter, and characters that are not seen at all.

After Unicode's own lists: confusables.txt of UTS #39, and the default ignorable code points of UAX #44.
"""

import re
import unicodedata

_LOOK_ALIKES = {
    "a": "\u0430\u03b1\u0251\u1d00",
    "b": "\u0184\u042c\u13cf\u0299\u0432",
    "c": "\u0441\u03f2\u1d04\u2ca5",
    "d": "\u0501\u13e7\u1d05",
    "e": "\u0435\u0454\u04bd\u1d07\u0437\u03b5",
    "f": "\u017f\u0584\ua730\u03dd",
    "g": "\u0261\u0581\u0262\u018d",
    "h": "\u04bb\u0570\u13c2\u029c\u043d",
    "i": "\u0456\u0131\u03b9\u0269\u026a\u04cf\u0457",
    "j": "\u0458\u03f3\u1d0a",
    "k": "\u043a\u03ba\u1d0b",
    "l": "\u04c0\u01c0\u05c0\u029f\u2113",
    "m": "\u043c\u1d0d",
    "n": "\u0578\u057c\u03b7\u0274\u043f",
    "o": "\u043e\u03bf\u0585\u0d20\u1d0f\u03c3\u0ed0",
    "p": "\u0440\u03c1\u1d18\u2ca3",
    "q": "\u051b\u0566",
    "r": "\u0433\u1d26\u0280\u044f",
    "s": "\u0455\u01bd\ua731",
    "t": "\u0442\u03c4\u1d1b",
    "u": "\u057d\u03c5\u028b\u1d1c",
    "v": "\u03bd\u0475\u05d8\u1d20",
    "w": "\u051d\u0561\u0461\u1d21\u03c9",
    "x": "\u0445\u03c7\u166e",
    "y": "\u0443\u03b3\u0263\u04af\u028f",
    "z": "\u1d22\u0290",
}
_TO_LATIN = str.maketrans({alike: latin for latin, several in _LOOK_ALIKES.items() for alike in several})

INVISIBLE = re.compile(
    "[\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u202a-\u202e\u2060-\u206f\u3164"
    "\ufe00-\ufe0f\ufeff\uffa0\ufff0-\ufffb\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U000e0fff]"
)
"""A character that is not seen: format characters, fillers, selectors of a variant, and tags."""

_TAGS = re.compile("[\U000e0020-\U000e007e]+")
_SELECTORS = re.compile("[\ufe00-\ufe0f\U000e0100-\U000e01ef]{4,}")


def without_invisible(text: str) -> str:
    """Drop the characters that are not seen."""
    return text if text.isascii() else INVISIBLE.sub("", text)


def folded(text: str) -> str:
    """Write a text in small letters and plain forms: compatibility forms undone (NFKC), accents dropped."""
    if text.isascii():
        return text.lower()
    plain = unicodedata.normalize("NFKC", without_invisible(text)).casefold()
    decomposed = unicodedata.normalize("NFD", plain)
    unaccented = "".join(character for character in decomposed if not "\u0300" <= character <= "\u036f")
    return unicodedata.normalize("NFC", unaccented)


def latinized(text: str) -> str:
    """Put the Latin letter in the place of each that only looks like it; ``text`` is folded."""
    return text if text.isascii() else text.translate(_TO_LATIN)


def tagged(text: str) -> str:
    """Read what a text says in characters that nobody sees.

    These are tag characters (U+E0020 to U+E007E), which are ASCII, and selectors of variants, the 256 of
    which stand for bytes where several follow one another.
    """
    if text.isascii():
        return ""
    tags = ("".join(chr(ord(tag) - 0xE0000) for tag in run) for run in _TAGS.findall(text))
    selected = (bytes(map(_byte, run)).decode("utf-8", "replace") for run in _SELECTORS.findall(text))
    return " ".join((*tags, *selected))


def _byte(selector: str) -> int:
    code = ord(selector)
    return code - 0xFE00 if code <= 0xFE0F else code - 0xE0100 + 16
