"""From overlapping spans to the ones that are hidden: disjoint, trimmed, and never half of a URL."""

from bisect import bisect_right
from collections.abc import Callable, Iterable, Sequence
from itertools import takewhile
from typing import TypeAlias

from langchain_secguard.detect.base import Span, overlapping, resolve
from langchain_secguard.policy import Policy
from langchain_secguard.urls import UrlTracker, may_hold_url

PolicyOf: TypeAlias = Callable[[str], Policy]
"""Give the policy of an entity type."""

URL = "URL"
_TRAILING = ".,;:!?"
_BRACKETS = (("(", ")"), ("[", "]"), ("{", "}"))


def settle(text: str, spans: Iterable[Span], policy_of: PolicyOf) -> list[Span]:
    """Return the spans of ``text`` to hide: sorted, disjoint, without white space at their edges.

    The longest of overlapping spans wins (see :func:`~langchain_secguard.detect.base.resolve`), unless one
    of them must never come back: then they become one span of its type, since no part of a value that is
    redacted or blocked may be restored for standing inside a longer one. A URL that holds a value becomes
    one span: no value is restored into a URL.
    """
    settled: list[Span] = []
    for cluster in overlapping(spans):
        settled += cluster if len(cluster) == 1 else _settle_cluster(cluster, policy_of)
    trimmed = [span for span in (_trim(text, span) for span in settled) if span.start < span.end]
    if may_hold_url(text) or any(
        span.entity_type == URL or policy_of(span.entity_type).strict for span in trimmed
    ):  # "[ORGANIZATION](" reads as a link
        return _widen(text, trimmed, policy_of)
    return trimmed


def _settle_cluster(cluster: Sequence[Span], policy_of: PolicyOf) -> list[Span]:
    first = _strictest(cluster, policy_of)
    if first is None:
        return resolve(cluster)
    return [Span(cluster[0].start, max(span.end for span in cluster), first.entity_type, first.score)]


def _strictest(spans: Iterable[Span], policy_of: PolicyOf) -> Span | None:
    """Return the span that must never come back, one that blocks before others."""
    strict = [span for span in spans if policy_of(span.entity_type).strict]
    return min(strict, key=lambda span: (policy_of(span.entity_type).action != "block", span), default=None)


def _trim(text: str, span: Span) -> Span:
    marked = text[span.start : span.end]
    if marked[:1].strip() and marked[-1:].strip():
        return span
    start = span.start + len(marked) - len(marked.lstrip())
    return Span(start, max(start, span.start + len(marked.rstrip())), span.entity_type, span.score)


def _widen(text: str, spans: Sequence[Span], policy_of: PolicyOf) -> list[Span]:
    """Hide whole each URL that holds a value, seeing URLs just as the restoring side will."""
    widened: list[Span] = []
    tracker = UrlTracker()
    position = 0
    for span in spans:
        if span.end <= position:
            continue
        tracker.feed(text[position : span.start])
        if policy_of(span.entity_type).reversible and tracker.refuses(span.entity_type):
            url = _with_swallowed(_whole_url(text, span, tracker, widened, policy_of), spans, policy_of)
            widened.append(url)
            tracker.hide(_label(text, url, policy_of))
        else:
            widened.append(span)
            label = _label(text, span, policy_of)
            if label:
                tracker.feed(label)
            else:
                tracker.skip(span.entity_type)
        position = widened[-1].end
    return widened


def _label(text: str, span: Span, policy_of: PolicyOf) -> str:
    """Return what stands for ``span`` for good; nothing where it will be restored."""
    policy = policy_of(span.entity_type)
    return "" if policy.reversible else policy.replace(span.entity_type, text[span.start : span.end])


def _whole_url(text: str, span: Span, tracker: UrlTracker, before: list[Span], policy_of: PolicyOf) -> Span:
    start = _raw_start(text, span.start, tracker.depth, before, policy_of)
    while before and before[-1].end > start:
        start = min(start, before.pop().start)
    end = max(span.end, _without_punctuation(text, start, tracker.end(text, span.end)))
    return Span(start, end, URL, span.score)


def _with_swallowed(url: Span, spans: Sequence[Span], policy_of: PolicyOf) -> Span:
    """Let a URL end no sooner than the spans in it, and never come back if one of them must not."""
    first = bisect_right(spans, url.start, key=lambda span: span.end)
    swallowed = list(
        takewhile(
            lambda span: span.start < url.end, (spans[position] for position in range(first, len(spans)))
        )
    )
    strictest = _strictest(swallowed, policy_of)
    end = max(url.end, swallowed[-1].end)
    return Span(url.start, end, strictest.entity_type if strictest else url.entity_type, url.score)


def _raw_start(text: str, position: int, depth: int, before: Sequence[Span], policy_of: PolicyOf) -> int:
    """Find where in the text the URL begins that was opened ``depth`` characters ago in what is sent.

    A value that will be restored counts as one character there.
    """
    for span in reversed(before):
        if depth <= position - span.end:
            break
        depth -= position - span.end + (len(_label(text, span, policy_of)) or 1)
        position = span.start
        if depth < 0:
            return position
    return position - depth


def _without_punctuation(text: str, start: int, end: int) -> int:
    """Leave out what closes the sentence or the bracket around a URL."""
    unopened = {
        close: text.count(close, start, end) - text.count(open_, start, end) for open_, close in _BRACKETS
    }
    while end > start and (
        text[end - 1] in _TRAILING or text[end - 1].isspace() or unopened.get(text[end - 1], 0) > 0
    ):
        unopened[text[end - 1]] = unopened.get(text[end - 1], 0) - 1
        end -= 1
    return end
