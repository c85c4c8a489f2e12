"""What the steps' events say about a run: a verdict, scores, and what an observation shows of it. No text.

Events: :mod:`langchain_secguard.events`. Scores: https://langfuse.com/docs/evaluation/scores/data-model
"""

import hashlib
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, cast, get_args

from langchain_secguard.events import ANONYMIZED, BLOCKED, DEANONYMIZED, FAILED, SCANNED, Verdict
from langchain_secguard.tracing.quiet import log

Level = Literal["DEFAULT", "WARNING", "ERROR"]
DataType = Literal["NUMERIC", "BOOLEAN", "CATEGORICAL"]

EVENTS = frozenset({ANONYMIZED, BLOCKED, DEANONYMIZED, FAILED, SCANNED})

_SEVERITY: tuple[Verdict, ...] = get_args(Verdict)
_LEVELS: Mapping[Verdict, Level] = {
    "passed": "DEFAULT",
    "redacted": "WARNING",
    "blocked": "WARNING",
    "failed": "ERROR",
}
_SHOWN = ("entities", "engine", "cached", "read", "seconds", "unknown", "withheld", "scores", "error")
_LONGEST_NAME = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """Hold what one event says; ``risk`` and ``valid`` are ``None`` where nothing was measured."""

    scanner: str
    verdict: Verdict
    level: Level
    risk: float | None = None
    valid: bool | None = None
    metadata: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Score:
    """Hold one score as Langfuse takes it."""

    name: str
    value: float | str
    data_type: DataType


def worst(one: Verdict, other: Verdict) -> Verdict:
    """Return the worse of two verdicts: failed, then blocked, then redacted, then passed."""
    return max(one, other, key=_SEVERITY.index)


def worst_level(checks: list[Check]) -> Level:
    """Return the level of the worst check."""
    levels: tuple[Level, ...] = get_args(Level)
    return max((check.level for check in checks), key=levels.index)


def read(event: str, data: Mapping[str, Any], step: str) -> Check:
    """Read an event.

    Args:
        event: Its name, one of :data:`EVENTS`.
        data: What it says; what is no number, or not what it should be, is said in the log and left out.
        step: The name to use where the event names no scanner and no step.
    """
    scanner = _name(data.get("scanner") or data.get("step")) or step
    verdict = _verdict(event, data, scanner)
    warns = event == DEANONYMIZED and (data.get("withheld") or data.get("unknown"))
    return Check(
        scanner=scanner,
        verdict=verdict,
        level="WARNING" if warns else _LEVELS[verdict],
        risk=_risk(event, data, scanner),
        valid=_valid(event, data, verdict, scanner),
        metadata={name: data[name] for name in _SHOWN if data.get(name) is not None},
    )


def scores(check: Check, names: Mapping[str, str]) -> list[Score]:
    """List the scores of a check; ``names`` gives some of them other names.

    Restoring is no check: it has no scores unless it failed.
    """
    if check.risk is None and check.valid is None:
        return []
    listed = [Score("verdict", check.verdict, "CATEGORICAL")]
    if check.valid is not None:
        listed.insert(0, Score(f"{check.scanner}.valid", float(check.valid), "BOOLEAN"))
    if check.risk is not None:
        listed.insert(0, Score(f"{check.scanner}.risk", check.risk, "NUMERIC"))
    return [Score(names.get(score.name, score.name), score.value, score.data_type) for score in listed]


def is_worse(score: Score, known: float | str | None) -> bool:
    """Tell whether a score says something worse than one of the same name on the same observation."""
    if known is None:
        return True
    if score.data_type == "CATEGORICAL":
        return _SEVERITY.index(cast("Verdict", score.value)) > _SEVERITY.index(cast("Verdict", known))
    if score.data_type == "BOOLEAN":
        return score.value < cast("float", known)  # type: ignore[operator]
    return score.value > cast("float", known)  # type: ignore[operator]


def score_id(trace_id: str, observation_id: str | None, name: str) -> str:
    """Make the id of a score: the same for the same score, so that a repeat overwrites it."""
    seed = f"{trace_id}/{observation_id or ''}/{name}"
    return hashlib.sha256(seed.encode()).hexdigest()[:32]


def _name(name: object) -> str | None:
    return name[:_LONGEST_NAME] if isinstance(name, str) else None


def _verdict(event: str, data: Mapping[str, Any], scanner: str) -> Verdict:
    if event == SCANNED:
        verdict = data.get("verdict")
        if isinstance(verdict, str) and verdict in _SEVERITY:
            return verdict
        log.error(
            "The verdict of %s is none of %s; it counts as failed.", _shown(scanner), ", ".join(_SEVERITY)
        )
        return "failed"
    if event == ANONYMIZED:
        return "redacted" if data.get("entities") else "passed"
    return {BLOCKED: "blocked", FAILED: "failed"}.get(event, "passed")  # type: ignore[return-value]


def _risk(event: str, data: Mapping[str, Any], scanner: str) -> float | None:
    """Return the risk of an event; that of a refusal is the highest of its scores."""
    if event == BLOCKED:
        given = data.get("scores")
        risks = [_checked(risk, scanner) for risk in given.values()] if isinstance(given, Mapping) else []
        return max((risk for risk in risks if risk is not None), default=None)
    risk = data.get("risk")
    return None if risk is None else _checked(risk, scanner)


def _checked(risk: object, scanner: str) -> float | None:
    if (
        isinstance(risk, int | float)
        and not isinstance(risk, bool)
        and math.isfinite(risk)
        and 0 <= risk <= 1
    ):
        return float(risk)
    log.error("The risk of %s is not sent: it is no number from 0 to 1.", _shown(scanner))
    return None


def _valid(event: str, data: Mapping[str, Any], verdict: Verdict, scanner: str) -> bool | None:
    if event != SCANNED:
        return None if event == DEANONYMIZED else verdict in ("passed", "redacted")
    valid = data.get("valid")
    if isinstance(valid, bool):
        return valid
    if valid is not None:
        log.error("Whether a text is valid to %s is not sent: it is neither True nor False.", _shown(scanner))
    return verdict in ("passed", "redacted")


def _shown(scanner: str) -> str:
    """Name a scanner in the log, unless its name may be a text."""
    return scanner if scanner.isidentifier() else "a scanner"
