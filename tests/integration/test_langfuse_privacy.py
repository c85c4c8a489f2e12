import asyncio
import base64
import json
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

import pytest
from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage, BaseMessage, HumanMessage, RemoveMessage, ToolMessage
from langchain_core.outputs import ChatGeneration, ChatResult
from langchain_core.runnables import Runnable, RunnableConfig, RunnableLambda
from langchain_core.tools import tool
from langfuse import Langfuse, observe, propagate_attributes
from opentelemetry.trace import Link, SpanContext, Status, StatusCode, TraceFlags, use_span

from langchain_secguard import Anonymizer, BlockedError, Deanonymizer, DetectorError
from langchain_secguard.tracing import WITHHELD, LangfuseHandler, Mask
from langchain_secguard.vault import InMemoryVaultStore
from tests.integration.langfuse_server import LangfuseServer
from tests.integration.langfuse_support import (
    MODES,
    PAIR_TREE,
    TEXT,
    UNSEEN,
    VALUES,
    Echo,
    anonymizer,
    config,
    mask,
    masked_client,
    pair,
    plain_client,
)
from tests.support import Capture, FailingDetector, LexiconDetector

pytestmark = pytest.mark.loopback

LONGER = f"{TEXT} And {' or '.join(UNSEEN)}."
"""Holds all values: those that the Anonymizer finds, and those that only the mask's own detector does."""


@pytest.fixture
def handler(langfuse: LangfuseServer) -> LangfuseHandler:
    return LangfuseHandler(public_key="pk-test", mask=mask())


@pytest.fixture
def seeing(langfuse: LangfuseServer) -> LangfuseHandler:
    """Find every value in texts that never came to an Anonymizer, because a run ended before."""
    return LangfuseHandler(public_key="pk-test", detector=LexiconDetector(VALUES | UNSEEN))


def assert_clean(langfuse: LangfuseServer, *, requests: bool = True) -> None:
    """Find no value in any request that Langfuse ever got."""
    assert bool(langfuse.requests) is requests
    assert [value for value in (*VALUES, *UNSEEN) if langfuse.saw(value)] == []
    assert not any(langfuse.saw(json.dumps(value)[1:-1]) for value in VALUES)


async def all_ended(handler: LangfuseHandler) -> None:
    """Let the event loop close the streams within one that was closed."""
    async with asyncio.timeout(30):
        while handler._trees.runs:  # noqa: ASYNC110 - nobody tells when
            await asyncio.sleep(0.01)


def run_all(mode: str, chain: Runnable[Any, Any], handler: LangfuseHandler, text: Any = LONGER) -> list[Any]:
    return MODES[mode](chain, [text] * 2, [config(handler, "one"), config(handler, "other")])


def fail_with(make: Callable[[str], BaseException]) -> Runnable[Any, Any]:
    def fail(value: Any) -> Any:
        text = value if isinstance(value, str) else value.text
        error = make(text)
        error.add_note(text)
        raise error from KeyError(text)

    return RunnableLambda(fail, name="failing")


