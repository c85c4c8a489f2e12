"""Numbers that a word announces (social security, passport, docket, record ...) and codes known by form.

``announcers`` says which words announce which kind of number; the table here says what a number of that kind
looks like. The values are read in lower case.
"""

import re
from collections.abc import Callable, Iterator
from typing import NamedTuple

from langchain_secguard.detect import checks
from langchain_secguard.detect.announcers import announcers
from langchain_secguard.detect.candidate import Candidate, Rank
from langchain_secguard.detect.folding import Folded
from langchain_secguard.detect.lazy import Lazy

CODE_TYPES = frozenset({
    "US_SSN", "US_ITIN", "US_PASSPORT", "US_DRIVER_LICENSE", "US_BANK_NUMBER", "US_LICENSE_PLATE",
    "MEDICAL_LICENSE", "ID_NUMBER",
})  # fmt: skip

_word = Lazy(r"[a-z]{2,24}")
_FILL = (
    r"(?:[\s:=#.,()\[\]{}\"'*_|>№\u2018\u2019\u201c\u201d-]|(?:numbers?|nos?|nr|num|card|id|ids|code"
    r"|record|is|was|are|of|the|ending|in|as|reads|us|usa"
    r"|last|four|digits|plate|security|certificate|registration|identification|to|at|on|or|my|his"
    r"|her)(?![a-z])){0,24}+"
)
_MARKED = (
    r"(?P<mark>(?:[\s:=#.()\[\]\"'*_|>№\u2018\u2019\u201c\u201d-]|(?:numbers?|nos?|nr|num|id|ids|code|ref|is|was|reads)"
    r"(?![a-z])){0,16}+)"
)
_CODE = r"[a-z0-9]+(?:(?:[-/:_]{1,2}|\.(?=[0-9]))[a-z0-9]+){0,8}"
_END = r"(?![a-z0-9])(?!\.[0-9])"


class _Kind(NamedTuple):
    """Say how a number of one kind is written, and when it counts."""

    pattern: Lazy
    entity_type: str
    score: float
    check: Callable[[str], bool] = lambda _: True


def _enough_digits(value: str) -> bool:
    """Ask for four digits at least."""
    return sum(char.isdigit() for char in value) >= 4


def _compact(value: str) -> str:
    """Drop the separators."""
    return re.sub(r"[ .-]", "", value)


_KINDS = {
    "social": _Kind(
        Lazy(
            _FILL
            + r"(?P<value>[0-9]{3}([ .-]?)[0-9]{2}\2[0-9]{4}|[0-9]{2}-[0-9]{7}|(?<=ending in )[0-9]{4})"
            + _END
        ),
        "US_SSN",
        0.9,
    ),
    "passport": _Kind(
        Lazy(
            _FILL + rf"(?P<value>(?=[a-z]{{0,3}}[0-9])[a-z0-9]{{6,10}}|"
            rf"[a-z]{{1,2}} ?[0-9]{{6,8}}|[0-9]{{2,3}} [0-9]{{3}} [0-9]{{3,4}}){_END}"
        ),
        "US_PASSPORT",
        0.85,
        _enough_digits,
    ),
    "driver": _Kind(
        Lazy(_FILL + rf"(?P<value>[a-z0-9]{{1,9}}(?:[ -]?[0-9][a-z0-9]{{1,11}}){{0,4}}){_END}"),
        "US_DRIVER_LICENSE",
        0.8,
        _enough_digits,
    ),
    "account": _Kind(Lazy(_FILL + rf"(?P<value>[0-9](?:[ -]?[0-9]){{5,18}}){_END}"), "US_BANK_NUMBER", 0.8),
    "routing": _Kind(
        Lazy(
            _FILL + rf"(?P<value>[0-9]{{9}}|[0-9]{{4}}[ -][0-9]{{4}}[ -][0-9]|"
            rf"[0-9]{{2}}-[0-9]{{2}}-[0-9]{{2}}){_END}"
        ),
        "US_BANK_NUMBER",
        0.85,
    ),
    "plate": _Kind(
        Lazy(
            _FILL + rf"(?P<value>(?=[a-z0-9 -]{{0,7}}[0-9])[a-z0-9]{{1,4}}[ -]?[a-z0-9]{{2,4}}"
            rf"(?:[ -][a-z0-9]{{1,3}})?){_END}"
        ),
        "US_LICENSE_PLATE",
        0.75,
        lambda value: sum(c.isdigit() for c in value) >= 2,
    ),
    "dea": _Kind(Lazy(_FILL + rf"(?P<value>[a-z][a-z9][0-9]{{7}}){_END}"), "MEDICAL_LICENSE", 0.9),
    "npi": _Kind(Lazy(_FILL + rf"(?P<value>[12][0-9]{{9}}){_END}"), "MEDICAL_LICENSE", 0.9),
    "vin": _Kind(Lazy(_FILL + rf"(?P<value>[a-hj-npr-z0-9]{{17}}){_END}"), "ID_NUMBER", 0.9),
    "health": _Kind(
        Lazy(_FILL + rf"(?P<value>[0-9]{{2,5}}(?:[ -][0-9]{{2,5}}){{1,4}}|{_CODE}){_END}"),
        "ID_NUMBER",
        0.9,
        _enough_digits,
    ),
    "phone": _Kind(
        Lazy(_FILL + rf"(?P<value>[+(]{{0,2}}[0-9](?:[ ().\-/]{{0,2}}[0-9]){{6,14}}){_END}"),
        "PHONE_NUMBER",
        0.8,
    ),
    "birth": _Kind(
        Lazy(
            _FILL + rf"(?P<value>(?:(?:19|20)[0-9]{{6}}|[0-9]{{8}}|[0-9]{{6}})|"
            rf"[0-9]{{1,2}}([ /.-])[0-9]{{1,2}}\2(?:[0-9]{{4}}|[0-9]{{2}})){_END}"
        ),
        "DATE_TIME",
        0.85,
    ),
}
_record = Lazy(rf"(?:{_MARKED})(?P<value>{_CODE}){_END}")
_listed = Lazy(rf"(?:,[ \n]?and[ \n]|[,;&][ \n]?|[ ](?:and|or|to)[ \n])(?P<value>{_CODE}){_END}")

