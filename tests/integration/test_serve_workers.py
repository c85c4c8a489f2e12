"""Two workers of uvicorn, a Redis server and LangServe's own client: many users, and those who mean harm."""

import asyncio
import json
import random
import re
import socket
import time
from collections import defaultdict
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import httpx
import pytest
from langchain_core.messages import AIMessage, HumanMessage, SystemMessage
from langserve import RemoteRunnable
from langserve.lzstring import LZString
from playwright.sync_api import expect, sync_playwright

from langchain_secguard import Vault
from langchain_secguard.vault import RedisVaultStore
from tests.integration.serve_app import FLOOD_CHARACTERS, SEEN, people
from tests.servers import AppServer, RedisServer
from tests.servers.process import HOST, find_program

pytestmark = pytest.mark.loopback

FACTORY = "tests.integration.serve_app:create"
USERS, NAMES, CALLS = 20, 5, 12
TIMEOUT = 30.0


@pytest.fixture(scope="module")
def seen(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("serve") / "seen"
    path.touch()
    return path


@pytest.fixture(scope="module")
def server(redis_server: RedisServer, seen: Path) -> Iterator[AppServer]:
    environment = {
        "SECGUARD_REDIS_URL": redis_server.url,
        "SECGUARD_MAX_BODY": "100000",
        "SECGUARD_SEND_TIMEOUT": "2",
        SEEN: str(seen),
    }
    with AppServer(FACTORY, workers=2, environment=environment) as running:
        yield running


@pytest.fixture
def store(redis_server: RedisServer) -> Iterator[RedisVaultStore]:
    opened = RedisVaultStore(redis_server.url)
    yield opened
    opened.close()


def headers(user: int, conversation: str = "main") -> dict[str, str]:
    return {"authorization": f"Bearer user-{user}", "x-conversation": conversation}


def remote(server: AppServer, user: int = 0, conversation: str = "main") -> RemoteRunnable[Any, Any]:
    """Make a client with a new connection for each request, which any worker may take."""
    return RemoteRunnable(
        f"{server.url}/chat",
        headers=headers(user, conversation),
        timeout=TIMEOUT,
        verify=False,
        client_kwargs={"limits": httpx.Limits(max_keepalive_connections=0), "trust_env": False},
    )


def observed(seen: Path) -> list[tuple[int, str]]:
    """Return what the models saw, and in which process."""
    return [(pid, text) for pid, text in map(json.loads, seen.read_text(encoding="utf-8").splitlines())]


def values(store: RedisVaultStore, vault_id: str) -> set[str]:
    return {entry.value for entry in Vault(vault_id, store=store).entries()}


class TestLangServesClient:
    TEXT = "Ada Abel wrote to Bea Boyd."

    def test_gets_answers_in_every_way(self, server: AppServer) -> None:
        chain, said = remote(server, conversation="sync"), f"I saw: {self.TEXT}"
        assert chain.invoke(self.TEXT).content == said
        assert [one.content for one in chain.batch([self.TEXT, "Ada Abel"])] == [said, "I saw: Ada Abel"]
        chunks = list(chain.stream(self.TEXT))
        assert len(chunks) > 2
        assert "".join(chunk.content for chunk in chunks) == said

    async def test_gets_answers_in_every_way_that_does_not_block(self, server: AppServer) -> None:
        chain, said = remote(server, conversation="async"), f"I saw: {self.TEXT}"
        assert (await chain.ainvoke(self.TEXT)).content == said
        assert [one.content for one in await chain.abatch([self.TEXT, "Bea Boyd"])] == [
            said,
            "I saw: Bea Boyd",
        ]
        assert "".join([chunk.content async for chunk in chain.astream(self.TEXT)]) == said
        events = [event async for event in chain.astream_events(self.TEXT, version="v2")]
        assert {event["name"] for event in events} == {"/chat"}
        assert events[-1]["data"]["output"].content == said
        await chain.async_client.aclose()

    def test_sends_messages_and_gets_them(self, server: AppServer) -> None:
        chain = remote(server, conversation="messages")
        messages = [SystemMessage("Answer."), HumanMessage("I am Ada Abel.")]
        answer = chain.invoke(messages)
        assert isinstance(answer, AIMessage)
        assert answer.content == "I saw: I am Ada Abel."
        assert (chain | (lambda message: message.content)).invoke(messages) == answer.content

    def test_is_told_of_a_failure_without_a_text(self, server: AppServer) -> None:
        chain = remote(server, conversation="failure")
        with pytest.raises(httpx.HTTPStatusError) as caught:
            chain.invoke("Ada Abel, please fail")
        assert caught.value.response.status_code == 500
        assert "error_id" in str(caught.value)
        assert "Ada" not in str(caught.value)
        assert "Ada Abel" not in server.log
        assert "cannot answer" not in server.log
        assert caught.value.response.json()["error_id"] in server.log


async def converse(server: AppServer, user: int, names: Sequence[str], said: list[tuple[str, str]]) -> None:
    """Send a user's texts, in every way, and note what came back."""
    chance = random.Random(user)
    chain = remote(server, user)
    for call in range(CALLS):
        text = f"#{user} {' met '.join(chance.sample(names, 2))}"
        match call % 3:
            case 0:
                said.append((text, (await chain.ainvoke(text)).content))
            case 1:
                said.append((text, "".join([chunk.content async for chunk in chain.astream(text)])))
            case _:
                said += [(text, one.content) for one in await chain.abatch([text, text])]
    await chain.async_client.aclose()


async def test_many_users_at_once_get_their_own_names_alone(server: AppServer, seen: Path) -> None:
    everyone = people()
    names = {user: [next(everyone) for _ in range(NAMES)] for user in range(100, 100 + USERS)}
    said: dict[int, list[tuple[str, str]]] = {user: [] for user in names}
    async with asyncio.timeout(60):
        await asyncio.gather(*(converse(server, user, own, said[user]) for user, own in names.items()))

    for exchanged in said.values():
        assert len(exchanged) == CALLS // 3 * 4
        assert all(got == f"I saw: {text}" for text, got in exchanged)

    shown: defaultdict[str, set[str]] = defaultdict(set)
    workers: defaultdict[int, set[int]] = defaultdict(set)
    asked = {text.split(" ", 1)[1] for exchanged in said.values() for text, _ in exchanged}
    for pid, text in observed(seen):
        if match := re.fullmatch(r"#(1\d\d) (\[PERSON_\d+\]) met (\[PERSON_\d+\])", text):
            workers[int(match[1])].add(pid)
            shown[match[1]].update(match.groups()[1:])
        assert not any(pair in text for pair in asked)
    assert {len(placeholders) for placeholders in shown.values()} == {NAMES}  # stable, in both workers
    assert set.union(*workers.values()) == set(server.workers())
    assert any(len(pids) == 2 for pids in workers.values())


class TestAttacks:
    MINE, THEIRS = "Vera Vane", "Gwen Gray"

    @pytest.fixture(autouse=True)
    def _another_user(self, server: AppServer) -> None:
        remote(server, 1, "secret").invoke(f"I am {self.THEIRS}.")

    def post(
        self, server: AppServer, path: str = "/invoke", body: Any = None, **kwargs: Any
    ) -> httpx.Response:
        given = {"input": f"{self.MINE} asks who [PERSON_1] is."} if body is None else body
        more = kwargs.pop("headers", {})
        return httpx.post(
            f"{server.url}/chat{path}", json=given, headers={**headers(2), **more}, timeout=TIMEOUT, **kwargs
        )

    @pytest.mark.parametrize("key", ["vault_id", "vault", "thread_id", "session_id"])
    def test_another_vault_in_the_config(self, server: AppServer, key: str) -> None:
        chain = remote(server, 2)
        config: Any = {"configurable": {key: "user-1/secret"}}
        for call in (chain.invoke, lambda *given: list(chain.stream(*given))):
            with pytest.raises(httpx.HTTPStatusError, match="422"):
                call("Who is [PERSON_1]?", config)
        with pytest.raises(httpx.HTTPStatusError, match="422"):
            chain.batch(["Who is [PERSON_1]?"], config)

    @pytest.mark.parametrize(
        "said",
        [{"callbacks": ["x"]}, {"metadata": {"vault_id": "user-1/secret"}}, {"tags": ["x"]}, {"run_id": "x"}],
    )
    def test_callbacks_and_metadata(self, server: AppServer, said: Any) -> None:
        assert self.post(server, body={"input": "x", "config": said}).status_code == 422

    def test_another_vault_in_a_header_a_query_or_the_body(self, server: AppServer) -> None:
        vault = "user-1/secret"
        assert self.post(server, headers={"x-vault-id": vault}).status_code == 422
        assert self.post(server, params={"configurable[vault_id]": vault}).status_code == 422
        assert self.post(server, body={"input": "x", "vault_id": vault}).status_code == 422

    @pytest.mark.parametrize("header", ["x-session-id", "x-thread-id", "langsmith-trace", "x-user"])
    def test_headers_that_nobody_reads(self, server: AppServer, header: str) -> None:
        answer = self.post(server, headers={header: "user-1/secret"})
        assert answer.json()["output"]["content"] == f"I saw: {self.MINE} asks who [PERSON_1] is."

    def test_another_vault_in_the_path(self, server: AppServer) -> None:
        compress: Any = LZString.compressToEncodedURIComponent
        said = compress(json.dumps({"configurable": {"vault_id": "user-1/secret"}}))
        for route in ("invoke", "batch", "stream", "stream_log", "stream_events"):
            assert self.post(server, f"/c/{said}/{route}").status_code == 422

    @pytest.mark.parametrize(
        "conversation",
        ["../user-1/secret", "main/../../user-1/secret", "%2e%2e/user-1/secret", "x/../secret"],
    )
    def test_a_conversation_that_would_reach_into_another(
        self, server: AppServer, store: RedisVaultStore, conversation: str
    ) -> None:
        answer = self.post(server, headers={"x-conversation": conversation})
        assert answer.json()["output"]["content"] == f"I saw: {self.MINE} asks who [PERSON_1] is."
        assert values(store, "user-1/secret") == {self.THEIRS}

    @pytest.mark.parametrize("token", ["", "Bearer", "Bearer user-1/secret", "Bearer user-", "Basic user-1"])
    def test_nobody(self, server: AppServer, token: str) -> None:
        answer = self.post(server, headers={"authorization": token})
        assert (answer.status_code, answer.json()["code"]) == (401, "unauthorized")

    @pytest.mark.parametrize(
        "forged", ["[PERSON_1]", "[person 1]", "PERSON_1", r"\[PERSON\_1\]", "[PERSON_9]"]
    )
    def test_forged_placeholders(self, server: AppServer, forged: str) -> None:
        for conversation in ("forged", "forged", "secret"):
            answer = remote(server, 2, conversation).invoke(f"Tell me who {forged} is.")
            assert answer.content == f"I saw: Tell me who {forged} is."

    @pytest.mark.parametrize(
        ("body", "status"),
        [
            (b"x" * 100_001, 413),
            (b"{", 400),
            (b"\x00\x9f\xff", 400),
            (b"[" * 50_000 + b"]" * 50_000, 422),
            (b'{"input":' * 5_000 + b"1" + b"}" * 5_000, 422),
            (b'{"input": "\\ud800"}', 400),
            (b"null", 422),
            (b'{"input": {"type": "human", "content": [{"type": "image", "url": "x"}]}}', 422),
        ],
        ids=[
            "oversized",
            "malformed",
            "binary",
            "deep lists",
            "deep objects",
            "half a letter",
            "null",
            "image",
        ],
    )
    def test_bodies(self, server: AppServer, body: bytes, status: int) -> None:
        for route in ("invoke", "batch", "stream", "stream_events"):
            answer = httpx.post(
                f"{server.url}/chat/{route}",
                content=body,
                headers={**headers(2), "content-type": "application/json"},
                timeout=TIMEOUT,
            )
            assert answer.status_code == status
            assert set(answer.json()) == {"detail", "code"}

    def test_an_oversized_body_without_a_length(self, server: AppServer) -> None:
        before = server.memory()
        parts = (b"x" * 65_536 for _ in range(1_000))
        given = {**headers(2), "content-type": "application/json"}
        try:
            answer = httpx.post(f"{server.url}/chat/invoke", content=parts, headers=given, timeout=TIMEOUT)
        except httpx.WriteError:  # the server closed the connection meanwhile
            pass
        else:
            assert answer.status_code == 413
        assert server.memory() - before < 32_000_000

    def test_nothing_of_all_this_is_logged(self, server: AppServer) -> None:
        self.post(server)
        for value in (self.MINE, self.THEIRS, "PERSON_1"):
            assert value not in server.log


def _ask_for_a_flood(server: AppServer) -> socket.socket:
    """Ask for a very long answer, and read none of it."""
    body = json.dumps({"input": "Send a flood."}).encode()
    lines = {**headers(3), "host": HOST, "content-type": "application/json", "content-length": str(len(body))}
    connection = socket.create_connection((HOST, server.port), timeout=TIMEOUT)
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    head = "".join(f"{name}: {value}\r\n" for name, value in lines.items())
    connection.sendall(f"POST /chat/stream HTTP/1.1\r\n{head}\r\n".encode() + body)
    return connection


async def test_clients_that_stop_reading_cost_little_and_disturb_nobody(server: AppServer) -> None:
    before = server.memory()
    stalled = [_ask_for_a_flood(server) for _ in range(8)]
    try:
        chain = remote(server, 4)
        deadline = time.monotonic() + 3  # beyond the two seconds after which they are given up
        while time.monotonic() < deadline:
            assert (await chain.ainvoke("Iris Ives is here.")).content == "I saw: Iris Ives is here."
        await chain.async_client.aclose()
        assert server.memory() - before < FLOOD_CHARACTERS  # eight of them were asked for
    finally:
        for connection in stalled:
            connection.close()


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")  # the browser's pipes
def test_the_playground_works_in_a_browser(server: AppServer, seen: Path) -> None:
    program = find_program("chromium", package="chromium")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=["--no-sandbox", "--disable-gpu"])
        page = browser.new_page(extra_http_headers=headers(7))
        page.goto(f"{server.url}/try/playground/")
        page.locator("textarea").fill("Tess Todd is here.")
        page.get_by_role("button", name="Start").click()
        expect(page.get_by_text("I saw: Tess Todd is here.")).to_be_visible()
        expect(page.get_by_text("Intermediate steps")).to_contain_text("0")
        browser.close()
    assert "[PERSON_1] is here." in {text for _, text in observed(seen)}


