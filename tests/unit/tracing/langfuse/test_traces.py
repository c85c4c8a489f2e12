import gc
from typing import Any
from uuid import uuid4

import pytest

from langchain_secguard.placeholders import Form
from langchain_secguard.sight import Sight
from langchain_secguard.tracing.langfuse import traces
from langchain_secguard.tracing.langfuse.traces import Talks, Trace, known_trace, talk_of, trace_of
from langchain_secguard.vault import Vault


class TestTrace:
    def test_keeps_the_worst_verdict(self) -> None:
        trace = Trace("t")
        assert trace.verdict is None
        for verdict in ("redacted", "passed"):
            trace.judge(verdict)
        assert trace.verdict == "redacted"

    def test_keeps_what_was_seen_last(self) -> None:
        trace, sights = Trace("t"), [Sight(None, Form()) for _ in range(traces._SIGHTS + 1)]
        for sight in sights:
            trace.learn(sight)
        assert trace.sights == sights[1:]

    def test_knows_which_spans_are_masked(self) -> None:
        trace = Trace("t")
        trace.mark_masked("a")
        assert (trace.has_masked("a"), trace.has_masked("b")) == (True, False)

    def test_is_open_while_a_tree_is(self) -> None:
        trace = Trace("t")
        trace.opened()
        trace.opened()
        trace.sent()
        assert trace.is_open
        trace.sent()
        assert not trace.is_open


class TestTalks:
    def test_remember_the_last_sight_of_each_vault(self) -> None:
        talks = Talks()
        sights = [Sight(Vault(vault_id), Form()) for vault_id in ("a", "b", "a")]
        for sight in sights:
            talks.learn("talk", sight)
        assert talks.sights("talk") == [sights[2], sights[1]]
        assert talks.sights("another") == []
        assert talks.sights(None) == []

    def test_forget_failures_and_what_was_long_ago(self) -> None:
        talks = Talks(size=1)
        talks.learn("talk", Sight(Vault("a"), Form(), failed=True))
        talks.learn(None, Sight(Vault("a"), Form()))
        assert talks.sights("talk") == []
        talks.learn("talk", Sight(Vault("a"), Form()))
        talks.learn("later", Sight(Vault("a"), Form()))
        assert talks.sights("talk") == []

    @pytest.mark.parametrize(
        ("metadata", "name"),
        [
            ({"langfuse_session_id": "s", "thread_id": "t"}, "s"),
            ({"thread_id": 7}, "7"),
            ({"thread_id": None}, None),
            (None, None),
        ],
    )
    def test_are_named_by_session_or_thread(self, metadata: Any, name: str | None) -> None:
        assert talk_of(metadata) == name


class TestKnownTraces:
    def test_are_the_same_for_the_same_id(self) -> None:
        trace_id = uuid4().hex
        assert known_trace(trace_id) is None
        assert trace_of(trace_id) is trace_of(trace_id) is known_trace(trace_id)

    def test_are_forgotten_after_a_while_unless_they_are_open(self) -> None:
        kept, trace_id = trace_of(uuid4().hex), uuid4().hex
        trace_of(trace_id)
        for _ in range(traces._RECENT):
            trace_of(uuid4().hex)
        gc.collect()
        assert known_trace(trace_id) is None
        assert known_trace(kept.trace_id) is kept
