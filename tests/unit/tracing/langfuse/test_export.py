import json
import os
import threading
from typing import Any
from uuid import uuid4

import httpx
import pytest
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import format_span_id, format_trace_id

from langchain_secguard.placeholders import Form
from langchain_secguard.sight import Sight
from langchain_secguard.tracing import WITHHELD, Mask
from langchain_secguard.tracing.langfuse.export import MaskingExporter, MaskingTransport
from langchain_secguard.tracing.langfuse.traces import trace_of
from tests.support import FailingDetector, LexiconDetector

TRACER = TracerProvider().get_tracer("test")
MASK = Mask(detector=LexiconDetector({"Jane Doe": "PERSON"}), pseudonym_key=b"a key of the test's own")
URL = "http://server.test/api/public"


def span(name: str = "a span", **attributes: Any) -> ReadableSpan:
    one = TRACER.start_span(name, attributes=attributes)
    one.end()
    assert isinstance(one, ReadableSpan)
    return one


def ids(one: ReadableSpan) -> tuple[str, str]:
    assert one.context is not None
    return format_trace_id(one.context.trace_id), format_span_id(one.context.span_id)


class TestSpans:
    def exported(self, *spans: ReadableSpan, mask: Mask = MASK) -> tuple[ReadableSpan, ...]:
        inner = InMemorySpanExporter()
        MaskingExporter(inner, mask).export(spans)
        return inner.get_finished_spans()

    def test_are_masked_and_else_unchanged(self) -> None:
        raw = span("Jane Doe", text="of Jane Doe", count=3, flag=True)
        [sent] = self.exported(raw)
        assert sent.name == "[PERSON]"
        assert sent.attributes == {"text": "of [PERSON]", "count": 3, "flag": True}
        for name in (
            "context",
            "parent",
            "kind",
            "start_time",
            "end_time",
            "instrumentation_scope",
            "resource",
        ):
            assert getattr(sent, name) == getattr(raw, name)
        assert raw.name == "Jane Doe"

    def test_keep_users_apart(self) -> None:
        one, other, clean = self.exported(
            span(**{"user.id": "Jane Doe 1"}), span(**{"user.id": "Jane Doe 2"}), span(**{"user.id": "u-1"})
        )
        users = [sent.attributes["user.id"] for sent in (one, other, clean) if sent.attributes]
        assert len(set(users)) == 3
        assert users[2] == "u-1"
        assert not any("Jane" in str(user) for user in users)

    def test_know_what_the_steps_of_their_trace_saw(self) -> None:
        raw = span(text="of Otto Unseen")
        trace = trace_of(ids(raw)[0])
        sight = Sight(None, Form(), lambda: {"Otto Unseen": "[PERSON_7]"})
        trace.learn(sight)
        [sent] = self.exported(raw)
        assert sent.attributes == {"text": "of [PERSON_7]"}

    def test_that_a_handler_masked_pass(self) -> None:
        raw = span(text="[WITHHELD] Jane Doe")
        trace_id, span_id = ids(raw)
        trace = trace_of(trace_id)
        trace.mark_masked(span_id)
        assert self.exported(raw) == (raw,)

    def test_lose_texts_if_masking_fails(self) -> None:
        [sent] = self.exported(
            span("Jane Doe", text="of Jane Doe", count=3), mask=Mask(detector=FailingDetector())
        )
        assert sent.name == WITHHELD
        assert sent.attributes is not None
        assert "Jane" not in str(dict(sent.attributes))


class TestHolding:
    def test_lasts_until_the_runs_of_the_trace_have_ended(self) -> None:
        inner, raw = InMemorySpanExporter(), span()
        exporter = MaskingExporter(inner, MASK)
        trace = trace_of(ids(raw)[0])
        trace.opened()
        exporter.export([raw])
        exporter.export([span("another")])
        assert [one.name for one in inner.get_finished_spans()] == ["another"]
        trace.sent()
        exporter.export([span("a third")])
        assert [one.name for one in inner.get_finished_spans()] == ["another", "a span", "a third"]

    def test_is_bounded(self) -> None:
        inner = InMemorySpanExporter()
        exporter = MaskingExporter(inner, MASK, most_held=2)
        spans = [span(str(number)) for number in range(4)]
        traces = [trace_of(ids(one)[0]) for one in spans]
        for trace in traces:
            trace.opened()
        exporter.export(spans)
        assert [one.name for one in inner.get_finished_spans()] == ["0", "1"]

    def test_ends_with_the_exporter(self) -> None:
        inner, raw = InMemorySpanExporter(), span("Jane Doe")
        exporter = MaskingExporter(inner, MASK)
        trace = trace_of(ids(raw)[0])
        trace.opened()
        exporter.export([raw])
        exporter.shutdown()
        assert [one.name for one in inner.get_finished_spans()] == ["[PERSON]"]


