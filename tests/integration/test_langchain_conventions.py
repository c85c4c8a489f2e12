"""What LangChain promises of every Runnable, held against the pair and against `protect`.

The contract is that of `langchain_core.runnables.base.Runnable`.
"""

import asyncio
import copy
import gc
import json
import pickle
from collections.abc import AsyncIterator, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextvars import ContextVar
from threading import Event
from typing import Any, ClassVar, Literal, cast
from uuid import UUID

import pytest
from langchain_core.callbacks import AsyncCallbackHandler, BaseCallbackHandler
from langchain_core.chat_history import InMemoryChatMessageHistory
from langchain_core.documents import Document
from langchain_core.language_models import FakeListChatModel
from langchain_core.load import dumpd, dumps
from langchain_core.messages import AIMessage, AIMessageChunk, BaseMessage, HumanMessage, ToolMessage
from langchain_core.output_parsers import JsonOutputParser, PydanticOutputParser, StrOutputParser
from langchain_core.output_parsers.openai_tools import PydanticToolsParser
from langchain_core.prompts import ChatPromptTemplate, MessagesPlaceholder
from langchain_core.runnables import (
    ConfigurableField,
    Runnable,
    RunnableBranch,
    RunnableConfig,
    RunnableGenerator,
    RunnableLambda,
    RunnableParallel,
    RunnablePassthrough,
    RunnableSerializable,
)
from langchain_core.runnables.history import RunnableWithMessageHistory
from langchain_core.runnables.schema import StreamEvent
from langchain_core.tools import tool
from langchain_core.tracers.schemas import Run
from pydantic import BaseModel, Field, ValidationError

from langchain_secguard import (
    Anonymizer,
    Deanonymizer,
    DetectorError,
    Form,
    SecGuardError,
    Vault,
    VaultRequiredError,
    protect,
)
from langchain_secguard.detect import EmbeddedDetector, Span
from tests.integration.openai_server import OpenAIServer, Reply, ToolCall
from tests.support import error_texts
from tests.unit.lexicon import LexiconDetector

JANE, BOB = "Jane Doe", "Bob Roe"
ANSWER = "Hello [PERSON_1]!"
PROMPT = ChatPromptTemplate.from_messages([("system", "Be brief."), ("human", "{text}")])


def config(vault_id: str, **more: Any) -> RunnableConfig:
    return cast("RunnableConfig", {"configurable": {"vault_id": vault_id}, **more})


def anonymizer(**options: Any) -> Anonymizer:
    return Anonymizer(detector=LexiconDetector(), **options)


def model(*answers: str) -> FakeListChatModel:
    """Give a chat model that streams its answers letter by letter."""
    return FakeListChatModel(responses=list(answers or [ANSWER]))


def echo() -> RunnableLambda[Any, Any]:
    return RunnableLambda(lambda value: value)


def pair(*answers: str) -> Runnable[Any, Any]:
    return anonymizer() | model(*answers) | Deanonymizer()


def chunks(text: str, size: int = 3) -> Runnable[Any, AIMessageChunk]:
    """Give a step that answers `text` in chunks of `size` letters, whatever it is asked."""
    cut = [AIMessageChunk(content=text[at : at + size], id="m") for at in range(0, len(text), size)]

    def stream(_: Iterator[Any]) -> Iterator[AIMessageChunk]:
        for _one in _:
            yield from cut

    async def astream(_: AsyncIterator[Any]) -> AsyncIterator[AIMessageChunk]:
        async for _one in _:
            for chunk in cut:
                yield chunk

    return RunnableGenerator(stream, astream)


class Person(BaseModel):
    name: str
    age: int


class Contact(BaseModel):
    """Somebody to write to."""

    email: str = Field(pattern=r"[^@\s]+@[^@\s]+")


class TestSchemas:
    @pytest.mark.parametrize(
        "step", [anonymizer(), Deanonymizer(), pair(), protect(model()), anonymizer() | PROMPT | model()]
    )
    def test_every_step_has_json_schemas(self, step: Runnable[Any, Any]) -> None:
        for schema in (
            step.get_input_jsonschema(),
            step.get_output_jsonschema(),
            step.get_config_jsonschema(),
        ):
            assert schema["title"]
            json.dumps(schema)

    @pytest.mark.parametrize(
        "value",
        [
            JANE,
            HumanMessage(JANE),
            [HumanMessage(JANE)],
            [("human", JANE)],
            {"text": JANE},
            Document(JANE),
            [Document(JANE)],
            PROMPT.invoke({"text": JANE}),
        ],
        ids=lambda value: type(value).__name__,
    )
    def test_the_input_schema_takes_every_shape(self, value: Any) -> None:
        schema: Any = anonymizer().get_input_schema()
        assert schema.model_validate(value).root == value

    def test_protect_has_the_schemas_of_what_it_wraps(self) -> None:
        chain = PROMPT | model()
        assert protect(chain).get_input_jsonschema() == chain.get_input_jsonschema()
        assert protect(chain).get_output_jsonschema() == chain.get_output_jsonschema()


