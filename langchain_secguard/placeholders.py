"""Placeholders: how one is written, how one is read, and how one is found in a text that arrives in pieces.

A placeholder names an entity type and a number, ``[PERSON_1]``, and a variant where its value is linked to
the value without one, ``[PERSON_1b]``. Models bend what they copy, so reading is tolerant: case, a space or a
hyphen for the underscore, Markdown and HTML escapes, lost brackets. It never guesses: whatever its spelling,
a match names one type, one number and one variant, and the vault alone says whether that placeholder exists.
"""

import hashlib
import hmac
import re
import string
from collections.abc import Collection
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Literal, NamedTuple, TypeAlias

_OPEN_ENTITY = r"(?:\#91|\#[xX]5[bB]|lbrack|lsqb);"
_CLOSE_ENTITY = r"&(?:\#93|\#[xX]5[dD]|rbrack|rsqb);"
_UNDERSCORE = r"(?:\\{0,2}_|&(?:\#95|\#[xX]5[fF]|lowbar);)"
_SPACE = r"(?:[ \u00a0]{1,2})"
_LAST = rf"(?:{_UNDERSCORE}|{_SPACE}|[-\u2010\u2011])"
_WORD = r"[A-Za-z0-9]{1,24}"
_NUMBER = r"[1-9][0-9]{0,8}"
_VARIANT = r"[A-RT-Za-rt-z]{1,2}"  # an "s" behind a number is a plural
_CHECK = r"[A-Za-z]{5}"
_UNSEEN = r"\u00ad\u200b-\u200d\u2060\ufeff"  # behind them the number may go on
_BODY = (
    rf"[A-Za-z][A-Za-z0-9]{{0,23}}"
    rf"(?:(?:{_UNDERSCORE}{_WORD}){{0,5}}{_LAST}|(?:{_SPACE}{_WORD}){{0,5}}{_SPACE})"
    rf"{_NUMBER}(?:{_VARIANT})?(?:{_UNDERSCORE}{_CHECK})?"
)
_BARE = (
    rf"[A-Z0-9]{{0,23}}(?:\\{{0,2}}_[A-Z0-9]{{1,24}}){{0,5}}"
    rf"\\{{0,2}}_{_NUMBER}(?:{_VARIANT})?(?:\\{{0,2}}_[A-Z]{{5}})?"
)

_INSIDE = rf"[ ]?{_BODY}(?:['\u2019]s)?[ ]?"
# Each pattern opens with a character class because `re` skips quickly to its members; what was consumed is
# then told apart by look-behind.
_PLACEHOLDER = re.compile(
    rf"([\[\\&A-Z](?:(?<=\[){_INSIDE}\]|(?<=\\)\\?\[{_INSIDE}\\{{1,2}}\]"
    rf"|(?<=&){_OPEN_ENTITY}{_INSIDE}{_CLOSE_ENTITY}|(?<=[A-Z])(?<!\w[A-Z]){_BARE}(?=s?(?![\w{_UNSEEN}]))))"
)
_PARTS = re.compile(
    rf"(?:\\{{0,2}}\[|&{_OPEN_ENTITY})?[ ]?(?P<body>{_BODY})(?P<tail>['\u2019]s)?"
    rf"(?:[ ]?(?:\\{{0,2}}\]|{_CLOSE_ENTITY}))?"
)

_ENTITY_PART = (  # of an underscore, or of what closes
    r"&(?:\#(?:9[35]?|[xX](?:5[dDfF]?)?)?"
    r"|r(?:b(?:r(?:a(?:ck?)?)?)?|s(?:qb?)?)?|l(?:o(?:w(?:b(?:ar?)?)?)?)?)?"
)
_OPEN_PART = r"(?:\#(?:91?|[xX](?:5[bB]?)?)?|l(?:b(?:r(?:a(?:ck?)?)?)?|s(?:qb?)?)?)?"
_BODY_PART = (
    rf"(?:[A-Za-z][A-Za-z0-9]{{0,23}}"
    rf"(?:(?:{_UNDERSCORE}{_WORD}){{0,7}}(?:{_LAST}(?:{_WORD})?)?(?:{_UNDERSCORE}(?:{_WORD})?)?"
    rf"|(?:{_SPACE}{_WORD}){{0,6}}(?:{_UNDERSCORE}(?:{_WORD})?)?{_SPACE}?)"
    rf"(?:['\u2019]s?)?[ ]?(?:\\{{1,2}}|{_ENTITY_PART})?)?"
)
_UNFINISHED = re.compile(
    rf"[\[\\&A-Z](?:(?:(?<=\[)|(?<=\\)\\?\[|(?<=&){_OPEN_ENTITY})[ ]?{_BODY_PART}\Z"
    rf"|(?<=\\)\\?\Z|(?<=&){_OPEN_PART}\Z|(?<=[A-Z])(?<!\w[A-Z])[A-Z0-9]{{0,23}}"
    rf"(?:\\{{0,2}}_[A-Z0-9]{{1,24}}){{0,7}}(?:(?<=[0-9]){_VARIANT})?"
    rf"(?:(?<=[0-9A-RT-Za-rt-z])s|\\{{0,2}}_[A-Z]{{0,5}}|\\{{1,2}})?\Z)"
)
_STARTS = re.compile(r"[\[\\&A-Z]")
_OPENED = re.compile(rf"(?:\[|&{_OPEN_ENTITY})[ ]?\Z")
_WORDS = re.compile(r"&(?:\#\w+|lowbar);|[A-Za-z0-9]+")
_COMMON = re.compile(rf"(\[[A-Z]{{1,24}}+(?:_[A-Z]{{1,24}}+){{0,4}}+_{_NUMBER}[a-rt-z]{{0,2}}\])")
_CANONICAL = re.compile(rf"\[[A-Z][A-Z0-9]*(?:_[A-Z0-9]+)*_{_NUMBER}[a-rt-z]{{0,2}}(?:_[A-Z]{{5}})?\]")
_MINTABLE = re.compile(r"[A-Z][A-Z0-9]{0,23}(?:_[A-Z0-9]{1,24}){0,4}")
_LETTERS = "BCDFGHJKLMNPQRSTVWXZ"
_CODES = "bcdefghjkmnpqrtuvwxyz"  # of variants: none that looks like a digit, or reads as a plural
_PREFIX = "REDACTED_"


