"""Linked names around a real OpenAI client: what goes over the wire, and what comes back."""

import asyncio
from functools import reduce
from operator import add
from pathlib import Path
from typing import Any

import pytest
from langchain_core.messages import BaseMessage, HumanMessage
from langchain_core.runnables import Runnable

from langchain_secguard import Anonymizer, Deanonymizer
from langchain_secguard.vault import InMemoryVaultStore
from tests.integration.openai_server import OpenAIServer, Reply
from tests.support import config, holds

pytestmark = pytest.mark.loopback

COMPLAINT = (Path(__file__).parents[2] / "examples" / "complaint.txt").read_text(encoding="utf-8")


def around(runnable: Runnable[Any, Any]) -> Runnable[Any, Any]:
    store = InMemoryVaultStore()
    return Anonymizer(store=store) | runnable | Deanonymizer(store=store)


def echo(request: dict[str, Any]) -> Reply:
    return Reply(text=str(request["messages"][-1]["content"]), chunk_size=3)


def assert_hidden(server: OpenAIServer) -> None:
    for request in server.requests:
        assert not any(holds(request.body.decode(), name) for name in ("Jane", "Doe", "Whitfield", "Alvarez"))


class TestTranscript:
    def test_comes_back_as_it_was_while_the_model_learns_who_is_one_person(self) -> None:
        with OpenAIServer(echo) as server:
            answer = around(server.chat_model()).invoke(COMPLAINT, config())
            sent = server.requests[0].body.decode()
        assert answer.content == COMPLAINT
        assert "Plaintiff [PERSON_1], by" in sent
        assert "Ms. [PERSON_1b], then" in sent
        assert_hidden(server)

    @pytest.mark.parametrize("size", [1, 2, 5, 11])
    def test_streams_whatever_way_the_answer_is_cut(self, size: int) -> None:
        reply = "Ms. [PERSON_1b] ([PERSON_1]) won; PERSON_1b's hand, [person 1B], [PERSON_1c], [PERSON_1b"
        with OpenAIServer(lambda _: Reply(text=reply, chunk_size=size)) as server:
            chain = around(server.chat_model())
            text = "Plaintiff Jane Doe sued. Ms. Doe won."
            whole = chain.invoke(text, config()).content
            streamed = reduce(add, chain.stream(text, config())).content
        assert whole == "Ms. Doe (Jane Doe) won; Doe's hand, Doe, [PERSON_1c], [PERSON_1b"
        assert streamed == whole

    async def test_concurrent_calls_on_one_vault_agree(self) -> None:
        with OpenAIServer(echo) as server:
            chain = around(server.chat_model())
            texts = ["Ms. Doe met Bob Roe.", "Jane Doe and Ms. Doe met.", "Jane Doe, JANE DOE"] * 8
            answers = await asyncio.gather(*(chain.ainvoke(text, config()) for text in texts))
        assert [answer.content for answer in answers] == texts
        assert_hidden(server)


class TestChat:
    def test_links_over_turns(self) -> None:
        turns = [
            "I am Jane Doe.",
            "Write to Ms. Doe, please.",
            "Write to Mr. John Doe, too.",
            "Call Jane Doe.",
        ]
        messages: list[BaseMessage] = []
        with OpenAIServer(echo) as server:
            chat = around(server.chat_model())
            for turn in turns:
                messages.append(HumanMessage(turn))
                messages.append(chat.invoke(messages, config()))
            sent = [message["content"] for message in server.requests[-1].messages]
        assert [message.content for message in messages] == [turn for turn in turns for _ in range(2)]
        assert sent[::2] == [
            "I am [PERSON_1].",
            "Write to Ms. [PERSON_1b], please.",
            "Write to Mr. [PERSON_2], too.",
            "Call [PERSON_1].",
        ]
        assert_hidden(server)
