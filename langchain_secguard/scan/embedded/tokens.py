"""How many tokens a text has: what is too long for a model, or too dear, is refused or cut."""

import re
from collections.abc import Callable, Sized
from typing import TypeAlias

from langchain_secguard.scan.base import ScanResult, Sees
from langchain_secguard.scan.embedded.local import LocalScanner

Tokenizer: TypeAlias = Callable[[str], int | Sized]
"""Count the tokens of a text, or list them: ``tiktoken.get_encoding(...).encode``, ``model.get_num_tokens``,
``tokenizers.Tokenizer.from_file(...).encode``."""

_PIECES = re.compile(r"[A-Za-z]+|\d{1,3}|[^\W\d_]|[^\sA-Za-z0-9]|\s{2,}|\n")


def estimated_tokens(text: str) -> int:
    """Estimate the tokens of a text without a tokenizer: high rather than low.

    Six letters of a word are one token and the rest is another (English has about 1.3 tokens to a word in
    the usual vocabularies); up to three digits, each other mark, each letter of another script and each line
    end are one or more. A byte-level tokenizer never makes more tokens than the text has bytes in UTF-8.
    """
    count = 0
    for piece in _PIECES.findall(text):
        count += -(-len(piece) // 6) if piece.isascii() else len(piece.encode("utf-8", "replace")) - 1
    return min(count, len(text.encode("utf-8", "replace"))) if text else 0


class TokenLimitScanner(LocalScanner):
    """Refuse a text of more than ``limit`` tokens, or cut it off there.

    Args:
        limit: The most tokens that may pass.
        tokenizer: Counts or lists the tokens of a text; :func:`estimated_tokens` by default, which needs no
            vocabulary. Give the model's own for exact limits: nothing is downloaded here.
        cut: Cut the text behind the last whole word that fits, and let it pass.
        name: The scanner's name.
        sees: The form of the text that it is shown where both exist.

    Raises:
        ValueError: ``limit`` is less than 1.
    """

    def __init__(
        self,
        limit: int = 4096,
        *,
        tokenizer: Tokenizer = estimated_tokens,
        cut: bool = False,
        name: str = "TokenLimit",
        sees: Sees = "values",
    ) -> None:
        super().__init__(name=name, sees=sees)
        if limit < 1:
            raise ValueError("limit must be at least 1 token")
        self._limit = limit
        self._tokenizer = tokenizer
        self.sanitizes = cut

    def scan(self, text: str, *, prompt: str | None = None) -> ScanResult:  # noqa: ARG002 - what it answers does not matter
        """Scan ``text``; the risk is 1 above the limit, and 0 below."""
        if self._count(text) <= self._limit:
            return self._result(text, valid=True, risk=0.0)
        if not self.sanitizes:
            return self._result(text, valid=False, risk=1.0)
        return self._result(self._fitting(text), valid=True, risk=1.0)

    def _count(self, text: str) -> int:
        counted = self._tokenizer(text)
        return counted if isinstance(counted, int) else len(counted)

    def _fitting(self, text: str) -> str:
        """Find the longest beginning that fits, by halves, and end it with a whole word."""
        fits, too_long = 0, len(text)
        while too_long - fits > 1:
            middle = (fits + too_long) // 2
            if self._count(text[:middle]) <= self._limit:
                fits = middle
            else:
                too_long = middle
        beginning = text[:fits]
        if fits < len(text) and not text[fits].isspace() and not beginning[-1:].isspace():
            words = beginning.rsplit(maxsplit=1)
            return words[0] if len(words) > 1 else beginning
        return beginning
