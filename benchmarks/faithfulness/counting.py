"""What became of a value: right, bent, lost, or another's; and what of it a model would have read."""

import re
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from enum import StrEnum

_NAMES = re.compile(r"[^\W\d_]{2,}[^\W\d_A-Z](?!\w)")
"""Words that are no placeholder's: of three letters and more, the last a small one."""


class Outcome(StrEnum):
    """Say what a user sees in an answer, from the best to the worst."""

    RIGHT = "right"
    """What was meant, and the text around it, to the letter."""
    BENT = "bent"
    """The value that was meant, but with text or signs around it that no one wrote, or without some."""
    LOST = "lost"
    """Not the value that was meant: a placeholder, or nothing, as the call raised an error."""
    WRONG = "wrong"
    """A value that was not meant: another person's, or any where nobody was meant."""


@dataclass(frozen=True, slots=True)
class Answer:
    """Hold an answer of a model, and what a user should see.

    ``meant`` are the values that the model speaks of, none where it speaks of nobody; ``right`` are the texts
    that are to the letter what a careful reader would make of it.
    """

    text: str
    meant: frozenset[str]
    right: frozenset[str]
    start: int = 0
    end: int = 0
    """Where the placeholder stands in ``text``, for those who cut there."""


class Values:
    """Find values of a vault in texts, as whole words."""

    def __init__(self, values: Iterable[str]) -> None:
        self._patterns = {value: re.compile(_whole(value)) for value in values}

    def within(self, text: str) -> set[str]:
        """Return the values that stand in a text."""
        return {value for value, pattern in self._patterns.items() if value in text and pattern.search(text)}

    def leaked(self, sent: str, held: str) -> int:
        """Count the characters of values, whole or by their words, that ``sent`` still has of ``held``."""
        count = 0
        for value in self.within(held):
            parts = [value] if value in sent else _NAMES.findall(value)
            count += sum(
                len(part) * min(_times(part, sent), _times(part, held)) for part in dict.fromkeys(parts)
            )
        return count


def judge(answer: Answer, shown: str | None, values: Values) -> Outcome:
    """Say what became of an answer; ``shown`` is ``None`` where restoring raised an error."""
    if shown is None:
        return Outcome.LOST
    if shown in answer.right:
        return Outcome.RIGHT
    seen = values.within(shown)
    if seen - answer.meant - values.within(answer.text):
        return Outcome.WRONG
    return Outcome.LOST if answer.meant - seen else Outcome.BENT


@dataclass(slots=True)
class Tally:
    """Count outcomes, and the characters that leaked."""

    outcomes: Counter[Outcome] = field(default_factory=Counter)
    leaked: int = 0
    hidden: int = 0
    """How many characters of values there were to hide."""

    def __add__(self, other: "Tally") -> "Tally":
        return Tally(self.outcomes + other.outcomes, self.leaked + other.leaked, self.hidden + other.hidden)

    def __getitem__(self, outcome: Outcome) -> int:
        return self.outcomes[outcome]

    @property
    def total(self) -> int:
        """Count all answers."""
        return self.outcomes.total()

    def worst(self) -> Iterator[Outcome]:
        """Yield the outcomes that came up, from the worst."""
        return (outcome for outcome in reversed(Outcome) if self.outcomes[outcome])


def _whole(value: str) -> str:
    before = r"(?<!\w)" if re.match(r"\w", value) else ""
    after = r"(?!\w)" if re.search(r"\w\Z", value) else ""
    return before + re.escape(value) + after


def _times(part: str, text: str) -> int:
    return len(re.findall(_whole(part), text))
