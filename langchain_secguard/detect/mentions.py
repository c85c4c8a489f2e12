"""Tidy the names that the model finds: no titles, quotation marks or possessives, but whole."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from langchain_secguard.detect.tokens import BLANK_LINE, GLUED, NEWLINE, SPACE, Tokens

_TITLES = frozenset(
    """
    mr mrs ms miss mx dr prof professor judge justice sir madam madame lord lady captain capt sgt sergeant
    lt lieutenant col colonel maj major gen general rev reverend hon honorable honourable president senator
    sen rep gov governor detective officer inspector constable deputy agent king queen prince princess father
    uncle aunt shri smt sri adv advocate attorney plaintiff defendant petitioner respondent appellant
    applicant chancellor secretary minister coach doctor nurse patient dear hi hello hey the pt counsel
    monsieur herr frau
    """.split()  # noqa: SIM905 - one word a line would fill pages
)
_ALSO_NAMES = frozenset({"king", "prince", "judge", "justice", "major", "lord"})
_SEPARATORS = frozenset(";|/<>{}\t=")
_JOINING = frozenset(
    {"of", "and", "at", "in", "for", "from", "to", "or", "on", "with", "by", "the", "is", "was"}
)
_SUFFIXES = frozenset({"jr", "sr", "ii", "iii", "iv"})
_ABBREVIATED = frozenset(
    "jr sr inc ltd co corp st llc bros dept univ assn intl mfg pvt plc esq ave blvd rd ph".split()  # noqa: SIM905
)
_POSSESSIVES = frozenset("'\u2019\u00b4`")
_HYPHENS = frozenset("-\u2010\u2011")
_CLOSING = {")": "(", "]": "[", "\u201d": "\u201c"}


@dataclass(frozen=True, slots=True)
class Mention:
    """A name, from its first token to its last."""

    first: int
    last: int
    kind: str


def tidy(tokens: Tokens, mention: Mention) -> Iterator[Mention]:
    """Trim ``mention``, complete it, and drop it if nothing of a name is left."""
    for piece in _pieces(tokens, mention):
        trimmed = _trim_end(tokens, _trim_start(tokens, piece))
        if _is_name(tokens, trimmed):
            yield _complete(tokens, trimmed)


def join(mentions: Iterable[Mention]) -> list[Mention]:
    """Make one of mentions that overlap, as those do that were completed to the same whole."""
    joined: list[Mention] = []
    for mention in sorted(mentions, key=lambda mention: mention.first):
        if joined and mention.first <= joined[-1].last:
            before = joined.pop()
            mention = Mention(before.first, max(before.last, mention.last), before.kind)  # noqa: PLW2901
        joined.append(mention)
    return joined


def is_titled(tokens: Tokens, mention: Mention) -> bool:
    """Tell whether a title such as ``Mr.`` stands before ``mention``."""
    before = mention.first - 1
    if before > 0 and tokens.words[before] == ".":
        before -= 1
    return before >= 0 and tokens.words[before].lower() in _TITLES


def _is_name(tokens: Tokens, mention: Mention) -> bool:
    words = [word for word in tokens.words[mention.first : mention.last + 1] if word[0].isalpha()]
    if mention.kind == "PERSON":
        if all(word.lower() in _TITLES and word.lower() not in _ALSO_NAMES for word in words):
            return False
        if len(words) == 1 and (_is_identifier(words[0]) or (len(words[0]) == 1 and words[0].islower())):
            return False
    return bool(words) and mention.first <= mention.last


def _is_identifier(word: str) -> bool:
    """Tell a class of a program (``OrderedDict``) from a name with a capital inside (``McArthur``)."""
    capitals = [place for place, char in enumerate(word) if char.isupper()]
    return len(capitals) > 1 and not word.isupper() and (capitals[1] > 5 or len(capitals) > 2)


def _pieces(tokens: Tokens, mention: Mention) -> Iterator[Mention]:
    """Cut where no name goes on: at an empty line, a number that opens a line, a sign between persons."""
    first = mention.first
    for place in range(mention.first, mention.last + 1):
        word, gap = tokens.words[place], tokens.gaps[place]
        numbered = gap >= NEWLINE and word.isdecimal() and mention.kind != "LOCATION"
        if gap == BLANK_LINE or numbered or (word in _SEPARATORS and mention.kind == "PERSON"):
            if first < place:
                yield Mention(first, place - 1, mention.kind)
            first = place if gap == BLANK_LINE and not numbered else place + 1
    yield Mention(first, mention.last, mention.kind)


def _trim_start(tokens: Tokens, mention: Mention) -> Mention:
    first, last = mention.first, mention.last
    while first <= last:
        word = tokens.words[first]
        title = mention.kind == "PERSON" and word.lower() in _TITLES and first < last
        sound = word not in _JOINING if word[0].isalnum() else word == "#" and mention.kind == "LOCATION"
        if sound and not title:
            break
        first += 1
        if title and first < last and tokens.words[first] == "." and tokens.gaps[first] == GLUED:
            first += 1
    return Mention(first, last, mention.kind)


def _trim_end(tokens: Tokens, mention: Mention) -> Mention:
    first, last = mention.first, mention.last
    while last >= first:
        word = tokens.words[last]
        if word[0].isalnum():
            before = last - 1
            if word in {"s", "S"} and before > first and tokens.words[before] in _POSSESSIVES:
                last -= 2
                continue
            if word not in _JOINING:
                break
        if (
            word == "."
            and last > first
            and tokens.gaps[last] == GLUED
            and _abbreviated(tokens.words[last - 1])
        ):
            break
        if word in _CLOSING and _CLOSING[word] in tokens.words[first:last]:
            break
        last -= 1
    return Mention(first, last, mention.kind)


def _abbreviated(word: str) -> bool:
    return (len(word) == 1 and word.isupper()) or word.lower() in _ABBREVIATED


def _complete(tokens: Tokens, mention: Mention) -> Mention:
    """Take in what belongs to a name and was left out: the rest of a hyphenated word, a suffix, initials."""
    first, last, words, gaps = mention.first, mention.last, tokens.words, tokens.gaps
    size = len(words)
    while (
        last + 2 < size
        and words[last + 1] in _HYPHENS
        and gaps[last + 1] == gaps[last + 2] == GLUED
        and words[last + 2][0].isupper()
    ):
        last += 2
    while (
        first > 1
        and words[first - 1] in _HYPHENS
        and gaps[first] == gaps[first - 1] == GLUED
        and words[first - 2][0].isupper()
    ):
        first -= 2
    if mention.kind == "PERSON":
        last = _take_suffix(tokens, last)
    if (
        last + 1 < size
        and words[last + 1] == "."
        and gaps[last + 1] == GLUED
        and words[last].lower() in _SUFFIXES
    ):
        last += 1
    return Mention(first, last, mention.kind)


def _take_suffix(tokens: Tokens, last: int) -> int:
    following = last + 1
    if following + 1 < len(tokens) and tokens.words[following] == "," and tokens.gaps[following] == GLUED:
        following += 1
    if (
        following < len(tokens)
        and tokens.words[following].lower() in _SUFFIXES
        and tokens.gaps[following] == SPACE
    ):
        return following
    return last
