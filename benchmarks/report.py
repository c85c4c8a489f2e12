"""What was measured, as a Markdown table."""

from collections.abc import Iterable
from dataclasses import dataclass

from benchmarks.clock import Timing


@dataclass(frozen=True, slots=True)
class Row:
    """Hold one line of the table; ``met`` is ``None`` where there is no target.

    ``faster`` tells how many times faster than a peer, where that was measured, for those who draw it.
    """

    subject: str
    measured: str
    target: str = ""
    met: bool | None = None
    faster: float | None = None

    @property
    def verdict(self) -> str:
        """Tell whether the target is met."""
        return "" if self.met is None else "met" if self.met else "missed"


def at_least(subject: str, ours: Timing, theirs: Timing, factor: float) -> Row:
    """Say how many times faster ``ours`` is than ``theirs``."""
    ratio = theirs.best / ours.best
    measured = f"{ratio:,.0f}x" if ratio >= 20 else f"{ratio:.1f}x"
    medians = theirs.median / ours.median
    return Row(
        subject,
        f"{measured} ({duration(ours.best)}, theirs {duration(theirs.best)}; by medians {medians:.0f}x)",
        f"at least {factor:.0f}x faster",
        met=ratio >= factor,
        faster=ratio,
    )


def at_most(subject: str, ours: Timing, base: Timing, ratio: float) -> Row:
    """Say how much longer ``ours`` takes than ``base``, as a ratio."""
    measured = ours.best / base.best
    return Row(
        subject,
        f"{measured:.2f}x ({duration(ours.best)}, against {duration(base.best)}; "
        f"by medians {ours.median / base.median:.2f}x)",
        f"at most {ratio:g}x",
        met=measured <= ratio,
    )


def at_most_more(subject: str, ours: Timing, base: Timing, seconds: float, *, units: int = 1) -> Row:
    """Say how much time ``ours`` adds to ``base`` for each of ``units``."""
    added = (ours.best - base.best) / units
    medians = (ours.median - base.median) / units
    return Row(
        subject,
        f"{duration(added)} more ({duration(ours.best / units)}, against {duration(base.best / units)}; "
        f"by medians {duration(medians)})",
        f"at most {duration(seconds)} more",
        met=added <= seconds,
    )


def duration(seconds: float) -> str:
    """Write a duration in the unit that suits it."""
    size = abs(seconds)
    if size < 1e-3:
        return f"{seconds * 1e6:.1f} µs" if size < 1e-4 else f"{seconds * 1e6:.0f} µs"
    return f"{seconds * 1e3:.2f} ms" if size < 1 else f"{seconds:.2f} s"


def table(rows: Iterable[Row]) -> str:
    """Write rows as a Markdown table."""
    lines = ["| what | target | measured | verdict |", "|---|---|---|---|"]
    lines += [f"| {row.subject} | {row.target} | {row.measured} | {row.verdict} |" for row in rows]
    return "\n".join(lines)