class Ref(NamedTuple):
    """Name one entry of a vault: the ``number``-th of its ``entity_type``.

    ``variant`` is empty, or one or two small letters where the value is linked to the one without: another
    way to write the same name.
    """

    entity_type: str
    number: int
    variant: str = ""


class Placeholder(NamedTuple):
    """Hold what reads as a placeholder.

    ``text`` is its spelling and ``check`` the letters of its check, if any. ``tail`` is what the spelling
    holds behind the placeholder (an ``'s`` inside the brackets), which is kept on restoring. ``canonical``
    tells whether the spelling is exactly one that a :class:`Form` writes. ``refused`` is set where it stands
    in a URL that somebody else wrote.
    """

    text: str
    ref: Ref
    check: str = ""
    tail: str = ""
    canonical: bool = True
    refused: bool = False


def entity_type_name(label: str) -> str:
    """Write a detector's label as an entity type: upper case, words joined by underscores.

    Raises:
        ValueError: The label has no letter, or more than five words or 24 letters a word.
    """
    name = label if _MINTABLE.fullmatch(label) else "_".join(re.findall(r"[A-Z0-9]+", label.upper()))
    if not _MINTABLE.fullmatch(name) or name.startswith(_PREFIX):
        raise ValueError(
            "an entity type is one to five words of at most 24 ASCII letters and digits, "
            "starts with a letter, and does not start with REDACTED_"
        )
    return name


Style: TypeAlias = Literal["brackets", "llm_guard"]
"""How placeholders look: ``[PERSON_1]`` or ``[REDACTED_PERSON_1]``."""


@dataclass(frozen=True, slots=True)
class Form:
    """Write placeholders, and refuse those that are not of this form.

    ``style`` is ``"brackets"`` (``[PERSON_1]``) or ``"llm_guard"`` (``[REDACTED_PERSON_1]``); both are read
    by either. With a ``check_key``, at least 16 bytes, each placeholder carries five letters of a keyed
    check over the vault, the type, the number and the variant (``[PERSON_1_QKXMZ]``), and one without the
    right letters is plain text: a forged or a mistyped placeholder restores nothing.
    """

    style: Style = "brackets"
    check_key: bytes | None = field(default=None, repr=False)

    def __post_init__(self) -> None:
        if self.style not in ("brackets", "llm_guard"):
            raise ValueError("the style of a placeholder is 'brackets' or 'llm_guard'")
        if self.check_key is not None and len(self.check_key) < 16:
            raise ValueError("check_key needs at least 16 bytes; make one with secrets.token_bytes(32)")

    def mint(self, ref: Ref, vault_id: str) -> str:
        """Write the placeholder of ``ref`` in the vault ``vault_id``."""
        prefix = _PREFIX if self.style == "llm_guard" else ""
        check = f"_{self._check(ref, vault_id)}" if self.check_key else ""
        return f"[{prefix}{ref.entity_type}_{ref.number}{ref.variant}{check}]"

    def accepts(self, placeholder: Placeholder, vault_id: str) -> bool:
        """Tell whether ``placeholder`` may be one of the vault ``vault_id`` at all."""
        if self.check_key is None:
            return not placeholder.check
        return hmac.compare_digest(placeholder.check, self._check(placeholder.ref, vault_id))

    def _check(self, ref: Ref, vault_id: str) -> str:
        message = f"{vault_id}\0{ref.entity_type}\0{ref.number}{ref.variant}".encode("utf-8", "surrogatepass")
        digest = hmac.digest(self.check_key or b"", message, hashlib.sha256)
        return "".join(_LETTERS[byte % len(_LETTERS)] for byte in digest[:5])


