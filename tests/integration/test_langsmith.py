"""What a LangSmith client sends when the mask is its anonymizer, byte by byte."""

import asyncio
import json
import re
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self

import pytest
import zstandard
from langchain_core.messages import AIMessage, HumanMessage
from langchain_core.runnables import Runnable, RunnableConfig, RunnableLambda
from langchain_core.tools import tool
from langchain_core.tracers import LangChainTracer
from langsmith import Client

from langchain_secguard import Anonymizer, BlockedError, Deanonymizer, Vault
from langchain_secguard.tracing import WITHHELD, Mask, langsmith_anonymizer
from langchain_secguard.vault import Entity
from tests.support import FailingDetector, LexiconDetector, holds

pytestmark = pytest.mark.loopback

JANE, MAIL = "Jane Doe", "jane@x.com"
VALUES = {JANE: "PERSON", MAIL: "EMAIL_ADDRESS"}
TEXT = f'I am {JANE}, "{MAIL}"'
_INFO = {
    "batch_ingest_config": {
        "use_multipart_endpoint": True,
        "size_limit": 100,
        "size_limit_bytes": 20_000_000,
        "scale_up_nthreads_limit": 1,
        "scale_up_qsize_trigger": 1_000,
    },
    "instance_flags": {"zstd_compression_enabled": True},
}


class LangSmith:
    """Take runs as LangSmith does, and keep every body, decompressed."""

    def __init__(self) -> None:
        self.bodies: list[bytes] = []
        bodies = self.bodies

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"] or 0))
                if self.headers.get("Content-Encoding") == "zstd":
                    body = zstandard.ZstdDecompressor().stream_reader(body).read()
                bodies.append(body)
                self.send_response(202)
                self.send_header("Content-Length", "2")
                self.send_header("Connection", "close")
                self.end_headers()
                self.wfile.write(b"{}")

            def log_message(self, *_: Any) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,))

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    def saw(self, value: str) -> bool:
        """Tell whether any request held ``value``, however it is written."""
        return any(holds(body.decode("utf-8", "replace"), value) for body in self.bodies)

    @property
    def text(self) -> str:
        return "\n".join(body.decode("utf-8", "replace") for body in self.bodies)


class Tracing:
    """Send runs to a server, through a client whose anonymizer is the mask."""

    def __init__(self, server: LangSmith, anonymizer: Callable[[dict[str, Any]], dict[str, Any]]) -> None:
        self.client = Client(
            api_url=server.url,
            api_key="lsv2_test",
            anonymizer=anonymizer,
            info=_INFO,
        )
        self.server = server

    def config(self, metadata: dict[str, Any] | None = None) -> RunnableConfig:
        tracer = LangChainTracer(client=self.client, project_name="tests")
        return {"callbacks": [tracer], "configurable": {"vault_id": "case-42"}, "metadata": metadata or {}}

    def flush(self) -> LangSmith:
        self.client.flush(timeout=20)
        return self.server


@pytest.fixture
def server() -> Iterator[LangSmith]:
    with LangSmith() as server:
        yield server


@pytest.fixture
def tracing(server: LangSmith, monkeypatch: pytest.MonkeyPatch) -> Iterator[Tracing]:
    monkeypatch.setenv("LANGSMITH_DISABLE_RUN_COMPRESSION", "true")
    tracing = Tracing(server, langsmith_anonymizer(Mask(detector=LexiconDetector(VALUES))))
    yield tracing
    tracing.client.close()


def pair(model: Callable[[Any], Any] = lambda text: text, **options: Any) -> Runnable[Any, Any]:
    vault = Vault("case-42")
    before = Anonymizer(detector=LexiconDetector(VALUES), vault=vault, **options)
    return before | RunnableLambda(model) | Deanonymizer(vault=vault)


def run(chain: Runnable[Any, Any], given: Any, mode: str, config: RunnableConfig) -> None:
    if mode == "invoke":
        chain.invoke(given, config)
    elif mode == "batch":
        chain.batch([given, given], config)
    elif mode == "stream":
        list(chain.stream(given, config))
    elif mode == "ainvoke":
        asyncio.run(chain.ainvoke(given, config))
    else:

        async def exhaust() -> None:
            async for _ in chain.astream(given, config):
                pass

        asyncio.run(exhaust())


