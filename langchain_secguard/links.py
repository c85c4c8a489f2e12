"""By what names a value may be called later, and which earlier value a name belongs to: never by guess.

"Doe", "Jane" and "JANE DOE" behind "Jane Doe" are other ways to write her name, as long as she alone of the
people in the vault may be called so. What is decided here is which names fit a value at all; whether they fit
it alone is the vault's to say, since it knows everybody (see :class:`~langchain_secguard.vault.Keys`).
"""

import re
import unicodedata
from collections.abc import Collection, Iterable, Sequence
from typing import NamedTuple

from langchain_secguard.name_words import (
    CREDENTIALS,
    FEMALE,
    FEMALE_NAMES,
    JOINERS,
    MALE,
    MALE_NAMES,
    OFFICES,
    PARTICLES,
    PATRONYMICS,
    SEXES,
    SUFFIXES,
    TITLES,
)
from langchain_secguard.vault import Keys
from langchain_secguard.vault.phrases import fold

PERSON = "PERSON"

LINKED_TYPES = frozenset({PERSON, "ORGANIZATION", "LOCATION", "CUSTOM", "EMAIL_ADDRESS"})
"""Entity types of which values that differ in case, white space or a possessive are the same.

Of codes, numbers, secrets and URLs they may not be.
"""

_LONGEST = 200  # characters of a value that is linked
_MOST_WORDS = 6
_LONGEST_TITLE = 16
_REACH = 48  # characters before a name in which its titles stand
_EDGES = " .,;:!?\"'()[]{}<>*_`\u2018\u2019\u201c\u201d\u00ab\u00bb"
_POSSESSIVE = re.compile(r"'s(?=\W*$)")
_LETTER = r"[^\W\d_]"
_WORD = rf"{_LETTER}(?:{_LETTER}|[\u0300-\u036f'.\-\u2010\u2011])*"
_TWO_WORDS = re.compile(r"[A-Za-z]{2,} [A-Za-z]{2,}")
_PLAIN_NAME = re.compile(rf"{_WORD}(?: {_WORD})*")
_HYPHEN = re.compile(r"[\-\u2010\u2011]")
_INITIALS = re.compile(r"(?:[^\W\d_]\.)+[^\W\d_]\.?")
_BEFORE = re.compile(r"[^\W\d_]+(?:'[^\W\d_]+)?|[&/]|[^\w\s.]|\d+")
_OTHERS = {trait: sorted(group - {trait}) for group in (SEXES, OFFICES) for trait in group}
_PARTICLES = PARTICLES | PATRONYMICS
_NO_NAMES = _PARTICLES | SUFFIXES
_ENDS = SUFFIXES | CREDENTIALS
_SPECIAL = frozenset(TITLES) | JOINERS | _NO_NAMES | _ENDS | MALE_NAMES | FEMALE_NAMES


class _Name(NamedTuple):
    """Hold the words of a name, and apart from them its suffix, and what its titles tell."""

    words: tuple[str, ...]
    suffix: str = ""
    traits: frozenset[str] = frozenset()


def link_keys(entity_type: str, value: str, traits: Collection[str] = ()) -> Keys:
    """Return the keys by which ``value`` is linked: pure functions of the arguments, in any case the same.

    ``traits`` are what titles before the value tell, where it stands in a text.
    """
    if entity_type not in LINKED_TYPES or len(value) > _LONGEST:
        return Keys()
    if entity_type == PERSON and not traits and _TWO_WORDS.fullmatch(value):
        first, last = words = value.lower().split()
        if first != last and _SPECIAL.isdisjoint(words):  # most names, at a quarter of the cost
            full = f"name:{first} {last}"
            return Keys((full, f"name:{first}", f"name:{last}"), (full,))
    return _link_keys(entity_type, value, traits)


def _link_keys(entity_type: str, value: str, traits: Collection[str]) -> Keys:
    plain = _plain(value)
    if entity_type == PERSON:
        return _person_keys(plain.strip(_EDGES), frozenset(traits))
    return Keys((f"name:{plain}",), (f"name:{plain}",)) if len(plain) > 1 else Keys()


def traits_before(text: str, start: int) -> frozenset[str]:
    """Return what the titles tell that stand right before offset ``start``.

    That is both sexes where they are titles of several people, as in "Mr. and Mrs. Doe".
    """
    last = text[max(0, start - _LONGEST_TITLE) : start].split()[-1:]
    if not last or last[0].strip(_EDGES).casefold() not in TITLES:
        return frozenset()
    traits: frozenset[str] = frozenset()
    joined = titled = False
    for word in reversed(_BEFORE.findall(fold(text[max(0, start - _REACH) : start]))):
        if word in TITLES:
            traits = SEXES if joined else traits.union(TITLES[word])
            titled = True
        elif titled and not joined and word in JOINERS:
            joined = True
        else:
            break
    return traits


