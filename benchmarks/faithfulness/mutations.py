"""How models bend placeholders, and what a careful reader makes of each form."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Self


@dataclass(frozen=True, slots=True)
class Shape:
    """Hold the parts of a placeholder, whoever made it: ``[``, ``PERSON``, ``_``, ``12``, the rest, ``]``.

    A fake name is all ``name``.
    """

    opening: str
    name: str
    separator: str
    number: str
    rest: str
    closing: str

    @classmethod
    def of(cls, placeholder: str) -> Self:
        """Take a placeholder apart."""
        found = re.fullmatch(r"([\[<]*)(.*?)(?:([_:])(\d+)(_[A-Z]+)?)?([\]>]*)", placeholder, re.DOTALL)
        assert found is not None
        return cls(*(part or "" for part in found.groups()))

    @property
    def body(self) -> str:
        """Return what is between the brackets."""
        return f"{self.name}{self.separator}{self.number}{self.rest}"

    def __str__(self) -> str:
        return f"{self.opening}{self.body}{self.closing}"


class Kind(StrEnum):
    """Say who is meant by what a mutation makes."""

    SAME = "clear"
    """The same person, as any reader would say."""
    NOBODY = "nobody"
    """Nobody in the vault: any value would be a wrong one."""
    HARD = "hard"
    """The same person, though hardly any tool can know."""
    OTHER = "another's"
    """The model wrote another's placeholder where it meant this person: no tool can know."""


Bend = Callable[[Shape, Shape], str | None]
"""From a placeholder and another person's to what a model writes; ``None`` where there is no such form."""


@dataclass(frozen=True, slots=True)
class Mutation:
    """Hold one way to bend a placeholder; ``shown`` are what a user should see of the value, as formats."""

    name: str
    kind: Kind
    bend: Bend
    shown: tuple[str, ...] = ("{}",)
    cut: bool = False
    """Whether the answer ends with it."""


def _brackets(before: str, after: str) -> Bend:
    return lambda shape, _: f"{before}{shape.body}{after}" if shape.opening else None


def _between(separator: str) -> Bend:
    def bend(shape: Shape, _: Shape) -> str | None:
        if not shape.separator:
            return None
        body = re.sub(r"[_:]", lambda _: separator, shape.body)
        return f"{shape.opening}{body}{shape.closing}"

    return bend


def _around(before: str, after: str) -> Bend:
    return lambda shape, _: f"{before}{shape}{after}"


def _marks(escape: Callable[[str], str], of: str) -> Bend:
    def bend(shape: Shape, _: Shape) -> str | None:
        bent = re.sub(of, lambda match: escape(match[0]), str(shape))
        return bent if bent != str(shape) else None

    return bend


def _number(change: Callable[[str], str | None]) -> Bend:
    def bend(shape: Shape, _: Shape) -> str | None:
        changed = change(shape.number) if shape.number else None
        if changed is None:
            return None
        return f"{shape.opening}{shape.name}{shape.separator}{changed}{shape.rest}{shape.closing}"

    return bend


def _others_number(shape: Shape, other: Shape) -> str | None:
    if not shape.number or not other.number:
        return None
    return f"{shape.opening}{shape.name}{shape.separator}{other.number}{shape.rest}{shape.closing}"


def _without_letter(shape: Shape, _: Shape) -> str | None:
    place = len(shape.name) - 2
    name = shape.name[:place] + shape.name[place + 1 :]
    return f"{shape.opening}{name}{shape.separator}{shape.number}{shape.rest}{shape.closing}"


def _translated(shape: Shape, _: Shape) -> str | None:
    if "PERSON" not in shape.name:
        return None
    name = shape.name.replace("PERSON", "PERSONNE")
    return f"{shape.opening}{name}{shape.separator}{shape.number}{shape.rest}{shape.closing}"


def _cut_off(shape: Shape, _: Shape) -> str | None:
    kept = f"{shape.opening}{shape.name}{shape.separator}{shape.number}"
    return kept[:-1] if shape.opening else None


def _l_for_1(number: str) -> str | None:
    return number.replace("1", "l") if "1" in number else None


def _entity(mark: str) -> str:
    return {"<": "&lt;", ">": "&gt;"}.get(mark, f"&#{ord(mark)};")


def _padded(shape: Shape, _: Shape) -> str | None:
    return f"{shape.opening} {shape.body} {shape.closing}" if shape.opening else None


MUTATIONS = (
    Mutation("exact", Kind.SAME, lambda shape, _: str(shape)),
    Mutation("lower case", Kind.SAME, lambda shape, _: str(shape).lower()),
    Mutation("title case", Kind.SAME, lambda shape, _: str(shape).title()),
    Mutation("space inside", Kind.SAME, _between(" ")),
    Mutation("hyphen inside", Kind.SAME, _between("-")),
    Mutation("Markdown escapes", Kind.SAME, _marks(lambda mark: f"\\{mark}", r"[\[\]<>_]")),
    Mutation("HTML entities", Kind.SAME, _marks(_entity, r"[\[\]<>]")),
    Mutation("brackets lost", Kind.SAME, _brackets("", "")),
    Mutation("round brackets", Kind.SAME, _brackets("(", ")"), ("({})", "{}")),
    Mutation("spaces within the brackets", Kind.SAME, _padded),
    Mutation("brackets doubled", Kind.SAME, _around("[", "]"), ("[{}]", "{}")),
    Mutation("bold", Kind.SAME, _around("**", "**"), ("**{}**",)),
    Mutation("code", Kind.SAME, _around("`", "`"), ("`{}`",)),
    Mutation("possessive", Kind.SAME, _around("", "'s"), ("{}'s",)),
    Mutation("possessive, curly", Kind.SAME, _around("", "\u2019s"), ("{}\u2019s",)),
    Mutation("plural", Kind.SAME, _around("", "s"), ("{}s", "{}")),
    Mutation("twice in a row", Kind.SAME, lambda shape, _: f"{shape}{shape}", ("{0}{0}",)),
    Mutation("a number never given out", Kind.NOBODY, _number(lambda number: f"{number}77")),
    Mutation("a number of three digits more", Kind.NOBODY, _number(lambda number: f"9{number}01")),
    Mutation("a zero before the number", Kind.NOBODY, _number(lambda number: f"0{number}")),
    Mutation("cut off at the end", Kind.NOBODY, _cut_off, cut=True),
    Mutation("a letter lost", Kind.HARD, _without_letter),
    Mutation("l for 1", Kind.HARD, _number(_l_for_1)),
    Mutation("over two lines", Kind.HARD, _between("\n")),
    Mutation("JSON escapes", Kind.HARD, _marks(lambda mark: f"\\u{ord(mark):04x}", r"[\[\]<>]")),
    Mutation("translated", Kind.HARD, _translated),
    Mutation("reworded", Kind.HARD, lambda shape, _: f"person no. {shape.number}" if shape.number else None),
    Mutation("the number of another", Kind.OTHER, _others_number),
    Mutation("the whole placeholder of another", Kind.OTHER, lambda _, other: str(other)),
)  # fmt: skip