@pytest.mark.parametrize("mode", MODES)
class TestInEveryMode:
    def test_no_value_leaves(self, mode: str, langfuse: LangfuseServer, handler: LangfuseHandler) -> None:
        with Capture() as capture:
            outputs = run_all(mode, pair(), handler)
            handler.flush()
        assert [output.text for output in outputs] == [LONGER] * 2
        assert langfuse.trees() == [PAIR_TREE] * 2
        assert_clean(langfuse)
        assert [value for value in VALUES if capture.holds(value)] == []

    def test_what_was_hidden_is_written_as_its_placeholder_everywhere(
        self, mode: str, langfuse: LangfuseServer, handler: LangfuseHandler
    ) -> None:
        run_all(mode, pair(), handler)
        handler.flush()
        hidden = "Write to [PERSON_1] ([EMAIL_ADDRESS_1]), [PERSON_2], card [CREDIT_CARD_1]."
        shown = f"{hidden} And [PERSON] or [PHONE_NUMBER]."
        for one in langfuse.observations:
            for side in ("input", "output"):
                if side == "input" and one.get("input") in ('{"input": ""}', ""):
                    continue
                assert shown in one.get(side), (one.name, side)

    @pytest.mark.parametrize("place", ["before", "in the model", "behind"])
    def test_an_error_that_holds_the_prompt(
        self, place: str, mode: str, langfuse: LangfuseServer, seeing: LangfuseHandler
    ) -> None:
        chains: dict[str, Runnable[Any, Any]] = {
            "before": fail_with(ValueError) | pair(),
            "in the model": pair(Echo(fails_after=0)),
            "behind": pair() | fail_with(RuntimeError),
        }
        with pytest.raises((ValueError, RuntimeError)):
            run_all(mode, chains[place], seeing)
        seeing.flush()
        assert any(one.get("level") == "ERROR" and one.status for one in langfuse.observations)
        assert_clean(langfuse)

    def test_a_run_that_a_policy_blocks(
        self, mode: str, langfuse: LangfuseServer, seeing: LangfuseHandler
    ) -> None:
        with pytest.raises(BlockedError):
            run_all(mode, pair(policies={"CREDIT_CARD": "block"}), seeing)
        seeing.flush()
        assert "RunnableSequence" in {one.name for one in langfuse.observations}
        assert_clean(langfuse)

    def test_a_detector_that_fails_costs_the_texts_and_not_the_trace(
        self, mode: str, langfuse: LangfuseServer, seeing: LangfuseHandler
    ) -> None:
        chain = Anonymizer(detector=FailingDetector(), store=InMemoryVaultStore()) | Echo()
        with pytest.raises(DetectorError):
            run_all(mode, chain, seeing)
        seeing.flush()
        [step, *_] = [one for one in langfuse.observations if one.name == "Anonymizer"]
        assert (step.get("type"), step.get("level")) == ("guardrail", "ERROR")
        mine = [one for one in langfuse.observations if one.trace_id == step.trace_id]
        assert {one.get("input") for one in mine} == {WITHHELD}
        assert_clean(langfuse)


class TestEndings:
    async def test_a_cancelled_run(self, langfuse: LangfuseServer, handler: LangfuseHandler) -> None:
        started = asyncio.Event()

        async def hang(value: Any) -> Any:
            started.set()
            await asyncio.Event().wait()

        chain = anonymizer(store=InMemoryVaultStore()) | RunnableLambda(lambda x: x, hang, name="hanging")
        task = asyncio.create_task(chain.ainvoke(LONGER, config(handler)))
        await started.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        handler.flush()
        assert langfuse.trees() == [{"RunnableSequence": {"Anonymizer": {}, "hanging": {}}}]
        assert langfuse.named("hanging").status == "CancelledError"
        assert "[PERSON_1]" in langfuse.named("hanging").get("input")
        assert_clean(langfuse)

    async def test_a_run_cancelled_while_it_is_anonymized(
        self, langfuse: LangfuseServer, handler: LangfuseHandler
    ) -> None:
        started = asyncio.Event()

        class Hanging(LexiconDetector):
            async def adetect(self, texts: Any) -> Any:
                started.set()
                await asyncio.Event().wait()

        chain = Anonymizer(detector=Hanging(VALUES), store=InMemoryVaultStore()) | Echo()
        task = asyncio.create_task(chain.ainvoke(LONGER, config(handler)))
        await started.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        handler.flush()
        assert langfuse.trees() == [{"RunnableSequence": {"Anonymizer": {}}}]
        assert_clean(langfuse)

    @pytest.mark.parametrize("chunks", [1, 4])
    def test_a_stream_closed_early(
        self, chunks: int, langfuse: LangfuseServer, handler: LangfuseHandler
    ) -> None:
        stream = pair().stream(LONGER, config(handler))
        for _ in range(chunks):
            next(stream)
        stream.close()  # type: ignore[attr-defined]
        handler.flush()
        assert langfuse.trees() == [PAIR_TREE]
        assert {langfuse.named(name).get("type") for name in ("Anonymizer", "Deanonymizer")} == {"guardrail"}
        assert_clean(langfuse)

    @pytest.mark.parametrize("chunks", [1, 4])
    async def test_an_async_stream_closed_early(
        self, chunks: int, langfuse: LangfuseServer, handler: LangfuseHandler
    ) -> None:
        stream = pair().astream(LONGER, config(handler))
        for _ in range(chunks):
            await anext(stream)
        await stream.aclose()  # type: ignore[attr-defined]
        del stream
        await all_ended(handler)
        handler.flush()
        assert langfuse.trees() == [PAIR_TREE]
        assert_clean(langfuse)

    async def test_a_task_that_streams_is_cancelled(
        self, langfuse: LangfuseServer, handler: LangfuseHandler
    ) -> None:
        got = asyncio.Event()

        async def slowly(words: AsyncIterator[Any]) -> AsyncIterator[Any]:
            async for word in words:
                yield word
                got.set()
                await asyncio.sleep(0.01)

        async def consume() -> None:
            async for _ in (pair() | slowly).astream(LONGER, config(handler)):
                pass

        task = asyncio.create_task(consume())
        await got.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        await all_ended(handler)
        handler.flush()
        assert {one.name for one in langfuse.observations} >= {"RunnableSequence", "Anonymizer", "Echo"}
        assert_clean(langfuse)