def variant_code(position: int) -> str | None:
    """Write the ``position``-th variant, from 0: none, ``b``, ``c`` and so on; ``None`` beyond the last."""
    if position <= len(_CODES):
        return _CODES[position - 1 : position] if position else ""
    first, second = divmod(position - len(_CODES) - 1, len(_CODES))
    return _CODES[first] + _CODES[second] if first < len(_CODES) else None


def find_forged(text: str, entity_types: Collection[str]) -> list[tuple[int, int]]:
    """Find the offsets of what the user typed and restoring might take for a placeholder.

    A bent spelling counts only for one of ``entity_types``, so that "[Exhibit 4]" and "UTF_8" stay text.
    """
    if "_" not in text and "[" not in text and "&" not in text:
        return []
    return [
        match.span()
        for match in _PLACEHOLDER.finditer(text)
        if (placeholder := _read(match[0])).canonical or placeholder.ref.entity_type in entity_types
    ]


def split_placeholders(text: str) -> list[str | Placeholder]:
    """Split ``text`` into plain strings and what reads as a placeholder, whichever form wrote it.

    Those that no model bent are split off first, by a pattern that is several times faster than the one for
    all; since their brackets are part of no other spelling, what lies between them can be read by itself.
    """
    parts: list[str | Placeholder] = []
    for position, part in enumerate(_COMMON.split(text)):
        if position % 2:
            parts.append(_read(part))
        elif "_" in part or "[" in part or "&" in part:
            parts += _split_between(part, 0, len(part))
        elif part:
            parts.append(part)
    return _uncut(parts)


@lru_cache(maxsize=4096)
def _read(spelling: str) -> Placeholder:
    """Read one match of a pattern, which is free of personal data by its grammar."""
    if _COMMON.fullmatch(spelling):
        name, _, last = spelling[1:-1].rpartition("_")
        return Placeholder(spelling, _ref(name, last))
    match = _PARTS.fullmatch(spelling)
    assert match is not None  # noqa: S101 - every match of the pattern is made of these parts
    words = [word for word in _WORDS.findall(match["body"]) if word[0] != "&"]
    check = "" if words[-1][0].isdigit() else words.pop().upper()
    last = words.pop()
    canonical = _CANONICAL.fullmatch(spelling) is not None
    return Placeholder(spelling, _ref("_".join(words).upper(), last), check, match["tail"] or "", canonical)


def _ref(name: str, last: str) -> Ref:
    """Read a type, and the digits and letters behind it."""
    entity_type = name.removeprefix(_PREFIX)
    if last.isdigit():
        return Ref(entity_type, int(last))
    digits = last.rstrip(string.ascii_letters)
    return Ref(entity_type, int(digits), last[len(digits) :].lower())


class PlaceholderStream:
    r"""Find placeholders in a text that arrives in pieces.

    ``feed`` and ``flush`` give the text in order, as plain strings and :class:`Placeholder`\ s. Only what
    may still become a placeholder is held back.
    """

    __slots__ = ("_before", "_held")

    def __init__(self) -> None:
        self._held = ""
        self._before = ""

    @property
    def before(self) -> str:
        """The last character that was given, if any."""
        return self._before

    def passes(self, text: str) -> bool:
        """Take the next piece if all of it is plain text for certain; else leave it."""
        if self._held or _STARTS.search(text):
            return False
        self._before = text[-1:] or self._before
        return True

    def feed(self, text: str) -> list[str | Placeholder]:
        """Take the next piece, and give what is certain by now."""
        if self.passes(text):
            return [text]
        text, start = self._before + self._held + text, len(self._before)
        unfinished = _UNFINISHED.search(text, start)
        end = unfinished.start() if unfinished else len(text)
        self._held = text[end:]
        self._before = text[end - 1 : end] if end else ""
        return _split_between(text, start, end)

    def flush(self) -> list[str | Placeholder]:
        """Give what was held back: the text ends here."""
        text, start = self._before + self._held, len(self._before)
        self._held = self._before = ""
        return _uncut(_split_between(text, start, len(text)))


def _uncut(parts: list[str | Placeholder]) -> list[str | Placeholder]:
    """Leave as text what opens a bracket and ends the whole text in its number: more of it may be cut off.

    It is what a token limit makes of an answer, and what a snapshot of half an answer holds.
    """
    if len(parts) > 1 and isinstance(last := parts[-1], Placeholder) and _may_go_on(last):
        before = parts[-2]
        if isinstance(before, str) and _OPENED.search(before, max(0, len(before) - 9)):
            parts[-2:] = [before + last.text]
    return parts


def _may_go_on(placeholder: Placeholder) -> bool:
    return not placeholder.check and placeholder.text[-1].isalnum()


def _split_between(text: str, start: int, end: int) -> list[str | Placeholder]:
    """Split ``text[start:end]``, seeing what stands before it."""
    parts: list[str | Placeholder] = []
    for match in _PLACEHOLDER.finditer(text, start, end):
        first, last = match.span()
        if first > start:
            parts.append(text[start:first])
        parts.append(_read(match[0]))
        start = last
    if start < end:
        parts.append(text[start:end])
    return parts