class TestConfiguration:
    def test_the_vault_id_is_declared_once_for_a_sequence(self) -> None:
        assert [spec.id for spec in pair().config_specs] == ["vault_id"]
        assert [spec.id for spec in protect(pair()).config_specs] == ["vault_id"]
        (schema,) = pair().get_config_jsonschema()["$defs"].values()
        assert list(schema["properties"]) == ["vault_id"]

    def test_a_step_that_has_its_vault_declares_none(self) -> None:
        assert Anonymizer(vault=Vault()).config_specs == []

    @pytest.mark.filterwarnings("ignore::langchain_core._api.deprecation.LangChainDeprecationWarning")
    @pytest.mark.parametrize("wrapped_last", [True, False])
    def test_a_message_history_names_the_vault(self, wrapped_last: bool) -> None:
        spy = Spy()
        histories: dict[str, InMemoryChatMessageHistory] = {}
        prompt = ChatPromptTemplate.from_messages([MessagesPlaceholder("past"), ("human", "{question}")])

        def history(session_id: str) -> InMemoryChatMessageHistory:
            return histories.setdefault(session_id, InMemoryChatMessageHistory())

        def remembering(chain: Runnable[Any, Any]) -> Runnable[Any, Any]:
            return RunnableWithMessageHistory(
                chain, history, input_messages_key="question", history_messages_key="past"
            )

        chain = prompt | spy.step | model()
        whole = (
            protect(remembering(chain), anonymizer=anonymizer())
            if wrapped_last
            else remembering(anonymizer() | chain | Deanonymizer())
        )
        assert sorted(spec.id for spec in whole.config_specs) == ["session_id", "vault_id"]
        for question in (f"I am {JANE}", f"{BOB} knows {JANE}"):
            named = RunnableConfig(configurable={"session_id": f"history-{wrapped_last}"})
            assert whole.invoke({"question": question}, named).content == f"Hello {JANE}!"
        assert [message.content for message in spy.seen[-1].messages] == [
            "I am [PERSON_1]",
            "Hello [PERSON_1]!",
            "[PERSON_2] knows [PERSON_1]",
        ]
        kept = str(histories[f"history-{wrapped_last}"].messages)
        assert (JANE in kept) is not wrapped_last

    def test_options_can_be_configured_for_one_call(self) -> None:
        step = anonymizer().configurable_fields(
            threshold=ConfigurableField(id="threshold"), policies=ConfigurableField(id="policies")
        )
        assert {spec.id for spec in (step | Deanonymizer()).config_specs} == {
            "policies",
            "threshold",
            "vault_id",
        }
        assert step.invoke(JANE, config("fields")) == "[PERSON_1]"
        strict = {"vault_id": "fields", "policies": {"PERSON": "redact"}}
        assert step.invoke(JANE, {"configurable": strict}) == "[PERSON]"
        assert step.with_config(configurable={"threshold": 0.95}).invoke(BOB, config("fields")) == BOB

    def test_a_wrong_option_in_the_config_is_refused_and_not_echoed(self) -> None:
        step = anonymizer().configurable_fields(hidden_names=ConfigurableField(id="names"))
        with pytest.raises(ValidationError) as caught:
            step.invoke(JANE, {"configurable": {"vault_id": "wrong", "names": JANE}})
        assert not any(JANE in text for text in error_texts(caught.value))

    def test_whole_steps_can_be_alternatives(self) -> None:
        step = anonymizer().configurable_alternatives(
            ConfigurableField(id="how"), redact=anonymizer(default_policy="redact")
        )
        named = {"vault_id": "alternatives"}
        assert {spec.id for spec in (step | Deanonymizer()).config_specs} == {"how", "vault_id"}
        assert step.invoke(JANE, {"configurable": named}) == "[PERSON_1]"
        assert step.invoke(JANE, {"configurable": {**named, "how": "redact"}}) == "[PERSON]"

    def test_a_copy_with_other_options_follows_them(self) -> None:
        step = anonymizer(hidden_names=["Falcon"])
        strict = step.model_copy(update={"default_policy": "redact"})
        assert strict.invoke(f"{JANE}, Falcon", config("copy")) == "[PERSON], [CUSTOM]"
        with pytest.raises(ValidationError):
            step.model_copy(update={"treshold": 0.1})

    def test_an_argument_that_no_step_knows_is_refused(self) -> None:
        with pytest.raises(TypeError, match="stop"):
            pair().invoke(JANE, config("unknown"), stop=["."])


