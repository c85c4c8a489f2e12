"""Make up persons, organizations and places."""

import random
import re
import string
import warnings
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass

from faker import Faker

from training.gazetteers import people
from training.lists import LISTS

FULL_NAMES = {
    "{first} {last}": 62,
    "{first} {letter}. {last}": 12,
    "{first} {letter} {last}": 3,
    "{first} {second} {last}": 5,
    "{initial}. {last}": 4,
    "{initial}.{letter}. {last}": 2,
    "{initial}. {letter}. {last}": 1,
    "{first} {last}{suffix}": 3,
    "{first} {quoted} {last}": 1.5,
    "{first} {last} {other}": 1.5,
}
ORGANIZATIONS = {
    "{organizations}": 30,
    "{adjectives} {nouns} {suffixes}": 10,
    "{adjectives} {nouns} {nouns} {suffixes}": 5,
    "{adjectives} {nouns}": 8,
    "{invented} {suffixes}": 5,
    "{invented} {nouns}": 5,
    "{surname} {family}": 11,
    "{company}": 5,
    "{city} {institutions}": 11,
    "University of {city}": 1,
    "Bank of {city}": 0.7,
    "City of {city}": 1,
    "County of {city}": 0.7,
    "State of {city}": 0.7,
    "Court of {city}": 0.5,
    "{acronym}": 2,
    "St. {name}'s Hospital": 1,
    "Saint {name} School": 1,
    "Our Lady of {name} Church": 0.5,
}
SUFFIXES = (" Jr.", ", Jr.", " III", " Sr.", " II", " IV")
QUOTES = ('"{}"', "\u201c{}\u201d", "'{}'", "({})")
ABROAD = ("en_GB", "de_DE", "fr_FR", "it_IT", "nl_NL")


@dataclass(frozen=True)
class Person:
    """Someone who is called in several ways in one text."""

    first: str
    last: str
    letter: str
    full: str

    def part(self, name: str | None) -> str:
        """Write the name in the way that a template asks for."""
        ways = {
            None: self.full,
            "full": f"{self.first} {self.last}",
            "first": self.first,
            "last": self.last,
            "lastcomma": f"{self.last}, {self.first}",
            "initials": f"{self.first[0]}.{self.letter}." if len(self.last) % 2 else f"{self.first[0]}.",
            "initials2": f"{self.first[0]}.{self.last[0]}.",
        }
        return ways[name]


class _Slots(dict[str, str]):
    """Fill the slots of a pattern when they are asked for."""

    def __init__(self, fill: Callable[[str], str]) -> None:
        super().__init__()
        self._fill = fill

    def __missing__(self, slot: str) -> str:
        return self._fill(slot)


