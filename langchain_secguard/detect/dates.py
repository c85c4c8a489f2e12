"""Dates and times: full dates, month and year, ranges, and, with less confidence, years and month names.

Aimed at court judgments and transcripts in English; month names of five other languages are known too.
A duration ("five years"), a weekday and words such as "today" are not dates.
"""

import re
from collections.abc import Iterator

from langchain_secguard.detect.candidate import Candidate, Rank
from langchain_secguard.detect.folding import Folded
from langchain_secguard.detect.lazy import Lazy

DATE_TYPES = frozenset({"DATE_TIME"})

_MONTHS = ("january", "february", "march", "april", "june", "july", "august", "september", "october",
           "november", "december")  # fmt: skip
_MONTH = (
    r"(?:jan(?:uary)?|feb(?:ruary)?|mar(?:ch)?|apr(?:il)?|may|june?|july?|aug(?:ust)?|sept?(?:ember)?"
    r"|oct(?:ober)?|nov(?:ember)?|dec(?:ember)?)(?![a-z])\.?"
)
_MONTH_REST = (  # what follows the first letter
    r"(?:(?<=j)(?:an(?:uary)?|une?|uly?)|(?<=f)eb(?:ruary)?|(?<=m)(?:ar(?:ch)?|ay)|(?<=a)(?:pr(?:il)?"
    r"|ug(?:ust)?)"
    r"|(?<=s)ept?(?:ember)?|(?<=o)ct(?:ober)?|(?<=n)ov(?:ember)?|(?<=d)ec(?:ember)?)(?![a-z])\.?"
)
_FOREIGN = (
    r"(?:januar|jänner|februar|märz|mai|juni|juli|oktober|dezember"
    r"|janvier|février|mars|avril|juin|juillet|août|septembre|octobre|novembre|décembre"
    r"|enero|febrero|marzo|abril|mayo|junio|julio|agosto|septiembre|octubre|noviembre|diciembre"
    r"|gennaio|febbraio|aprile|maggio|giugno|luglio|settembre|ottobre|dicembre"
    r"|janeiro|fevereiro|março|maio|junho|julho|setembro|outubro|novembro|dezembro"
    r"|januari|februari|maart|mei|augustus)(?!\w)"
)
_DAY = r"(?:3[01]|[12][0-9]|0?[1-9])(?:st|nd|rd|th|\.)?(?![0-9])"
_YEAR = r"(?:1[5-9]|20)[0-9][0-9](?![0-9])"
_GAP = r"(?>[ \t]{0,4}\n?[ \t]{0,8})"  # spaces, with at most one line end; atomic, against backtracking
_AND = rf"(?>{_GAP},?{_GAP}(?<=\s)(?:and|or|to|through|thru|until|till){_GAP}(?<=\s)|{_GAP}[,&/-]{_GAP})"
_ZONE = r"(?:z|[ ]?[+-][0-9]{2}:?[0-9]{2}|[ ](?:utc|gmt|[ecmp][sd]?t|cet|cest|bst)(?![a-z]))"
_CLOCK = (
    r"(?:(?:[01]?[0-9]|2[0-3]):[0-5][0-9](?::[0-5][0-9](?:[.,][0-9]{1,9})?)?(?:[ ]?[ap]\.?m(?![a-z])\.?)?"
    rf"|(?:1[0-2]|0?[1-9])(?:\.[0-5][0-9])?[ ]?[ap]\.?m(?![a-z])\.?)(?:{_ZONE})?(?![0-9])"
)
_AT = rf"(?:,?{_GAP}(?<=[\s,])(?:at[ ]|around[ ]|@[ ]?)?{_CLOCK})?"
_ORDINAL = (
    r"(?:(?:twenty|thirty)[ -])?(?:first|second|third|fourth|fifth|sixth|seventh|eighth|ninth)|tenth|eleventh"
    r"|twelfth|thirteenth|fourteenth|fifteenth|sixteenth|seventeenth|eighteenth|nineteenth|twentieth"
    r"|thirtieth"
)