class TestStop:
    SHORT = "Tell slowly that Hope Hale met Mona Mead, and that Hope Hale was glad."
    LONG = "Tell slowly that Nora Nash knew of it. " + "And so on. " * 100

    async def talk(self, server: AppServer, conversation: str, text: str, heard: list[str]) -> None:
        chain = remote(server, 5, conversation)
        async for chunk in chain.astream(text):
            heard.append(chunk.content)  # noqa: PERF401 - what is heard is looked at meanwhile
        await chain.async_client.aclose()

    async def test_in_mid_stream_lets_streams_end_and_waits_for_none_for_ever(
        self, redis_server: RedisServer, store: RedisVaultStore
    ) -> None:
        environment = {"SECGUARD_REDIS_URL": redis_server.url}
        short: list[str] = []
        long: list[str] = []
        with AppServer(FACTORY, workers=2, environment=environment, grace=5) as server:
            talking = asyncio.gather(
                self.talk(server, "short", self.SHORT, short),
                self.talk(server, "long", self.LONG, long),
                return_exceptions=True,
            )
            async with asyncio.timeout(20):
                while min(len(short), len(long)) < 3:  # noqa: ASYNC110 - what is waited for has no event
                    await asyncio.sleep(0.01)
                stopping = asyncio.create_task(asyncio.to_thread(server.stop))
                ended, cut = await talking
                await stopping
            assert ended is None
            assert "".join(short) == f"I saw: {self.SHORT}"
            assert isinstance(cut, httpx.HTTPStatusError)
            assert cut.response.status_code == 503
            assert f"I saw: {self.LONG}".startswith("".join(long))
            assert "Nora Nash" in "".join(long)
            assert not any(name in server.log for name in ("Hope", "Mona", "Nora"))
        assert values(store, "user-5/short") == {"Hope Hale", "Mona Mead"}
        assert values(store, "user-5/long") == {"Nora Nash"}
