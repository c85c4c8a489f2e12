"""The app that the tests of serving run in processes of its own: users, and a model that says what it saw."""

import asyncio
import itertools
import json
import os
import re
from collections.abc import AsyncIterator, Iterator
from typing import Any

from fastapi import FastAPI, Request
from langchain_core.callbacks import AsyncCallbackManagerForLLMRun, CallbackManagerForLLMRun
from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage, AIMessageChunk, BaseMessage
from langchain_core.outputs import ChatGeneration, ChatGenerationChunk, ChatResult
from langchain_core.prompts import ChatPromptTemplate

from langchain_secguard import Anonymizer, Deanonymizer
from langchain_secguard.serve import Settings, add_secure_routes, create_app
from tests.support import PatternDetector

FIRST = [
    "Ada",
    "Bea",
    "Cora",
    "Dina",
    "Edda",
    "Fay",
    "Gwen",
    "Hope",
    "Iris",
    "Jane",
    "Kate",
    "Lena",
    "Mona",
    "Nora",
    "Olga",
    "Rosa",
    "Sara",
    "Tess",
    "Uma",
    "Vera",
]
LAST = [
    *("Abel", "Boyd", "Cole", "Dyer", "Earl", "Ford", "Gray", "Hale", "Ives", "Judd"),
    *("Kerr", "Lowe", "Mead", "Nash", "Odell", "Pike", "Rowe", "Shaw", "Todd", "Vane"),
]

SEEN = "SERVE_SEEN"
"""The variable that names the file in which the model writes down what it sees."""

FLOOD_CHARACTERS = 64 * 1024 * 1024
"""So long is the answer to whoever asks for a flood."""


def people() -> Iterator[str]:
    """Give names, each one once."""
    for turn, place in itertools.product(range(len(LAST)), range(len(FIRST))):
        yield f"{FIRST[place]} {LAST[(place + turn) % len(LAST)]}"


class Echo(BaseChatModel):
    """Say what was seen; slowly, at great length or not at all, if the text asks for it."""

    @property
    def _llm_type(self) -> str:
        return "echo"

    def _generate(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: CallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> ChatResult:
        return ChatResult(generations=[ChatGeneration(message=AIMessage(content=f"I saw: {see(messages)}"))])

    async def _astream(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: AsyncCallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> AsyncIterator[ChatGenerationChunk]:
        text = see(messages)
        for piece in pieces(text):
            await asyncio.sleep(0.05 if "slowly" in text else 0)
            yield ChatGenerationChunk(message=AIMessageChunk(content=piece))


def pieces(text: str) -> Iterator[str]:
    """Cut an answer into the pieces that it is streamed in."""
    if "a flood" in text:
        for _ in range(FLOOD_CHARACTERS // 4096):
            yield "x" * 4096
        return
    answer = f"I saw: {text}"
    for start in range(0, len(answer), 5):
        yield answer[start : start + 5]


def see(messages: list[BaseMessage]) -> str:
    """Write down what the model sees, and which process it is in."""
    text = str(messages[-1].content)
    if path := os.environ.get(SEEN):
        with open(path, "a", encoding="utf-8") as file:  # noqa: PTH123 - one write, appended, is not torn apart
            file.write(json.dumps([os.getpid(), text]) + "\n")
    if "please fail" in text:
        raise RuntimeError(f"cannot answer {text}")
    return text


def who_asks(request: Request) -> list[str | None]:
    """Name the vault after the token's user and the conversation that the user names."""
    scheme, _, user = request.headers.get("authorization", "").partition(" ")
    known = scheme == "Bearer" and re.fullmatch(r"user-\d+", user)
    return [user if known else None, request.headers.get("x-conversation", "main")]


def create() -> FastAPI:
    """Make the app, with its store from the environment."""
    settings = Settings.from_environment()
    store = settings.open_store()
    names = PatternDetector(rf"\b(?:{'|'.join(FIRST)}) (?:{'|'.join(LAST)})\b")
    hide, restore = Anonymizer(detector=names, store=store), Deanonymizer(store=store)
    app = create_app(
        {"/chat": hide | Echo() | restore},
        vault_id=who_asks,
        store=store,
        limits=settings.limits,
        endpoints=("invoke", "batch", "stream", "stream_events"),
    )
    prompt = ChatPromptTemplate.from_messages([("human", "{text}")])
    add_secure_routes(app, hide | prompt | Echo() | restore, vault_id=who_asks, path="/try", playground=True)
    return app