_day_led = Lazy(
    rf"[0-9](?<![\w$#][0-9])(?<![0-9][.,][0-9])[0-9]?(?:st|nd|rd|th|\.)?(?![0-9])(?:{_AND}{_DAY}){{0,6}}+"
    rf"(?:{_GAP}day)?(?:{_GAP}of|{_GAP}de)?[-.]?{_GAP}(?P<month>{_MONTH}|{_FOREIGN})"
    rf"(?P<year>(?:,?{_GAP}|[-./]|{_GAP}(?:of|de|del){_GAP}){_YEAR}|[-/][0-9]{{2}}(?![\w:/-])"
    rf"|[ ]?['\u2019][0-9]{{2}}(?![0-9]))?{_AT}",
    re.NOFLAG,
)
_MONTH_LED_REST = (
    rf"{_MONTH_REST}"
    rf"(?P<day>(?:{_GAP}|-)(?:the{_GAP})?{_DAY}(?:{_GAP}(?:-|to|and|through|&){_GAP}{_DAY}(?![ ]?[a-z%]))?)?"
    rf"(?P<year>(?:,?{_GAP}|[-/])(?:of{_GAP})?{_YEAR}|[ -]?['\u2019][0-9]{{2}}(?![0-9]))?{_AT}"
)
_month_led = Lazy(rf"[JFMASOND](?<![\w][A-Z])(?i:{_MONTH_LED_REST})", re.NOFLAG)
_month_led_low = Lazy(rf"[jfmasond](?<![\w][a-z]){_MONTH_LED_REST}", re.NOFLAG)
_year_first = Lazy(
    r"[12](?<![\w./-][12])[0-9]{3}([-/.])(?:1[0-2]|0?[1-9])\1(?:3[01]|[12][0-9]|0?[1-9])(?![0-9])"
    rf"(?:(?:t|,?[ ]+){_CLOCK})?(?!\w|[-/][0-9])"
)
_numeric = Lazy(
    r"[0-9](?<![\w./$-][0-9])[0-9]?([-/.])[0-9]{1,2}\1((?:1[89]|20)?[0-9]{2})(?!\w|[-/][0-9]|\.[0-9])" + _AT
)
_month_year = Lazy(
    r"[0-9](?<![\w./$:-][0-9])(?:[0-9]?[/.](?:19|20)[0-9]{2}|[09][0-9]{2}-(?:1[0-2]|0[1-9]))(?!\w|[-/.][0-9])"
)
_compact = Lazy(r"[12](?<!\w[12])[09][0-9]{2}(?:1[0-2]|0[1-9])(?:3[01]|[12][0-9]|0[1-9])t[0-9]{4,6}z?(?!\w)")
_years = Lazy(
    r"[12](?<![\w.,/:$\u20ac\u00a3#+=-][12])(?:(?<=1)9|(?<=2)0)[0-9]{2}(?![0-9])"
    rf"(?:(?:[ ]?[-/][ ]?|{_GAP}(?<=\s)(?:to|and|until|through|or){_GAP})"
    r"(?P<second>(?:19|20)[0-9]{2}|(?<=[0-9][-/])[0-9]{2}))?"
    r"(?![\w%/=\u20ac]|(?<=[0-9])s\w|-[\w]|[.,:][0-9])",
    re.NOFLAG,
)
_part = Lazy(
    r"(?<![a-z])(?:(?:spring|summer|autumn|fall|winter)(?:(?:[ ](?:and|or|to)[ ]|[/-])(?:spring"
    r"|summer|autumn|fall|winter))?"
    r"|(?:first|second|latter)[ ](?:half|part)|(?:first|second|third|fourth|last)[ ]quarter|q[1-4]"
    r"|beginning|middle|end)"
    r",?[ ](?:of[ ])?$"
)
_named = Lazy(
    r"(?:january|february|march|april|may|june|july|august|september|october|november|december)(?![a-z])"
)
_ordinal_before = Lazy(rf"(?<![a-z-])(?:{_ORDINAL})(?:[ ]day)?[ ]of[ ]$")
_ordinal_after = Lazy(rf"[ ](?:the[ ])?(?:{_ORDINAL})(?![a-z-])")
_year_after = Lazy(rf",?{_GAP}{_YEAR}")
_clock = Lazy(
    r"[0-9](?<![\w.:/$-][0-9])[0-9]?(?:[:.][0-5][0-9])?(?::[0-5][0-9])?[ ]?(?:[ap]\.?m(?![a-z])\.?|noon)"
    r"|[0-9](?<![\w.:/$-][0-9])[0-9]:[0-5][0-9](?::[0-5][0-9])?(?![\w:]|\.[0-9])"
)
_versioned = Lazy(r"(?:\bv|ver|version|release|section|sec|§|chapter|clause|rule|python|java)\.?[ ]?$")


def find_dates(folded: Folded) -> Iterator[Candidate]:
    """Find dates, and times of day next to a date or with am or pm."""
    named = any(month in folded.low for month in _MONTHS)
    if folded.regions:
        yield from _worded(folded, named)
        yield from _numbered(folded)
    if named or " of may" in folded.low:
        yield from _spelled(folded)


def _date(match: re.Match[str], score: float, rank: Rank = Rank.FORMAT) -> Candidate:
    """Propose a match, without the comma or spaces at its end."""
    end = match.end() - (match[0] != match[0].rstrip(" \t\n,-"))
    return Candidate(match.start(), end, "DATE_TIME", score, rank)


