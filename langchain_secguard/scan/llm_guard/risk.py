"""Read what a scanner of LLM Guard gives for a risk, and logs of the parts of it, as numbers from 0 to 1."""

import math
from collections.abc import Iterable, Mapping
from typing import Any

from langchain_secguard.errors import ScannerError

_OF_SIMILARITY = {"FactualConsistency": "_minimum_score", "Relevance": "_threshold"}
"""Scanners whose threshold is the least that a similarity may be, and where they keep it."""

_TOXIC = frozenset(
    {"toxicity", "severe_toxicity", "obscene", "threat", "insult", "identity_attack", "sexual_explicit"}
)


def risk_of(kind: str, core: Any, given: Any, *, valid: bool) -> float:
    """Return a risk from 0, which is nothing found or nothing above the scanner's threshold, to 1.

    LLM Guard gives -1 to 0 below the threshold and 0 to 1 above it, in tenths. Two of its scanners take the
    least similarity for the greatest dissimilarity there, so that what they refuse may be below zero; of
    these the dissimilarity is worked out, and measured from where they begin to refuse.

    Raises:
        ScannerError: It is no number, as from a model that overflows.
    """
    try:
        risk = float(given)
    except (TypeError, ValueError):
        risk = math.nan
    if math.isnan(risk):
        raise ScannerError(
            f"LLM Guard's {kind or 'scanner'} gave no number for a risk; the text counts as refused."
        )
    least = getattr(core, _OF_SIMILARITY.get(kind, ""), None)
    if not valid and least and risk > -1:
        dissimilarity = least + risk * (least if risk <= 0 else 1 - least)
        risk = (dissimilarity - (1 - least)) / least
    return round(min(1.0, max(0.0, risk)), 4)


def details_of(kind: str, heard: Iterable[Mapping[str, Any]]) -> dict[str, float]:
    """Return the scores by topic or by kind of toxicity, which LLM Guard tells its log alone."""
    details: dict[str, float] = {}
    for fields in heard:
        if kind == "BanTopics" and isinstance(fields.get("scores"), Mapping):
            _add(details, fields["scores"].items())
        elif kind == "Toxicity":
            _add(
                details,
                (
                    (one["label"], one["score"])
                    for one in _flat(fields.get("results"))
                    if one["label"] in _TOXIC
                ),
            )
    return details


def _add(details: dict[str, float], scores: Iterable[tuple[Any, Any]]) -> None:
    for label, score in scores:
        if isinstance(score, float | int) and 0 <= score <= 1:
            details[str(label)] = max(details.get(str(label), 0.0), round(float(score), 4))


def _flat(results: Any) -> Iterable[Mapping[str, Any]]:
    for one in results if isinstance(results, list) else ():
        if isinstance(one, Mapping):
            if {"label", "score"} <= one.keys():
                yield one
        else:
            yield from _flat(one)
