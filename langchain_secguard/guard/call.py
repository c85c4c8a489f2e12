"""One call of a guard: the texts of its input, what its scanners said of them, and what is told of it."""

import time
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from langchain_secguard.arguments import edit_arguments
from langchain_secguard.blocks import Unscanned
from langchain_secguard.content import Kind, rewrite
from langchain_secguard.errors import BlockedError, UnsupportedContentError
from langchain_secguard.events import FAILED, SCANNED, Ending
from langchain_secguard.guard.refusals import AnswerKind, asked
from langchain_secguard.guard.removed import removed
from langchain_secguard.json_text import Edit
from langchain_secguard.placeholders import Form
from langchain_secguard.scan.panel import Finding
from langchain_secguard.sight import Sight


@dataclass(frozen=True, slots=True)
class Passage:
    """Tell how a value passed a guard.

    ``value`` is what goes on, or what answers in its place if it was ``refused``; ``scores`` has the risk
    that each scanner measured.
    """

    value: Any = field(repr=False)
    refused: bool
    scores: Mapping[str, float]


class Leaves:
    """Find the texts in a value that are to be scanned, and put others in their place.

    Args:
        keys: Of a dict, these keys alone; all when ``None``.
        prompt_key: The key of a dict that holds what the others answer.
        allow: What cannot be scanned and is let through.
    """

    def __init__(
        self, keys: Collection[str] | None, prompt_key: str | None, allow: Collection[Unscanned]
    ) -> None:
        self._keys = keys
        self._prompt_key = prompt_key
        self._allow = allow

    def answers(self, value: Any) -> Collection[str] | None:
        """Name the keys of a dict whose values are answers; ``None`` for all, and for what is no dict."""
        if self._keys is not None or self._prompt_key is None or not isinstance(value, dict):
            return self._keys
        return [key for key in value if key != self._prompt_key]

    def prompt(self, value: Any) -> str | None:
        """Return what the rest of a dict answers."""
        if self._prompt_key is None or not isinstance(value, dict):
            return None
        return asked(value.get(self._prompt_key))

    def of(self, value: Any) -> list[str]:
        """List the texts of a value.

        Raises:
            UnsupportedContentError: It holds what cannot be scanned.
        """
        if type(value) is str:
            return [value]
        texts: list[str] = []

        def take(text: str, kind: Kind) -> str:
            if kind != "scalar" or any(map(str.isalpha, text)):
                texts.append(text)
            return text

        def take_edits(text: str, kind: Kind) -> Sequence[Edit]:
            take(text, kind)
            return ()

        self._rewrite(value, take, take_edits)
        return texts

    def written(self, value: Any, became: Mapping[str, str]) -> Any:
        """Write a value with what its texts became; the same object where none changed."""
        if all(text == new for text, new in became.items()):
            return value

        def write(text: str, kind: Kind) -> str:  # noqa: ARG001 - a leaf of any kind is a text
            return became.get(text, text)

        def edits(text: str, kind: Kind) -> Sequence[Edit]:
            new = write(text, kind)
            return [(0, len(text), new)] if new != text else ()

        return self._rewrite(value, write, edits)

    def _rewrite(self, value: Any, visit: Any, edits_of: Any) -> Any:
        as_json = partial(edit_arguments, edits_of=edits_of, allow=self._allow)
        try:
            return rewrite(value, visit, allow=self._allow, keys=self.answers(value), visit_json=as_json)
        except UnsupportedContentError as error:
            failure = UnsupportedContentError(str(error).replace("Anonymizer(", "Guard(..., "))
        raise failure


class GuardCall:
    """Gather what one call does, for who listens.

    ``refused`` tells whether it was answered in another way, and ``released``, of a stream, whether chunks
    had gone on before.

    Args:
        findings: One for each scanner.
        prompt: What the texts answer.
        fail_open: The names of scanners whose failure lets a text pass.
        kind: What a refusal must be; ``None`` for what it takes the place of.
        monitors: Whether everything passes.
    """

    def __init__(
        self,
        findings: Mapping[str, Finding],
        prompt: str | None,
        fail_open: Collection[str],
        *,
        kind: AnswerKind | None,
        monitors: bool,
    ) -> None:
        self.findings = findings
        self.prompt = prompt
        self.kind = kind
        self.refused = False
        self.released = False
        self.scanned = False
        self._fail_open = fail_open
        self.monitors = monitors
        self._removed: dict[str, str] = {}
        self._started = time.perf_counter()

    def learn(self, became: Mapping[str, str]) -> None:
        """Note what texts became."""
        self.scanned = True
        self._removed |= {text: new for text, new in became.items() if new != text}

    def scores(self) -> dict[str, float]:
        """Map each scanner that measured something to the risk."""
        return {name: one.risk for name, one in self.findings.items() if one.risk is not None}

    def blocked(self) -> BlockedError | None:
        """Make the error of a call that was refused; ``None`` where all may pass."""
        if self.monitors:
            return None
        refusing = [one for one in self.findings.values() if one.refused]
        failed = [
            one
            for one in self.findings.values()
            if one.error is not None and not one.refused and one.scanner not in self._fail_open
        ]
        if not refusing and not failed:
            return None
        said = [f"{one.scanner} refused the text (risk {one.risk or 0:.2f})" for one in refusing]
        said += [f"{one.scanner} failed, which counts as a refusal: {one.error}" for one in failed]
        scores = {one.scanner: one.risk or 0.0 for one in refusing} | {one.scanner: 1.0 for one in failed}
        return BlockedError("; ".join(said), scores=scores)

    def endings(self) -> Iterator[Ending]:
        """Tell what each scanner said."""
        for one in self.findings.values():
            yield self._ending(SCANNED, self._told(one))

    def stopped(self, error: BaseException) -> Iterator[Ending]:
        """Tell of a call that ended by an error: what was scanned until then, or that nothing was."""
        if self.scanned:
            yield from self.endings()
        if not self.scanned or not isinstance(error, BlockedError | GeneratorExit):
            seconds = time.perf_counter() - self._started
            yield self._ending(FAILED, {"error": type(error).__name__, "seconds": seconds})

    def _told(self, finding: Finding) -> dict[str, object]:
        verdict = finding.verdict
        if self.monitors and verdict != "failed":
            verdict = "passed"
        told: dict[str, object] = {
            "scanner": finding.scanner,
            "engine": finding.engine,
            "valid": finding.valid,
            "verdict": verdict,
            "seconds": finding.seconds,
            "read": finding.read,
            "cached": finding.cached,
        }
        if finding.risk is not None:
            told["risk"] = finding.risk
        if finding.details:
            told["details"] = dict(finding.details)
        if finding.error is not None:
            told["error"] = finding.error
        return told

    def _ending(self, name: str, data: Mapping[str, object]) -> Ending:
        about = {"step": "Guard", "vault_id": None}
        return Ending(name, {**data, **about}, Sight(None, Form(), self._values))

    def _values(self) -> dict[str, str]:
        """Map what sanitizing scanners took out to what stands there now."""
        values: dict[str, str] = {}
        for text, new in self._removed.items():
            values |= removed(text, new)
        return values
