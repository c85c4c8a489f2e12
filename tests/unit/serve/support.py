"""A chat model that says what it saw, an app around it, and requests without a network."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from typing import Any

import httpx
from fastapi import FastAPI, Request
from langchain_core.callbacks import AsyncCallbackManagerForLLMRun, CallbackManagerForLLMRun
from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage, AIMessageChunk, BaseMessage
from langchain_core.outputs import ChatGeneration, ChatGenerationChunk, ChatResult
from langchain_core.runnables import Runnable
from pydantic import Field
from starlette.types import Message

from langchain_secguard import Anonymizer, Deanonymizer
from langchain_secguard.serve import add_secure_routes
from langchain_secguard.vault import InMemoryVaultStore
from tests.support import LexiconDetector

NAMES = {"Jane Doe": "PERSON", "Bob Roe": "PERSON", "Ada Moe": "PERSON"}


class Echo(BaseChatModel):
    """Answer with what was seen last, in pieces of three characters, and remember it."""

    seen: list[str] = Field(default_factory=list)
    failure: Any = None
    delay: float = 0.0

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
        raise NotImplementedError

    async def _agenerate(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: AsyncCallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> ChatResult:
        text = self._saw(messages)
        await asyncio.sleep(self.delay)
        return ChatResult(generations=[ChatGeneration(message=AIMessage(content=f"You said: {text}"))])

    async def _astream(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: AsyncCallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> AsyncIterator[ChatGenerationChunk]:
        text = f"You said: {self._saw(messages)}"
        for start in range(0, len(text), 3):
            await asyncio.sleep(self.delay)
            yield ChatGenerationChunk(message=AIMessageChunk(content=text[start : start + 3]))

    def _saw(self, messages: list[BaseMessage]) -> str:
        text = str(messages[-1].content) if messages else ""
        self.seen.append(text)
        if self.failure is not None:
            raise self.failure(text)
        return text


def pair(
    model: Runnable[Any, Any], store: InMemoryVaultStore | None = None, **options: Any
) -> Runnable[Any, Any]:
    """Put the two steps around a model."""
    store = store or InMemoryVaultStore()
    hide = Anonymizer(detector=LexiconDetector(NAMES), store=store, **options)
    chain: Runnable[Any, Any] = hide | model | Deanonymizer(store=store)
    return chain


def user_of(request: Request) -> str | None:
    """Name the vault after a header, as a proxy that has authenticated might set it."""
    return request.headers.get("x-user")


def served(chain: Runnable[Any, Any] | None = None, **options: Any) -> FastAPI:
    """Serve a chain in an app with nothing else, by default with types that are quickly described."""
    app = FastAPI()
    quick = {"vault_id": user_of, "input_type": str, "output_type": dict}
    add_secure_routes(app, chain or pair(Echo()), **{**quick, **options})
    return app


@asynccontextmanager
async def client(app: Any, user: str | None = "u1") -> AsyncIterator[httpx.AsyncClient]:
    """Send requests to an app as one user."""
    headers = {"x-user": user} if user else {}
    transport = httpx.ASGITransport(app, raise_app_exceptions=True)
    async with httpx.AsyncClient(transport=transport, base_url="http://test", headers=headers) as sender:
        yield sender


async def post(app: Any, path: str, body: Any, user: str | None = "u1", **kwargs: Any) -> httpx.Response:
    """Send one request."""
    async with client(app, user) as sender:
        return await sender.post(path, json=body, **kwargs)


def events(text: str) -> list[tuple[str, Any]]:
    """Read server-sent events."""
    return list(_events(text))


def _events(text: str) -> Iterator[tuple[str, Any]]:
    for block in text.split("\r\n\r\n"):
        fields = dict(
            line.split(": ", 1) for line in block.split("\r\n") if line and not line.startswith(":")
        )
        if fields:
            yield fields["event"], json.loads(fields.get("data", "null"))


class Wire:
    """Be both ends of one ASGI request: what the client sends, and whether it reads and stays."""

    def __init__(self, body: bytes = b"", *, headers: dict[str, str] | None = None, path: str = "/x") -> None:
        given = {"content-type": "application/json", "x-user": "u1", **(headers or {})}
        self.scope: dict[str, Any] = {
            "type": "http",
            "asgi": {"version": "3.0"},
            "http_version": "1.1",
            "method": "POST",
            "path": path,
            "raw_path": path.encode(),
            "query_string": b"",
            "root_path": "",
            "scheme": "http",
            "server": ("test", 80),
            "client": ("test", 1),
            "headers": [(name.encode(), value.encode()) for name, value in given.items()],
        }
        self.parts: list[Message] = [{"type": "http.request", "body": body, "more_body": False}]
        self.sent: list[Message] = []
        self.left = asyncio.Event()
        self.reads = asyncio.Event()
        self.reads.set()
        self.got = asyncio.Event()

    async def receive(self) -> Message:
        """Give the app the next part of the body, then nothing until the client leaves."""
        if self.parts:
            return self.parts.pop(0)
        await self.left.wait()
        return {"type": "http.disconnect"}

    async def send(self, message: Message) -> None:
        """Take what the app sends, while the client reads."""
        await self.reads.wait()
        self.sent.append(message)
        self.got.set()

    async def run(self, app: Callable[..., Any]) -> None:
        """Let an app answer."""
        await app(self.scope, self.receive, self.send)

    @property
    def status(self) -> int | None:
        """The status that was sent."""
        return next((one["status"] for one in self.sent if one["type"] == "http.response.start"), None)

    @property
    def body(self) -> bytes:
        """The body that was sent."""
        return b"".join(one.get("body", b"") for one in self.sent)

    @property
    def ended(self) -> bool:
        """Whether the response was sent to its end."""
        return bool(self.sent) and not self.sent[-1].get("more_body", True)