_docket = Lazy(
    r"[0-9](?<![\w:-][0-9])[0-9]?:[0-9]{2}-(?:[a-z]{1,4}-)?[0-9]{3,6}(?:-[a-z0-9]{1,5}){0,4}(?![\w-])"
)
_court = Lazy(
    r"[0-9](?<![\w/-][0-9])[0-9]{1,3}[- ]?(?:c[vrf]|civ|cr[im]*|cv|mc|mj|bk|ap|cf|sc|dr"
    r"|pr)[- ]?[0-9]{2,7}(?:[-(][a-z]{1,4}\)?){0,3}(?![\w-])"
)
_slashed = Lazy(r"[0-9](?<![\w/.,-][0-9])[0-9]{2,5}/[0-9]{2}(?![\w/-]|[.,][0-9])")
_dashed = Lazy(r"[A-Z0-9](?<![\w/.-][A-Z0-9])[A-Z0-9]{1,11}(?:[-/][A-Z0-9]{1,12}){1,5}(?![\w/-]|\.[0-9])")
_mixed = Lazy(r"[A-Z](?<![\w/.-][A-Z])[A-Z]{0,3}[0-9]{5,12}[A-Z]{0,2}(?![\w/-]|\.[0-9])")
_hash = Lazy(r"#(?<![\w&#]#)[0-9]{4,12}(?![\w/-]|[.,][0-9])")
_ssn = Lazy(
    r"[0-9](?<![\w.,/+-][0-9])(?<![0-9][ ][0-9])[0-9]{2}([ -])[0-9]{2}\1[0-9]{4}(?![\w/-]|[.,][0-9]|[ ][0-9])"
)
_vin = Lazy(r"[1-9A-HJ-NPR-Z](?<!\w[1-9A-Z])[A-HJ-NPR-Z0-9]{16}(?!\w)")
_dea = Lazy(r"[ABCDEFGHJKLMPRSTUX](?<!\w[A-Z])[A-Z9][0-9]{7}(?!\w)")
_bare = Lazy(r"[0-9](?<![\w$€£#.,/:+=%-][0-9])[0-9]{4,30}(?![\w%€£/]|[.,:-][0-9])")
_STANDARDS = re.compile(
    r"(?:iso|iec|rfc|cve|cwe|utf|sha|aes|ieee|gpt|covid|usb|mp|rs|din|en|ansi|nist|x86|us|ipv|md|ucs"
    r"|win)[-/]?[0-9]"
)
_amount = re.compile(r"[0-9]{1,3}\.[0-9]{1,2}|mid-[0-9]{4}")
_year = re.compile(r"(?:1[89]|20)[0-9]{2}(?:-[0-9]{2,4})?")


def find_codes(folded: Folded) -> Iterator[Candidate]:
    """Find numbers that a word announces, then codes known by their form alone."""
    if not folded.regions:
        return
    table = announcers()
    for match in folded.words_before_numbers(_word):
        for rest, kind in table.get(match[0], ()):
            phrase = rest.regex.match(folded.low, match.end()) if rest else match
            if phrase:
                yield from _announced(folded.low, phrase.end(), kind)
                break
    if folded.has_long_number:
        yield from _socials(folded)
    if folded.has_joined_digits:
        yield from _joined(folded)
    yield from _formed(folded)


def _announced(low: str, offset: int, kind: str) -> Iterator[Candidate]:
    """Find the value that follows an announcing word."""
    rule = _KINDS.get(kind)
    found = rule.pattern.regex.match(low, offset) if rule else None
    if rule and found and rule.check(found["value"]):
        yield Candidate(*found.span("value"), *_refined(kind, found["value"], rule), Rank.CONTEXT)
    elif kind not in {"phone", "birth"}:
        yield from _records(low, offset, kind)