class TestCombinators:
    def test_the_graph_shows_each_step(self) -> None:
        names = ["AnonymizerInput", "Anonymizer", "ChatPromptTemplate", "FakeListChatModel", "Deanonymizer"]
        chain = PROMPT | model()
        for whole in (anonymizer() | chain | Deanonymizer(), protect(chain, anonymizer=anonymizer())):
            graph = whole.get_graph()
            assert [node.name for node in graph.nodes.values()] == [*names, "DeanonymizerOutput"]
            assert "Anonymizer --> ChatPromptTemplate" in graph.draw_mermaid()

    def test_names_of_steps_are_their_classes_or_what_they_are_given(self) -> None:
        assert [anonymizer().get_name(), Deanonymizer().get_name()] == ["Anonymizer", "Deanonymizer"]
        assert anonymizer(name="hide").get_name() == "hide"
        assert protect(model()).get_name() == "ProtectedRunnable"

    @pytest.mark.parametrize("whole", [anonymizer(), pair(), protect(model(), anonymizer=anonymizer())])
    def test_a_bound_config_reaches_the_run(self, whole: Runnable[Any, Any]) -> None:
        runs = Runs()
        named = whole.with_config(
            run_name="mine", tags=["a"], metadata={"k": 1}, configurable={"vault_id": "bound"}
        )
        named.invoke(JANE, {"callbacks": [runs]})
        first = runs.started[0]
        assert (first["name"], first["tags"], first["parent_run_id"]) == ("mine", ["a"], None)
        assert first["metadata"]["k"] == 1

    def test_types_can_be_narrowed(self) -> None:
        narrow = anonymizer().with_types(input_type=str, output_type=str)
        assert narrow.get_input_jsonschema()["type"] == "string"
        assert narrow.invoke(JANE, config("types")) == "[PERSON_1]"

    @pytest.mark.parametrize("is_async", [False, True])
    async def test_a_step_can_be_retried(self, is_async: bool) -> None:
        detector = Flaky(failures=2)
        step = Anonymizer(detector=detector).with_retry(
            retry_if_exception_type=(DetectorError,), wait_exponential_jitter=False, stop_after_attempt=3
        )
        named = config("retry")
        hidden = await step.ainvoke(JANE, named) if is_async else step.invoke(JANE, named)
        assert (hidden, detector.calls) == ("[PERSON_1]", 3)

    def test_a_fallback_sees_what_the_first_saw(self) -> None:
        seen: list[Any] = []

        def fail(value: Any) -> Any:
            seen.append(value)
            raise ConnectionError("down")

        def answer(value: Any) -> Any:
            seen.append(value)
            return ANSWER

        middle = RunnableLambda(fail).with_fallbacks([RunnableLambda(answer)])
        chain = anonymizer() | middle | Deanonymizer()
        assert chain.invoke(JANE, config("fallback")) == f"Hello {JANE}!"
        assert "".join(chain.stream(JANE, config("fallback"))) == f"Hello {JANE}!"
        assert set(seen) == {"[PERSON_1]"}

    def test_a_fallback_for_a_failed_step_gets_the_input_of_that_step(self) -> None:
        chain = Anonymizer(detector=Flaky(failures=99)).with_fallbacks(
            [anonymizer()], exceptions_to_handle=(DetectorError,)
        )
        assert chain.invoke(JANE, config("fallback-step")) == "[PERSON_1]"

    def test_listeners_hear_a_step_begin_and_end(self) -> None:
        heard: list[tuple[str, str]] = []

        def note(run: Run) -> None:
            heard.append((run.name, "end" if run.end_time else "start"))

        step = anonymizer().with_listeners(on_start=note, on_end=note)
        assert (step | Deanonymizer()).invoke(JANE, config("listeners")) == JANE
        assert heard == [("Anonymizer", "start"), ("Anonymizer", "end")]

    def test_a_dict_can_be_added_to_and_picked_from(self) -> None:
        chain = (
            RunnablePassthrough.assign(hidden=(lambda value: value["text"]) | anonymizer())
            | RunnablePassthrough.assign(shown=(lambda value: value["hidden"]) | Deanonymizer())
        ).pick(["hidden", "shown"])
        assert chain.invoke({"text": JANE}, config("assign")) == {"hidden": "[PERSON_1]", "shown": JANE}
        assert list(anonymizer().assign(more=echo()).pick("text").stream({"text": JANE}, config("pick"))) == [
            "[PERSON_1]"
        ]

    def test_a_branch_runs_the_step_that_it_chose(self) -> None:
        branch = RunnableBranch(
            (lambda value: "Bob" in value, anonymizer(default_policy="redact")), anonymizer()
        )
        assert branch.invoke(JANE, config("branch")) == "[PERSON_1]"
        assert branch.invoke(BOB, config("branch")) == "[PERSON]"

    def test_parallel_answers_are_restored_under_their_keys(self) -> None:
        both = anonymizer() | RunnableParallel(a=model(), b=echo()) | Deanonymizer()
        answer = both.invoke(JANE, config("parallel"))
        assert (answer["a"].content, answer["b"]) == (f"Hello {JANE}!", JANE)
        streamed: Any = None
        for chunk in both.stream(JANE, config("parallel")):
            streamed = chunk if streamed is None else streamed + chunk
        assert (streamed["a"].content, streamed["b"]) == (f"Hello {JANE}!", JANE)

    def test_a_list_is_mapped_in_one_vault(self) -> None:
        hidden = anonymizer().map().invoke([JANE, BOB, JANE], config("map"))
        assert hidden[0] == hidden[2] != hidden[1]
        assert Deanonymizer().map().invoke(hidden, config("map")) == [JANE, BOB, JANE]

    def test_steps_take_functions_and_dicts_beside_them(self) -> None:
        chain = {"text": echo()} | anonymizer() | (lambda value: value["text"]) | Deanonymizer()
        assert chain.invoke(JANE, config("coerced")) == JANE


class TestBatches:
    INPUTS = (JANE, BOB, f"{BOB} and {JANE}")

    @pytest.mark.parametrize("limit", [None, 1, 2])
    @pytest.mark.parametrize(
        ("whole", "expected"),
        [
            (anonymizer() | echo(), ["[PERSON_1]", "[PERSON_1]", "[PERSON_1] and [PERSON_2]"]),
            (anonymizer() | echo() | Deanonymizer(), list(INPUTS)),
        ],
    )
    async def test_each_item_has_the_vault_of_its_own_config(
        self, whole: Runnable[Any, Any], expected: list[str], limit: int | None
    ) -> None:
        configs = [config(f"batch-{number}", max_concurrency=limit) for number in range(3)]
        inputs = list(self.INPUTS)
        assert whole.batch(inputs, configs) == expected
        assert await whole.abatch(inputs, configs) == expected
        assert dict(whole.batch_as_completed(inputs, configs)) == dict(enumerate(expected))
        completed = [item async for item in whole.abatch_as_completed(inputs, configs)]
        assert dict(completed) == dict(enumerate(expected))
        entries = [Vault(f"batch-{number}", store=process_store()).entries() for number in range(3)]
        assert [len(found) for found in entries] == [1, 1, 2]

    async def test_what_fails_in_a_batch_leaves_the_others_whole(self) -> None:
        chain = anonymizer(policies={"US_SSN": "block"}) | echo() | Deanonymizer()
        inputs = [JANE, "219-09-9999", BOB]
        for answers in (
            chain.batch(inputs, config("partly"), return_exceptions=True),
            await chain.abatch(inputs, config("partly"), return_exceptions=True),
            [
                one
                for _, one in sorted(
                    chain.batch_as_completed(inputs, config("partly"), return_exceptions=True)
                )
            ],
        ):
            assert [answers[0], answers[2]] == [JANE, BOB]
            assert isinstance(answers[1], SecGuardError)
            assert "219" not in str(answers[1])

    async def test_protect_gives_each_item_a_vault_of_its_own(self) -> None:
        vaults: list[str] = []

        def note(value: str, config: RunnableConfig) -> str:
            vaults.append(config["configurable"]["vault"].vault_id)
            return value

        chain = protect(RunnableLambda(note), anonymizer=anonymizer())
        named = RunnableConfig(max_concurrency=2)
        assert chain.batch([JANE, BOB], named) == await chain.abatch([JANE, BOB], named) == [JANE, BOB]
        assert len(set(vaults)) == 4


