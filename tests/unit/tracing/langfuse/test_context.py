from collections.abc import Iterator
from typing import Any
from uuid import UUID, uuid4

import pytest
from langchain_core.callbacks import CallbackManager
from langchain_core.runnables.config import set_config_context
from opentelemetry.context import Context, attach, detach, get_current
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.trace import get_current_span, set_span_in_context

from langchain_secguard.tracing.langfuse.context import (
    context_of,
    is_ambient,
    place_child,
    place_root,
    run_in,
)

TRACER = TracerProvider().get_tracer("test")


class FakeRun:
    """Have what a run's place depends on."""

    def __init__(self, parent: "FakeRun | None" = None, kind: str = "chain") -> None:
        self.run_id: UUID = uuid4()
        self.parent = parent
        self.kind = kind
        self.ended = False
        self.span: Any = TRACER.start_span("run")
        self.context = Context()
        self.resume = Context()

    def line(self) -> set[UUID]:
        return {self.run_id, *(self.parent.line() if self.parent else ())}


@pytest.fixture(autouse=True)
def nothing_ambient() -> Iterator[None]:
    token = attach(Context())
    yield
    detach(token)


def start(run: Any, runs: dict[UUID, Any]) -> Any:
    """Start a run as the handler does, in the ambient context."""
    current = get_current()
    parent = run.parent
    place, run.resume = place_child(parent, current) if parent else place_root(run.run_id, runs, current)
    run.context = context_of(run, place)
    attach(run.context)
    runs[run.run_id] = run
    return place


def end(run: Any) -> None:
    run.ended = True
    if is_ambient(run, get_current()):
        attach(run.resume)


def ambient() -> Any:
    return run_in(get_current())


class TestRoots:
    def test_start_where_they_are(self) -> None:
        outside = TRACER.start_span("outside")
        attach(set_span_in_context(outside))
        place = start(FakeRun(), {})
        assert get_current_span(place) is outside

    @pytest.mark.parametrize("order", [(0, 1, 2), (2, 1, 0), (1, 2, 0), (0, 2, 1)])
    def test_started_in_one_thread_are_siblings_and_leave_nothing(self, order: tuple[int, ...]) -> None:
        runs: dict[UUID, Any] = {}
        roots = [FakeRun() for _ in range(3)]
        places = [start(root, runs) for root in roots]
        assert [run_in(place) for place in places] == [None] * 3
        for number in order:
            end(roots[number])
        assert ambient() is None

    def test_stand_below_the_run_whose_code_calls_them(self) -> None:
        runs: dict[UUID, Any] = {}
        outer: Any = FakeRun()
        start(outer, runs)
        manager = CallbackManager(handlers=[], parent_run_id=outer.run_id)
        with set_config_context({"callbacks": manager}) as context:
            inner: Any = FakeRun()
            assert run_in(context.run(start, inner, runs)) is outer

    def test_stand_below_it_after_its_end_too(self) -> None:
        runs: dict[UUID, Any] = {}
        outer: Any = FakeRun()
        start(outer, runs)
        runs.clear()
        manager = CallbackManager(handlers=[], parent_run_id=outer.run_id)
        with set_config_context({"callbacks": manager}) as context:
            assert run_in(context.run(start, FakeRun(), runs)) is outer

    @pytest.mark.parametrize("kind", ["tool", "retriever"])
    def test_stand_below_an_open_tool(self, kind: str) -> None:
        runs: dict[UUID, Any] = {}
        outer: Any = FakeRun(kind=kind)
        start(outer, runs)
        place: Any = run_in(start(FakeRun(), runs))
        assert place is outer
        outer.ended = True
        attach(outer.context)
        assert run_in(start(FakeRun(), runs)) is None

    def test_stand_below_a_span_that_was_opened_by_hand(self) -> None:
        runs: dict[UUID, Any] = {}
        start(FakeRun(), runs)
        by_hand = TRACER.start_span("by hand")
        attach(set_span_in_context(by_hand))
        assert get_current_span(start(FakeRun(), runs)) is by_hand

    def test_of_another_handler_do_not_stand_below_the_same_run(self) -> None:
        first: Any = FakeRun()
        start(first, {})
        same: Any = FakeRun()
        same.run_id = first.run_id
        assert run_in(start(same, {})) is None


class TestChildren:
    def test_start_below_their_parent_in_a_thread_that_knows_nothing(self) -> None:
        runs: dict[UUID, Any] = {}
        parent: Any = FakeRun()
        start(parent, runs)
        attach(Context())
        child: Any = FakeRun(parent)
        assert run_in(start(child, runs)) is parent
        end(child)
        assert get_current() == Context()

    def test_start_below_their_parent_where_a_sibling_of_it_is_ambient(self) -> None:
        runs: dict[UUID, Any] = {}
        parent: Any = FakeRun()
        start(parent, runs)
        start(FakeRun(), runs)
        child: Any = FakeRun(parent)
        assert run_in(start(child, runs)) is parent
        end(child)
        assert ambient() is None

    def test_keep_a_span_that_was_opened_by_hand_between(self) -> None:
        runs: dict[UUID, Any] = {}
        parent: Any = FakeRun()
        start(parent, runs)
        by_hand = TRACER.start_span("by hand")
        attach(set_span_in_context(by_hand))
        child: Any = FakeRun(parent)
        assert get_current_span(start(child, runs)) is by_hand
        end(child)
        assert get_current_span() is by_hand

    def test_started_in_one_thread_leave_their_parent_behind(self) -> None:
        runs: dict[UUID, Any] = {}
        parent: Any = FakeRun()
        start(parent, runs)
        children: list[Any] = [FakeRun(parent) for _ in range(3)]
        assert [run_in(start(child, runs)) for child in children] == [parent] * 3
        for child in children:
            end(child)
        assert ambient() is parent