@pytest.mark.parametrize("mode", ["invoke", "batch", "stream", "ainvoke", "astream"])
@pytest.mark.parametrize("given", [TEXT, [HumanMessage(TEXT)], {"question": TEXT, JANE: [MAIL]}])
def test_no_value_leaves(mode: str, given: Any, tracing: Tracing) -> None:
    run(pair(), given, mode, tracing.config())
    server = tracing.flush()
    assert not server.saw(JANE)
    assert not server.saw(MAIL)
    assert "[PERSON]" in server.text
    assert "Anonymizer" in server.text


def test_no_value_leaves_in_metadata(tracing: Tracing) -> None:
    metadata = {"customer": JANE, "thread_id": MAIL, "user_id": "user-7"}
    pair().invoke(TEXT, tracing.config(metadata=metadata))
    server = tracing.flush()
    assert not server.saw(JANE)
    assert not server.saw(MAIL)
    assert len(set(re.findall("pseudonym-[0-9a-f]{16}", server.text))) == 1
    assert '"user-7"' in server.text


def test_no_value_leaves_in_errors(tracing: Tracing) -> None:
    def fail(text: str) -> str:
        raise ValueError(f"cannot answer {TEXT!r} or {json.dumps(TEXT)}: {text}")

    with pytest.raises(ValueError, match="cannot answer"):
        pair(fail).invoke(TEXT, tracing.config())
    with pytest.raises(BlockedError):
        pair(policies={"PERSON": "block"}).invoke(TEXT, tracing.config())
    server = tracing.flush()
    assert "cannot answer" in server.text
    assert "BlockedError" in server.text
    assert not server.saw(JANE)
    assert not server.saw(MAIL)


def test_no_value_leaves_in_tool_calls(tracing: Tracing) -> None:
    @tool
    def mail(to: str) -> str:
        """Send a mail."""
        return f"sent to {to}"

    def model(_: Any) -> AIMessage:
        return AIMessage("", tool_calls=[{"name": "mail", "args": {"to": MAIL}, "id": "1"}])

    (pair(model) | (lambda message: mail.invoke(message.tool_calls[0]))).invoke(TEXT, tracing.config())
    server = tracing.flush()
    assert "sent to [EMAIL_ADDRESS]" in server.text
    assert not server.saw(MAIL)


def test_what_a_vault_knows_is_masked_with_its_placeholder(server: LangSmith) -> None:
    vault = Vault("v")
    vault.assign([Entity("PERSON", JANE)])
    mask = Mask(detector=LexiconDetector({}))
    tracing = Tracing(server, langsmith_anonymizer(mask, vaults=[vault]))
    RunnableLambda(lambda text: text).invoke(f"{JANE} it is", tracing.config())
    tracing.flush()
    tracing.client.close()
    assert not server.saw(JANE)
    assert "[PERSON_1] it is" in server.text


def test_what_cannot_be_masked_is_withheld(server: LangSmith) -> None:
    def fail(_: str) -> str:
        raise ValueError(TEXT)

    tracing = Tracing(server, langsmith_anonymizer(Mask(detector=FailingDetector())))
    RunnableLambda(lambda text: text).invoke(TEXT, tracing.config())
    with pytest.raises(ValueError, match=JANE):
        RunnableLambda(fail).invoke(TEXT, tracing.config())
    tracing.flush()
    tracing.client.close()
    assert WITHHELD in server.text
    assert not server.saw(JANE)
    assert not server.saw(MAIL)


def test_a_compressed_body_is_searched_too(server: LangSmith) -> None:
    tracing = Tracing(server, langsmith_anonymizer(Mask(detector=LexiconDetector({}))))
    RunnableLambda(lambda text: text).invoke(f"{JANE} it is", tracing.config())
    tracing.flush()
    tracing.client.close()
    assert server.saw(JANE)
