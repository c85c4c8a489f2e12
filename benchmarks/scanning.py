"""What the embedded scanners catch, what they refuse without reason, and how long they take.

Ids of texts that went wrong are printed for the split ``tune`` alone: who mends a rule does not look at the
others.
"""

import statistics
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from benchmarks.cases import Case, cases, kinds, prompt_of_leaks, rate
from benchmarks.report import Row, duration
from langchain_secguard.scan import (
    BanCompetitorsScanner,
    BanTopicsScanner,
    InvisibleTextScanner,
    LinkExfiltrationScanner,
    PromptInjectionScanner,
    Scanner,
    SystemPromptLeakScanner,
)

_SPLITS = ("tune", "held_out")
_MOST_FALSE_ALARMS = 0.02
_LONG = 1_000
"""Texts of so many characters give the time for a KB; shorter ones are all overhead."""

_TOPICS = {"violence": ["murder*", "weapon*", "gun*", "assassin*", "kill*"]}
_COMPETITORS = ["Northwind", "Blue Heron Catering", "O'Neill & Sons", "Bäckerei Müller"]


@dataclass(frozen=True, slots=True)
class Trial:
    """Hold a scanner, the texts for it, and the most false alarms that it should give."""

    scanner: Scanner
    table: Sequence[Case]
    most_false_alarms: float | None = None


def measure() -> Iterator[Row]:
    """Scan all tables."""
    for trial in _trials():
        wrong = {case.id for case in trial.table if _refuses(trial.scanner, case) != case.bad}
        yield from _rates(trial, wrong)
        yield from _rates_by_kind(trial, wrong)
        yield _time(trial)
        _print_wrong(trial, wrong)


def _trials() -> Iterator[Trial]:
    prompt, token = prompt_of_leaks()
    yield Trial(
        PromptInjectionScanner(),
        [*cases("attacks", bad=True), *cases("harmless", bad=False)],
        _MOST_FALSE_ALARMS,
    )
    yield Trial(LinkExfiltrationScanner(allowed_hosts=["example.com", "shop.example"]), cases("links"))
    yield Trial(InvisibleTextScanner(remove=False), cases("invisible"))
    yield Trial(SystemPromptLeakScanner(prompt, canaries=[token]), cases("leaks"))
    yield Trial(BanTopicsScanner(_TOPICS), cases("topics"))
    yield Trial(BanCompetitorsScanner(_COMPETITORS), cases("competitors"))
    secrets = _secrets()
    if secrets is not None:
        yield Trial(secrets, cases("secrets"))


def _secrets() -> Scanner | None:
    try:
        from langchain_secguard.scan import SecretsScanner  # noqa: PLC0415 - it needs a package of its own
    except ImportError:
        return None
    return SecretsScanner(redact=False)


def _refuses(scanner: Scanner, case: Case) -> bool:
    return not scanner.scan(case.text).valid


def _rates(trial: Trial, wrong: set[str]) -> Iterator[Row]:
    for split in _SPLITS:
        bad = [case for case in trial.table if case.split == split and case.bad]
        good = [case for case in trial.table if case.split == split and not case.bad]
        caught = sum(case.id not in wrong for case in bad)
        alarms = sum(case.id in wrong for case in good)
        yield Row(f"{trial.scanner.name}, {split}: caught", rate(caught, len(bad)))
        most = trial.most_false_alarms
        yield Row(
            f"{trial.scanner.name}, {split}: false alarms",
            rate(alarms, len(good)),
            "" if most is None else f"at most {most:.0%}",
            met=None if most is None else alarms <= most * len(good),
        )


def _rates_by_kind(trial: Trial, wrong: set[str]) -> Iterator[Row]:
    for kind in kinds(trial.table):
        of_kind = [case for case in trial.table if case.kind == kind]
        counts = []
        for split in _SPLITS:
            here = [case for case in of_kind if case.split == split]
            refused = sum(case.bad == (case.id not in wrong) for case in here)
            counts.append(f"{split} {refused} of {len(here)}")
        refused = sum(case.bad == (case.id not in wrong) for case in of_kind)
        what = "caught" if of_kind[0].bad else "false alarms"
        yield Row(
            f"{trial.scanner.name}, {kind}: {what}",
            f"{', '.join(counts)}; both {rate(refused, len(of_kind))}",
        )


def _time(trial: Trial) -> Row:
    taken = [(_best(lambda case=case: trial.scanner.scan(case.text)), case) for case in trial.table]  # type: ignore[misc]
    long = [seconds * 1_000 / len(case.text) for seconds, case in taken if len(case.text) >= _LONG]
    worst, case = max(taken, key=lambda one: one[0])
    typical = duration(statistics.median(seconds for seconds, _ in taken))
    per_kb = (
        f"{duration(statistics.median(long))} for 1,000 characters of long ones" if long else "none is long"
    )
    return Row(
        f"{trial.scanner.name}: time",
        f"{typical} for the median text, {per_kb}; most {duration(worst)} "
        f"(a text of {len(case.text):,} characters, {case.kind})",
    )


def _best(action: Callable[[], object]) -> float:
    action()
    times = []
    for _ in range(3):
        start = time.thread_time()
        action()
        times.append(time.thread_time() - start)
    return min(times)


def _print_wrong(trial: Trial, wrong: set[str]) -> None:
    for kind in kinds(trial.table):
        ids = [
            case.id for case in trial.table if case.kind == kind and case.split == "tune" and case.id in wrong
        ]
        if ids:
            print(f"{trial.scanner.name}, wrong in {kind}: {', '.join(ids)}", file=sys.stderr)