def _plain(value: str) -> str:
    """Write a value so that its case, the white space in it, and a possessive behind it do not matter."""
    folded = fold(value).strip()
    if not folded.isascii():
        folded = unicodedata.normalize("NFC", folded)
    return _POSSESSIVE.sub("", folded).strip() if "'" in folded else folded


def _person_keys(plain: str, traits: frozenset[str]) -> Keys:
    if len(plain) < 2:
        return Keys()
    name = _read(plain)
    return _odd(plain) if name is None else _keys(name, name.traits | traits)


def _read(plain: str) -> _Name | None:
    """Read a name; ``None`` where it is written in a way that says too little of which word is what."""
    before, _, behind = plain.partition(",")
    ends = [_bare(word) for word in behind.replace(",", " ").split()]
    words = [_bare(word) if "." in word else word for word in before.split()] + ends
    traits: frozenset[str] = frozenset()
    while len(words) > 1 and words[0] in TITLES:
        traits = traits.union(TITLES[words.pop(0)])
    suffix = ""
    while len(words) > 1 and (words[-1] in CREDENTIALS or (words[-1] in SUFFIXES and not suffix)):
        suffix = suffix if words[-1] in CREDENTIALS else words[-1]
        words.pop()
    is_name = _PLAIN_NAME.fullmatch(" ".join(words)) and words[0] not in TITLES
    if not is_name or len(words) > _MOST_WORDS or not JOINERS.isdisjoint(words) or not _ENDS.issuperset(ends):
        return None
    return _Name(tuple(words), suffix, traits)


def _bare(word: str) -> str:
    """Write a word without its periods, but for initials ("j.r.") that would read as another word."""
    bare = word.replace(".", "")
    return ".".join(bare) if _INITIALS.fullmatch(word) and bare not in CREDENTIALS else bare


def _odd(plain: str) -> Keys:
    """Link what is no plain name by all of it alone, and let its words leave in doubt who is called so."""
    words = dict.fromkeys(re.findall(f"{_LETTER}+", plain))
    parts = [word for word in words if word not in JOINERS | _NO_NAMES and not _is_initial(word)]
    return Keys((f"name:{plain}", *[f"part:{part}" for part in parts]), (f"name:{plain}",))


def _keys(name: _Name, titled: frozenset[str]) -> Keys:
    """Make the keys of a name whose titles, in it and before it, tell ``titled``.

    ``name:`` is claimed for what a person may be called. ``part:`` is claimed for what is in their name but
    not enough to call them by, and rules out that a single word is somebody else's. ``male:``, ``judge:``
    and other traits are claimed where they are known, and rule out titles that tell otherwise.
    """
    full = " ".join([*name.words, name.suffix] if name.suffix else name.words)
    names = [full, *_short_forms(name)]
    parts = _parts(name, names) if len(name.words) != 2 or name.suffix or _HYPHEN.search(full) else ()
    traits = titled | _sex_of(name.words[0])
    claims = [f"name:{each}" for each in names]
    claims += [f"part:{each}" for each in parts]
    claims += [f"{trait}:{each}" for trait in sorted(traits) for each in names]
    if len(titled & SEXES) > 1 or len(titled & OFFICES) > 1:
        return Keys(tuple(claims))
    unless = [f"{other}:{full}" for trait in sorted(titled) for other in _OTHERS[trait]]
    if len(name.words) == 1:
        unless.append(f"part:{full}")
    return Keys(tuple(claims), (claims[0],), tuple(unless))


def _short_forms(name: _Name) -> list[str]:
    """List what a person may be called for short: the first name and the last, whichever is the surname."""
    words = name.words
    if len(words) == 1:
        return []
    begins = _surname_start(words)
    surname = " ".join(words[begins:])
    forms = [words[0]] if not _is_initial(words[0]) and words[0] not in _NO_NAMES else []
    if begins < len(words) - 1:
        forms.append(surname)
    if not _is_initial(words[-1]) and PATRONYMICS.isdisjoint(words[1:-1]):
        forms.append(words[-1])
    if name.suffix:
        forms.append(f"{surname} {name.suffix}")
    return forms if len(set(forms)) == len(forms) else list(dict.fromkeys(forms))


def _surname_start(words: Sequence[str]) -> int:
    """Return where a surname with particles begins; the last word where there are none."""
    for position in range(1, len(words) - 1):
        if words[position] in _PARTICLES:
            return position
    return len(words) - 1


def _parts(name: _Name, names: Collection[str]) -> Iterable[str]:
    """List the words of a name, and of its double words, that are not themselves what a person is called."""
    words = [part for word in name.words for part in {word: None, **dict.fromkeys(_HYPHEN.split(word))}]
    return dict.fromkeys(
        part for part in words if part not in names and part not in _NO_NAMES and not _is_initial(part)
    )


def _sex_of(given: str) -> frozenset[str]:
    if given in FEMALE_NAMES:
        return frozenset({FEMALE})
    return frozenset({MALE}) if given in MALE_NAMES else frozenset()


def _is_initial(word: str) -> bool:
    return len(word) < 2 or "." in word
