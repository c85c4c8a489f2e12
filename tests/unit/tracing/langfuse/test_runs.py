from typing import Any
from uuid import UUID, uuid4

import pytest
from opentelemetry.context import Context
from opentelemetry.sdk.trace import TracerProvider

from langchain_secguard.placeholders import Form
from langchain_secguard.sight import Sight
from langchain_secguard.tracing.checks import read
from langchain_secguard.tracing.langfuse import runs as module
from langchain_secguard.tracing.langfuse.runs import GUARDRAIL, Opening, Run, Trees
from langchain_secguard.tracing.langfuse.snapshot import DROPPED, Budget

TRACER = TracerProvider().get_tracer("test")


class FakeObservation:
    """Have a span, as Langfuse's observations do."""

    def __init__(self) -> None:
        self._otel_span = TRACER.start_span("x")
        self.id = f"{self._otel_span.get_span_context().span_id:016x}"
        self.trace_id = uuid4().hex


def run(parent: Run | None = None, as_type: str = "chain") -> Run:
    opening = Opening(uuid4(), "chain", parent, Context())
    return Run(opening, name="name", as_type=as_type, observation=FakeObservation())


class TestRun:
    def test_keeps_what_it_is_given_and_no_none(self) -> None:
        one = (
            run()
            .update(input="a", output=None)
            .update(output="b", metadata={"x": 1})
            .update(metadata={"y": 2})
        )
        assert one.fields == {"input": "a", "output": "b", "metadata": {"x": 1, "y": 2}}

    def test_writes_nothing_on_its_span(self) -> None:
        one = run().update(input="Jane Doe", status_message="Jane Doe")
        assert dict(one.span.attributes) == {}  # type: ignore[attr-defined]

    def test_keeps_the_first_time_of_its_end(self) -> None:
        assert run().end(end_time=5).end(end_time=7).end_time == 5

    def test_gives_its_budget_back(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(module, "BUDGET", Budget(10))
        one = run().update(input="x" * 8)
        other = run().update(input="x" * 8)
        assert other.fields == {"input": DROPPED}
        one.forget()
        assert one.fields == {}
        assert run().update(input="x" * 8).fields == {"input": "x" * 8}

    def test_knows_what_it_stands_below(self) -> None:
        root = run()
        child = run(root)
        assert run(child).line() >= {root.run_id, child.run_id}
        assert child.tree is root.tree


class TestTree:
    def test_is_ready_when_all_have_ended(self) -> None:
        trees, root = Trees(), run()
        child = run(root)
        for one in (root, child):
            trees.add(one)
        assert not trees.close(child.end())
        assert trees.close(root.end())
        assert root.tree.is_ready
        assert root.tree.take() == [child, root]
        assert root.tree.take() == []

    def test_is_not_ready_while_a_branch_is_open(self) -> None:
        trees, root = Trees(), run()
        child = run(root)
        for one in (root, child):
            trees.add(one)
        assert trees.close(root.end())
        assert not root.tree.is_ready
        assert trees.runs.keys() == {root.run_id, child.run_id}
        assert trees.close(child.end())
        assert root.tree.is_ready
        assert trees.runs == {}

    def test_is_not_ready_while_a_step_is_silent(self) -> None:
        trees, root = Trees(), run(as_type=GUARDRAIL)
        trees.add(root)
        trees.close(root.end())
        assert not root.tree.is_ready
        assert trees.runs == {}
        assert trees.late(root.run_id) is root
        root.checks.append(read("secguard.failed", {}, "chain"))
        assert root.tree.is_ready

    def test_keeps_all_that_its_steps_saw_and_the_last_of_other_trees(self) -> None:
        root, other = run(), run()
        other.tree.trace = root.tree.trace
        sights = [Sight(None, Form()) for _ in range(1000)]
        for sight in sights:
            root.tree.learn(sight)
            root.tree.learn(sight)
        assert root.tree.sights == sights
        assert other.tree.sights == sights[-len(other.tree.sights) :]
        assert 0 < len(other.tree.sights) < len(sights)

    def test_keeps_values_alone_when_it_is_sent(self) -> None:
        values = {"Jane Doe": "[PERSON_1]"}
        root, ended, streaming = run(), Sight(None, Form(), values.copy), Sight(None, Form(), values.copy)
        ended.end()
        for sight in (ended, streaming):
            root.tree.learn(sight)
        root.tree.sent()
        values["John Roe"] = "[PERSON_2]"
        assert list(ended.values) == ["Jane Doe"]
        assert list(streaming.values) == ["Jane Doe", "John Roe"]

    def test_counts_its_trace_as_open_until_it_is_sent(self) -> None:
        root = run()
        assert root.tree.trace.is_open
        root.tree.sent()
        root.tree.sent()
        assert not root.tree.trace.is_open


class TestTrees:
    @pytest.mark.parametrize("limit", [{"oldest": 0.0}, {"most": 1}])
    def test_give_up_what_is_too_old_or_too_much(self, limit: dict[str, Any]) -> None:
        trees = Trees(**limit)
        first, second = run(), run()
        assert trees.add(first) == []
        assert trees.add(second) == [first.tree]

    def test_forget_a_tree(self) -> None:
        trees, root = Trees(), run()
        trees.add(root)
        trees.remove(root.tree)
        assert trees.runs == {}
        assert trees.late(UUID(int=0)) is None