class TestEvents:
    async def test_each_step_is_a_child_of_the_sequence(self) -> None:
        events = await heard(pair(), f"I am {JANE}", config("events"))
        runs = {event["run_id"]: event for event in events if event["event"].endswith("_start")}
        root, *steps = runs.values()
        assert [root["name"], *(step["name"] for step in steps)] == [
            "RunnableSequence",
            "Anonymizer",
            "FakeListChatModel",
            "Deanonymizer",
        ]
        assert root["parent_ids"] == []
        assert all(step["parent_ids"] == [root["run_id"]] for step in steps)
        assert [step["tags"] for step in steps] == [["seq:step:1"], ["seq:step:2"], ["seq:step:3"]]

    async def test_every_run_starts_streams_and_ends_in_this_order(self) -> None:
        events = await heard(pair(), JANE, config("order"))
        for name in ("RunnableSequence", "FakeListChatModel", "Deanonymizer"):
            kinds = [event["event"].rsplit("_", 1)[1] for event in events if event["name"] == name]
            assert (kinds[0], set(kinds[1:-1]), kinds[-1]) == ("start", {"stream"}, "end")
        kinds = [event["event"] for event in events if event["name"] == "Anonymizer"]
        assert [kind for kind in kinds if kind != "on_chain_stream"] == ["on_chain_start", "on_chain_end"]

    async def test_the_models_chunks_hold_placeholders_and_the_last_steps_values(self) -> None:
        events = await heard(pair(), f"I am {JANE}", config("chunks"))

        def streamed(kind: str, name: str) -> str:
            return "".join(
                event["data"]["chunk"].text
                for event in events
                if (event["event"], event["name"]) == (kind, name)
            )

        assert streamed("on_chat_model_stream", "FakeListChatModel") == ANSWER
        assert streamed("on_chain_stream", "Deanonymizer") == f"Hello {JANE}!"
        assert streamed("on_chain_stream", "RunnableSequence") == f"Hello {JANE}!"
        (given,) = (event["data"] for event in events if event["event"] == "on_chat_model_start")
        assert JANE not in str(given)
        assert "[PERSON_1]" in str(given)

    async def test_the_steps_own_events_name_their_run_and_hold_no_value(self) -> None:
        events = await heard(pair(), f"I am {JANE}", config("custom"))
        runs = {event["name"]: event for event in events if event["event"] == "on_chain_start"}
        custom = {event["name"]: event for event in events if event["event"] == "on_custom_event"}
        for name, step in (("secguard.anonymized", "Anonymizer"), ("secguard.deanonymized", "Deanonymizer")):
            assert custom[name]["run_id"] == runs[step]["run_id"]
            assert custom[name]["parent_ids"] == runs[step]["parent_ids"]
            assert cast("dict[str, Any]", custom[name]["data"])["entities"] == {"PERSON": 1}
        assert JANE not in str(custom)

    @pytest.mark.filterwarnings("ignore::langchain_core._api.deprecation.LangChainDeprecationWarning")
    async def test_the_log_holds_each_step(self) -> None:
        logs: list[Any] = [log async for log in pair().astream_log(f"I am {JANE}", config("log"), diff=False)]
        log = logs[-1]
        assert log.state["final_output"].content == f"Hello {JANE}!"
        assert list(log.state["logs"]) == ["Anonymizer", "FakeListChatModel", "Deanonymizer"]
        assert "".join(chunk.text for chunk in log.state["streamed_output"]) == f"Hello {JANE}!"

    async def test_protect_is_a_run_with_its_steps_below_it(self) -> None:
        chain = echo() | protect(PROMPT | model(), anonymizer=anonymizer()) | StrOutputParser()
        events = await heard(chain, {"text": f"I am {JANE}"}, {})
        starts = [event for event in events if event["event"].endswith("_start")]
        (own,) = (event for event in starts if event["name"] == "ProtectedRunnable")
        below = [event["name"] for event in starts if own["run_id"] in event["parent_ids"]]
        assert below == ["Anonymizer", "ChatPromptTemplate", "FakeListChatModel", "Deanonymizer"]
        assert own["parent_ids"] == [starts[0]["run_id"]]


