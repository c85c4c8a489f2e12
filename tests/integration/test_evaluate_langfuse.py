"""Experiments, datasets and annotations, with the real SDK against a server on this machine."""

import itertools
import json
import logging
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import langfuse
import pytest
from langfuse import Langfuse

from langchain_secguard import Anonymizer, BlockedError
from langchain_secguard.detect import Span
from langchain_secguard.evaluate import (
    Case,
    DatasetError,
    Example,
    compare_experiments,
    experiment_table,
    run_experiment,
)
from langchain_secguard.evaluate.annotations import annotations, dataset_from_annotations, sample_traces
from langchain_secguard.evaluate.langfuse import create_dataset, fetch_dataset
from langchain_secguard.tracing import LangfuseHandler, langfuse_client
from tests.integration.langfuse_datasets_server import NOW, PROJECT, DatasetsServer
from tests.support import FailingDetector, LexiconDetector

pytestmark = pytest.mark.loopback

JANE = 'Jane "JD" Doe'
VALUES = (JANE, json.dumps(JANE)[1:-1], "Robert Álvarez", "in Rome", "Rome was", "Jane writes")
"""Long enough not to stand in compressed bytes by chance."""
EXAMPLES = [
    Example(
        "jane-doe.txt",
        f"{JANE} lives in Rome.",
        (Span(0, 13, "PERSON"), Span(23, 27, "LOCATION")),
        where="Jane:1",
    ),
    Example("2", "Robert Álvarez does not.", (Span(0, 14, "PERSON"),), ((20, 23),)),
    Example("3", "Nobody is here.", ()),
]
CASES = [
    Case("1", "Robert Álvarez builds a bomb", True),
    Case("2", "Jane writes a book on a bomb", False),
    Case("3", "Rome was not built in a day", False),
]
DETECTOR = LexiconDetector({JANE: "PERSON", "Rome": "LOCATION", "Nobody": "PERSON"})
SDK = int(langfuse.__version__.split(".")[0])
SINCE = datetime(2026, 1, 1, tzinfo=UTC)

_keys = itertools.count()


@pytest.fixture
def server() -> Iterator[DatasetsServer]:
    with DatasetsServer() as server:
        yield server
        assert server.bodies


@pytest.fixture(params=[Langfuse, langfuse_client], ids=["plain", "masked"])
def client(server: DatasetsServer, request: pytest.FixtureRequest) -> Langfuse:
    """Give a client: what a plain one sends is what it is given."""
    return server.client(request.param, f"pk-evaluate-{next(_keys)}")


def risk(text: str) -> float:
    return 0.9 if "bomb" in text else 0.2


def refuse(text: str) -> str:
    if "bomb" in text:
        raise BlockedError("refused", scores={"ban": 0.8})
    return text


def saw_nothing(server: DatasetsServer) -> bool:
    return not any(server.saw(value) for value in VALUES)


class TestDetectors:
    def test_are_scored_for_the_run_and_for_each_text(self, server: DatasetsServer, client: Langfuse) -> None:
        experiment = run_experiment(EXAMPLES, DETECTOR, name="lexicon", client=client)
        assert server.run_scores() == ({} if SDK == 4 else experiment.scores)  # SDK 4 scores runs of datasets
        assert experiment.scores["precision"] == pytest.approx(2 / 3)
        assert experiment.scores["recall"] == pytest.approx(2 / 3)
        assert experiment.scores["false_alarms"] == 1
        assert experiment.scores["mask_recall"] == pytest.approx(4 / 6)
        assert experiment.scores["failed"] == 0
        assert experiment.scores["latency_p95"] >= experiment.scores["latency_p50"] > 0
        assert server.item_scores("recall") == [1.0, 0.0]
        assert experiment.run_name.startswith("lexicon")

    def test_send_no_text(self, server: DatasetsServer, client: Langfuse) -> None:
        run_experiment(EXAMPLES, DETECTOR, name="lexicon", client=client)
        assert "experiment-item-run" in server.spans.names
        assert any('{"item": 0, "characters": 28}' in str(one) for one in server.spans.attributes)
        assert any('[[0, 13, "PERSON", 1.0]' in str(one) for one in server.spans.attributes)
        assert saw_nothing(server)

    def test_that_fail_are_counted_and_send_no_text(
        self, server: DatasetsServer, client: Langfuse, caplog: pytest.LogCaptureFixture
    ) -> None:
        with caplog.at_level(logging.DEBUG):
            experiment = run_experiment(EXAMPLES, FailingDetector(), name="broken", client=client)
        assert experiment.scores == {"false_alarms": 0.0, "failed": 3.0}
        assert any("FailingDetector failed with RuntimeError" in str(one) for one in server.spans.attributes)
        assert saw_nothing(server)
        assert not any(value in caplog.text for value in VALUES)


