"""Scores of checks, sent to the observation on which each was made, and one verdict for the trace."""

from collections.abc import Mapping
from typing import Any

from langchain_secguard.tracing import checks
from langchain_secguard.tracing.checks import Check, Score
from langchain_secguard.tracing.langfuse.code import is_score_name
from langchain_secguard.tracing.langfuse.runs import GUARDRAIL, Run, Tree
from langchain_secguard.tracing.masking.mask import Mask

_VERDICT = "verdict"


class Scorer:
    """Send scores: at once, since a client puts them in a queue, and never by what is ambient.

    Args:
        client: Langfuse's client.
        mask: What masks the names of scanners that may be texts; ``None`` leaves them.
        names: Other names for scores.
    """

    def __init__(self, client: Any, mask: Mask | None, names: Mapping[str, str]) -> None:
        self._client = client
        self._mask = mask
        self._names = dict(names)

    def judge(self, run: Run, check: Check) -> None:
        """Mark a run as a check, and score it; where a scanner reports twice, the worse score stays."""
        run.as_type = GUARDRAIL
        run.checks.append(check)
        run.tree.trace.judge(check.verdict)
        for score in checks.scores(check, self._names):
            if checks.is_worse(score, run.scores.get(score.name)):
                run.scores[score.name] = score.value
                self._send(score, run, run.id)

    def sum_up(self, tree: Tree) -> None:
        """Score a trace with the worst verdict in it."""
        verdict = tree.trace.verdict
        if verdict is not None:
            self._send(Score(self._names.get(_VERDICT, _VERDICT), verdict, "CATEGORICAL"), tree.root, None)

    def _send(self, score: Score, run: Run, observation_id: str | None) -> None:
        if not run.is_recorded:
            return
        name = self._shown(score.name)
        self._client.create_score(
            name=name,
            value=score.value,
            data_type=score.data_type,
            trace_id=run.trace_id,
            observation_id=observation_id,
            score_id=checks.score_id(run.trace_id, observation_id, name),
        )

    def _shown(self, name: str) -> str:
        if self._mask is None or is_score_name(name) or name in self._names.values():
            return name
        return self._mask.text(name)