class TestParsers:
    PERSON = '{"name": "[PERSON_1]", "age": 36, "of": ["[PERSON_1]", 1]}'
    PARSED: ClassVar = {"name": JANE, "age": 36, "of": [JANE, 1]}

    @pytest.fixture
    def named(self, request: pytest.FixtureRequest) -> RunnableConfig:
        named = config(request.node.name)
        anonymizer().invoke(JANE, named)
        return named

    @pytest.mark.parametrize("size", [1, 3, 99])
    def test_text_is_restored_before_and_behind_its_parser(self, named: RunnableConfig, size: int) -> None:
        for chain in (
            chunks(ANSWER, size) | Deanonymizer() | StrOutputParser(),
            chunks(ANSWER, size) | StrOutputParser() | Deanonymizer(),
        ):
            assert "".join(chain.stream("", named)) == chain.invoke("", named) == f"Hello {JANE}!"

    @pytest.mark.parametrize("size", [1, 3, 99])
    async def test_json_grows_by_whole_values_behind_a_restored_text(
        self, named: RunnableConfig, size: int
    ) -> None:
        chain = chunks(self.PERSON, size) | Deanonymizer(json_text=True) | JsonOutputParser()
        snapshots = list(chain.stream("", named))
        assert snapshots[-1] == chain.invoke("", named) == self.PARSED
        assert [snapshot async for snapshot in chain.astream("", named)] == snapshots
        assert "PERSON" not in str(snapshots)

    @pytest.mark.parametrize("size", [1, 3, 99])
    def test_snapshots_of_json_are_restored_one_by_one(self, named: RunnableConfig, size: int) -> None:
        chain = chunks(self.PERSON, size) | JsonOutputParser() | Deanonymizer()
        assert list(chain.stream("", named))[-1] == chain.invoke("", named) == self.PARSED

    @pytest.mark.parametrize("diff", [False, True])
    def test_no_snapshot_names_another_person(self, diff: bool) -> None:
        people = [f"Person{letter}" for letter in "abcdefghijkl"]
        Anonymizer(detector=LexiconDetector(), hidden_names=people).invoke(
            " ".join(people), config(f"twelve-{diff}")
        )
        chain = chunks('{"to": "[CUSTOM_12]"}', 1) | JsonOutputParser(diff=diff) | Deanonymizer()
        shown = str(list(chain.stream("", config(f"twelve-{diff}"))))
        assert people[11] in shown
        assert not [person for person in people[:11] if person in shown]

    @pytest.mark.parametrize("size", [1, 3, 99])
    def test_operations_on_json_add_up_to_the_restored_object(self, named: RunnableConfig, size: int) -> None:
        chain = chunks(self.PERSON, size) | Deanonymizer(json_text=True) | JsonOutputParser(diff=True)
        built: Any = None
        for operations in chain.stream("", named):
            for operation in operations:
                built = applied(built, operation)
        assert built == self.PARSED

    def test_pydantic_objects_are_restored_before_and_behind_their_parser(
        self, named: RunnableConfig
    ) -> None:
        answer = chunks('{"name": "[PERSON_1]", "age": 36}')
        parser: Runnable[Any, Any] = PydanticOutputParser(pydantic_object=Person)
        for chain in (answer | Deanonymizer(json_text=True) | parser, answer | parser | Deanonymizer()):
            assert chain.invoke("", named) == list(chain.stream("", named))[-1] == Person(name=JANE, age=36)

    def test_a_value_with_quotes_stays_json(self) -> None:
        odd = 'Jane "JD" Doe\\\n'
        Anonymizer(detector=LexiconDetector(), hidden_names=[odd.strip()]).invoke(odd, config("quotes"))
        chain = chunks('{"name": "[CUSTOM_1]"}') | Deanonymizer(json_text=True) | JsonOutputParser()
        assert chain.invoke("", config("quotes")) == {"name": odd.strip()}

    @pytest.mark.filterwarnings("ignore:Pydantic serializer warnings")
    @pytest.mark.loopback
    @pytest.mark.parametrize("method", ["function_calling", "json_schema"])
    async def test_structured_output_with_its_raw_message_is_restored_whole(
        self, method: Literal["function_calling", "json_schema"]
    ) -> None:
        def answer(request: dict[str, Any]) -> Reply:
            person = {"name": "[PERSON_1]", "age": 36}
            if "tools" in request:
                return Reply(tool_calls=(ToolCall(name="Person", arguments=person),), chunk_size=3)
            return Reply(text=json.dumps(person), chunk_size=3)

        named = config(f"structured-{method}")
        with OpenAIServer(answer) as server:
            structured: Any = server.chat_model().with_structured_output(
                Person, method=method, include_raw=True
            )
            chain = anonymizer() | structured | Deanonymizer()
            whole = chain.invoke(JANE, named)
            streamed: Any = None
            for chunk in chain.stream(JANE, named):
                streamed = chunk if streamed is None else streamed + chunk
            awaited = await chain.ainvoke(JANE, named)
            assert not server.saw(JANE)
        for answered in (whole, awaited, streamed):
            assert answered["parsed"] == Person(name=JANE, age=36)
            assert answered["parsing_error"] is None
            raw: AIMessage = answered["raw"]
            assert JANE in (str(raw.tool_calls) if method == "function_calling" else raw.text)

    @pytest.mark.loopback
    async def test_a_schema_that_checks_its_strings_sees_values_behind_the_pair(self) -> None:
        call = ToolCall(name="Contact", arguments={"email": "[EMAIL_ADDRESS_1]"})
        named = config("contact")
        with OpenAIServer(lambda request: Reply(tool_calls=(call,), chunk_size=3)) as server:
            parser = PydanticToolsParser(tools=[Contact], first_tool_only=True)
            chain = anonymizer() | server.chat_model().bind_tools([Contact]) | Deanonymizer() | parser
            expected = Contact(email="jane@example.com")
            assert chain.invoke("Who? jane@example.com", named) == expected
            assert (await chain.ainvoke("Who? jane@example.com", named)) == expected
            assert list(chain.stream("Who? jane@example.com", named))[-1] == expected
            assert not server.saw("jane@")


