"""Realistic fakes that stand for values, made by Faker.

Where a range is reserved for fiction it is used, so that a fake is nobody's: ``example.org`` (RFC 2606),
documentation addresses (RFC 5737, RFC 3849), 555-01xx numbers (NANPA), SSN area 666, which is never issued.
"""

import importlib
import random
import re
import threading
from collections.abc import Callable, Iterable
from typing import Any

from langchain_secguard.find import WORD_EDGE

CANDIDATES = 8
"""How many surrogates are offered to a vault for one value."""

_LETTERS = "abcdefghijklmnopqrstuvwxyz"


class Surrogates:
    """Make surrogates for values.

    Args:
        locale: Faker's locale, such as ``"en_US"``.
        seed: Makes the fakes repeatable; for tests alone, since whoever knows the seed can guess them.

    Raises:
        ImportError: Faker is not installed.
    """

    def __init__(self, locale: str = "en_US", *, seed: int | None = None) -> None:
        try:
            faker: Any = importlib.import_module("faker")
        except ImportError as error:
            raise ImportError(
                'The policy "surrogate" needs Faker: pip install "langchain-secguard[surrogates]"'
            ) from error
        self._random = random.SystemRandom() if seed is None else random.Random(seed)  # noqa: S311 - for tests
        self._faker = faker.Faker(locale)
        self._lock = threading.Lock()

    def candidates(self, entity_type: str, value: str, texts: Iterable[str]) -> tuple[str, ...]:
        """Make fakes for ``value``, none of which stands in ``texts``; each begins and ends within a word.

        A fake of three letters or digits or less is none, nor is a number of five or less: an answer may
        hold it by chance. Nor is one in a script that does not set words apart, in which it would not be
        found again.
        """
        make = _MAKERS.get(entity_type, _alike)
        folded = [text.casefold() for text in texts]
        with self._lock:
            self._faker.seed_instance(self._random.getrandbits(64))
            fakes = [make(self._faker, value) for _ in range(CANDIDATES * 2)]
        fits = (
            fake
            for fake in fakes
            if re.fullmatch(r"\w(?:.*\w)?", fake)
            and WORD_EDGE.match(fake)
            and WORD_EDGE.match(fake[-1])
            and (len(fake) > 3 or not fake.isascii())
            and not (len(fake) < 6 and fake.isdecimal())
            and len(re.findall(r"\w+", fake)) <= 8
        )
        return tuple(
            fake for fake in dict.fromkeys(fits) if not any(fake.casefold() in text for text in folded)
        )[:CANDIDATES]


def _person(faker: Any, value: str) -> str:
    words = value.split()
    joint = "-" if len(words) == 1 else " "  # one name alone ("White", "Young") is a word of any answer
    name = f"{faker.last_name() if joint == '-' else faker.first_name()}{joint}{faker.last_name()}"
    return name.upper() if value.isupper() else name


def _location(faker: Any, value: str) -> str:
    if any(character.isdigit() for character in value):
        return f"{faker.building_number()} {faker.street_name()}, {faker.city()}"
    city = str(faker.city())
    return city if faker.locales == ["en_US"] else f"{city}-{faker.last_name()}"  # others list real cities


def _email(faker: Any, _value: str) -> str:
    return (
        f"{faker.user_name()}{faker.random_int(10, 99)}@example.{faker.random_element(('org', 'com', 'net'))}"
    )


def _phone(faker: Any, _value: str) -> str:
    return f"{faker.random_int(201, 989)}-555-01{faker.random_int(0, 99):02}"


def _ssn(faker: Any, _value: str) -> str:
    return f"666-{faker.random_int(1, 99):02}-{faker.random_int(1, 9999):04}"


def _ip(faker: Any, value: str) -> str:
    if ":" in value:
        return f"2001:db8::{faker.random_int(1, 65535):x}:{faker.random_int(1, 65535):x}"
    return f"{faker.random_element(('192.0.2', '198.51.100', '203.0.113'))}.{faker.random_int(1, 254)}"


def _alike(faker: Any, value: str) -> str:
    """Replace each letter by a letter and each digit by a digit; what joins them stays."""

    def other(character: str) -> str:
        if character.isdigit():
            return str(faker.random_digit())
        letter = str(faker.random_element(_LETTERS))
        return (letter.upper() if character.isupper() else letter) if character.isalpha() else character

    return "".join(map(other, value))


_MAKERS: dict[str, Callable[[Any, str], str]] = {
    "PERSON": _person,
    "ORGANIZATION": lambda faker, _: (
        f"{faker.last_name()} {faker.random_element(('Group', 'Partners', 'Industries'))}"
    ),
    "LOCATION": _location,
    "EMAIL_ADDRESS": _email,
    "PHONE_NUMBER": _phone,
    "CREDIT_CARD": lambda faker, _: str(faker.credit_card_number("visa16")),
    "IBAN_CODE": lambda faker, _: str(faker.iban()),
    "US_SSN": _ssn,
    "IP_ADDRESS": _ip,
    "URL": lambda faker, _: f"https://example.org/{faker.slug()}-{faker.random_int(100, 999)}",
    "DATE_TIME": lambda faker, _: str(faker.date(pattern="%B %d, %Y")),
    "UUID": lambda faker, _: str(faker.uuid4()),
}
