"""Langfuse's side of experiments: datasets, and the SDK's runner; no text is sent unless asked for."""

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from langchain_secguard.evaluate.data import Case, DatasetError, Example, ItemRef, Labels, spans_of
from langchain_secguard.evaluate.experiment import Experiment, run_scores
from langchain_secguard.evaluate.payload import text_of
from langchain_secguard.evaluate.tasks import Data, Output, Task

try:
    from langfuse import Evaluation, Langfuse
except ImportError as error:
    raise ImportError(
        'Langfuse is not installed. Install it with: pip install "langchain-secguard[langfuse]"'
    ) from error

_NAMESPACE = uuid.UUID("5d1a8a1e-6f0b-4f0e-9c36-2f1f6c5b7f10")


@dataclass(frozen=True)
class _Linked:
    """Stand for an item of a dataset: the SDK reads these attributes, and ties the run to the item's id."""

    id: str
    dataset_id: str
    input: dict[str, int]
    expected_output: Any
    metadata: None = None


def create_dataset(client: Langfuse, name: str, data: Data, *, raw: bool = False) -> None:
    """Make a Langfuse dataset, or renew its items; DANGEROUS with ``raw=True``, which sends the texts.

    By default an item holds the number and the length of a text, and what is expected of it as offsets and
    types: enough for :func:`fetch_dataset`, which takes the texts from the same data on your machine.
    Texts that hold nobody's data (made-up ones) may go along with ``raw=True``.

    Args:
        client: The client.
        name: The name of the dataset.
        data: Examples or cases. The item of a text is known by its place in them, so that a second call
            changes items and makes none anew.
        raw: Send the texts.
    """
    client.create_dataset(name=name)
    for number, example in enumerate(data):
        client.create_dataset_item(
            dataset_name=name,
            id=str(uuid.uuid5(_NAMESPACE, f"{name}/{number}")),
            input={"text": example.text} if raw else _reference(number, example),
            expected_output=expected_output(example),
        )


def fetch_dataset(client: Langfuse, name: str, *, texts: Data = (), labels: Labels | None = None) -> Data:
    """Read a Langfuse dataset: examples, if its items expect spans, or cases, if they expect true or false.

    Args:
        client: The client.
        name: The name of the dataset.
        texts: What :func:`create_dataset` was given, for items that hold a number in place of a text.
        labels: Reads the labels of expected spans.

    Raises:
        DatasetError: An item is none of these, or its text is not in ``texts``; it names no text.
    """
    labels = labels or Labels()
    items = client.get_dataset(name).items
    read = [_read(item, f"dataset {name}, item {item.id}", texts, labels) for item in items if _active(item)]
    if not read:
        raise DatasetError(f"dataset {name} holds no active item")
    return read


def run_in_langfuse(
    client: Langfuse,
    task: Task,
    data: Data,
    *,
    name: str,
    run_name: str | None = None,
    metadata: Mapping[str, str] | None = None,
) -> Experiment:
    """Run a task over a data set with the SDK's runner; see :func:`~.experiment.run_experiment`.

    One text at a time: engines that run at once would lengthen each other's latencies.
    """

    def run(*, item: Any, **_: Any) -> Output:
        return task.run(data[_number(item)])

    def evaluate_item(*, input: Any, output: Output, **_: Any) -> list[Evaluation]:
        return _evaluations(task.item_scores(data[input["item"]], output))

    def evaluate_run(*, item_results: Sequence[Any], **_: Any) -> list[Evaluation]:
        results = [(data[_number(result.item)], result.output) for result in item_results]
        scores.update(run_scores(task, results, len(data)))
        return _evaluations(scores)

    scores: dict[str, float] = {}
    items: list[Any] = [_item(number, example) for number, example in enumerate(data)]
    result = client.run_experiment(
        name=name,
        run_name=run_name,
        data=items,
        task=run,
        evaluators=[evaluate_item],
        run_evaluators=[evaluate_run],
        max_concurrency=1,
        metadata=dict(metadata or {}),
    )
    return Experiment(name, result.run_name, scores, _url(result))


def expected_output(example: Example | Case) -> Any:
    """Write what is expected of a text, without anything of the text."""
    if isinstance(example, Case):
        return example.expected
    expected: dict[str, Any] = {"spans": [[s.start, s.end, s.entity_type] for s in example.spans]}
    if example.ignored:
        expected["ignored"] = [list(stretch) for stretch in example.ignored]
    return expected


def _reference(number: int, example: Example | Case) -> dict[str, int]:
    return {"item": number, "characters": len(example.text)}


def _item(number: int, example: Example | Case) -> Any:
    reference, expected = _reference(number, example), expected_output(example)
    if example.item is None:
        return {"input": reference, "expected_output": expected}
    return _Linked(example.item.item_id, example.item.dataset_id, reference, expected)


def _number(item: Any) -> int:
    given = item["input"] if isinstance(item, dict) else item.input
    return int(given["item"])


def _evaluations(scores: Mapping[str, float]) -> list[Evaluation]:
    return [
        Evaluation(name=name, value=value, data_type="BOOLEAN" if name == "correct" else "NUMERIC")
        for name, value in scores.items()
    ]


def _url(result: Any) -> str | None:
    """Read the run's address; older SDKs have it under another name, which newer ones deprecate."""
    url: str | None = result.experiment_url if hasattr(result, "experiment_url") else result.dataset_run_url
    return url


def _active(item: Any) -> bool:
    return bool(getattr(item.status, "value", item.status) != "ARCHIVED")


def _read(item: Any, where: str, texts: Data, labels: Labels) -> Any:
    text = _text(item.input, where, texts)
    expected, ref = item.expected_output, ItemRef(item.dataset_id, item.id)
    if isinstance(expected, bool):
        return Case(item.id, text, expected, where, ref)
    rows = expected.get("spans") if isinstance(expected, dict) else expected
    if rows is None:
        raise DatasetError(f"{where}: the expected output is neither true, nor false, nor spans")
    spans, ignored = spans_of(rows, text, labels, where)
    skipped = [*(expected.get("ignored", ()) if isinstance(expected, dict) else ())]
    stretches = tuple((int(start), int(end)) for start, end in skipped)
    return Example(
        item.id, text, tuple(spans), (*((s.start, s.end) for s in ignored), *stretches), where, ref
    )


def _text(given: Any, where: str, texts: Data) -> str:
    if not (isinstance(given, dict) and set(given) == {"item", "characters"}):
        return text_of(given)
    number, characters = given["item"], given["characters"]
    if not isinstance(number, int) or not 0 <= number < len(texts):
        raise DatasetError(
            f"{where}: the item holds the number of a text, not the text. "
            "Give the data that the dataset was made of: fetch_dataset(client, name, texts=...)."
        )
    if len(texts[number].text) != characters:
        raise DatasetError(f"{where}: text {number} is not the one that the dataset was made of")
    return texts[number].text
