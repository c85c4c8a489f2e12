"""A detector that knows a few people, for tests that need no model."""

import re
from collections.abc import Sequence

from langchain_secguard.detect import Span

LEXICON = {
    "Jane Doe": "PERSON",
    "Bob Roe": "PERSON",
    "Acme LLC": "ORGANIZATION",
    "Springfield": "LOCATION",
    "jane@example.com": "EMAIL_ADDRESS",
    "4111 1111 1111 1111": "CREDIT_CARD",
    "219-09-9999": "US_SSN",
    "(217) 555-0142": "PHONE_NUMBER",
}


class LexiconDetector:
    """Mark the words of the lexicon, and count the texts that were read."""

    def __init__(self, score: float = 0.9) -> None:
        self.read: list[str] = []
        self._score = score

    def detect(self, texts: Sequence[str]) -> list[list[Span]]:
        """Find the words of the lexicon in each text."""
        self.read += texts
        return [
            [
                Span(match.start(), match.end(), entity_type, self._score)
                for value, entity_type in LEXICON.items()
                for match in re.finditer(re.escape(value), text)
            ]
            for text in texts
        ]

    async def adetect(self, texts: Sequence[str]) -> list[list[Span]]:
        """Find the words of the lexicon in each text."""
        return self.detect(texts)
