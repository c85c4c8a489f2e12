import threading
from collections.abc import Sequence
from typing import Any

import pytest

from langchain_secguard.tracing.langfuse.finisher import Finisher


class FakeTree:
    """Be a tree whose runs are numbers."""

    def __init__(self, *runs: Any, ready: bool = True) -> None:
        self.is_ready = ready
        self.is_sent = False
        self.waiting = list(runs)

    def take(self) -> list[Any]:
        taken, self.waiting = self.waiting, []
        return taken

    def sent(self) -> None:
        self.is_sent = True


@pytest.fixture
def finisher() -> Finisher:
    return Finisher(grace=3600.0)


class Sent(list[Any]):
    """Keep what was sent."""

    def __call__(self, runs: Sequence[Any]) -> None:
        self.extend(runs)


def put(finisher: Finisher, tree: Any, send: Any) -> None:
    finisher.put(tree, send)


class TestFinisher:
    def test_sends_what_is_ready_before_a_drain_ends(self, finisher: Finisher) -> None:
        sent = Sent()
        for number in range(100):
            put(finisher, FakeTree(number), sent)
        assert finisher.drain(10)
        assert sent == list(range(100))
        assert finisher.sent == 100

    def test_sends_what_waits_for_more_when_it_is_drained(self, finisher: Finisher) -> None:
        sent = Sent()
        tree = FakeTree(1, ready=False)
        put(finisher, tree, sent)
        assert finisher.drain(10)
        assert sent == [1]
        tree.waiting.append(2)
        put(finisher, tree, sent)
        assert finisher.drain(10)
        assert sent == [1, 2]

    def test_sends_what_waits_after_a_while(self) -> None:
        done = threading.Event()
        put(Finisher(grace=0.001), FakeTree(1, ready=False), lambda runs: done.set())
        assert done.wait(10)

    def test_sends_a_tree_that_became_ready_without_waiting(self, finisher: Finisher) -> None:
        done = threading.Event()
        tree = FakeTree(1, ready=False)
        put(finisher, tree, lambda runs: done.set())
        assert not done.is_set()
        tree.is_ready = True
        put(finisher, tree, lambda runs: done.set())
        assert done.wait(10)

    def test_lives_on_when_sending_fails_and_logs_no_text(
        self, finisher: Finisher, caplog: pytest.LogCaptureFixture
    ) -> None:
        def fail(runs: Any) -> None:
            raise ValueError("about Jane Doe")

        sent, failed = Sent(), FakeTree(1)
        put(finisher, failed, fail)
        put(finisher, FakeTree(2), sent)
        assert finisher.drain(10)
        assert sent == [2]
        assert failed.is_sent
        assert caplog.messages == ["A trace was not sent: ValueError."]

    def test_is_drained_from_its_own_thread_without_a_deadlock(self, finisher: Finisher) -> None:
        answers: list[bool] = []
        put(finisher, FakeTree(1), lambda runs: answers.append(finisher.drain()))
        assert finisher.drain(10)
        assert answers == [True]

    def test_says_so_when_a_drain_takes_too_long(self, finisher: Finisher) -> None:
        go = threading.Event()
        put(finisher, FakeTree(1), lambda runs: go.wait(10))
        assert not finisher.drain(0.01)
        go.set()
        assert finisher.drain(10)

    def test_has_nothing_to_drain_at_first(self, finisher: Finisher) -> None:
        assert finisher.drain(0)
