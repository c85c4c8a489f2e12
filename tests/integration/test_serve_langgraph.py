"""What docs/serving.md says of LangGraph's server: a gateway before it, and handlers that guard it."""

import json
import re
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from fastapi import FastAPI, Request
from langchain_core.runnables import RunnableConfig
from langgraph.pregel.remote import RemoteGraph
from langgraph_sdk import Auth

from langchain_secguard import Anonymizer, Deanonymizer
from langchain_secguard.middleware import protect_agent
from langchain_secguard.serve import add_secure_routes
from langchain_secguard.vault import InMemoryVaultStore
from tests.support import LexiconDetector
from tests.unit.serve.support import NAMES, post, user_of

THREAD = "9af3e274-abb2-57be-b470-1e474e8553a2"
PAGE = (Path(__file__).parents[2] / "docs" / "serving.md").read_text(encoding="utf-8")


class StandIn(ThreadingHTTPServer):
    """Answer as LangGraph's server does to a run that is streamed, and keep what was asked."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.asked: list[tuple[str, Any]] = []
        threading.Thread(target=self.serve_forever, daemon=True).start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"


class _Handler(BaseHTTPRequestHandler):
    server: StandIn

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["content-length"])))
        self.server.asked.append((self.path, body))
        messages = body["input"]["messages"]
        said = {"type": "ai", "content": f"You said: {messages[-1]['content']}", "id": "2"}
        state = json.dumps({"messages": [*messages, said]})
        self.send_response(200)
        self.send_header("content-type", "text/event-stream")
        self.end_headers()
        self.wfile.write(f"event: values\ndata: {state}\n\n".encode())

    def log_message(self, *args: object) -> None:
        pass


@pytest.fixture
def stand_in() -> Iterator[StandIn]:
    server = StandIn()
    yield server
    server.shutdown()
    server.server_close()


@pytest.mark.loopback
async def test_the_gateway_sends_placeholders_and_answers_with_values(stand_in: StandIn) -> None:
    def thread_of(request: Request) -> RunnableConfig:
        return {"configurable": {"thread_id": THREAD}}

    store = InMemoryVaultStore()
    hide = Anonymizer(detector=LexiconDetector(NAMES), store=store)
    gateway = protect_agent(
        RemoteGraph("agent", url=stand_in.url), anonymizer=hide, deanonymizer=Deanonymizer(store=store)
    )
    app = FastAPI()
    types: dict[str, Any] = {"input_type": dict, "output_type": dict}
    add_secure_routes(app, gateway, path="/agent", vault_id=user_of, config=thread_of, **types)
    body = {"input": {"messages": [{"role": "user", "content": "I am Jane Doe."}]}}
    answer = await post(app, "/agent/invoke", body)
    assert "You said: I am Jane Doe." in answer.text
    ((path, asked),) = stand_in.asked
    assert path == f"/threads/{THREAD}/runs/stream"
    assert "I am [PERSON_1]." in json.dumps(asked)
    assert "Jane" not in json.dumps(asked)


class TestHandlers:
    @pytest.fixture
    def names(self) -> dict[str, Any]:
        """Run the page's block that defines the handlers."""
        blocks = re.findall(r"^```python\n(.*?)^```$", PAGE, re.DOTALL | re.MULTILINE)
        (block,) = (one for one in blocks if "langgraph_sdk" in one)
        names: dict[str, Any] = {"Any": Any}
        exec(compile(block, "serving.md", "exec"), names)
        return names

    async def test_know_who_asks(self, names: dict[str, Any]) -> None:
        assert await names["authenticate"]("Bearer a-long-secret") == {"identity": "u17"}
        for wrong in (None, "", "Bearer x"):
            with pytest.raises(Auth.exceptions.HTTPException) as caught:
                await names["authenticate"](wrong)
            assert caught.value.status_code == 401

    async def test_give_everything_an_owner(self, names: dict[str, Any]) -> None:
        ctx = SimpleNamespace(user=SimpleNamespace(identity="u17"))
        value: dict[str, Any] = {"metadata": {"owner": "u18"}}
        assert await names["everything_is_its_owners"](ctx, value) == {"owner": "u17"}
        assert value["metadata"] == {"owner": "u17"}

    async def test_refuse_a_run_that_says_a_vault(self, names: dict[str, Any]) -> None:
        ctx = SimpleNamespace(user=SimpleNamespace(identity="u17"))
        for key in ("vault_id", "vault", "session_id"):
            said = {"kwargs": {"config": {"configurable": {key: "u18"}}}}
            with pytest.raises(Auth.exceptions.HTTPException) as caught:
                await names["runs_name_no_vault"](ctx, said)
            assert caught.value.status_code == 422
        assert await names["runs_name_no_vault"](ctx, {"kwargs": {}}) == {"owner": "u17"}
