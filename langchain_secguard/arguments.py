"""Tool-call arguments as JSON text, on their way to the model: all that is in them is read, JSON or not."""

import re
from collections.abc import Callable, Collection, Sequence
from typing import TypeAlias

from langchain_secguard.blocks import Unscanned
from langchain_secguard.content import Kind
from langchain_secguard.errors import UnsupportedContentError
from langchain_secguard.json_text import Edit, edit_strings

EditsOf: TypeAlias = Callable[[str, Kind], Sequence[Edit]]
"""Take a leaf and return its edits, sorted and disjoint."""

_NUMBER = r"-?[0-9]++(?:\.[0-9]++)?+(?:[eE][+-]?[0-9]++)?+"
_number = re.compile(_NUMBER)
_structure = re.compile(rf"(?:[\s{{}}\[\]:,]++|true|false|null|{_NUMBER})*+")
_LONG = 7  # digits; shorter numbers identify nobody


def edit_arguments(text: str, edits_of: EditsOf, allow: Collection[Unscanned]) -> str:
    """Edit the string literals of JSON text, and whatever else stands in it.

    Raises:
        UnsupportedContentError: A number has edits; it cannot carry a placeholder and stay a number.
    """

    def edits_outside(outer: str) -> Sequence[Edit]:
        if not _structure.fullmatch(outer):
            return edits_of(outer, "text")
        for number in _number.findall(outer):
            if len(number) >= _LONG and "scalar" not in allow and edits_of(number, "scalar"):
                raise UnsupportedContentError(
                    "a number in JSON text that holds personal data cannot carry a placeholder. Write it as "
                    'a string, or let it through unscanned with Anonymizer(allow_unscanned=["scalar"]).'
                )
        return ()

    return edit_strings(text, lambda literal: edits_of(literal, "text"), edits_outside)
