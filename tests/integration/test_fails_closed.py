"""Whatever fails, nothing personal leaves: not to the model, nor in an error, a log, an event or a repr."""

import asyncio
import contextlib
import json
import logging
import threading
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from typing import Any

import pytest
from langchain_core.language_models import FakeListChatModel
from langchain_core.messages import AIMessage, HumanMessage, SystemMessage
from langchain_core.runnables import Runnable, RunnableConfig, RunnableGenerator, RunnableLambda
from pydantic import ValidationError

from langchain_secguard import (
    Anonymizer,
    BlockedError,
    Deanonymizer,
    DetectorError,
    Form,
    Policy,
    SecGuardError,
    UnknownPlaceholderError,
    UnsupportedContentError,
    Vault,
    VaultDecryptionError,
    VaultRequiredError,
    VaultUnavailableError,
    protect,
)
from langchain_secguard.detect import Detector, Span
from langchain_secguard.placeholders import Ref
from langchain_secguard.vault import InMemoryVaultStore, VaultStore
from tests.integration.openai_server import Failure, OpenAIServer, Reply
from tests.support import (
    Capture,
    FailingDetector,
    FailingStore,
    LexiconDetector,
    SlowDetector,
    WrongDetector,
    config,
    holds,
)

loopback = pytest.mark.loopback

JANE, ODD, MAIL = "Jane Doe", 'Zo\u00eb "Zed" \\ O\u2019Neil', "jane.doe@example.org"
LEXICON = {JANE: "PERSON", ODD: "PERSON", MAIL: "EMAIL_ADDRESS"}
TEXT = f"{JANE} ({MAIL}) wrote to {ODD}."

Call = Callable[[Runnable[Any, Any], Any, RunnableConfig], Any]


def stream(pair: Runnable[Any, Any], given: Any, named: RunnableConfig) -> Any:
    return list(pair.stream(given, named))


def astream(pair: Runnable[Any, Any], given: Any, named: RunnableConfig) -> Any:
    async def run() -> list[Any]:
        return [chunk async for chunk in pair.astream(given, named)]

    return asyncio.run(run())


def astream_events(pair: Runnable[Any, Any], given: Any, named: RunnableConfig) -> Any:
    async def run() -> list[Any]:
        return [event async for event in pair.astream_events(given, named, version="v2")]

    return asyncio.run(run())


CALLS: dict[str, Call] = {
    "invoke": lambda pair, given, named: pair.invoke(given, named),
    "ainvoke": lambda pair, given, named: asyncio.run(pair.ainvoke(given, named)),
    "batch": lambda pair, given, named: pair.batch([given, given], named),
    "abatch": lambda pair, given, named: asyncio.run(pair.abatch([given, given], named)),
    "stream": stream,
    "astream": astream,
    "astream_events": astream_events,
}
every_call = pytest.mark.parametrize("call", CALLS.values(), ids=CALLS)
invoke_and_ainvoke = pytest.mark.parametrize(
    "call", [CALLS["invoke"], CALLS["ainvoke"]], ids=["invoke", "ainvoke"]
)


def echo(request: dict[str, Any]) -> Reply:
    return Reply(text=request["messages"][-1]["content"], chunk_size=3)


def around(
    model: Runnable[Any, Any],
    *,
    detector: Detector | None = None,
    store: VaultStore | None = None,
    **options: Any,
) -> Runnable[Any, Any]:
    store = store or InMemoryVaultStore()
    before = Anonymizer(detector=detector or LexiconDetector(LEXICON), store=store, **options)
    return before | model | Deanonymizer(store=store)


def assert_quiet(capture: Capture, server: OpenAIServer | None = None) -> None:
    """Check that nothing that was caught, and no request, holds a value."""
    for value in LEXICON:
        assert not capture.holds(value)
        for request in server.requests if server else ():
            assert not holds(request.body.decode(), value)
            assert not holds(repr((request.path, request.headers)), value)


def fails(
    error: type[BaseException],
    call: Call,
    make: Callable[[OpenAIServer], Runnable[Any, Any]],
    given: Any = TEXT,
) -> tuple[BaseException, OpenAIServer]:
    """Check that a call fails with ``error``, quietly; return the error and the server."""
    with OpenAIServer(echo) as server, Capture() as capture:
        pair = make(server)
        capture.add(pair)
        with pytest.raises(error) as caught:
            call(pair, given, capture.config())
        capture.add(caught.value)
        assert capture.recorder.errors
    assert_quiet(capture, server)
    return caught.value, server