class Inventor:
    """Make up names; the same seed makes the same ones."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)
        locales = {*LISTS["western"], *LISTS["world"], *LISTS["other_scripts"]}
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            self.fakers = {locale: Faker(locale) for locale in locales}
        for number, locale in enumerate(sorted(self.fakers)):
            self.fakers[locale].seed_instance(seed + number)
        self.us = self.fakers["en_US"]
        self.first, self.last = people()
        self.spellings = {"first": _trigrams(self.first), "last": _trigrams(self.last)}

    def pick(self, name: str) -> str:
        """Take one of a list of ours."""
        return self.random.choice(LISTS[name])

    def person(self) -> Person:
        """Make up a person of any culture, some with invented names or with names that are also words."""
        draw = self.random.random()
        faker = self.fakers[self.pick("western" if self.random.random() < 0.62 else "world")]
        first, last = faker.first_name(), faker.last_name()
        if draw < 0.08:
            first, last = self.pick("asian"), self.pick("asian_last")
        elif draw < 0.20:
            first = self.invent("first") if self.random.random() < 0.6 else first
            last = self.invent("last")
        elif draw < 0.30:
            first, last = self.random.choice(self.first), self.random.choice(self.last)
        elif draw < 0.38:
            first = self.pick("plain_first")
            last = self.pick("plain_last") if self.random.random() < 0.5 else last
        elif draw < 0.43:
            last = self.pick("plain_last")
        elif draw < 0.445:
            faker = self.fakers[self.pick("other_scripts")]
            first, last = faker.first_name(), faker.last_name()
        if self.random.random() < 0.03:
            particle = self.pick("particles")
            last = particle + last if particle.endswith(("'", "\u2019", "-", "c")) else f"{particle} {last}"
        if self.random.random() < 0.05:
            last = f"{last}-{faker.last_name()}"
        letter = self.random.choice(string.ascii_uppercase[:23])
        slots = {
            "first": first,
            "last": last,
            "letter": letter,
            "initial": first[0],
            "second": faker.first_name(),
            "other": self.fakers["es_ES"].last_name(),
            "suffix": self.random.choice(SUFFIXES),
            "quoted": self.random.choice(QUOTES).format(self.pick("nicknames")),
        }
        return Person(first, last, letter, self._pattern(FULL_NAMES).format_map(slots))

    def plain(self) -> str:
        """Make a name of words that also mean something else."""
        last = self.pick("plain_last") if self.random.random() < 0.3 else self.us.last_name()
        first = self.pick("plain_first")
        return f"{first} {last}" if self.random.random() < 0.7 else first

    def invent(self, kind: str) -> str:
        """Spell a name that nobody has, letter by letter."""
        table, word = self.spellings[kind], "^^"
        while len(word) < 14 and (letter := self.random.choice(table[word[-2:]])) != "$":
            word += letter
        return word[2:].capitalize() if len(word) > 4 else self.random.choice(self.last)

    def organization(self) -> str:
        """Make up an organization, or take a known one."""
        makers = {
            "invented": lambda: self.invent("last"),
            "surname": self.us.last_name,
            "name": self.us.first_name,
            "company": self.us.company,
            "city": self.city,
            "acronym": self.acronym,
        }
        slots = _Slots(lambda slot: makers[slot]() if slot in makers else self.pick(slot))
        return self._pattern(ORGANIZATIONS).format_map(slots)

    def acronym(self) -> str:
        """Make up three or four capitals."""
        return "".join(self.random.choices(string.ascii_uppercase, k=self.random.choice([3, 3, 3, 4])))

    def city(self) -> str:
        """Take a city, known or made up."""
        draw = self.random.random()
        if draw < 0.45:
            return self.pick("cities")
        faker = self.fakers[self.pick("western" if draw < 0.8 else "world")]
        city = faker.city() if hasattr(faker, "city") else self.us.city()
        return re.sub(r"\s*\(.*|\d+", "", city).strip() or "Rome"

    def country(self) -> str:
        """Take a country."""
        return self.pick("countries") if self.random.random() < 0.6 else self.us.country().split(" (")[0]

    def street(self) -> str:
        """Make up a street address, mostly American."""
        if self.random.random() < 0.1:
            return self.fakers[self.random.choice(ABROAD)].street_address().replace("\n", ", ")
        name = self.us.last_name() if self.random.random() < 0.4 else self.pick("streets")
        units = ["", "", "", "", "", "", ", Suite {}", " Apt. {}", ", Unit {}", " #{}", ", Floor {}"]
        unit = self.random.choice(units).format(self.random.randint(1, 900))
        side = self.random.choice(["", "", "", "", "", "N. ", "West ", "E ", "South "])
        return f"{self.random.randint(1, 9999)} {side}{name} {self.pick('ways')}{unit}"

    def address(self, separator: str) -> str:
        """Make up a whole address; ``separator`` stands before the city."""
        region = self.pick("states" if self.random.random() < 0.5 else "short_states")
        return f"{self.street()}{separator}{self.city()}, {region} {self.us.postcode()}"

    def camel(self) -> str:
        """Make up the name of a class."""
        words = [self.pick("terms").replace(" ", "") for _ in range(self.random.choice([1, 2, 2, 3]))]
        words += [self.us.word().capitalize()] * (self.random.random() < 0.3)
        return "".join(words)

    def snake(self) -> str:
        """Make up the name of a variable."""
        return "_".join(self.us.word() for _ in range(self.random.choice([1, 2, 2, 3])))

    def _pattern(self, patterns: dict[str, float]) -> str:
        return self.random.choices(list(patterns), weights=list(patterns.values()))[0]


def _trigrams(names: list[str]) -> dict[str, list[str]]:
    table = defaultdict(list)
    for name in names:
        word = f"^^{name.lower()}$"
        if name.isalpha():
            for start in range(len(word) - 2):
                table[word[start : start + 2]].append(word[start + 2])
    return table
