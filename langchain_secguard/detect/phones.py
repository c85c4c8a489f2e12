"""Telephone numbers: international (E.164), North American (NANP), and national ones of European countries.

A rule decides where a rule is enough; the phonenumbers library, which is slow to import and to ask, sees only
short candidates. It is not asked about NANP numbers, because it calls the fictional 555 numbers invalid.
"""

import re
from collections.abc import Iterator

from langchain_secguard.detect.candidate import Candidate, Rank
from langchain_secguard.detect.folding import Folded
from langchain_secguard.detect.lazy import Lazy

PHONE_TYPES = frozenset({"PHONE_NUMBER"})

_EXTENSION = r"(?:[ ]?[,;]?[ ]?(?:ext|extension|x)(?![a-z])[.:]?[ ]?[0-9]{1,6}(?![0-9]))?"
_international = Lazy(r"\+(?<![\w+]\+)[ (]{0,2}[1-9](?:[ ().\-/]{0,3}[0-9]){6,15}(?![0-9])" + _EXTENSION)
_prefixed = Lazy(r"0(?<![\w+.,/-]0)(?:0|11)[ .-]?[1-9](?:[ ().\-/]{0,2}[0-9]){8,14}(?![0-9])")
_nanp = Lazy(
    r"[(0-9](?<![\w$+][(0-9])(?<![0-9][.,/-][(0-9])(?:(?<=1)[ .-]?\(?[0-9]|(?<=\()[0-9]|(?=[0-9]))[0-9]{2}"
    r"(?:\)[ -]{0,2}|[ ./-]|[ ]-[ ])[0-9]{3}(?:[ .-]|[ ]-[ ])[0-9]{4}(?![0-9]|-[0-9]|[.,/][0-9])" + _EXTENSION
)
_bare = Lazy(r"[2-9](?<![\w$+.,/:#-][2-9])[0-9]{2}[2-9][0-9]{6}(?![\w/]|[.,:-][0-9])" + _EXTENSION)
_local = Lazy(
    r"[2-9](?<![\w$+.,/:#()-][2-9])(?<![0-9][ ][2-9])[0-9]{2}-[0-9]{4}(?![\w/-]|[.,:][0-9])" + _EXTENSION
)
_national = Lazy(
    r"[(0](?<![\w$+.,/:-][(0])(?:(?<=\()0)?[1-9](?:[ ().\-/]{0,2}[0-9]){7,11}(?![0-9]|[-/.][0-9])"
)
_words = Lazy(
    r"phone|tel|call|cell|mobile|fax|text|sms|whatsapp|dial|contact|number|ring|reach|hotline|telefon"
)
_NATIONS = ("GB", "DE", "FR", "IT", "NL", "BE", "CH", "AT", "SE", "AU")
# ITU-T E.164: the first two digits that calling codes in use begin with.
_calling_code = Lazy(r"[17]|2[0-79]|[34569][0-9]|8[0-24-8]")


def find_phones(folded: Folded) -> Iterator[Candidate]:
    """Find telephone numbers."""
    if not folded.has_long_number:
        return
    if "+" in folded.text:
        for match in folded.low_near_digits(_international):
            yield from _international_number(match)
    for match in folded.low_near_digits(_prefixed):
        if _is_possible("+" + _digits(match[0]).lstrip("0").removeprefix("11")):
            yield Candidate(*match.span(), "PHONE_NUMBER", 0.7, Rank.CONTEXT)
    yield from _american(folded)
    for match in folded.low_near_digits(_national):
        yield from _national_number(folded, match)


def _digits(text: str) -> str:
    """Keep the digits alone."""
    return "".join(char for char in text if char in "0123456789")


def _international_number(match: re.Match[str]) -> Iterator[Candidate]:
    """Judge a number that begins with ``+``, giving up trailing groups until its length is possible."""
    text = match[0]
    for _ in range(4):
        digits = _digits(re.split("[a-z,;]", text)[0].replace("(0)", ""))
        if digits[:1] == "1" and len(digits) > 7:
            if len(digits) == 11:
                yield Candidate(match.start(), match.start() + len(text), "PHONE_NUMBER", 0.95, Rank.VALID)
                return
        elif _is_possible("+" + digits):
            yield Candidate(match.start(), match.start() + len(text), "PHONE_NUMBER", 0.95, Rank.VALID)
            return
        shorter = re.sub(r"[ .-]+[0-9]+$", "", text)
        if shorter == text:
            break
        text = shorter
    if 8 <= len(_digits(match[0])) <= 15:
        yield Candidate(*match.span(), "PHONE_NUMBER", 0.6)


def _is_possible(number: str) -> bool:
    """Ask whether a number in international form has a calling code and a possible length."""
    if not _calling_code.regex.match(number, 1):
        return False
    import phonenumbers  # noqa: PLC0415 - slow to import, and seldom needed

    try:
        return phonenumbers.is_possible_number(phonenumbers.parse(number))
    except phonenumbers.NumberParseException:
        return False


def _american(folded: Folded) -> Iterator[Candidate]:
    """Find NANP numbers: with separators, ten bare digits, and seven digits of a local number."""
    for match in folded.low_near_digits(_nanp):
        digits = _digits(match[0])
        digits = digits[1:] if digits[0] == "1" and digits[1] != "0" and len(digits) > 10 else digits
        score = 0.85 if digits[0] in "23456789" else 0.7
        if digits[0] != "0":
            yield Candidate(*match.span(), "PHONE_NUMBER", score, Rank.CONTEXT)
    for match in folded.low_near_digits(_bare):
        score = 0.8 if _has_context(folded, match.start()) else 0.45
        yield Candidate(*match.span(), "PHONE_NUMBER", score)
    for match in folded.low_near_digits(_local):
        score = 0.75 if match[0].startswith("555") else 0.45
        score = 0.8 if _has_context(folded, match.start()) else score
        yield Candidate(*match.span(), "PHONE_NUMBER", score)


def _has_context(folded: Folded, start: int) -> bool:
    """Tell whether a word for telephones stands shortly before."""
    return _words.regex.search(folded.low, max(0, start - 40), start) is not None


def _national_number(folded: Folded, match: re.Match[str]) -> Iterator[Candidate]:
    """Judge a number with a trunk prefix 0 by the numbering plans of some countries."""
    digits = _digits(match[0])
    context = _has_context(folded, match.start())
    if match[0].count("(") != match[0].count(")") or not (9 <= len(digits) <= 12):
        return
    if context or _is_national(digits):
        yield Candidate(
            *match.span(), "PHONE_NUMBER", 0.8 if context else 0.65, Rank.CONTEXT if context else Rank.FORMAT
        )


def _is_national(digits: str) -> bool:
    """Ask whether a number is valid in the plan of one of the countries."""
    import phonenumbers  # noqa: PLC0415 - slow to import, and seldom needed

    parsed = (phonenumbers.parse(digits, nation) for nation in _NATIONS)
    return any(phonenumbers.is_valid_number(number) for number in parsed)