class TestTheNet:
    """The tests below are worth no more than what catches the leaks."""

    @pytest.mark.parametrize("value", LEXICON)
    def test_a_log_an_event_an_error_and_a_print_are_caught(self, value: str) -> None:
        def leak(how: str) -> None:
            error = RuntimeError("safe")
            if how == "log":
                logging.getLogger("some.module").debug("read %s", value)
            elif how == "print":
                print(json.dumps(value))  # noqa: T201 - this is the leak
            elif how == "note":
                error.add_note(value)
            else:
                raise error from ValueError(value)
            raise error

        for how in ("log", "print", "cause", "note"):
            with contextlib.suppress(RuntimeError), Capture() as capture:
                leak(how)
            assert capture.holds(value), how

    def test_what_a_callback_is_told_is_caught(self) -> None:
        def fail(_: object) -> None:
            raise ValueError(JANE)

        with Capture() as capture, contextlib.suppress(ValueError):
            RunnableLambda(fail).invoke("x", capture.config())
        assert capture.holds(JANE)


@loopback
class TestVaults:
    @every_call
    def test_without_a_vault_nothing_is_sent(self, call: Call) -> None:
        def unnamed(pair: Runnable[Any, Any], given: Any, named: RunnableConfig) -> Any:
            return call(pair, given, RunnableConfig(callbacks=named["callbacks"]))

        error, server = fails(VaultRequiredError, unnamed, lambda server: around(server.chat_model()))
        assert 'config={"configurable": {"vault_id"' in str(error)
        assert server.requests == []

    @pytest.mark.parametrize(
        ("configurable", "error"),
        [
            ({"vault_id": ""}, ValueError),
            ({"vault_id": True}, ValueError),
            ({"vault_id": ["a"]}, ValueError),
            ({"vault_id": {"name": JANE}}, ValueError),
            ({"vault": JANE}, TypeError),
            ({"vault_id": None, "thread_id": None, "session_id": None}, VaultRequiredError),
            ({"user_id": "7"}, VaultRequiredError),
        ],
    )
    def test_what_is_no_vault_is_refused(self, configurable: dict[str, Any], error: type[Exception]) -> None:
        def misnamed(pair: Runnable[Any, Any], given: Any, named: RunnableConfig) -> Any:
            return pair.invoke(given, RunnableConfig(callbacks=named["callbacks"], configurable=configurable))

        _, server = fails(error, misnamed, lambda server: around(server.chat_model()))
        assert server.requests == []

    def test_two_users_who_take_turns_see_their_own_values(self) -> None:
        with OpenAIServer(echo) as server, Capture() as capture:
            pair = around(server.chat_model())
            streams = {
                user: pair.stream(text, capture.config(user)) for user, text in (("a", JANE), ("b", ODD))
            }
            answers = {"a": "", "b": ""}
            for _ in range(12):
                for user, chunks in streams.items():
                    answers[user] += getattr(next(chunks, None), "content", "")
        assert answers == {"a": JANE, "b": ODD}
        assert {request.messages[0]["content"] for request in server.requests} == {"[PERSON_1]"}
        assert_quiet(capture, server)

    @every_call
    def test_a_placeholder_of_another_vault_is_text(self, call: Call) -> None:
        store = InMemoryVaultStore()
        with OpenAIServer(lambda request: Reply(text="See [PERSON_1], [person 1] and PERSON_2.")) as server:
            pair = around(server.chat_model(), store=store)
            pair.invoke(f"{JANE} {ODD}", config("theirs"))
            result = call(pair, "Who?", config("mine"))
        assert not holds(repr(result), JANE)
        assert not holds(repr(result), ODD)

    @pytest.mark.parametrize(
        "forged", ["[PERSON_1]", "[person 1]", "PERSON_1", "\\[PERSON\\_1\\]", "[REDACTED_PERSON_1]"]
    )
    def test_a_placeholder_that_the_user_types_gives_no_value(self, forged: str) -> None:
        with OpenAIServer(echo) as server:
            pair = around(server.chat_model())
            pair.invoke(JANE, config())
            assert pair.invoke(f"Who is {forged}?", config()).content == f"Who is {forged}?"
            streamed = "".join(chunk.content for chunk in pair.stream(f"Who is {forged}?", config()))
            assert streamed == f"Who is {forged}?"

    def test_a_placeholder_without_the_right_check_is_text(self) -> None:
        store, form = InMemoryVaultStore(), Form(check_key=b"0123456789abcdef")
        after = Deanonymizer(store=store, form=form)
        before = Anonymizer(detector=LexiconDetector(LEXICON), store=store, form=form)
        minted = before.invoke(JANE, config())
        assert after.invoke(minted, config()) == JANE
        forged = minted[:-2] + ("B" if minted[-2] != "B" else "C") + "]"
        for text in ("[PERSON_1]", forged, "[PERSON_1_]", minted.replace("_1_", "_2_")):
            assert after.invoke(text, config()) == text

    def test_no_default_vault_is_shared_by_two_calls(self) -> None:
        pair = protect(
            RunnableLambda(lambda text: f"{text} and [PERSON_1]"),
            anonymizer=Anonymizer(detector=LexiconDetector(LEXICON)),
        )
        assert pair.invoke(JANE) == f"{JANE} and {JANE}"
        assert pair.invoke("nobody") == "nobody and [PERSON_1]"

    def test_an_unknown_placeholder_can_be_an_error(self) -> None:
        with Capture() as capture:
            after = Deanonymizer(vault=(vault := Vault("v")), unknown="error")
            Anonymizer(detector=LexiconDetector(LEXICON), vault=vault).invoke(TEXT)
            with pytest.raises(UnknownPlaceholderError) as caught:
                after.invoke("[PERSON_1] met [PERSON_9]", capture.config())
            capture.add(caught.value)
        assert_quiet(capture)