class TestTransform:
    def test_chunks_that_come_in_are_joined_hidden_and_streamed_out(self) -> None:
        letters = RunnableGenerator(one_by_one) | protect(model(), anonymizer=anonymizer())
        pieces = [chunk.text for chunk in letters.stream(f"I am {JANE}", {})]
        assert "".join(pieces) == f"Hello {JANE}!"
        assert len([piece for piece in pieces if piece]) > 5

    async def test_a_stream_of_chunks_is_restored_as_it_comes(self) -> None:
        vault = Vault()
        anonymizer(vault=vault).invoke(JANE)
        arrived: list[str] = []

        async def letters() -> AsyncIterator[str]:
            for letter in ANSWER:
                arrived.append(letter)
                yield letter

        shown = ""
        async for chunk in Deanonymizer(vault=vault).atransform(letters()):
            shown += chunk
            if len(arrived) < len("Hello ["):
                assert shown == "".join(arrived)
        assert shown == f"Hello {JANE}!"

    def test_what_goes_in_is_hidden_only_when_it_is_whole(self) -> None:
        assert list(anonymizer().transform(iter(f"I am {JANE}"), config("transform"))) == ["I am [PERSON_1]"]


@tool
def phone_of(name: str) -> str:
    """Look up a phone number."""
    return {JANE: "(217) 555-0142"}.get(name, "unknown")


@pytest.mark.loopback
class TestTools:
    @staticmethod
    def answer(request: dict[str, Any]) -> Reply:
        last = request["messages"][-1]
        if last["role"] == "tool":
            return Reply(text=f"Call {last['content']}.", chunk_size=2)
        return Reply(
            tool_calls=(ToolCall(name="phone_of", arguments={"name": "[PERSON_1]"}, id="c1"),), chunk_size=2
        )

    @pytest.mark.parametrize("streams", [False, True])
    def test_a_loop_of_calls_and_results_keeps_its_placeholders(self, streams: bool) -> None:
        named = config(f"tools-{streams}")
        with OpenAIServer(self.answer) as server:
            chain = anonymizer() | server.chat_model().bind_tools([phone_of]) | Deanonymizer()

            def ask(messages: list[BaseMessage]) -> AIMessage:
                if not streams:
                    return cast("AIMessage", chain.invoke(messages, named))
                whole: Any = None
                for chunk in chain.stream(messages, named):
                    whole = chunk if whole is None else whole + chunk
                return AIMessage(whole.content, tool_calls=whole.tool_calls)

            messages: list[BaseMessage] = []
            for _ in range(2):
                messages.append(HumanMessage(f"What is {JANE}'s number?"))
                for _ in range(2):
                    messages.append(ask(messages))
                    for call in messages[-1].tool_calls if isinstance(messages[-1], AIMessage) else []:
                        assert call["args"] == {"name": JANE}
                        result = phone_of.invoke(call)
                        assert isinstance(result, ToolMessage)
                        messages.append(result)
            assert [one.content for one in messages if isinstance(one, AIMessage)] == [
                "",
                "Call (217) 555-0142.",
            ] * 2
            sent = server.requests[-1].messages
        assert not server.saw(JANE)
        assert not server.saw("555-0142")
        assert {one["content"] for one in sent if one["role"] == "tool"} == {"[PHONE_NUMBER_1]"}
        assert {one["content"] for one in sent if one["role"] == "user"} == {"What is [PERSON_1]'s number?"}
        calls = [call for one in sent for call in one.get("tool_calls", [])]
        assert [json.loads(call["function"]["arguments"]) for call in calls] == [{"name": "[PERSON_1]"}] * 2
        assert {call["id"] for call in calls} == {"c1"}


class TestCallbacks:
    STEPS = ("RunnableSequence", "Anonymizer", "FakeListChatModel", "Deanonymizer")

    async def test_every_way_of_calling_starts_and_ends_each_step_once(self) -> None:
        chain = pair()
        for runs in (Runs(), AsyncRuns()):
            named = config("callbacks", callbacks=[runs])
            if isinstance(runs, Runs):
                chain.invoke(JANE, named)
                list(chain.stream(JANE, named))
            else:
                await chain.ainvoke(JANE, named)
                _ = [chunk async for chunk in chain.astream(JANE, named)]
            started = [one["run_id"] for one in runs.started]
            assert sorted(one["name"] for one in runs.started) == sorted(self.STEPS * 2)
            assert sorted(started) == sorted(runs.ended)
            assert len(set(started)) == len(started)
            assert runs.failed == []

    async def test_what_fails_is_told_once_for_the_step_and_once_for_the_chain(self) -> None:
        chain = Anonymizer(detector=Flaky(failures=99)) | model() | Deanonymizer()
        for call in ("invoke", "stream", "ainvoke", "astream"):
            runs = Runs()
            with pytest.raises(DetectorError):
                await called(chain, call, JANE, config("failing", callbacks=[runs]))
            failed = {one["name"] for one in runs.started if one["run_id"] in dict(runs.failed)}
            assert {"Anonymizer", "RunnableSequence"} <= failed
            assert "FakeListChatModel" not in {one["name"] for one in runs.started}
            assert not any(JANE in text for _, error in runs.failed for text in error_texts(error))

    async def test_a_missing_vault_is_an_error_of_the_run(self) -> None:
        for step in (anonymizer(), Deanonymizer()):
            for call in ("invoke", "stream", "ainvoke", "astream"):
                runs = Runs()
                with pytest.raises(VaultRequiredError, match="vault_id"):
                    await called(step, call, JANE, RunnableConfig(callbacks=[runs]))
                assert [type(error) for _, error in runs.failed] == [VaultRequiredError]