def _refined(kind: str, value: str, rule: _Kind) -> tuple[str, float]:
    """Tell a number's type and score where the kind alone does not."""
    digits = _compact(value)
    if kind == "social" and len(digits) == 9:
        if value[2] == "-":
            return "ID_NUMBER", 0.85
        return ("US_ITIN", 0.9) if checks.itin(digits) else ("US_SSN", 0.9 if checks.ssn(digits) else 0.6)
    if kind == "routing" and len(digits) == 9:
        return "US_BANK_NUMBER", 0.95 if checks.aba(digits) else 0.6
    return rule.entity_type, rule.score


def _records(low: str, offset: int, kind: str) -> Iterator[Candidate]:
    """Find the code after "case no." and the like, and the codes listed after it."""
    found = _record.regex.match(low, offset)
    if found is None:
        return
    mark = found["mark"]
    explicit = kind == "number" or re.search(r"n[or]|num|id|#|№|ref|code", mark) is not None
    while found:
        score = _record_score(found["value"], kind, mark, explicit=explicit)
        if not score:
            return
        yield Candidate(*found.span("value"), "ID_NUMBER", score, Rank.CONTEXT)
        found = _listed.regex.match(low, found.end()) if explicit else None


def _record_score(value: str, kind: str, mark: str, *, explicit: bool) -> float:
    """Rate an announced code by the word, what stands between, and its form; 0 where it is none."""
    digits = sum(char.isdigit() for char in value)
    joined = digits >= 3 and any(sign in value for sign in "-/:")
    if not digits or not mark or _amount.fullmatch(value):
        return 0
    if kind == "number":
        return (
            0.85
            if joined
            else 0.6
            if digits >= 5
            else 0.5
            if digits >= 4 and not _year.fullmatch(value)
            else 0
        )
    if explicit:
        return 0.85 if digits >= 3 or joined else 0.6 if digits == 2 and len(value) > 3 else 0
    if _year.fullmatch(value) or digits < 4:
        return 0.55 if joined and not _year.fullmatch(value) else 0
    return 0.75 if joined or digits >= 5 else 0.5


def _socials(folded: Folded) -> Iterator[Candidate]:
    """Find social security and taxpayer numbers by their form (SSA and IRS rules)."""
    for match in folded.low_near_digits(_ssn):
        digits, dashed = _compact(match[0]), match[1] == "-"
        entity_type = "US_ITIN" if checks.itin(digits) else "US_SSN"
        score = 0.85 if dashed else 0.6
        valid = checks.ssn(digits) or entity_type == "US_ITIN"
        yield Candidate(
            *match.span(), entity_type, score if valid else 0.4, Rank.CONTEXT if valid else Rank.FORMAT
        )


def _joined(folded: Folded) -> Iterator[Candidate]:
    """Find codes with dashes, slashes or colons: federal dockets, applications, and others."""
    for match in folded.low_near_digits(_docket):
        yield Candidate(*match.span(), "ID_NUMBER", 0.9, Rank.VALID)
    for match in folded.low_near_digits(_slashed):
        yield Candidate(*match.span(), "ID_NUMBER", 0.6 if len(match[0]) > 6 else 0.45)
    for match in folded.near_digits(_dashed):
        yield from _dashed_code(match)


def _formed(folded: Folded) -> Iterator[Candidate]:
    """Find codes by form: court dockets, letters before digits, VIN and DEA numbers, long numbers."""
    for match in folded.low_near_digits(_court):
        yield Candidate(*match.span(), "ID_NUMBER", 0.7, Rank.CONTEXT)
    for match in folded.low_near_digits(_hash) if "#" in folded.low else ():
        yield Candidate(match.start() + 1, match.end(), "ID_NUMBER", 0.5)
    for match in folded.near_digits(_vin) if folded.longest >= 17 else ():
        if checks.vin(match[0]):
            yield Candidate(*match.span(), "ID_NUMBER", 0.85, Rank.VALID)
    if folded.has_five_digits:
        yield from _long_numbers(folded)


def _long_numbers(folded: Folded) -> Iterator[Candidate]:
    """Find five digits and more, alone or after capital letters."""
    for match in folded.near_digits(_mixed):
        yield Candidate(*match.span(), "ID_NUMBER", 0.5 if len(match[0]) > 7 else 0.45)
    for match in folded.near_digits(_dea):
        if checks.dea(match[0]):
            yield Candidate(*match.span(), "MEDICAL_LICENSE", 0.8, Rank.CONTEXT)
    for match in folded.low_near_digits(_bare):
        yield Candidate(*match.span(), "ID_NUMBER", 0.4 if len(match[0]) > 6 else 0.35)


def _dashed_code(match: re.Match[str]) -> Iterator[Candidate]:
    """Judge capital letters and digits with dashes; a standard's or a model's name is no code."""
    digits = sum(char.isdigit() for char in match[0])
    letters = sum(char.isalpha() for char in match[0])
    if digits < 3 or not letters or _STANDARDS.match(match[0].lower()):
        return
    yield Candidate(*match.span(), "ID_NUMBER", 0.6 if digits >= 5 else 0.5 if digits == 4 else 0.4)