def outside(text: str) -> list[Span]:
    return [Span(0, len(text) + 1, "PERSON")]


WRONG: dict[str, Callable[[Any], Any]] = {
    "span past the end": lambda texts: [outside(text) for text in texts],
    "span before the start": lambda texts: [[Span(-4, 2, "PERSON")] for _ in texts],
    "span that ends before it starts": lambda texts: [[Span(4, 2, "PERSON")] for _ in texts],
    "too few lists": lambda texts: [],
    "too many lists": lambda texts: [[] for _ in [*texts, *texts]],
    "nothing": lambda texts: None,
    "no list for a text": lambda texts: [None for _ in texts],
    "offsets that are text": lambda texts: [[Span(text, text, "PERSON")] for text in texts],
    "tuples": lambda texts: [[(0, 4, text)] for text in texts],
    "texts": list,
    "a type without letters": lambda texts: [[Span(0, 4, "!?")] for _ in texts],
    "a type that is the text": lambda texts: [[Span(0, 4, text * 4)] for text in texts],
    "a score that is text": lambda texts: [[Span(0, 4, "PERSON", text)] for text in texts],
}


@loopback
class TestDetectors:
    @every_call
    @pytest.mark.parametrize("error", [ValueError, StopIteration])
    def test_a_detector_that_raises_stops_the_call(self, call: Call, error: type[Exception]) -> None:
        raised, server = fails(
            DetectorError,
            call,
            lambda server: around(server.chat_model(), detector=FailingDetector(error)),
        )
        assert raised.__cause__ is None
        assert raised.__context__ is None
        assert server.requests == []

    @invoke_and_ainvoke
    @pytest.mark.parametrize("make", WRONG.values(), ids=WRONG)
    def test_a_detector_that_gives_no_spans_of_its_texts_stops_the_call(
        self, call: Call, make: Callable[[Any], Any]
    ) -> None:
        store = InMemoryVaultStore()
        _, server = fails(
            DetectorError,
            call,
            lambda server: around(server.chat_model(), detector=WrongDetector(make), store=store),
        )
        assert server.requests == []
        assert store.entries("case-42") == []

    def test_a_detector_that_cannot_be_written_as_json_or_copied_works_in_every_tracer(self) -> None:
        class Locked(LexiconDetector):
            def __init__(self) -> None:
                super().__init__(LEXICON)
                self.lock = threading.Lock()

        with OpenAIServer(echo) as server, Capture() as capture:
            pair = around(server.chat_model(), detector=Locked())
            assert pair.invoke(TEXT, capture.config()).content == TEXT
            capture.add(pair)
        assert [json.loads(json.dumps(data)) for _, data in capture.recorder.events]
        assert_quiet(capture, server)

    def test_the_call_after_a_failed_one_works(self) -> None:
        detector = WrongDetector(lambda texts: 1 / 0)
        with OpenAIServer(echo) as server:
            pair = around(server.chat_model(), detector=detector)
            with pytest.raises(DetectorError):
                pair.invoke(TEXT, config())
            detector._make = LexiconDetector(LEXICON).detect
            assert pair.invoke(TEXT, config()).content == TEXT
        assert len(server.requests) == 1


