import logging
import subprocess
import sys
import textwrap
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from langchain_core.runnables import RunnableConfig, RunnableLambda
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.sdk.trace.sampling import ALWAYS_OFF

from langchain_secguard.tracing import LangfuseHandler
from langchain_secguard.tracing.langfuse import client, runs
from langchain_secguard.tracing.langfuse import handler as handling
from langchain_secguard.tracing.langfuse.snapshot import DROPPED, Budget
from tests.integration.langfuse_server import LangfuseServer
from tests.integration.langfuse_support import (
    MODES,
    PAIR_TREE,
    TEXT,
    VALUES,
    config,
    mask,
    masked_client,
    pair,
    plain_client,
)

pytestmark = pytest.mark.loopback


@pytest.fixture
def server() -> Iterator[LangfuseServer]:
    with LangfuseServer() as server:
        yield server


class TestSeveralClients:
    @pytest.mark.parametrize("shared", [True, False], ids=["one provider", "two providers"])
    @pytest.mark.parametrize("mode", ["invoke", "batch", "ainvoke together", "astream"])
    def test_each_gets_its_own_spans_and_scores(
        self, mode: str, shared: bool, server: LangfuseServer
    ) -> None:
        provider = TracerProvider() if shared else None
        with plain_client(server, "pk-one", provider), plain_client(server, "pk-other", provider):
            handlers = {key: LangfuseHandler(public_key=key, mask=mask()) for key in ("pk-one", "pk-other")}
            items = [TEXT, TEXT]
            given = [config(handler, key, langfuse_user_id=key) for key, handler in handlers.items()]
            MODES[mode](pair(), items, given)
            for handler in handlers.values():
                handler.flush()
        assert len(server.observations) == 8
        for one in server.observations:
            assert one.attributes["user.id"] == one.public_key
        traces = {one.trace_id: one.public_key for one in server.observations}
        assert len(traces) == 2
        assert all(traces[score.trace_id] == score.public_key for score in server.scores)

    def test_two_handlers_of_one_run_make_a_whole_tree_each(self, server: LangfuseServer) -> None:
        with plain_client(server, "pk-one"), plain_client(server, "pk-other"):
            handlers = [LangfuseHandler(public_key=key, mask=mask()) for key in ("pk-one", "pk-other")]
            inner = pair()

            def call(text: str) -> Any:
                return inner.invoke(text)

            step = RunnableLambda(call, name="step")
            step.batch([TEXT] * 2, RunnableConfig(callbacks=[*handlers], configurable={"vault_id": "v"}))
            for handler in handlers:
                handler.flush()
        assert server.trees() == [{"step": PAIR_TREE}] * 4
        for trace_id in {one.trace_id for one in server.observations}:
            assert len({one.public_key for one in server.observations if one.trace_id == trace_id}) == 1

    def test_without_a_name_nothing_is_sent(
        self, server: LangfuseServer, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(client, "_announced", False)
        with plain_client(server, "pk-one"), plain_client(server, "pk-other"):
            handler = LangfuseHandler()
            pair().invoke(TEXT, config(handler))
            handler.flush()
        assert server.observations == []
        assert "LangfuseHandler(public_key=...)" in caplog.text


class TestAnUnconfiguredClient:
    def test_is_a_no_op_announced_once(
        self, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
    ) -> None:
        for name in ("LANGFUSE_PUBLIC_KEY", "LANGFUSE_SECRET_KEY"):
            monkeypatch.delenv(name, raising=False)
        monkeypatch.setattr(client, "_announced", False)
        with caplog.at_level(logging.INFO):
            for _ in range(3):
                handler = LangfuseHandler()
                assert pair().invoke("Call Jane Doe.", config(handler)).text == "Call Jane Doe."
                handler.flush()
            client.langfuse_client()
        [record] = caplog.records
        assert "set LANGFUSE_PUBLIC_KEY, LANGFUSE_SECRET_KEY and LANGFUSE_BASE_URL" in record.getMessage()


class TestASickServer:
    @pytest.mark.parametrize("mode", MODES)
    def test_that_fails_changes_no_run(self, mode: str, server: LangfuseServer) -> None:
        server.mood = "failing"
        with plain_client(server, timeout=1):
            handler = LangfuseHandler(public_key="pk-test", mask=mask())
            outputs = MODES[mode](pair(), [TEXT], [config(handler)])
            assert [output.text for output in outputs] == [TEXT]
            server.free()

    @pytest.mark.parametrize("mode", MODES)
    def test_that_hangs_keeps_no_run_waiting(self, mode: str, server: LangfuseServer) -> None:
        server.mood = "hanging"
        with plain_client(server, flush_at=1) as langfuse:
            handler = LangfuseHandler(public_key="pk-test", mask=mask())
            langfuse.start_observation(name="first").end()
            assert server.holding.wait(10)
            outputs = MODES[mode](pair(), [TEXT] * 3, [config(handler, f"v{number}") for number in range(3)])
            assert [output.text for output in outputs] == [TEXT] * 3
            assert server.mood == "hanging"  # nothing was answered before the runs had ended
            server.free()

    def test_that_refuses_changes_no_run(self) -> None:
        with LangfuseServer() as gone:
            pass
        gone_url = "http://127.0.0.1:9"
        with LangfuseServer() as server, plain_client(server, base_url=gone_url, timeout=1):
            handler = LangfuseHandler(public_key="pk-test", mask=mask())
            assert pair().invoke(TEXT, config(handler)).text == TEXT
        assert gone.requests == []


class TestSampling:
    def test_a_trace_that_is_left_out_costs_nothing_and_scores_nothing(self, server: LangfuseServer) -> None:
        with plain_client(server, provider=TracerProvider(sampler=ALWAYS_OFF)):
            handler = LangfuseHandler(public_key="pk-test", mask=mask())
            assert pair().invoke(TEXT, config(handler)).text == TEXT
            handler.flush()
        assert server.requests == []


class TestFlush:
    @pytest.mark.parametrize("by", ["handler", "client", "another client", "shutdown", "provider"])
    def test_sends_all_that_has_ended(self, by: str, server: LangfuseServer) -> None:
        with plain_client(server, flush_interval=1.5) as langfuse:
            handler = LangfuseHandler(public_key="pk-test", mask=mask())
            for number in range(5):
                pair().invoke(TEXT, config(handler, f"v{number}"))
            resources = langfuse._resources
            assert resources is not None
            assert resources.tracer_provider is not None
            {
                "handler": handler.flush,
                "client": langfuse.flush,
                "another client": handler._client.flush,
                "shutdown": langfuse.shutdown,
                "provider": resources.tracer_provider.force_flush,
            }[by]()
            assert server.trees() == [PAIR_TREE] * 5
            if by != "provider":
                assert len(server.scores) == 20

    @pytest.mark.parametrize("made", ["client first", "handler first"])
    def test_the_end_of_a_script_sends_all(self, made: str, server: LangfuseServer) -> None:
        script = f"""
            import sys
            sys.path.insert(0, {str(Path.cwd())!r})
            from langfuse import Langfuse
            from langchain_secguard import Anonymizer
            from langchain_secguard.tracing import LangfuseHandler, Mask
            from tests.support import LexiconDetector

            keys = dict(secret_key="sk", base_url={server.base_url!r})
            first = Langfuse(public_key="pk-a", **keys)
            handler = LangfuseHandler(public_key="pk-a", mask=Mask(detector=LexiconDetector({{}})))
            if {made!r} == "handler first":
                Langfuse(public_key="pk-b", **keys)
            step = Anonymizer(detector=LexiconDetector({VALUES!r}))
            step.invoke({TEXT!r}, {{"callbacks": [handler], "configurable": {{"vault_id": "v"}}}})
        """
        subprocess.run([sys.executable, "-c", textwrap.dedent(script)], check=True, timeout=60)
        assert server.trees() == [{"Anonymizer": {}}]
        assert len(server.scores) == 4
        assert [value for value in VALUES if server.saw(value)] == []

    def test_a_forked_process_sends_its_own(self, server: LangfuseServer) -> None:
        script = f"""
            import os, sys
            sys.path.insert(0, {str(Path.cwd())!r})
            from langfuse import Langfuse
            from langchain_secguard import Anonymizer
            from langchain_secguard.tracing import LangfuseHandler, Mask
            from tests.support import LexiconDetector

            client = Langfuse(public_key="pk-a", secret_key="sk", base_url={server.base_url!r})
            handler = LangfuseHandler(public_key="pk-a", mask=Mask(detector=LexiconDetector({{}})))
            step = Anonymizer(detector=LexiconDetector({VALUES!r}))
            config = {{"callbacks": [handler], "configurable": {{"vault_id": "v"}}}}
            step.invoke("In the parent.", config)
            client.flush()
            if os.fork() == 0:
                step.invoke("In the child.", config)
                client.flush()
                os._exit(0)
            assert os.wait()[1] == 0
        """
        subprocess.run(
            [sys.executable, "-W", "ignore", "-c", textwrap.dedent(script)], check=True, timeout=60
        )
        assert server.trees() == [{"Anonymizer": {}}] * 2


class TestBounds:
    def test_other_processors_of_the_provider_see_no_text_either(self, server: LangfuseServer) -> None:
        seen, provider = InMemorySpanExporter(), TracerProvider()
        provider.add_span_processor(SimpleSpanProcessor(seen))
        with plain_client(server, provider=provider):
            handler = LangfuseHandler(public_key="pk-test", mask=mask())
            pair().invoke(TEXT, config(handler, langfuse_user_id="u"))
            handler.flush()
            spans = seen.get_finished_spans()
            assert len(spans) == 4
            assert not [value for value in VALUES for span in spans if value in span.to_json()]

    def test_a_trace_of_more_spans_than_a_queue_holds_arrives_whole(self, server: LangfuseServer) -> None:
        with plain_client(server):
            handler = LangfuseHandler(public_key="pk-test", mask=mask())
            nothing: RunnableLambda[int, int] = RunnableLambda(lambda value: value, name="nothing")

            def many(count: int) -> int:
                return sum(nothing.invoke(number) for number in range(count))

            RunnableLambda(many).invoke(3000, config(handler))
            handler.flush()
            assert len(server.observations) == 3001

    @pytest.mark.parametrize("limit", [0, 200, 500])
    def test_what_waits_is_bounded(
        self, limit: int, server: LangfuseServer, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(runs, "BUDGET", Budget(limit))
        with plain_client(server):
            handler = LangfuseHandler(public_key="pk-test", mask=mask())
            pair().invoke(TEXT * 3, config(handler))
            pair().invoke(TEXT * 3, config(handler))
            handler.flush()
        assert server.trees() == [PAIR_TREE] * 2
        assert DROPPED in {one.get("input") for one in server.observations}
        assert not [value for value in VALUES if server.saw(value)]

    def test_a_run_that_never_ends_is_given_up(self, server: LangfuseServer) -> None:
        with plain_client(server):
            handler = LangfuseHandler(public_key="pk-test", mask=mask())
            handler._trees._oldest = 0.0
            streams = [pair().stream(TEXT, config(handler, f"v{number}")) for number in range(2)]
            for stream in streams:
                next(stream)
            handler.flush()
            lost = [one for one in server.observations if one.get("status_message") == handling._LOST]
            assert {one.name for one in lost} >= {"RunnableSequence"}
            assert len({one.trace_id for one in server.observations}) == 1
            for stream in streams:
                list(stream)
            handler.flush()
            assert server.trees().count(PAIR_TREE) >= 1

    def test_a_callback_that_fails_changes_no_run_and_logs_no_text(
        self, server: LangfuseServer, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def fail(*args: Any, **kwargs: Any) -> Any:
            raise ValueError(f"{args} {kwargs}")

        with plain_client(server):
            handler = LangfuseHandler(public_key="pk-test", mask=mask())
            for name in ("_attach_observation", "_judge", "_parse_model_parameters"):
                monkeypatch.setattr(handler, name, fail)
                assert pair().invoke(TEXT, config(handler)).text == TEXT
                monkeypatch.undo()
            monkeypatch.setattr(handler, "_send", fail)
            assert pair().invoke(TEXT, config(handler)).text == TEXT
            handler.flush()
        assert "ValueError" in caplog.text
        assert not [value for value in VALUES if value in caplog.text]

    def test_one_client_is_used_by_handlers_in_many_threads(self, server: LangfuseServer) -> None:
        with masked_client(server, mask=mask()):

            def work() -> None:
                handler = LangfuseHandler(public_key="pk-test")
                pair().invoke(TEXT, config(handler))

            threads = [threading.Thread(target=work) for _ in range(8)]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
            LangfuseHandler(public_key="pk-test").flush()
        assert server.trees() == [PAIR_TREE] * 8
        assert not [value for value in VALUES if server.saw(value)]


class TestOptions:
    @pytest.mark.parametrize(
        "options",
        [{"mask": mask(), "raw": True}, {"detector": mask(), "mask": mask()}],
        ids=["raw", "detector"],
    )
    def test_that_contradict_each_other_are_refused(self, options: dict[str, Any]) -> None:
        with pytest.raises(ValueError, match="one of mask, detector and raw"):
            LangfuseHandler(**options)
        with pytest.raises(ValueError, match="one of mask, detector and raw"):
            client.langfuse_client(**options)

    @pytest.mark.parametrize("make", [LangfuseHandler, client.langfuse_client])
    def test_raw_is_called_dangerous(self, make: Any) -> None:
        assert "raw: Dangerous:" in make.__doc__