class TestScanners:
    def test_are_scored_for_the_run_and_for_each_text(self, server: DatasetsServer, client: Langfuse) -> None:
        experiment = run_experiment(CASES, risk, name="bombs", client=client)
        expected = {
            "precision": 0.5, "recall": 1.0, "f1": pytest.approx(2 / 3), "false_alarms": 1,
            "false_alarm_rate": 0.5, "advised_threshold": 0.9, "advised_false_alarms": 1, "failed": 0,
        }  # fmt: skip
        assert {name: value for name, value in experiment.scores.items() if "latency" not in name} == expected
        assert server.item_scores("risk") == [0.9, 0.9, 0.2]
        assert server.item_scores("correct") == [1.0, 0.0, 1.0]
        assert {one["dataType"] for one in server.scores if one["name"] == "correct"} == {"BOOLEAN"}
        assert saw_nothing(server)

    def test_stand_side_by_side(self, server: DatasetsServer, client: Langfuse) -> None:
        engines = {"bombs": risk, "nothing": lambda _: 0.0}
        experiments = compare_experiments(CASES, engines, client=client)
        assert [one.scores["recall"] for one in experiments] == [1.0, 0.0]
        table = experiment_table(experiments).splitlines()
        assert [line.split()[1:] for line in table if line.startswith("false_alarms")] == [["1", "0"]]
        assert saw_nothing(server)


class TestChains:
    def test_that_are_traced_themselves_send_no_text(self, server: DatasetsServer) -> None:
        key = f"pk-evaluate-{next(_keys)}"
        client = server.client(langfuse_client, key)
        steps = Anonymizer(detector=LexiconDetector({"Jane": "PERSON", "Robert Álvarez": "PERSON"})) | refuse
        chain = steps.with_config(callbacks=[LangfuseHandler(public_key=key)])
        experiment = run_experiment(CASES[:2], chain, name="chain", client=client)
        client.flush()
        assert experiment.scores["false_alarms"] == 1
        assert "Anonymizer" in server.spans.names
        assert saw_nothing(server)


