"""Read the annotated sets, and bring their conventions to ours."""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

TRAIN = (
    "wnut_train",
    "wikigold",
    "btc_a",
    "btc_b",
    "btc_e",
    "btc_f",
    "btc_g",
    "sec_train",
    "gum_train",
    "litbank",
    "tab_train",
)
KINDS = {"PER": "PERSON", "LOC": "LOCATION", "ORG": "ORGANIZATION"}
UNKNOWN = "?"
"""The label of a stretch that a set marks by another convention than ours: nothing is learned from it."""

_TITLE = re.compile(
    r"(?:(?:mr|mrs|ms|miss|mx|dr|prof|professor|judge|justice|sir|madam|lord|lady|captain|capt|sgt|sergeant|lt"
    r"|col|colonel|maj|major|gen|general|rev|reverend|hon|honorable|president|senator|sen|rep|gov|governor"
    r"|detective|officer|inspector|constable|deputy|agent|king|queen|prince|princess|father|uncle|aunt|chief"
    r"|smt|shri|sri|adv|advocate|learned|poor|young|old|the|count|monsieur|mme|parson|secretary|minister|pm"
    r"|coach|saint|brother|sister|doctor|little|dear)\b\.?\s*)+(?=\S)",
    re.IGNORECASE,
)
_POSSESSIVE = re.compile(r"\s*['\u2019\u00b4]\s?s?$")
_PARTIES = {"borrower", "lender"}
_VAGUE = {"bank", "remarketing agent", "paying agent", "government", "court", "god", "state", "allah", "lord"}


@dataclass(frozen=True)
class Entity:
    start: int
    end: int
    kind: str


@dataclass(frozen=True)
class Document:
    text: str
    entities: tuple[Entity, ...]
    spaced: bool = False
    """Whether the set came with spaces around every sign, which real text has not."""


def read(path: Path) -> Iterator[Document]:
    """Read one set; titles and possessives leave its persons, handles and vague words become unknown.

    The words for a party to a contract, which the filings mark as persons, are no names.
    """
    spaced = not path.stem.startswith(("tab", "gum", "legal"))
    for line in path.read_text(encoding="utf-8").splitlines():
        row = json.loads(line)
        text = row["text"]
        entities = []
        for start, end, label, *_ in row["spans"]:
            if label in KINDS and text[start:end].lower() not in _PARTIES:
                entities.append(_convert(text, start, end, KINDS[label], path.stem))
        yield Document(text, tuple(entity for entity in entities if entity.start < entity.end), spaced)


def _convert(text: str, start: int, end: int, kind: str, source: str) -> Entity:
    value = text[start:end]
    if source.startswith(("btc", "wnut")):
        glued = text[max(0, start - 2) : start].replace(" ", "")
        if "@" in value or "#" in value or glued.endswith(("@", "#")):
            return Entity(start, end, UNKNOWN)
    if value.lower() in _VAGUE or (
        kind != "PERSON" and (value.islower() or value.isdigit()) and len(value) < 4
    ):
        return Entity(start, end, UNKNOWN)
    if source.startswith("tab") and kind == "ORGANIZATION" and value.split()[0].islower():
        return Entity(start, end, UNKNOWN)
    if kind == "PERSON":
        title = _TITLE.match(value)
        start += title.end() if title and title.end() < len(value) else 0
    ending = _POSSESSIVE.search(text[start:end])
    return Entity(start, start + ending.start() if ending and ending.start() else end, kind)
