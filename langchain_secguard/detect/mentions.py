"""Tidy the names that the model finds: no titles, quotation marks or possessives, but whole."""

from collections.abc import Iterator
from dataclasses import dataclass

from langchain_secguard.detect.tokens import BLANK_LINE, GLUED, SPACE, Tokens

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
_SUFFIXES = frozenset({"jr", "sr", "ii", "iii", "iv"})
_ABBREVIATED = frozenset(
    "jr sr inc ltd co corp st llc bros dept univ assn intl mfg pvt plc esq ave blvd rd ph".split()  # noqa: SIM905
)
_POSSESSIVES = frozenset("'\u2019\u00b4`")
_HYPHENS = frozenset("-\u2010\u2011")
_CLOSING = {")": "(", "]": "[", "”": "“", '"': '"'}


@dataclass(frozen=True, slots=True)
class Mention:
    """A name, from its first token to its last."""

    first: int
    last: int
    kind: str


def tidy(tokens: Tokens, mention: Mention) -> Iterator[Mention]:
    """Trim ``mention``, complete it, and drop it if nothing of a name is left."""
    for piece in _paragraphs(tokens, mention):
        piece = _trim_end(tokens, _trim_start(tokens, piece))  # noqa: PLW2901
        if piece.first <= piece.last and any(
            _worded(tokens, place) for place in range(piece.first, piece.last + 1)
        ):
            yield _complete(tokens, piece)


def _worded(tokens: Tokens, place: int) -> bool:
    return tokens.words[place][0].isalpha()


def _paragraphs(tokens: Tokens, mention: Mention) -> Iterator[Mention]:
    first = mention.first
    for place in range(mention.first + 1, mention.last + 1):
        if tokens.gaps[place] == BLANK_LINE:
            yield Mention(first, place - 1, mention.kind)
            first = place
    yield Mention(first, mention.last, mention.kind)


def _trim_start(tokens: Tokens, mention: Mention) -> Mention:
    first, last = mention.first, mention.last
    while first <= last:
        word = tokens.words[first]
        title = mention.kind == "PERSON" and word.lower() in _TITLES and first < last
        if not title and (word[0].isalnum() or (word == "#" and mention.kind == "LOCATION")):
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
            break
        if (
            word == "."
            and last > first
            and tokens.gaps[last] == GLUED
            and _abbreviated(tokens.words[last - 1])
        ):
            break
        if _CLOSING.get(word) in tokens.words[first:last] and word != '"':
            break
        last -= 1
    return Mention(first, last, mention.kind)


def _abbreviated(word: str) -> bool:
    return (len(word) == 1 and word.isalpha()) or word.lower() in _ABBREVIATED


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