class TestSurfaces:
    def test_names_tags_ids_and_metadata_that_hold_a_value(
        self, langfuse: LangfuseServer, handler: LangfuseHandler
    ) -> None:
        given = RunnableConfig(
            callbacks=[handler],
            configurable={"vault_id": "one"},
            run_name="Help Jane Doe",
            tags=["about jane.doe@example.com", "plain"],
            metadata={
                "langfuse_user_id": "jane.doe@example.com",
                "langfuse_session_id": "Otto Unseen",
                "langfuse_trace_name": "For Otto Unseen",
                "langfuse_tags": ["JANE DOE"],
                "customer": {"Jane Doe": ["+49 30 901820"]},
                "plain": "as it is",
            },
        )
        pair().invoke(LONGER, given)
        handler.flush()
        assert_clean(langfuse)
        [user] = {one.attributes["user.id"] for one in langfuse.observations}
        [session] = {one.attributes["session.id"] for one in langfuse.observations}
        assert user.startswith("pseudonym-")
        assert session.startswith("pseudonym-")
        assert user != session
        root = next(one for one in langfuse.observations if not one.parent_id)
        assert root.name == "Help [PERSON_1]"
        assert root.metadata["customer"] == {"[PERSON_1]": ["[PHONE_NUMBER]"]}
        assert root.metadata["plain"] == "as it is"
        tags = sorted(root.attributes["langfuse.trace.tags"])
        assert tags[0].startswith("[PERSON")
        assert tags[1:] == ["about [EMAIL_ADDRESS_1]", "plain"]
        assert root.attributes["langfuse.trace.name"] == "For [PERSON]"

    def test_what_code_around_the_run_says_of_all_its_spans(
        self, langfuse: LangfuseServer, handler: LangfuseHandler
    ) -> None:
        about = {"Jane Doe": "of Otto Unseen", "customer": "Jane Doe", "plain": "as it is"}
        with propagate_attributes(user_id="Otto Unseen", tags=["Jane Doe"], metadata=about):
            pair().invoke(LONGER, config(handler))
        handler.flush()
        assert_clean(langfuse)
        said = {
            name.removeprefix("langfuse.trace.metadata."): str(value).strip('"')
            for name, value in langfuse.named("Echo").attributes.items()
        }
        assert said["plain"] == "as it is"
        assert said["customer"] == "[PERSON_1]"
        assert said["[PERSON_1]"] == "of [PERSON]"

    def test_a_user_keeps_the_pseudonym_in_other_runs(
        self, langfuse: LangfuseServer, handler: LangfuseHandler
    ) -> None:
        for text in (LONGER, "Something of Jane Doe else."):
            pair().invoke(text, config(handler, langfuse_user_id="Jane Doe"))
        handler.flush()
        assert len({one.attributes["user.id"] for one in langfuse.observations}) == 1
        assert_clean(langfuse)

    @pytest.mark.parametrize("key", ["langfuse_session_id", "thread_id"])
    def test_what_was_hidden_in_a_conversation_is_masked_in_its_later_runs(
        self, key: str, langfuse: LangfuseServer, handler: LangfuseHandler
    ) -> None:
        pair().invoke(TEXT, config(handler, **{key: "talk"}))
        Echo().invoke(f"Once more: {TEXT}", config(handler, **{key: "talk"}))
        handler.flush()
        [again] = [one for one in langfuse.observations if one.name == "Echo" and not one.parent_id]
        assert "Once more: Write to [PERSON_1]" in again.get("input")
        assert_clean(langfuse)

    def test_tool_calls_and_their_results(self, langfuse: LangfuseServer, handler: LangfuseHandler) -> None:
        store = InMemoryVaultStore()

        class Caller(BaseChatModel):
            @property
            def _llm_type(self) -> str:
                return "caller"

            def _generate(self, messages: list[BaseMessage], *args: Any, **kwargs: Any) -> ChatResult:
                call = {"name": "send", "args": {"to": "[PERSON_1]", "card": "[CREDIT_CARD_1]"}, "id": "c1"}
                return ChatResult(generations=[ChatGeneration(message=AIMessage("", tool_calls=[call]))])

        sent = []

        @tool
        def send(to: str, card: str) -> str:
            """Send something."""
            sent.append((to, card))
            return f"sent to {to} at Otto Unseen"

        hide = anonymizer(store=store)
        chain = (
            hide
            | Caller().bind(tools=[{"type": "function", "function": {"name": "send", "description": TEXT}}])
            | Deanonymizer(store=store)
            | RunnableLambda(lambda answer: send.invoke(answer.tool_calls[0]), name="call")
            | RunnableLambda(lambda result: [HumanMessage("Go on."), result], name="history")
            | hide
            | Echo()
        )
        chain.invoke(LONGER, config(handler))
        handler.flush()
        assert sent == [("Jane Doe", "4111 1111 1111 1111")]
        assert langfuse.named("send").get("type") == "tool"
        assert json.loads(langfuse.named("send").get("input")) == {
            "to": "[PERSON_1]",
            "card": "[CREDIT_CARD_1]",
        }
        assert_clean(langfuse)

    def test_a_tool_that_reports_an_error(self, langfuse: LangfuseServer, handler: LangfuseHandler) -> None:
        @tool
        def send(to: str) -> Any:
            """Send something."""
            return ToolMessage(f"no such person: {to}", tool_call_id="c1", status="error")

        store = InMemoryVaultStore()
        chain = (
            anonymizer(store=store)
            | Deanonymizer(store=store)
            | RunnableLambda(lambda text: {"to": text})
            | send
        )
        chain.invoke(LONGER, config(handler))
        handler.flush()
        assert langfuse.named("send").get("level") == "ERROR"
        assert "[PERSON_1]" in langfuse.named("send").get("status_message")
        assert_clean(langfuse)

    def test_a_kind_of_message_that_the_sdk_does_not_know(
        self, langfuse: LangfuseServer, handler: LangfuseHandler
    ) -> None:
        with Capture() as capture:
            Echo().invoke([RemoveMessage(id="Otto Unseen"), HumanMessage(LONGER)], {"callbacks": [handler]})
            handler.flush()
        assert langfuse.named("Echo").get("input") is not None
        assert not langfuse.saw("Otto Unseen")
        assert not capture.holds("Otto Unseen")

    def test_an_image_is_not_sent(self, langfuse: LangfuseServer, handler: LangfuseHandler) -> None:
        pixels = base64.b64encode(b"a picture of Jane Doe" * 40).decode()
        block = {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{pixels}"}}
        Echo().invoke([HumanMessage([block])], {"callbacks": [handler]})
        handler.flush()
        assert langfuse.named("Echo").get("input") is not None
        assert not langfuse.saw(pixels[:40])
        assert_clean(langfuse)

    def test_an_input_that_is_changed_later_is_sent_as_it_was(
        self, langfuse: LangfuseServer, handler: LangfuseHandler
    ) -> None:
        def change(value: dict[str, Any]) -> str:
            value["history"].append("later")
            return "done"

        RunnableLambda(change, name="change").invoke({"history": ["before"]}, config(handler))
        handler.flush()
        assert json.loads(langfuse.named("change").get("input")) == {"history": ["before"]}

    def test_without_options_the_embedded_detector_masks(self, langfuse: LangfuseServer) -> None:
        with plain_client(langfuse, "pk-default"):
            handler = LangfuseHandler(public_key="pk-default")
            values = ["Jane Doe", "jane.doe@example.com", "4111 1111 1111 1111"]
            text = "My name is {}. Write to {}, and take it from card {}.".format(*values)
            Echo().invoke(text, config(handler, langfuse_user_id="jane.doe@example.com"))
            handler.flush()
        one = langfuse.named("Echo")
        assert "My name is [PERSON]. Write to [EMAIL_ADDRESS]" in one.get("input")
        assert one.attributes["user.id"].startswith("pseudonym-")
        assert not [value for value in values if langfuse.saw(value)]

    def test_raw_sends_texts_as_they_are(self, langfuse: LangfuseServer) -> None:
        handler = LangfuseHandler(public_key="pk-test", raw=True)
        pair().invoke(LONGER, config(handler, langfuse_user_id="Jane Doe"))
        handler.flush()
        root = langfuse.named("RunnableSequence")
        assert root.get("input") == LONGER
        assert root.attributes["user.id"] == "Jane Doe"

    def test_nothing_of_one_tenant_is_on_the_trace_of_another(
        self, langfuse: LangfuseServer, handler: LangfuseHandler
    ) -> None:
        chain = pair()
        texts = [f"{TEXT} This is marker-{number}." for number in range(2)]
        given = [config(handler, f"v{number}", langfuse_user_id=f"u{number}") for number in range(2)]
        chain.batch(texts * 5, given * 5)
        handler.flush()
        assert_clean(langfuse)
        observations = {one.id: one for one in langfuse.observations}
        for one in langfuse.observations:
            number = one.attributes["user.id"].removeprefix("u")
            written = json.dumps(dict(one.attributes))
            assert f"marker-{number}" in written
            assert f"marker-{1 - int(number)}" not in written
        for score in langfuse.scores:
            assert (
                score.observation_id is None or observations[score.observation_id].trace_id == score.trace_id
            )


class TestMaskedClient:
    @pytest.fixture
    def langfuse(self) -> Iterator[LangfuseServer]:
        with LangfuseServer() as langfuse:
            yield langfuse

    @pytest.fixture
    def client(self, langfuse: LangfuseServer) -> Iterator[Langfuse]:
        with masked_client(
            langfuse, "pk-masked", mask=mask(), should_export_span=lambda span: True
        ) as client:
            yield client

    @pytest.mark.parametrize("mode", MODES)
    def test_observed_functions_in_a_chain(
        self, mode: str, langfuse: LangfuseServer, client: Langfuse
    ) -> None:
        handler = LangfuseHandler(public_key="pk-masked")

        @observe(name="observed")
        def observed(text: str) -> dict[str, Any]:
            client.update_current_span(metadata={"of": text}, status_message=text, level="ERROR")
            client.score_current_span(name="note", value=1.0, comment=text, metadata={"text": text})
            return {"result": text}

        def step(text: str) -> str:
            return str(observed(text, langfuse_public_key="pk-masked")["result"])  # type: ignore[call-arg]

        run_all(mode, RunnableLambda(step, name="step") | pair(), handler)
        handler.flush()
        assert (
            langfuse.trees()
            == [{"RunnableSequence": {"step": {"observed": {}}, **PAIR_TREE["RunnableSequence"]}}] * 2
        )
        [one, _] = [one for one in langfuse.observations if one.name == "observed"]
        assert "[PERSON_1]" in one.get("input")
        assert "[PERSON]" in one.get("status_message")
        assert (
            len({score.id for score in langfuse.scores if score.name == "note"}) == 2
        )  # some are sent again
        assert_clean(langfuse)

    def test_every_part_of_a_span_of_other_instrumentation(
        self, langfuse: LangfuseServer, client: Langfuse
    ) -> None:
        text = " and ".join(UNSEEN)
        resources = client._resources
        assert resources is not None
        assert resources.tracer_provider is not None
        tracer = resources.tracer_provider.get_tracer("other")
        link = Link(SpanContext(1, 2, is_remote=False, trace_flags=TraceFlags(1)), {"why": text})
        span = tracer.start_span(f"about {text}", attributes={"a": text, "b": [text, "c"]}, links=[link])
        span.add_event(f"saw {text}", {"what": text})
        with pytest.raises(ValueError, match="Otto"), use_span(span, end_on_exit=True):
            raise ValueError(text)
        span = tracer.start_span("second")
        span.set_status(Status(StatusCode.ERROR, text))
        span.end()
        client.flush()
        assert {one.name for one in langfuse.observations} == {"about [PERSON] and [PHONE_NUMBER]", "second"}
        assert langfuse.named("second").status == "[PERSON] and [PHONE_NUMBER]"
        assert_clean(langfuse)

    def test_scores_of_code_of_ones_own(self, langfuse: LangfuseServer, client: Langfuse) -> None:
        text = " and ".join(UNSEEN)
        trace_id = client.create_trace_id()
        client.create_score(name="quality", value=0.5, trace_id=trace_id, comment=text, metadata={text: text})
        client.create_score(name="who", value=text, trace_id=trace_id, data_type="CATEGORICAL")
        client.flush()
        assert {(score.name, score.value) for score in langfuse.scores} == {
            ("quality", 0.5),
            ("who", "[PERSON] and [PHONE_NUMBER]"),
        }
        assert langfuse.scores[0].body["metadata"] == {
            "[PERSON] and [PHONE_NUMBER]": "[PERSON] and [PHONE_NUMBER]"
        }
        assert_clean(langfuse)

    def test_media_are_not_uploaded(self, langfuse: LangfuseServer, client: Langfuse) -> None:
        pixels = base64.b64encode(b"a picture of Otto Unseen" * 40).decode()
        with client.start_as_current_observation(name="look", input=f"data:image/png;base64,{pixels}"):
            pass
        client.flush()
        assert {request.path for request in langfuse.requests} == {"/api/public/otel/v1/traces"}
        assert not langfuse.saw(pixels[:40])
        assert_clean(langfuse)

    def test_a_mask_that_fails_costs_texts_and_not_spans(self, langfuse: LangfuseServer) -> None:
        failing = Mask(detector=FailingDetector())
        with masked_client(langfuse, "pk-failing", mask=failing) as client:
            handler = LangfuseHandler(public_key="pk-failing")
            with client.start_as_current_observation(name="around", input=LONGER):
                pair().invoke(LONGER, config(handler))
            client.create_score(name="s", value=1.0, trace_id=client.create_trace_id(), comment=LONGER)
            handler.flush()
        assert len(langfuse.observations) == 5
        assert {score.name for score in langfuse.scores} >= {"Anonymizer.risk", "verdict"}
        assert_clean(langfuse)

    def test_a_client_that_exists_and_does_not_mask_is_refused(self, langfuse: LangfuseServer) -> None:
        with (
            plain_client(langfuse, "pk-plain"),
            pytest.raises(ValueError, match="exists already"),
            masked_client(langfuse, "pk-plain"),
        ):
            pass
