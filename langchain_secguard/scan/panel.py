"""Several scanners as one: sanitizing ones in order, all others at once, and what they said remembered.

A plan is a generator that yields scans and is sent their answers; it holds the order, and does no I/O.
"""

from collections.abc import Collection, Generator, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple, TypeAlias, TypeVar

from langchain_secguard.errors import ScannerError
from langchain_secguard.events import Verdict
from langchain_secguard.find import digest
from langchain_secguard.lru import Lru
from langchain_secguard.plan import acarry_out, carry_out
from langchain_secguard.scan.base import Scanner, ScanResult, engine_of, sanitizes
from langchain_secguard.scan.running import Scan, Scanned, arun, run

T = TypeVar("T")

Plan: TypeAlias = Generator[list[Scan], list[Scanned], T]
"""Yields scans that may run at once, and is sent their answers in the same order."""


class _Remembered(NamedTuple):
    """What a scanner said of a text that it left as it was."""

    valid: bool
    risk: float
    details: Mapping[str, float]


@dataclass(slots=True)
class Finding:
    """Tell what one scanner said of all the texts of a call.

    ``risk`` is the highest, ``None`` where nothing was measured; ``error`` says why it failed, without a
    text; ``read`` and ``cached`` count the texts that it scanned and those of which its word was known.
    """

    scanner: str
    engine: str
    risk: float | None = None
    refused: bool = False
    redacted: bool = False
    error: str | None = None
    seconds: float = 0.0
    read: int = 0
    cached: int = 0
    details: dict[str, float] = field(default_factory=dict)

    @property
    def valid(self) -> bool:
        """Whether all texts were scanned, and none refused."""
        return self.error is None and not self.refused

    @property
    def verdict(self) -> Verdict:
        """Failed, or else blocked, or else redacted, or else passed."""
        if self.error is not None:
            return "failed"
        if self.refused:
            return "blocked"
        return "redacted" if self.redacted else "passed"

    def add(self, *, valid: bool, risk: float, details: Mapping[str, float]) -> None:
        """Count one text: the worst of all texts stays."""
        self.refused = self.refused or not valid
        self.risk = risk if self.risk is None else max(self.risk, risk)
        for name, score in details.items():
            self.details[name] = max(self.details.get(name, 0.0), score)

    def fail(self, error: ScannerError) -> None:
        """Note that a text could not be scanned."""
        self.error = self.error or str(error)


class Panel:
    """Let scanners judge the texts of a call.

    Args:
        scanners: With names of their own.
        timeouts: Seconds for each scan, by the scanner's name; ``None`` for no limit.
        thresholds: The risk from which a text is refused, by the scanner's name, in place of its own verdict.
        lenient: The names of scanners behind whose failure the others still scan.
        cache_size: How many verdicts are remembered, by keyed hashes of the texts.
    """

    def __init__(
        self,
        scanners: Sequence[Scanner],
        *,
        timeouts: Mapping[str, float | None],
        thresholds: Mapping[str, float],
        lenient: Collection[str],
        cache_size: int,
    ) -> None:
        self.scanners = tuple(scanners)
        self._timeouts = timeouts
        self._thresholds = thresholds
        self._lenient = frozenset(lenient)
        self._cache: Lru[bytes, _Remembered] = Lru(cache_size)
        self._numbers = {scanner.name: number.to_bytes(2) for number, scanner in enumerate(scanners)}
        self._first = [scanner for scanner in scanners if sanitizes(scanner)]
        self._others = [scanner for scanner in scanners if not sanitizes(scanner)]

    @property
    def sanitizes(self) -> bool:
        """Whether texts may change."""
        return bool(self._first)

    def findings(self) -> dict[str, Finding]:
        """Begin the findings of a call, one for each scanner, in order."""
        return {scanner.name: Finding(scanner.name, engine_of(scanner)) for scanner in self.scanners}

    def plan(
        self,
        texts: Iterable[str],
        findings: Mapping[str, Finding],
        *,
        prompt: str | None = None,
        before: str = "",
    ) -> Plan[dict[str, str]]:
        """Judge texts, and return what each of them became.

        Sanitizing scanners come first, each with the text of the one before; the others judge what goes on.
        A sanitizing scanner that fails ends the plan, unless it is lenient: what it would have taken out is
        shown to nobody.

        Args:
            texts: What is judged; empty ones are not.
            findings: What is added to.
            prompt: What the texts answer.
            before: What came before a text; shown to scanners that do not sanitize, as one text with it.
        """
        became = {text: text for text in texts if text and not text.isspace()}
        for scanner in self._first:
            results = yield from self._ask([scanner], set(became.values()), prompt, findings)
            if findings[scanner.name].error is not None and scanner.name not in self._lenient:
                return became
            became = {text: results.get((0, now), now) for text, now in became.items()}
        judged = [before + text for text in dict.fromkeys(became.values())]
        yield from self._ask(self._others, judged, prompt, findings)
        return became

    def _ask(
        self,
        scanners: Sequence[Scanner],
        texts: Collection[str],
        prompt: str | None,
        findings: Mapping[str, Finding],
    ) -> Plan[dict[tuple[int, str], str]]:
        """Ask each of ``scanners`` about each of ``texts``; return the texts that changed."""
        said = f"{-1 if prompt is None else len(prompt)}\0{prompt or ''}"
        digests = [(text, digest(said + text)) for text in texts]
        asked: list[tuple[int, bytes, Scan]] = []
        for number, scanner in enumerate(scanners):
            finding = findings[scanner.name]
            own = self._numbers[scanner.name]
            for text, hashed in digests:
                key = hashed + own
                known = self._cache.get(key)
                if known is not None:
                    finding.cached += 1
                    finding.add(valid=known.valid, risk=known.risk, details=known.details)
                else:
                    asked.append((number, key, Scan(scanner, self._timeouts[scanner.name], text, prompt)))
        answers = (yield [scan for _, _, scan in asked]) if asked else []
        changed: dict[tuple[int, str], str] = {}
        took: dict[str, float] = {}
        for (number, key, scan), answer in zip(asked, answers, strict=True):
            name = scan.scanner.name
            took[name] = max(took.get(name, 0.0), answer.seconds)
            result = answer.outcome
            if isinstance(result, ScanResult):
                self._learn(findings[name], key, scan, result)
                changed[number, scan.text] = result.text
            else:
                findings[name].fail(result)
        for name, seconds in took.items():
            findings[name].seconds += seconds
        return changed

    def _learn(self, finding: Finding, key: bytes, scan: Scan, result: ScanResult) -> None:
        threshold = self._thresholds.get(finding.scanner)
        valid = result.valid if threshold is None else result.risk_score < threshold
        finding.read += 1
        finding.add(valid=valid, risk=result.risk_score, details=result.details)
        if result.text != scan.text:
            finding.redacted = True
        else:
            self._cache.put(key, _Remembered(valid, result.risk_score, dict(result.details)))


def drive(plan: Plan[T]) -> T:
    """Carry out a plan, with threads."""
    return carry_out(plan, run)


async def adrive(plan: Plan[T]) -> T:
    """Carry out a plan, with tasks."""
    return await acarry_out(plan, arun)