def _timeout(message: str) -> Exception:
    return TimeoutError(message)


@loopback
class TestStores:
    @every_call
    @pytest.mark.parametrize("error", [ConnectionError, StopIteration])
    def test_a_store_that_does_not_answer_before_the_model_sends_nothing(
        self, call: Call, error: Callable[[str], Exception]
    ) -> None:
        store = FailingStore("assign", error=error)
        _, server = fails(
            VaultUnavailableError, call, lambda server: around(server.chat_model(), store=store)
        )
        assert server.requests == []

    @every_call
    @pytest.mark.parametrize("method", ["lookup", "surrogates"])
    @pytest.mark.parametrize("error", [_timeout])
    def test_a_store_that_does_not_answer_behind_the_model_gives_no_answer(
        self, call: Call, method: str, error: Callable[[str], Exception]
    ) -> None:
        store = FailingStore(method, error=error)
        raised, _ = fails(
            VaultUnavailableError, call, lambda server: around(server.chat_model(), store=store)
        )
        assert raised.__context__ is None

    @every_call
    def test_a_store_that_knows_no_surrogates_sends_nothing(self, call: Call) -> None:
        store = FailingStore("surrogates")
        _, server = fails(
            VaultUnavailableError,
            call,
            lambda server: around(server.chat_model(), store=store, default_policy="surrogate"),
        )
        assert server.requests == []

    def test_a_store_that_answers_again_is_used_again(self) -> None:
        store = FailingStore("assign")
        with OpenAIServer(echo) as server:
            pair = around(server.chat_model(), store=store)
            with pytest.raises(VaultUnavailableError):
                pair.invoke(TEXT, config())
            store.failing.clear()
            assert pair.invoke(TEXT, config()).content == TEXT

    def test_an_error_of_ours_keeps_its_class(self) -> None:
        store = FailingStore("assign", error=lambda _: VaultDecryptionError("a value cannot be decrypted"))
        fails(VaultDecryptionError, CALLS["invoke"], lambda server: around(server.chat_model(), store=store))

    def test_a_store_that_fails_in_the_middle_of_a_stream_ends_it_with_an_error(self) -> None:
        store = FailingStore()
        with OpenAIServer(echo) as server, Capture() as capture:
            chunks = around(server.chat_model(), store=store).stream(
                f"well well well {JANE}", capture.config()
            )
            early = next(chunk.content for chunk in chunks if chunk.content)
            store.failing.add("lookup")
            with pytest.raises(VaultUnavailableError) as caught:
                list(chunks)
            capture.add(caught.value)
        assert early == "wel"
        assert_quiet(capture, server)