class TestScores:
    def sent(
        self, path: str, body: Any, mask: Mask = MASK, patience: float = 0.0
    ) -> tuple[Any, list[httpx.Request]]:
        requests: list[httpx.Request] = []

        def answer(request: httpx.Request) -> httpx.Response:
            requests.append(request)
            return httpx.Response(200, json={})

        inner = httpx.Client(transport=httpx.MockTransport(answer))
        with httpx.Client(transport=MaskingTransport(lambda: inner, mask, patience)) as client:
            response = client.post(f"{URL}/{path}", json=body, headers={"x-own": "1"})
        return response.json(), requests

    def score(self, **fields: Any) -> dict[str, Any]:
        return {
            "id": "s",
            "traceId": uuid4().hex,
            "name": "note",
            "value": 0.5,
            "dataType": "NUMERIC",
        } | fields

    @pytest.mark.parametrize("major", [4, 5])
    def test_are_masked(self, major: int) -> None:
        score = self.score(comment="of Jane Doe", metadata={"who": "Jane Doe"}, sessionId="Jane Doe")
        path, body = ("scores", [score])
        if major == 4:
            path, body = ("ingestion", {"batch": [{"id": "e", "type": "score-create", "body": score}]})  # type: ignore[assignment]
        _, [request] = self.sent(path, body)
        found = json.loads(request.content)
        [sent] = found if major == 5 else [event["body"] for event in found["batch"]]
        assert sent["comment"] == "of [PERSON]"
        assert sent["metadata"] == {"who": "[PERSON]"}
        assert sent["sessionId"].startswith("pseudonym-")
        assert {name: sent[name] for name in ("id", "traceId", "name", "value")} == {
            name: score[name] for name in ("id", "traceId", "name", "value")
        }
        assert request.headers["x-own"] == "1"
        assert int(request.headers["content-length"]) == len(request.content)

    @pytest.mark.parametrize("ends", [True, False])
    def test_wait_for_the_open_runs_of_their_trace_but_not_for_ever(self, ends: bool) -> None:
        score = self.score(comment=f"of Otto Unseen, {ends}")
        trace = trace_of(score["traceId"])
        trace.opened()
        sight = Sight(None, Form(), lambda: {"Otto Unseen": "[PERSON_7]"})

        def end() -> None:
            trace.learn(sight)
            trace.sent()

        timer = threading.Timer(0.05, end)
        if ends:
            timer.start()
        _, [request] = self.sent("scores", [score], patience=10.0 if ends else 0.01)
        timer.join() if ends else trace.sent()
        [sent] = json.loads(request.content)
        assert ("[PERSON_7]" in sent["comment"]) is ends

    def test_that_are_texts_are_masked(self) -> None:
        _, [request] = self.sent("scores", [self.score(value="Jane Doe", name="Jane Doe", dataType="TEXT")])
        [sent] = json.loads(request.content)
        assert (sent["name"], sent["value"]) == ("[PERSON]", "[PERSON]")

    def test_of_checks_stay_when_masking_fails(self) -> None:
        score = self.score(name="Toxicity.risk", comment="Jane Doe", metadata={"who": "Jane Doe"})
        _, [request] = self.sent("scores", [score], Mask(detector=FailingDetector()))
        [sent] = json.loads(request.content)
        assert (sent["name"], sent["value"], sent["comment"]) == ("Toxicity.risk", 0.5, WITHHELD)
        assert "metadata" not in sent

    def test_go_over_connections_of_their_own_process(self, monkeypatch: pytest.MonkeyPatch) -> None:
        made: list[int] = []

        def connect() -> httpx.Client:
            made.append(os.getpid())
            return httpx.Client(transport=httpx.MockTransport(lambda request: httpx.Response(200, json={})))

        with httpx.Client(transport=MaskingTransport(connect, MASK)) as client:
            client.post(f"{URL}/scores", json=[])
            monkeypatch.setattr(os, "getpid", lambda: -1)
            for _ in range(2):
                client.post(f"{URL}/scores", json=[])
        assert made[1:] == [-1]

    def test_media_are_answered_here(self) -> None:
        answer, requests = self.sent("media", {"sha256Hash": "x"})
        assert answer == {"mediaId": "withheld", "uploadUrl": None}
        assert requests == []

    def test_other_requests_pass(self) -> None:
        _, [request] = self.sent("datasets", {"name": "Jane Doe"})
        assert json.loads(request.content) == {"name": "Jane Doe"}