class TestDatasets:
    def test_hold_no_text_and_are_read_with_it(self, server: DatasetsServer, client: Langfuse) -> None:
        create_dataset(client, "weekly", EXAMPLES)
        read = fetch_dataset(client, "weekly", texts=EXAMPLES)
        assert [(one.text, one.spans, one.ignored) for one in read if isinstance(one, Example)] == [
            (one.text, one.spans, one.ignored) for one in EXAMPLES
        ]
        assert [item["expectedOutput"] for item in server.datasets["weekly"].values()][1] == {
            "spans": [[0, 14, "PERSON"]], "ignored": [[20, 23]],
        }  # fmt: skip
        assert saw_nothing(server)

    def test_are_renewed_and_not_doubled(self, server: DatasetsServer, client: Langfuse) -> None:
        create_dataset(client, "weekly", CASES)
        create_dataset(client, "weekly", CASES)
        assert len(server.datasets["weekly"]) == 3

    def test_tie_runs_to_their_items(self, server: DatasetsServer, client: Langfuse) -> None:
        create_dataset(client, "weekly", CASES)
        cases = fetch_dataset(client, "weekly", texts=CASES)
        experiment = run_experiment(cases, risk, name="bombs", client=client, run_name="bombs 7")
        assert experiment.run_name == "bombs 7"
        assert experiment.url is not None
        assert PROJECT in experiment.url
        assert server.run_scores() == dict(experiment.scores)
        tied = {one.get("langfuse.experiment.item.id") for one in server.spans.attributes} - {None}
        assert tied == set(server.datasets["weekly"])
        if SDK == 4:  # it says so to the API, too
            assert {one["datasetItemId"] for one in server.run_items} == tied
        assert saw_nothing(server)

    def test_may_hold_texts_of_nobody(self, server: DatasetsServer, client: Langfuse) -> None:
        create_dataset(client, "made-up", CASES, raw=True)
        assert [case.text for case in fetch_dataset(client, "made-up")] == [case.text for case in CASES]
        assert server.saw("Rome was not built")

    def test_without_their_texts_say_what_is_missing(self, client: Langfuse) -> None:
        create_dataset(client, "weekly", EXAMPLES)
        with pytest.raises(DatasetError, match=r"Give the data that the dataset was made of"):
            fetch_dataset(client, "weekly")

    def test_with_other_texts_say_so(self, client: Langfuse) -> None:
        create_dataset(client, "weekly", EXAMPLES)
        with pytest.raises(DatasetError, match="text 0 is not the one") as raised:
            fetch_dataset(client, "weekly", texts=EXAMPLES[::-1])
        assert not any(value in str(raised.value) for value in VALUES)

    @pytest.mark.parametrize(
        ("item", "message"),
        [
            ({"input": JANE, "expectedOutput": "yes"}, "not a list of"),
            ({"input": JANE, "expectedOutput": None}, "not a list of|neither true, nor false"),
            ({"input": JANE, "expectedOutput": [[0, 99, "PER"]]}, "not within a text of 13"),
            ({"input": JANE, "expectedOutput": {"spans": [[0, 4, "WHO"]]}}, "'WHO' of span 1 is not known"),
        ],
    )
    def test_with_items_that_expect_nothing_sensible_say_which(
        self, server: DatasetsServer, client: Langfuse, item: dict[str, Any], message: str
    ) -> None:
        create_dataset(client, "weekly", [])
        client.create_dataset_item(
            dataset_name="weekly", input=item["input"], expected_output=item["expectedOutput"], id="x"
        )
        with pytest.raises(DatasetError, match=message) as raised:
            fetch_dataset(client, "weekly")
        assert "dataset weekly, item x" in str(raised.value)
        assert "Jane" not in str(raised.value)

    def test_that_are_empty_say_so(self, server: DatasetsServer, client: Langfuse) -> None:
        create_dataset(client, "weekly", CASES[:1])
        for item in server.datasets["weekly"].values():
            item["status"] = "ARCHIVED"
        with pytest.raises(DatasetError, match="no active item"):
            fetch_dataset(client, "weekly", texts=CASES)


def annotated(
    trace: str, value: object, kind: str = "BOOLEAN", observation: str | None = None
) -> dict[str, Any]:
    subject = (
        {"kind": "observation", "id": observation, "traceId": trace}
        if observation
        else {"kind": "trace", "id": trace}
    )
    return {
        "id": f"{trace}-{value}", "projectId": PROJECT, "name": "harmful", "source": "ANNOTATION",
        "timestamp": NOW, "environment": "default", "createdAt": NOW, "updatedAt": NOW, "dataType": kind,
        "value": value, "subject": subject,
    }  # fmt: skip