@loopback
class TestPolicies:
    @every_call
    def test_what_is_blocked_is_not_sent_and_not_kept(self, call: Call) -> None:
        store = InMemoryVaultStore()
        error, server = fails(
            BlockedError,
            call,
            lambda server: around(server.chat_model(), store=store, policies={"EMAIL_ADDRESS": "block"}),
        )
        assert isinstance(error, BlockedError)
        assert error.scores == {"EMAIL_ADDRESS": 1.0}
        assert server.requests == []
        assert store.entries("case-42") == []

    def test_a_value_that_is_known_and_by_now_blocked_is_not_sent(self) -> None:
        store = InMemoryVaultStore()
        Anonymizer(detector=LexiconDetector(LEXICON), store=store).invoke(TEXT, config())
        _, server = fails(
            BlockedError,
            CALLS["invoke"],
            lambda server: around(
                server.chat_model(), store=store, detector=LexiconDetector({}), policies={"PERSON": "block"}
            ),
        )
        assert server.requests == []

    def test_one_blocked_input_of_a_batch_does_not_stop_the_others(self) -> None:
        with OpenAIServer(echo) as server:
            pair = around(server.chat_model(), policies={"EMAIL_ADDRESS": "block"})
            answers = pair.batch([JANE, MAIL, ODD], config(), return_exceptions=True)
        assert [getattr(answer, "content", type(answer)) for answer in answers] == [JANE, BlockedError, ODD]
        assert not server.saw(MAIL)

    @pytest.mark.parametrize("action", ["redact", "mask", "hash"])
    def test_what_is_hidden_for_good_stays_hidden(self, action: str) -> None:
        with OpenAIServer(echo) as server, Capture() as capture:
            pair = around(server.chat_model(), default_policy=action)
            assert not holds(pair.invoke(TEXT, capture.config()).content, JANE)
            assert not holds(repr(list(pair.stream(TEXT, capture.config()))), JANE)
        assert_quiet(capture, server)


class Opaque:
    """Stand for an object that nothing can look into."""

    def __repr__(self) -> str:
        return f"Opaque({JANE})"