class TestProtect:
    @pytest.mark.parametrize("call", ["invoke", "stream", "ainvoke", "astream"])
    async def test_arguments_of_a_call_go_to_what_is_wrapped(self, call: str) -> None:
        given: list[Any] = []

        def take(value: str, **kwargs: Any) -> str:
            given.append(kwargs)
            return value

        chain = protect(RunnableLambda(take), anonymizer=anonymizer())
        assert await called(chain, call, JANE, None, stop=["."]) == JANE
        assert await called(chain.bind(stop=["!"]), call, JANE, None) == JANE
        assert given == [{"stop": ["."]}, {"stop": ["!"]}]

    @pytest.mark.parametrize("call", ["invoke", "stream", "ainvoke", "astream"])
    async def test_the_config_of_the_caller_reaches_what_is_wrapped(self, call: str) -> None:
        seen: list[Any] = []

        def look(value: str, config: RunnableConfig) -> str:
            seen.append((config["configurable"]["user"], config["tags"], config["metadata"]["k"]))
            return value

        inner = protect(RunnableLambda(look), anonymizer=anonymizer())
        given = RunnableConfig(configurable={"user": 7}, tags=["t"], metadata={"k": 1})
        assert await called(inner, call, JANE, given) == JANE
        if call in ("invoke", "stream"):  # called without a config, from a step that has one
            outer = RunnableLambda(lambda value: inner.invoke(value))  # noqa: PLW0108 - no config is handed on
            assert await called(outer, call, JANE, given) == JANE
        assert {(user, value) for user, _, value in seen} == {(7, 1)}
        assert all("t" in tags for _, tags, _ in seen)

    @pytest.mark.parametrize("call", ["invoke", "stream", "ainvoke", "astream"])
    async def test_context_variables_reach_what_is_wrapped(self, call: str) -> None:
        token = WHO.set("caller")
        try:
            chain = protect(RunnableLambda(lambda _: WHO.get()), anonymizer=anonymizer())
            assert await called(chain, call, JANE, None) == "caller"
        finally:
            WHO.reset(token)

    def test_it_wraps_whatever_can_stand_in_a_sequence(self) -> None:
        seen: list[str] = []

        def note(value: str) -> str:
            seen.append(value)
            return value

        assert protect(note, anonymizer=anonymizer()).invoke(JANE) == JANE
        assert protect({"a": note, "b": echo()}, anonymizer=anonymizer()).invoke(JANE) == {
            "a": JANE,
            "b": JANE,
        }
        assert seen == ["[PERSON_1]"] * 2
        with pytest.raises(TypeError):
            protect(cast("Any", JANE))

    async def test_one_inside_another_shares_its_vault(self) -> None:
        spy = Spy()
        inner = protect(spy.step, anonymizer=anonymizer())
        outer = protect(echo() | inner, anonymizer=anonymizer())
        assert outer.invoke(JANE) == await outer.ainvoke(JANE) == JANE
        assert not any(JANE in value for value in spy.seen)

    def test_in_the_middle_of_a_chain_it_streams(self) -> None:
        chain = {"text": echo()} | protect(PROMPT | model(), anonymizer=anonymizer()) | StrOutputParser()
        pieces = [piece for piece in chain.stream(f"I am {JANE}") if piece]
        assert "".join(pieces) == f"Hello {JANE}!"
        assert len(pieces) > 5

    async def test_a_stream_that_is_left_erases_its_vault(self) -> None:
        vaults: list[Vault] = []

        def note(value: Any, config: RunnableConfig) -> Any:
            vaults.append(config["configurable"]["vault"])
            return value

        chain = protect(RunnableLambda(note) | model(), anonymizer=anonymizer())
        async for _ in chain.astream(JANE):
            break
        task = asyncio.create_task(drained(chain.astream(JANE)))
        await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        gc.collect()
        await asyncio.sleep(0.01)
        assert [vault.entries() for vault in vaults] == [[]] * len(vaults)
        assert vaults


class TestSerialization:
    KEY = b"a key that is not to be written down"

    def secretive(self) -> list[RunnableSerializable[Any, Any]]:
        vault = Vault("written")
        before = anonymizer(
            hidden_names=["Project Falcon"], vault=vault, form=Form(check_key=self.KEY), name="hide"
        )
        after = Deanonymizer(vault=vault, form=Form(check_key=self.KEY))
        before.invoke(f"{JANE} runs Project Falcon")
        return [
            before,
            after,
            before | model() | after,
            protect(model(), anonymizer=before, deanonymizer=after),
        ]

    def test_a_chain_is_described_without_a_value_a_name_or_a_key(self) -> None:
        for step in self.secretive():
            for written in (dumps(step), json.dumps(dumpd(step)), repr(step), str(step)):
                assert not any(secret in written for secret in (JANE, "Falcon", "not to be written down"))

    def test_what_holds_a_vault_is_not_serializable(self) -> None:
        before, after, _, protected = self.secretive()
        for step in (before, after, protected):
            assert not step.is_lc_serializable()
            assert step.to_json()["type"] == "not_implemented"
            with pytest.raises(TypeError):
                pickle.dumps(step)
            with pytest.raises(TypeError):
                copy.deepcopy(step)

    def test_a_copy_is_the_same_step(self) -> None:
        step = anonymizer()
        assert copy.copy(step).invoke(JANE, config("copied")) == step.invoke(JANE, config("copied"))


class TestConcurrency:
    def test_one_chain_serves_many_threads(self) -> None:
        chain = anonymizer() | echo() | Deanonymizer()
        people = [JANE, BOB, f"{JANE} and {BOB}", "nobody"] * 16
        with ThreadPoolExecutor(8) as pool:
            answers = list(
                pool.map(
                    lambda item: chain.invoke(item[1], config(f"thread-{item[0] % 5}")), enumerate(people)
                )
            )
        assert answers == people

    async def test_one_chain_serves_many_tasks(self) -> None:
        chain = protect(model(), anonymizer=anonymizer())
        answers = await asyncio.gather(*(drained(chain.astream(person)) for person in [JANE, BOB] * 16))
        assert answers == [f"Hello {JANE}!", f"Hello {BOB}!"] * 16

    async def test_the_event_loop_runs_while_a_detector_detects(self) -> None:
        detector = Gated()
        task = asyncio.create_task(
            (Anonymizer(detector=detector) | Deanonymizer()).ainvoke(JANE, config("slow"))
        )
        assert await asyncio.to_thread(detector.entered.wait, 5)
        assert not task.done()
        detector.opened.set()
        assert await task == JANE

    async def test_a_cancelled_call_leaves_nothing_behind(self) -> None:
        detector = Gated()
        chain = Anonymizer(detector=detector) | Deanonymizer()
        task = asyncio.create_task(chain.ainvoke(JANE, config("cancelled")))
        assert await asyncio.to_thread(detector.entered.wait, 5)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        detector.opened.set()
        assert Vault("cancelled", store=process_store()).entries() == []
        assert await chain.ainvoke(JANE, config("cancelled")) == JANE


