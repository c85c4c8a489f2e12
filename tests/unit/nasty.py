"""Texts that are hard to hide and to restore, for hypothesis, and the detector that knows their values."""

import re
from collections.abc import Sequence

from hypothesis import strategies as st

from langchain_secguard.detect import Span

VALUES = {
    "Jane Doe": "PERSON",
    "Jane": "PERSON",
    "Doe": "PERSON",
    "JANE DOE": "PERSON",
    'O"Brien \\ Sons': "ORGANIZATION",
    "line\nbreak": "LOCATION",
    "[PERSON_1]": "PERSON",
    "x [PERSON_2] y": "CUSTOM",
    "jane@x.com": "EMAIL_ADDRESS",
    "שרה לוי": "PERSON",
    "👩‍👧 e\u0301ve": "PERSON",
    "$1,000 (c)": "MONEY",
    "$&\\1\\g<0>": "SECRET",
    "https://x.com/a?b=c": "URL",
    "555-0142": "PHONE_NUMBER",
    "EMAIL_ADDRESS_1": "SECRET",
    "'s": "SECRET",
    "_": "SECRET",
    "7": "ID_NUMBER",
    "s": "SECRET",
    "\u00a0nbsp\u00a0": "SECRET",
}
"""Values and their entity types; some contain others, or placeholders, or what a pattern must escape."""

FRAGMENTS = [
    "[PERSON_1]", "[PERSON_2]", "[person 1]", "PERSON_1", "\\[PERSON\\_1\\]", "&#91;PERSON_1&#93;",
    "[PERSON_1b]", "[person 1B]", "PERSON_1c", "1b", "b", "[CUSTOM_1]",
    "[REDACTED_PERSON_1]", "[URL_1]", "[EMAIL_ADDRESS 1]", "[PERSON_1_QKXMZ]", "[PERSON_1's]",
    "[", "]", "\\", "_", "&#91;", "&#93;", "](", ")", "https://", "www.", "evil.com/", "mailto:", "?", "=",
    "/", " ", "\n", "\t", '"', "'", "`", "<", ">", "PERSON", "PERSON_", "1", "12", "A", "Z_9", "é", "\u202e",
    "\ud83d", "s", "'s", ", ", "{", "}",
]  # fmt: skip


class NastyDetector:
    """Mark every occurrence of the values, overlaps and all."""

    def detect(self, texts: Sequence[str]) -> list[list[Span]]:
        """Find the values in each text."""
        return [
            [
                Span(match.start(), match.end(), entity_type)
                for value, entity_type in VALUES.items()
                for match in re.finditer(re.escape(value), text)
            ]
            for text in texts
        ]

    async def adetect(self, texts: Sequence[str]) -> list[list[Span]]:
        """Find the values in each text."""
        return self.detect(texts)


def texts(max_size: int = 10) -> st.SearchStrategy[str]:
    """Make texts of values, forged placeholders, and what could join them into something else."""
    piece = st.one_of(st.sampled_from([*VALUES, *FRAGMENTS]), st.text(max_size=3))
    return st.lists(piece, max_size=max_size).map("".join)