def _worded(folded: Folded, named: bool) -> Iterator[Candidate]:
    """Find dates whose month is a word."""
    for match in folded.low_near_digits(_day_led):
        days = [int(day) for day in re.findall(r"[0-9]+", match[0][: match.start("month") - match.start()])]
        vague = match["month"] in {"may", "mar", "march", "mars", "sep", "mai"} and not _is_capital(
            folded, match.start("month")
        )
        if all(0 < day < 32 for day in days) and (match["year"] or not vague):
            yield _date(match, 0.95 if match["year"] else 0.75, Rank.VALID)
    yield from _month_first(folded, folded.near_digits(_month_led))
    if named:
        yield from _month_first(folded, folded.low_near_digits(_month_led_low))


def _is_capital(folded: Folded, offset: int) -> bool:
    """Tell whether the original character is a capital letter."""
    return folded.text[offset].isupper()


def _month_first(folded: Folded, matches: Iterator[re.Match[str]]) -> Iterator[Candidate]:
    """Judge dates that begin with the month's name."""
    for match in matches:
        day, year = match["day"], match["year"]
        follows = folded.text[match.end() : match.end() + 2]
        if year:
            yield _date(match, 0.95 if day else 0.85, Rank.VALID)
        elif follows.startswith(("%", ".0", ".5")):  # a rate, a version
            continue
        elif day and _is_capital(folded, match.start()):
            yield _date(match, 0.7, Rank.CONTEXT)
        elif day and not match[0].startswith(("may", "mar")):
            yield _date(match, 0.6, Rank.CONTEXT)


def _joined(folded: Folded) -> Iterator[Candidate]:
    """Find dates whose numbers are joined by dashes, slashes or dots."""
    for match in folded.low_near_digits(_year_first):
        yield _date(match, 0.95, Rank.VALID)
    for match in folded.low_near_digits(_numeric):
        score = _numeric_score(folded, match)
        if score:
            yield _date(match, score, Rank.VALID if score > 0.8 else Rank.FORMAT)
    for match in folded.low_near_digits(_month_year):
        yield _date(match, 0.6)


def _numbered(folded: Folded) -> Iterator[Candidate]:
    """Find dates whose month is a number, years, and times."""
    if folded.has_joined_digits:
        yield from _joined(folded)
    for match in folded.low_near_digits(_compact) if folded.has_five_digits else ():
        yield _date(match, 0.8, Rank.CONTEXT)
    for match in folded.low_near_digits(_years):
        yield from _year(folded.low, match)
    for match in folded.low_near_digits(_clock):
        yield _date(match, 0.4)


def _year(low: str, match: re.Match[str]) -> Iterator[Candidate]:
    """Judge a year: more sure with a season or a second year, less alone."""
    part = _part.regex.search(low, max(0, match.start() - 40), match.start())
    second = match["second"]
    if part and not second:
        yield Candidate(part.start(), match.end(), "DATE_TIME", 0.6, Rank.CONTEXT)
    elif second and not 0 <= int(second) - int(match[0][4 - len(second) : 4]) <= 120:
        yield Candidate(match.start(), match.start() + 4, "DATE_TIME", 0.4)
        yield Candidate(match.end() - len(second), match.end(), "DATE_TIME", 0.4)
    else:
        yield _date(match, 0.5 if second else 0.4)


def _spelled(folded: Folded) -> Iterator[Candidate]:
    """Find "the fifteenth of July" and "July fourth", and the names of months alone."""
    low = folded.low
    for match in _named.regex.finditer(low):
        before = None
        if low.endswith(" of ", 0, match.start()):
            before = _ordinal_before.regex.search(low, max(0, match.start() - 32), match.start())
        after = _ordinal_after.regex.match(low, match.end())
        if before or after:
            end = (after or match).end()
            year = _year_after.regex.match(low, end)
            start = before.start() if before else match.start()
            yield Candidate(start, year.end() if year else end, "DATE_TIME", 0.8, Rank.CONTEXT)
        elif match[0] not in {"may", "march"} and not low[match.start() - 1 : match.start()].isalnum():
            yield Candidate(*match.span(), "DATE_TIME", 0.35)


def _numeric_score(folded: Folded, match: re.Match[str]) -> float:
    """Rate a date such as 07/15/2023; 0 where no order of day and month makes one."""
    first, second = (int(number) for number in re.findall("[0-9]+", match[0])[:2])
    if not (0 < min(first, second) <= 12 and max(first, second) <= 31):
        return 0
    if len(match[2]) == 4:
        return 0.9
    if match[1] != ".":
        return 0.6
    before = folded.low[max(0, match.start() - 12) : match.start()]
    return 0 if _versioned.regex.search(before) or first * second == 0 else 0.5 * (len(match[0]) == 8)