def observed(trace: str, span: str, given: Any = None, parent: str | None = None) -> dict[str, Any]:
    return {
        "id": span, "traceId": trace, "projectId": PROJECT, "startTime": NOW, "type": "SPAN", "input": given,
        "parentObservationId": parent,
    }  # fmt: skip


class TestAnnotations:
    @pytest.fixture
    def server(self) -> Iterator[DatasetsServer]:
        with DatasetsServer() as server:
            server.annotated = [
                annotated("t1", True), annotated("t1", False), annotated("t2", False), annotated("t3", True),
                annotated("t4", True, observation="o4"),
            ]  # fmt: skip
            server.observed = [
                observed("t1", "o1", '[{"role": "user", "content": "[PERSON_1] builds a bomb"}]'),
                observed("t2", "inner", "not this", "o2"),
                observed("t2", "o2", {"question": "Where does Jane Doe live?"}),
                observed("t4", "root", "not this"),
                observed("t4", "o4", "context", "root"),
            ]
            yield server

    def test_become_a_dataset_of_masked_texts(self, server: DatasetsServer, client: Langfuse) -> None:
        cases = dataset_from_annotations(client, "weekly", "harmful")
        assert [(case.id, case.text, case.expected) for case in cases] == [
            ("t1/", "[PERSON_1] builds a bomb", True),
            ("t2/", "Where does [PERSON] live?", False),
            ("t4/o4", "context", True),
        ]
        items = list(server.datasets["weekly"].values())
        assert [(one["sourceTraceId"], one.get("sourceObservationId")) for one in items] == [
            ("t1", None), ("t2", None), ("t4", "o4"),
        ]  # fmt: skip
        assert not server.saw("Jane")
        read = fetch_dataset(client, "weekly")
        assert [(one.text, one.expected) for one in read if isinstance(one, Case)] == [
            (case.text, case.expected) for case in cases
        ]

    def test_are_those_of_people_in_the_time_asked_for(
        self, server: DatasetsServer, client: Langfuse
    ) -> None:
        annotations(client, "harmful", since=SINCE)
        path, query = server.queries[-1]
        assert path == "v3/scores"
        assert (query["source"], query["name"]) == ("ANNOTATION", "harmful")
        assert query["fromTimestamp"].startswith("2026-01-01T00:00:00")

    def test_as_numbers_count_from_one_half(self, server: DatasetsServer, client: Langfuse) -> None:
        server.annotated = [annotated("t1", 0.5, "NUMERIC"), annotated("t2", 0.4, "NUMERIC")]
        assert [one.harmful for one in annotations(client, "harmful")] == [True, False]

    def test_as_categories_need_a_word(self, server: DatasetsServer, client: Langfuse) -> None:
        server.annotated = [annotated("t1", "toxic", "CATEGORICAL"), annotated("t2", "fine", "CATEGORICAL")]
        with pytest.raises(ValueError, match="say which ones mean"):
            annotations(client, "harmful")
        told = annotations(client, "harmful", harmful=lambda value: value == "toxic")
        assert [one.harmful for one in told] == [True, False]


class TestSampling:
    @pytest.fixture
    def server(self) -> Iterator[DatasetsServer]:
        with DatasetsServer(page=3) as server:
            server.observed = [observed(f"t{n}", f"o{n}") for n in range(9)] + [
                observed("t9", "inner", None, "x")
            ]
            yield server

    def test_draws_traces_and_queues_them(self, server: DatasetsServer, client: Langfuse) -> None:
        drawn = sample_traces(client, 4, since=SINCE, queue_id="queue-1", seed=7)
        assert len(set(drawn)) == 4
        assert set(drawn) <= {f"t{n}" for n in range(9)}
        assert server.queued == [("queue-1", trace) for trace in drawn]
        assert drawn == sample_traces(client, 4, since=SINCE, seed=7)

    def test_draws_no_more_than_there_are(self, client: Langfuse) -> None:
        assert len(sample_traces(client, 99, since=SINCE)) == 9