IMAGE = {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{MAIL}"}}
UNSUPPORTED: dict[str, Any] = {
    "image": [HumanMessage([{"type": "text", "text": TEXT}, IMAGE])],
    "image as bytes": [HumanMessage([{"type": "image", "base64": JANE, "mime_type": "image/png"}])],
    "audio": [HumanMessage([{"type": "input_audio", "input_audio": {"data": JANE, "format": "wav"}}])],
    "file": [HumanMessage([{"type": "file", "file": {"file_data": JANE, "filename": MAIL}}])],
    "bytes": {"question": JANE.encode()},
    "object": {"question": Opaque()},
    "class": {"question": Opaque},
    "generator": {"question": (value for value in LEXICON)},
    "deep nesting": None,
}


def nested(depth: int) -> Any:
    value: Any = JANE
    for _ in range(depth):
        value = [value]
    return {"question": value}


@loopback
@pytest.mark.parametrize("given", UNSUPPORTED.values(), ids=UNSUPPORTED)
@invoke_and_ainvoke
def test_what_cannot_be_scanned_is_not_sent(call: Call, given: Any) -> None:
    _, server = fails(
        UnsupportedContentError, call, lambda server: around(server.chat_model()), given or nested(200)
    )
    assert server.requests == []


@loopback
class TestCancelledCalls:
    async def test_a_call_that_is_cancelled_while_it_detects_writes_nothing(self) -> None:
        store, detector = InMemoryVaultStore(), SlowDetector(LEXICON, 5)
        with OpenAIServer(echo) as server, Capture() as capture:
            pair = around(server.chat_model(), store=store, detector=detector)
            with pytest.raises(TimeoutError):
                await asyncio.wait_for(pair.ainvoke(TEXT, capture.config()), 0.1)
            assert store.entries("case-42") == []
            assert server.requests == []
            detector.seconds = 0
            assert (await pair.ainvoke(TEXT, capture.config())).content == TEXT
        assert_quiet(capture, server)

    async def test_a_call_that_is_cancelled_while_the_model_works_leaves_a_whole_vault(self) -> None:
        released = threading.Event()

        def slow(request: dict[str, Any]) -> Reply:
            released.wait(10)
            return echo(request)

        store = InMemoryVaultStore()
        with OpenAIServer(slow) as server, Capture() as capture:
            pair = around(server.chat_model(), store=store)
            with pytest.raises(TimeoutError):
                await asyncio.wait_for(pair.ainvoke(TEXT, capture.config()), 0.2)
            assert [entry.value for entry in store.entries("case-42")] == [JANE, MAIL, ODD]
            released.set()
            assert (await pair.ainvoke(TEXT, capture.config())).content == TEXT
            assert len(store.entries("case-42")) == 3
        assert_quiet(capture, server)

    async def test_a_stream_that_is_cancelled_leaves_a_pair_that_works(self) -> None:
        released = threading.Event()

        def wait(number: int) -> None:
            if number == 3:
                released.wait(10)

        def reply(request: dict[str, Any]) -> Reply:
            return Reply(text=request["messages"][0]["content"], chunk_size=4, before_chunk=wait)

        async def read(pair: Runnable[Any, Any], capture: Capture) -> str:
            return "".join([chunk.content async for chunk in pair.astream(TEXT, capture.config())])

        with OpenAIServer(reply) as server, Capture() as capture:
            pair = around(server.chat_model())
            with pytest.raises(TimeoutError):
                await asyncio.wait_for(read(pair, capture), 0.3)
            released.set()
            assert await read(pair, capture) == TEXT
        assert_quiet(capture, server)

    def test_a_stream_that_is_closed_early_leaves_a_pair_that_works(self) -> None:
        with OpenAIServer(echo) as server, Capture() as capture:
            pair = around(server.chat_model())
            chunks = pair.stream(TEXT, capture.config())
            next(chunks)
            assert isinstance(chunks, Iterator)
            chunks.close()  # type: ignore[attr-defined]  # a generator
            assert pair.invoke(TEXT, capture.config()).content == TEXT
        assert_quiet(capture, server)

    async def test_an_async_stream_that_is_closed_early_leaves_a_pair_that_works(self) -> None:
        with OpenAIServer(echo) as server, Capture() as capture:
            pair = around(server.chat_model())
            chunks = pair.astream(TEXT, capture.config())
            await anext(chunks)
            assert isinstance(chunks, AsyncIterator)
            await chunks.aclose()  # type: ignore[attr-defined]  # a generator
            assert (await pair.ainvoke(TEXT, capture.config())).content == TEXT
        assert_quiet(capture, server)

    async def test_a_protected_call_that_is_cancelled_erases_its_vault(self) -> None:
        seen: list[Vault] = []

        async def model(text: str, config: RunnableConfig) -> str:
            seen.append(config["configurable"]["vault"])
            await asyncio.sleep(5)
            return text

        anonymizer = Anonymizer(detector=LexiconDetector(LEXICON))
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(protect(RunnableLambda(model), anonymizer=anonymizer).ainvoke(TEXT), 0.1)
        assert [vault.entries() for vault in seen] == [[]]


@loopback
class TestModelsThatFail:
    @every_call
    def test_an_error_that_echoes_the_request_holds_no_value(self, call: Call) -> None:
        with OpenAIServer(
            lambda request: Failure(status=400, message=f"bad request: {request['messages']}")
        ) as server:
            with Capture() as capture, pytest.raises(Exception, match="PERSON_1") as caught:
                call(around(server.chat_model()), TEXT, capture.config())
            capture.add(caught.value)
        assert_quiet(capture, server)

    @every_call
    def test_a_chain_that_raises_what_it_was_given_holds_no_value(self, call: Call) -> None:
        def fail(messages: Any) -> Any:
            raise ValueError(f"cannot read {messages!r}")

        given = [SystemMessage(JANE), HumanMessage(TEXT, name=JANE), AIMessage("", tool_calls=[
            {"name": "send", "args": {"to": [ODD, {MAIL: JANE}]}, "id": "call_1"}
        ])]  # fmt: skip
        with Capture() as capture, pytest.raises(ValueError, match="PERSON_1") as caught:
            call(around(RunnableLambda(fail)), given, capture.config())
        capture.add(caught.value)
        assert_quiet(capture)

    def test_a_stream_that_breaks_off_ends_with_an_error_and_no_half_placeholder(self) -> None:
        def broken(_: Iterator[str]) -> Iterator[str]:
            yield "Dear [PERS"
            raise ConnectionError("gone")

        got: list[str] = []
        with Capture() as capture, pytest.raises(ConnectionError) as caught:
            got.extend(around(RunnableGenerator(broken)).stream(JANE, capture.config()))
        capture.add(caught.value)
        assert "".join(got) == "Dear "
        assert_quiet(capture)


def _anonymizer(**options: Any) -> Anonymizer:
    return Anonymizer(detector=LexiconDetector(LEXICON), **options)


WRONG_OPTIONS: dict[str, Callable[[], object]] = {
    "misspelled names": lambda: _anonymizer(hiden_names=[JANE]),
    "misspelled policies": lambda: _anonymizer(policy={"PERSON": "block"}),
    "names as one text": lambda: _anonymizer(hidden_names=JANE),
    "an empty name": lambda: _anonymizer(hidden_names=[JANE, " "]),
    "names of names": lambda: _anonymizer(allowed_names=[[JANE]]),
    "an unknown action": lambda: _anonymizer(policies={"PERSON": "tokenise"}),
    "an action that is a value": lambda: _anonymizer(policies={"PERSON": JANE}),
    "a type without letters": lambda: _anonymizer(policies={"\u00eb": "block"}),
    "a threshold that is text": lambda: _anonymizer(threshold=JANE),
    "a threshold above one": lambda: _anonymizer(threshold=1.5),
    "an unknown form": lambda: _anonymizer(form=JANE),
    "no detector": lambda: Anonymizer(detector=JANE),  # type: ignore[arg-type]
    "no store": lambda: _anonymizer(store=JANE),
    "no vault": lambda: _anonymizer(vault=JANE),
    "unscanned of no kind": lambda: _anonymizer(allow_unscanned=[JANE]),
    "misspelled restoring": lambda: Deanonymizer(entity_type=[JANE]),  # type: ignore[call-arg]
    "an unknown rule": lambda: Deanonymizer(unknown=JANE),  # type: ignore[arg-type]
    "no vault to restore from": lambda: Deanonymizer(vault=JANE),  # type: ignore[arg-type]
    "a short key": lambda: Policy("hash", key=JANE.encode()),
    "a short check": lambda: Form(check_key=JANE.encode()),
}


@pytest.mark.parametrize("make", WRONG_OPTIONS.values(), ids=WRONG_OPTIONS)
def test_a_wrong_option_is_refused_and_not_echoed(make: Callable[[], object]) -> None:
    with Capture() as capture, pytest.raises((ValidationError, ValueError)) as caught:
        make()
    capture.add(caught.value)
    assert_quiet(capture)


def test_an_option_cannot_be_changed_afterwards() -> None:
    step = _anonymizer(hidden_names=[ODD])
    with pytest.raises(ValidationError) as caught:
        setattr(step, "hidden_names", (JANE,))  # noqa: B010 - a type checker refuses the plain way
    assert not holds(str(caught.value), JANE)


def test_no_repr_holds_a_value_or_a_key() -> None:
    vault, key = Vault("case-42"), b"Jane Doe Jane Doe"
    before = _anonymizer(
        vault=vault, hidden_names=[JANE], allowed_names=[ODD], policies={"PERSON": Policy("hash", key=key)}
    )
    after = Deanonymizer(vault=vault, form=Form(check_key=key))
    before.invoke(TEXT)
    with Capture() as capture:
        for thing in (before, after, before | after, protect(before), vault, vault.store, before._hider):
            capture.add(thing)
        capture.add(before.get_name())
        for entry in (*vault.entries(), *vault.lookup([Ref("EMAIL_ADDRESS", 1)])):
            capture.add(entry)
    assert_quiet(capture)


@every_call
def test_a_call_that_works_says_nothing_on_the_side(call: Call) -> None:
    with Capture() as capture:
        pair = around(FakeListChatModel(responses=["Dear [PERSON_1], [EMAIL_ADDRESS_1]"]))
        result = call(pair, TEXT, capture.config())
        capture.add(pair)
    assert holds(repr(result), JANE)
    assert {name for name, _ in capture.recorder.events} == {"secguard.anonymized", "secguard.deanonymized"}
    for _, data in capture.recorder.events:
        json.dumps(data)
    heard: Mapping[str, Any] = dict(capture.recorder.events)
    assert heard["secguard.anonymized"]["entities"] == {"PERSON": 2, "EMAIL_ADDRESS": 1}
    assert heard["secguard.deanonymized"]["entities"] == {"PERSON": 1, "EMAIL_ADDRESS": 1}
    assert_quiet(capture)


def test_every_error_is_below_the_packages_own() -> None:
    for error in (BlockedError, DetectorError, UnsupportedContentError, VaultUnavailableError):
        assert issubclass(error, SecGuardError)