WHO: ContextVar[str] = ContextVar("WHO", default="nobody")


class Spy:
    """Note what goes through a step."""

    def __init__(self) -> None:
        self.seen: list[Any] = []

    @property
    def step(self) -> RunnableLambda[Any, Any]:
        return RunnableLambda(self._note)

    def _note(self, value: Any) -> Any:
        self.seen.append(value)
        return value


class Flaky(LexiconDetector):
    """Fail a few times, with a message that holds the text."""

    def __init__(self, failures: int) -> None:
        super().__init__()
        self.calls = 0
        self._failures = failures

    def detect(self, texts: Sequence[str]) -> list[list[Span]]:
        self.calls += 1
        if self.calls <= self._failures:
            raise RuntimeError(f"cannot read {texts}")
        return super().detect(texts)


class Gated(EmbeddedDetector):
    """Detect, in a thread of its own, when told to; wait for that at most a few seconds."""

    def __init__(self) -> None:
        super().__init__()
        self.entered, self.opened = Event(), Event()

    def detect(self, texts: Sequence[str]) -> list[list[Span]]:
        self.entered.set()
        if not self.opened.wait(5):
            raise TimeoutError
        return LexiconDetector().detect(texts)


class Runs(BaseCallbackHandler):
    """Note which runs start, end and fail."""

    def __init__(self) -> None:
        self.started: list[dict[str, Any]] = []
        self.ended: list[UUID] = []
        self.failed: list[tuple[UUID, BaseException]] = []

    def on_chain_start(self, serialized: Any, inputs: Any, **kwargs: Any) -> None:
        self.started.append({**kwargs, "name": kwargs.get("name") or serialized["name"]})

    def on_chat_model_start(self, serialized: Any, messages: Any, **kwargs: Any) -> None:
        self.started.append({**kwargs, "name": kwargs.get("name") or serialized["name"]})

    def on_chain_end(self, outputs: Any, *, run_id: UUID, **kwargs: Any) -> None:
        self.ended.append(run_id)

    def on_llm_end(self, response: Any, *, run_id: UUID, **kwargs: Any) -> None:
        self.ended.append(run_id)

    def on_chain_error(self, error: BaseException, *, run_id: UUID, **kwargs: Any) -> None:
        self.failed.append((run_id, error))


class AsyncRuns(AsyncCallbackHandler):
    """Note which runs start, end and fail, from a handler of coroutines."""

    def __init__(self) -> None:
        self.started: list[dict[str, Any]] = []
        self.ended: list[UUID] = []
        self.failed: list[tuple[UUID, BaseException]] = []

    async def on_chain_start(self, serialized: Any, inputs: Any, **kwargs: Any) -> None:
        self.started.append({**kwargs, "name": kwargs.get("name") or serialized["name"]})

    async def on_chat_model_start(self, serialized: Any, messages: Any, **kwargs: Any) -> None:
        self.started.append({**kwargs, "name": kwargs.get("name") or serialized["name"]})

    async def on_chain_end(self, outputs: Any, *, run_id: UUID, **kwargs: Any) -> None:
        self.ended.append(run_id)

    async def on_llm_end(self, response: Any, *, run_id: UUID, **kwargs: Any) -> None:
        self.ended.append(run_id)

    async def on_chain_error(self, error: BaseException, *, run_id: UUID, **kwargs: Any) -> None:
        self.failed.append((run_id, error))


async def heard(chain: Runnable[Any, Any], value: Any, named: RunnableConfig) -> list[StreamEvent]:
    return [event async for event in chain.astream_events(value, named, version="v2")]


async def called(
    chain: Runnable[Any, Any], call: str, value: Any, named: RunnableConfig | None, **kwargs: Any
) -> Any:
    """Call a chain in one of four ways, and put together what it gives."""
    if call == "invoke":
        return chain.invoke(value, named, **kwargs)
    if call == "ainvoke":
        return await chain.ainvoke(value, named, **kwargs)
    if call == "stream":
        return "".join(chain.stream(value, named, **kwargs))
    return "".join([chunk async for chunk in chain.astream(value, named, **kwargs)])


async def drained(stream: AsyncIterator[Any]) -> str:
    return "".join([chunk.text async for chunk in stream])


def one_by_one(texts: Iterator[str]) -> Iterator[str]:
    for text in texts:
        yield from text


def applied(document: Any, operation: dict[str, Any]) -> Any:
    """Apply one operation of a JSON patch that adds or replaces (RFC 6902)."""
    *parents, last = operation["path"].split("/")
    if not parents:
        return copy.deepcopy(operation["value"])
    target = document
    for step in parents[1:]:
        target = target[int(step) if isinstance(target, list) else step]
    if isinstance(target, list):
        at = int(last)
        target[at : at + (operation["op"] == "replace")] = [operation["value"]]
    else:
        target[last] = operation["value"]
    return document


def process_store() -> Any:
    from langchain_secguard.config import _PROCESS_STORE  # noqa: PLC0415

    return _PROCESS_STORE
