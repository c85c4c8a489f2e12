"""The weekly loop with Langfuse: sample traces for people to annotate, make a dataset of what they said."""

import random
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from langchain_secguard.evaluate.data import Case
from langchain_secguard.evaluate.payload import text_of

if TYPE_CHECKING:
    from langfuse import Langfuse

_PAGE = 100
_NAMESPACE = uuid.UUID("0f7a4c2e-58c9-4b43-9f4c-0d3b8f1f0a77")


@dataclass(frozen=True, slots=True)
class Annotation:
    """Say what people decided of a trace, or of one observation in it."""

    trace_id: str
    observation_id: str | None
    harmful: bool


def sample_traces(
    client: "Langfuse",
    count: int,
    *,
    since: datetime,
    until: datetime | None = None,
    name: str | None = None,
    queue_id: str | None = None,
    seed: int | None = None,
) -> list[str]:
    """Choose traces at random, and put them into an annotation queue.

    Args:
        client: The client.
        count: How many at most.
        since: Take traces that began then or later.
        until: Take traces that began before.
        name: Take traces whose root observation has this name alone.
        queue_id: The annotation queue; ``None`` to put them into none.
        seed: Makes the choice repeatable.

    Returns:
        The ids of the traces.
    """
    observed = _pages(
        client.api.observations.get_many,
        fields="core,basic",
        from_start_time=since,
        to_start_time=until,
        name=name,
    )
    roots = sorted({seen.trace_id for seen in observed if seen.trace_id and not seen.parent_observation_id})
    chosen = random.Random(seed).sample(roots, min(count, len(roots)))  # noqa: S311 - no secret is drawn
    if queue_id is not None:
        for trace_id in chosen:
            client.api.annotation_queues.create_queue_item(queue_id, object_id=trace_id, object_type="TRACE")
    return chosen


def annotations(
    client: "Langfuse",
    score: str,
    *,
    since: datetime | None = None,
    until: datetime | None = None,
    harmful: Callable[[Any], bool] | None = None,
) -> list[Annotation]:
    """Read what people scored in Langfuse, by hand, under the name ``score``.

    Where several people scored the same, it is harmful if one of them found it so: a miss costs more.

    Args:
        client: The client.
        score: The name of the score.
        since: Take scores given then or later.
        until: Take scores given before.
        harmful: Tells from a score's value whether the text should have been refused. By default true, for a
            boolean, and 0.5 or more, for a number; a category needs this argument.

    Raises:
        ValueError: A score is a category, or a text, and ``harmful`` is missing.
    """
    decide = harmful or _is_harmful
    verdicts: dict[tuple[str, str | None], bool] = {}
    scored = _pages(
        _scores_endpoint(client),
        name=score,
        source="ANNOTATION",
        fields="subject",
        from_timestamp=since,
        to_timestamp=until,
    )
    for one in scored:
        key = _subject(one)
        if key is not None:
            verdicts[key] = verdicts.get(key, False) or decide(one.value)
    return [Annotation(*key, verdict) for key, verdict in sorted(verdicts.items(), key=str)]


def dataset_from_annotations(
    client: "Langfuse",
    dataset: str,
    score: str,
    *,
    since: datetime | None = None,
    until: datetime | None = None,
    harmful: Callable[[Any], bool] | None = None,
    mask: Callable[[str], str] | None = None,
) -> list[Case]:
    """Make a Langfuse dataset of annotated traces: their inputs, and whether they should be refused.

    The inputs are what Langfuse has of them, masked if the traces were; they are masked once more on the way
    back, so that a dataset, which lives longer than a trace, holds no value that a trace let slip. Items are
    tied to their traces, and a second call renews them.

    Args:
        client: The client.
        dataset: The name of the dataset.
        score: The name under which people scored; see :func:`annotations`.
        since: See :func:`annotations`.
        until: See :func:`annotations`.
        harmful: See :func:`annotations`.
        mask: Masks a text; by default :class:`langchain_secguard.tracing.Mask`.

    Returns:
        The cases, as they were sent. Traces that are gone, or have no input, make none.

    Raises:
        ValueError: A score is a category, or a text, and ``harmful`` is missing.
    """
    hide = mask or _default_mask()
    client.create_dataset(name=dataset)
    cases = []
    for one in annotations(client, score, since=since, until=until, harmful=harmful):
        text = hide(_input(client, one))
        if not text:
            continue
        subject = f"{one.trace_id}/{one.observation_id or ''}"
        client.create_dataset_item(
            dataset_name=dataset,
            id=str(uuid.uuid5(_NAMESPACE, f"{dataset}/{subject}")),
            input=text,
            expected_output=one.harmful,
            source_trace_id=one.trace_id,
            source_observation_id=one.observation_id,
        )
        cases.append(Case(subject, text, one.harmful))
    return cases


def _default_mask() -> Callable[[str], str]:
    from langchain_secguard.tracing import Mask  # noqa: PLC0415 - it loads a detector

    return Mask().text


def _scores_endpoint(client: "Langfuse") -> Callable[..., Any]:
    """Return the SDK's way to version 3 of the scores API: it has another name in SDK 4."""
    older = getattr(client.api, "scores_v3", None)
    endpoint: Callable[..., Any] = older.get_many_v3 if older is not None else client.api.scores.get_many
    return endpoint


def _pages(call: Callable[..., Any], **arguments: Any) -> Iterator[Any]:
    """Read all pages of an endpoint that hands out cursors."""
    cursor: str | None = None
    while True:
        page = call(limit=_PAGE, cursor=cursor, **arguments)
        yield from page.data
        cursor = page.meta.cursor
        if not cursor:
            return


def _subject(score: Any) -> tuple[str, str | None] | None:
    """Return the trace, and the observation if it is one, that a score is about."""
    subject = score.subject
    kind = getattr(subject, "kind", None)
    if kind == "trace":
        return subject.id, None
    if kind == "observation" and subject.trace_id:
        return subject.trace_id, subject.id
    return None


def _is_harmful(value: Any) -> bool:
    if isinstance(value, str):
        raise ValueError(  # noqa: TRY004 - the argument is missing, not of a wrong type
            "a score is a category or a text: say which ones mean that a text should be refused, "
            'as in harmful=lambda value: value == "toxic"'
        )
    return float(value) >= 0.5


def _input(client: "Langfuse", annotation: Annotation) -> str:
    observed = _pages(client.api.observations.get_many, trace_id=annotation.trace_id, fields="core,basic,io")
    for seen in observed:
        is_root = annotation.observation_id is None and not seen.parent_observation_id
        if is_root or seen.id == annotation.observation_id:
            return text_of(seen.input)
    return ""
