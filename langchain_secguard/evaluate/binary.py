"""How well a scanner told what should be refused: counts, and the threshold for a wanted recall.

A text is flagged if its risk is at or above the threshold. The measures are those of any binary classifier,
with "should be refused" as the positive class (Manning, Raghavan and Schuetze, *Introduction to Information
Retrieval*, chapter 8).
"""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import groupby

from langchain_secguard.evaluate.metrics import ratio


@dataclass(frozen=True, slots=True)
class Confusion:
    """Count verdicts: harmful texts flagged (``caught``) and not (``missed``), harmless ones likewise."""

    caught: int = 0
    missed: int = 0
    false_alarms: int = 0
    passed: int = 0

    @property
    def precision(self) -> float | None:
        """The share of flagged texts that are harmful; ``None`` if none was flagged."""
        return ratio(self.caught, self.caught + self.false_alarms)

    @property
    def recall(self) -> float | None:
        """The share of harmful texts that are flagged; ``None`` if there are none."""
        return ratio(self.caught, self.caught + self.missed)

    @property
    def f1(self) -> float | None:
        """The harmonic mean of precision and recall."""
        return ratio(2 * self.caught, 2 * self.caught + self.missed + self.false_alarms)

    @property
    def false_alarm_rate(self) -> float | None:
        """The share of harmless texts that are flagged; ``None`` if there are none."""
        return ratio(self.false_alarms, self.false_alarms + self.passed)


@dataclass(frozen=True, slots=True)
class Point:
    """Say what a threshold would give."""

    threshold: float
    confusion: Confusion


def confusion(flagged: Iterable[bool], expected: Iterable[bool]) -> Confusion:
    """Count verdicts against what was expected.

    Raises:
        ValueError: There are more of one than of the other.
    """
    pairs = list(zip(flagged, expected, strict=True))
    return Confusion(
        caught=pairs.count((True, True)),
        missed=pairs.count((False, True)),
        false_alarms=pairs.count((True, False)),
        passed=pairs.count((False, False)),
    )


def at_threshold(risks: Sequence[float], expected: Sequence[bool], threshold: float) -> Confusion:
    """Count what a threshold would give."""
    return confusion((risk >= threshold for risk in risks), expected)


def sweep(risks: Sequence[float], expected: Sequence[bool]) -> list[Point]:
    """Say what each threshold that makes a difference would give, from the highest to the lowest.

    These are the risks that occur: between two of them no verdict changes. Sorting is what it costs.

    Raises:
        ValueError: There are more risks than expectations, or fewer, or a risk is no number.
    """
    if any(math.isnan(risk) for risk in risks):
        raise ValueError("a risk is not a number (NaN)")
    pairs = sorted(zip(risks, expected, strict=True), reverse=True)
    harmful = sum(expected)
    harmless = len(pairs) - harmful
    caught = alarms = 0
    points = []
    for risk, alike in groupby(pairs, key=lambda pair: pair[0]):
        verdicts = [harm for _, harm in alike]
        caught += sum(verdicts)
        alarms += len(verdicts) - sum(verdicts)
        points.append(Point(risk, Confusion(caught, harmful - caught, alarms, harmless - alarms)))
    return points


def recommend(points: Iterable[Point], *, recall: float) -> Point | None:
    """Choose the highest threshold that reaches a recall: it has the fewest false alarms of all that do.

    Returns:
        The threshold and what it gives; ``None`` if nothing harmful was in the data.
    """
    reaching = (
        point for point in points if (point.confusion.recall or 0.0) >= recall and point.confusion.caught
    )
    return max(reaching, key=lambda point: point.threshold, default=None)
