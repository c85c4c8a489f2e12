"""A peer that errs on purpose: ``python -m tests.unit.benchmarks.wrong_peer <way>``."""

import re
import sys
from collections.abc import Iterator, Sequence

from benchmarks.faithfulness.peer import Pattern, Peer, serve


class Wrong:
    """Hide names as ``[PERSON_n]``, and restore them in a wrong way."""

    def __init__(self, patterns: Sequence[Pattern], way: str) -> None:
        self._patterns = [re.compile(regex) for regex, _ in patterns]
        self._way = way
        self._values: list[str] = []

    def hide(self, text: str) -> str:
        if self._way == "leaks":
            return text
        for pattern in self._patterns:
            text = pattern.sub(lambda match: self._placeholder(match[0]), text)
        return text

    def restore(self, text: str) -> str:
        if self._way == "raises":
            raise RuntimeError(text)
        if self._way == "endless":
            return text * 1_000_000
        if self._way == "stuck":
            while True:
                pass
        return re.sub(r"\[PERSON_(\d+)\]", self._value, text)

    def stream(self, pieces: Iterator[str]) -> Iterator[str]:
        return map(self.restore, pieces)

    def _placeholder(self, value: str) -> str:
        if value not in self._values:
            self._values.append(value)
        return f"[PERSON_{self._values.index(value) + 1}]"

    def _value(self, match: re.Match[str]) -> str:
        place = int(match[1]) - 1
        if self._way == "next":
            place = (place + 1) % len(self._values)
        if not 0 <= place < len(self._values):
            return self._values[0] if self._way == "guesses" else match[0]
        return f" {self._values[place]} " if self._way == "blanks" else self._values[place]


if __name__ == "__main__":
    own = sys.argv[1]
    serve(
        Peer(f"wrong: {own}", "1", lambda patterns: Wrong(patterns, own), frozenset({"streams", "threads"}))
    )
