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
    PARTICLES,
    PATRONYMICS,
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
_PLAIN_NAME = re.compile(r"[^\W\d_](?:[^\W\d_]|[\u0300-\u036f'.\-\u2010\u2011])*")
_HYPHEN = re.compile(r"[\-\u2010\u2011]")
_INITIALS = re.compile(r"(?:[^\W\d_]\.)+[^\W\d_]\.?")
_BEFORE = re.compile(r"[^\W\d_]+(?:'[^\W\d_]+)?|[&/]|[^\w\s.]|\d+")
_OTHER = {MALE: FEMALE, FEMALE: MALE}
_BOTH = frozenset({MALE, FEMALE})
_PARTICLES = PARTICLES | PATRONYMICS
_NO_NAMES = _PARTICLES | SUFFIXES


class _Name(NamedTuple):
    """Hold the words of a name, and apart from them its suffix, and the sexes of which its titles speak."""

    words: tuple[str, ...]
    suffix: str = ""
    sexes: frozenset[str] = frozenset()


def link_keys(entity_type: str, value: str, sexes: Collection[str] = ()) -> Keys:
    """Return the keys by which ``value`` is linked: pure functions of the arguments, in any case the same.

    ``sexes`` are those of which titles before the value speak, where it stands in a text.
    """
    if entity_type not in LINKED_TYPES or len(value) > _LONGEST:
        return Keys()
    plain = _plain(value)
    if entity_type == PERSON:
        return _person_keys(plain.strip(_EDGES), frozenset(sexes))
    return Keys((f"name:{plain}",), (f"name:{plain}",)) if len(plain) > 1 else Keys()


def sexes_before(text: str, start: int) -> frozenset[str]:
    """Return the sexes of which the titles speak that stand right before offset ``start``.

    Both where they are titles of several people, as in "Mr. and Mrs. Doe".
    """
    last = text[max(0, start - _LONGEST_TITLE) : start].split()[-1:]
    if not last or last[0].strip(_EDGES).casefold() not in TITLES:
        return frozenset()
    sexes: frozenset[str] = frozenset()
    joined = titled = False
    for word in reversed(_BEFORE.findall(fold(text[max(0, start - _REACH) : start]))):
        if word in TITLES:
            sexes = _BOTH if joined else sexes.union(TITLES[word])
            titled = True
        elif titled and not joined and word in JOINERS:
            joined = True
        else:
            break
    return sexes


def _plain(value: str) -> str:
    """Write a value so that its case, the white space in it, and a possessive behind it do not matter."""
    folded = unicodedata.normalize("NFC", fold(value)).strip()
    return _POSSESSIVE.sub("", folded).strip()


def _person_keys(plain: str, sexes: frozenset[str]) -> Keys:
    if len(plain) < 2:
        return Keys()
    name = _read(plain)
    return _odd(plain) if name is None else _keys(name, name.sexes | sexes)


def _read(plain: str) -> _Name | None:
    """Read a name; ``None`` where it is written in a way that says too little of which word is what."""
    first, *behind = plain.split(",")
    if any(_bare(word) not in SUFFIXES | CREDENTIALS for part in behind for word in part.split()):
        return None
    written = first.split()
    words = [*map(_bare, written), *(_bare(word) for part in behind for word in part.split())]
    sexes: set[str] = set()
    while len(words) > 1 and words[0] in TITLES:
        sexes.update(TITLES[words.pop(0)])
    suffix = ""
    while len(words) > 1 and (words[-1] in CREDENTIALS or (words[-1] in SUFFIXES and not suffix)):
        suffix = suffix if words[-1] in CREDENTIALS else words[-1]
        words.pop()
    plainly = all(map(_PLAIN_NAME.fullmatch, words)) and JOINERS.isdisjoint(words)
    if not plainly or len(words) > _MOST_WORDS or words[0] in TITLES:
        return None
    return _Name(tuple(words), suffix, frozenset(sexes))


def _bare(word: str) -> str:
    """Write a word without its periods, but for initials ("j.r.") that would read as another word."""
    bare = word.replace(".", "")
    return ".".join(bare) if _INITIALS.fullmatch(word) and bare not in CREDENTIALS else bare


def _odd(plain: str) -> Keys:
    """Link what is no plain name by all of it alone, and let its words leave in doubt who is called so."""
    words = dict.fromkeys(re.findall(r"[^\W\d_]+", plain))
    parts = [word for word in words if word not in JOINERS | _NO_NAMES and not _is_initial(word)]
    return Keys((f"name:{plain}", *_tagged("part", parts)), (f"name:{plain}",))


def _keys(name: _Name, titled: frozenset[str]) -> Keys:
    """Make the keys of a name whose titles, in it and before it, speak of the sexes ``titled``.

    ``name:`` is claimed for what a person may be called. ``part:`` is claimed for what is in their name but
    not enough to call them by, and rules out that a single word is somebody else's. ``male:`` and
    ``female:`` are claimed where the sex is known, and rule out the titles of the other.
    """
    full = _joined(*name.words, name.suffix)
    names = list(dict.fromkeys([full, *_short_forms(name)]))
    sexes = titled | _sex_of(name.words[0])
    claims = (
        *_tagged("name", names),
        *_tagged("part", dict.fromkeys(_parts(name, names))),
        *(f"{sex}:{each}" for sex in sorted(sexes) for each in names),
    )
    if titled >= _BOTH:
        return Keys(claims)
    unless = [f"{_OTHER[sex]}:{full}" for sex in titled]
    if len(name.words) == 1:
        unless.append(f"part:{full}")
    return Keys(claims, (f"name:{full}",), tuple(unless))


def _short_forms(name: _Name) -> Iterable[str]:
    """List what a person may be called for short: the first name and the last, whichever is the surname."""
    words = name.words
    if len(words) == 1:
        return
    if not _is_initial(words[0]) and words[0] not in _NO_NAMES:
        yield words[0]
    begins = _surname_start(words)
    surname = _joined(*words[begins:])
    if begins < len(words) - 1:
        yield surname
    if not _is_initial(words[-1]) and PATRONYMICS.isdisjoint(words[1:-1]):
        yield words[-1]
    if name.suffix:
        yield _joined(surname, name.suffix)


def _surname_start(words: Sequence[str]) -> int:
    """Return where a surname with particles begins; the last word where there are none."""
    particles = (position for position in range(1, len(words) - 1) if words[position] in _PARTICLES)
    return next(particles, len(words) - 1)


def _parts(name: _Name, names: Collection[str]) -> Iterable[str]:
    """List the words of a name, and of its double words, that are not themselves what a person is called."""
    for word in name.words:
        for part in (word, *_HYPHEN.split(word)):
            if part not in names and part not in _NO_NAMES and not _is_initial(part):
                yield part


def _sex_of(given: str) -> frozenset[str]:
    if given in FEMALE_NAMES:
        return frozenset({FEMALE})
    return frozenset({MALE}) if given in MALE_NAMES else frozenset()


def _is_initial(word: str) -> bool:
    return len(word) < 2 or "." in word


def _joined(*words: str) -> str:
    return " ".join(word for word in words if word)


def _tagged(tag: str, names: Iterable[str]) -> Iterable[str]:
    return (f"{tag}:{name}" for name in names)
