"""Experiments: an engine over a data set, scored, on this machine alone or recorded in Langfuse."""

from collections import Counter
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from langchain_secguard.errors import SecGuardError
from langchain_secguard.evaluate.table import table
from langchain_secguard.evaluate.tasks import Data, Output, Task, task_for

if TYPE_CHECKING:
    from langfuse import Langfuse


@dataclass(frozen=True, slots=True)
class Experiment:
    """Hold what an experiment gave.

    ``scores`` are those of the run: ``precision``, ``recall``, ``f1``, ``false_alarms`` (their number),
    ``latency_p50`` and ``latency_p95`` in seconds, and ``failed``, the number of texts on which the engine
    failed, which count in no other score. For detectors also ``mask_recall``, ``mention_recall`` and
    ``word_precision``; for scanners ``false_alarm_rate``, ``advised_threshold`` and what that would raise,
    ``advised_false_alarms``. A measure of nothing is absent. ``url`` shows the run in Langfuse.
    """

    name: str
    run_name: str
    scores: Mapping[str, float]
    url: str | None = None


def run_experiment(
    data: Data,
    engine: Any,
    *,
    name: str,
    client: "Langfuse | None" = None,
    run_name: str | None = None,
    threshold: float | None = None,
    entity_types: Collection[str] | None = None,
    recall: float = 0.95,
) -> Experiment:
    """Run an engine over a data set, and score it against what was expected.

    Langfuse is sent no text: an item's input is its number and length, expected and found spans are offsets
    and types, errors name classes. That does not depend on the client's mask. What an engine itself traces,
    a chain with a Langfuse handler for instance, does: give it a client of
    :func:`langchain_secguard.tracing.langfuse_client`.

    Args:
        data: Examples with spans, for a detector; or cases, for a scanner or a chain. They come from a file
            (:func:`~langchain_secguard.evaluate.read_examples`) or from a Langfuse dataset
            (:func:`~langchain_secguard.evaluate.langfuse.fetch_dataset`), and the run is tied to its items.
        engine: A detector, or what :func:`~langchain_secguard.evaluate.judges.judge_of` takes.
        name: The name of the experiment.
        client: Records the experiment; ``None`` runs it here alone.
        run_name: The name of the run; by default the experiment's, and in Langfuse the time.
        threshold: Spans count, and texts are flagged, from this score on. ``None``: 0.5 for spans, and for
            texts the engine's own verdict, if it has one.
        entity_types: Judge these alone; ``None`` for those annotated in the data.
        recall: The share of harmful texts that the advised threshold catches.

    Raises:
        TypeError: The engine does not fit the data.
        ValueError: There is no data, or both kinds of it.
        ImportError: There is a client, but langfuse is not installed.
    """
    task = task_for(data, engine, threshold=threshold, entity_types=entity_types, recall=recall)
    if client is None:
        return Experiment(name, run_name or name, _run_here(task, data))
    from langchain_secguard.evaluate.langfuse import run_in_langfuse  # noqa: PLC0415 - an optional dependency

    about = {"threshold": "default" if threshold is None else f"{threshold:g}"}
    return run_in_langfuse(client, task, data, name=name, run_name=run_name, metadata=about)


def compare_experiments(
    data: Data, engines: Mapping[str, Any], *, client: "Langfuse | None" = None, **options: Any
) -> list[Experiment]:
    """Run several engines over the same data set; the names of the engines are those of the experiments.

    Args:
        data: See :func:`run_experiment`.
        engines: The engines, by name.
        client: See :func:`run_experiment`.
        options: What :func:`run_experiment` takes besides.
    """
    return [
        run_experiment(data, engine, name=name, client=client, **options) for name, engine in engines.items()
    ]


def experiment_table(experiments: Collection[Experiment]) -> str:
    """Write experiments side by side: a line for each score, a column for each.

    Those of one name are told apart by the names of their runs.
    """
    names = list(dict.fromkeys(name for one in experiments for name in one.scores))
    counted = Counter(one.name for one in experiments)
    heads = (one.name if counted[one.name] == 1 else one.run_name for one in experiments)
    rows = ([name, *(_cell(name, one.scores.get(name)) for one in experiments)] for name in names)
    return table(["", *heads], rows)


def run_scores(task: Task, results: list[tuple[Any, Output]], count: int) -> dict[str, float]:
    """Score the results of a run of ``count`` texts, with the number of those that failed."""
    return {**task.run_scores(results), "failed": float(count - len(results))}


def _run_here(task: Task, data: Data) -> dict[str, float]:
    results: list[tuple[Any, Output]] = []
    for example in data:
        try:
            results.append((example, task.run(example)))
        except SecGuardError:  # counted as failed
            continue
    return run_scores(task, results, len(data))


def _cell(name: str, value: float | None) -> str:
    if value is None:
        return "-"
    if name in ("false_alarms", "advised_false_alarms", "failed"):
        return f"{value:.0f}"
    return f"{value * 1e3:.2f} ms" if name.startswith("latency") else f"{value:.3f}"
