"""Values that the contract of a vault store is tested with, and how its answers are read."""

from collections import defaultdict

from langchain_secguard.placeholders import Ref
from langchain_secguard.vault import Assignment, Entity, Entry, Hit, Keys

JANE = Entity("PERSON", "Jane Doe")
BOB = Entity("PERSON", "Bob Roe")
MAIL = Entity("EMAIL_ADDRESS", "jane@x.com")

VALUES = [
    "Jane Doe",
    "JANE DOE",
    "jane doe",
    "Bob Roe",
    "Jane",
    "JANE",
    "(Jane Doe)",
    "\u0130lke Su",
    "x",
    "O'Neil",
]
TYPES = ["PERSON", "CUSTOM"]


def named(value: str, *others: str, unless: tuple[str, ...] = ()) -> Entity:
    """Ask for a person who is called ``value``, and may be called by ``others`` too."""
    name = value.casefold()
    return Entity("PERSON", value, keys=Keys((name, *others), (name,), unless))


JANE_DOE = named("Jane Doe", "jane", "doe")
JOHN_DOE = named("John Doe", "john", "doe", "he:doe")
DOE = named("Doe")
MR_DOE = named("Doe", unless=("she:doe",))


def spelled(entries: list[Entry]) -> list[str]:
    """Write the refs of people."""
    return [f"{entry.ref.number}{entry.ref.variant}" for entry in entries]


def refs(assignment: Assignment) -> list[tuple[str, int]]:
    """List the types and numbers that were given, without variants."""
    return [(entry.ref.entity_type, entry.ref.number) for entry in assignment.entries]


def marked(assignment: Assignment, *texts: str) -> list[list[str]]:
    """List what stands at the hits in each text."""
    return [
        [text[hit.start : hit.end] for hit in hits] for text, hits in zip(texts, assignment.hits, strict=True)
    ]


def is_covered(hit: Hit, found: set[tuple[int, int]]) -> bool:
    """Tell whether one of the pieces ``found`` holds all of ``hit``."""
    return any(start <= hit.start and hit.end <= end for start, end in found)


def assert_one_to_one(entries: list[Entry]) -> None:
    """Check that every ref has one value, and every value one ref."""
    values: defaultdict[Ref, set[str]] = defaultdict(set)
    numbers: defaultdict[tuple[str, str], set[Ref]] = defaultdict(set)
    for entry in entries:
        values[entry.ref].add(entry.value)
        numbers[entry.ref.entity_type, entry.value].add(entry.ref)
    assert [ref for ref, owned in values.items() if len(owned) > 1] == []
    assert [spelling for spelling, owned in numbers.items() if len(owned) > 1] == []
