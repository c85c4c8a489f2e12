"""What a handler for Langfuse costs a chain, beside Langfuse's own, and what an ill server costs it."""

import itertools
import multiprocessing
import random
import socket
import statistics
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from multiprocessing.connection import Connection
from typing import Any

from langchain_core.callbacks import BaseCallbackHandler
from langchain_core.language_models.fake_chat_models import FakeListChatModel
from langchain_core.runnables import Runnable, RunnableConfig
from langfuse import Langfuse
from langfuse.langchain import CallbackHandler
from opentelemetry.sdk.trace import TracerProvider

from benchmarks.clock import Action, Timing, side_by_side
from benchmarks.report import Row, at_most, duration
from benchmarks.texts import prose
from langchain_secguard import Anonymizer, Deanonymizer
from langchain_secguard.detect import Span
from langchain_secguard.tracing import LangfuseHandler
from langchain_secguard.vault import InMemoryVaultStore

_SIZE = 2_000
_RUNS = 300
_ROUNDS = 400
_RATIO = 1.25
_MOODS = ("well", "down", "failing", "hanging")


def measure() -> Iterator[Row]:
    """Run the pair with a model that answers at once, with Langfuse's handler and with ours."""
    with ExitStack() as stack:
        urls = {mood: stack.enter_context(_server(mood)) for mood in _MOODS}
        yield from _beside_the_plain_handler(urls["well"])
        yield from _with_an_ill_server(urls)


def _beside_the_plain_handler(url: str) -> Iterator[Row]:
    plain_client, _ = _client("plain", url), _client("ours", url)
    plain_handler, handler = CallbackHandler(public_key="plain"), LangfuseHandler(public_key="ours")
    bare, theirs, ours = side_by_side(_run(None), _run(plain_handler), _run(handler), seconds=8)
    what = "tracing a run of three steps, in the chain's own thread"
    yield at_most(what, _less(ours, bare), _less(theirs, bare), _RATIO)
    handler.flush()
    for what, anew in (("texts seen before", False), ("a new text of 2 KB each time", True)):
        unmasked = _cpu(_run(plain_handler, anew=anew), plain_client.flush) / _RUNS
        masked = _cpu(_run(handler, anew=anew), handler.flush) / _RUNS
        yield Row(
            f"the same in all threads, masked and sent, {what}",
            f"{masked / unmasked:.2f}x ({duration(masked)}, against {duration(unmasked)} unmasked)",
        )


def _with_an_ill_server(urls: dict[str, str]) -> Iterator[Row]:
    with _aside(_time, urls) as timings:
        for mood in _MOODS[1:]:
            yield at_most(f"a traced run while the server is {mood}", timings[mood], timings["well"], 1.05)


def _time(urls: dict[str, str], told: Connection) -> None:
    """Trace runs to each server in turns. Langfuse would try again for minutes where one does not answer."""
    actions = {}
    for mood, url in urls.items():
        _client(mood, url)
        actions[mood] = _run(LangfuseHandler(public_key=mood))
    times: dict[str, list[float]] = {mood: [] for mood in actions}
    for _ in range(_ROUNDS):
        for mood, action in random.sample([*actions.items()], len(actions)):
            started = time.perf_counter()
            action()
            times[mood].append(time.perf_counter() - started)
    told.send({mood: Timing(min(taken), statistics.median(taken)) for mood, taken in times.items()})


def _run(handler: BaseCallbackHandler | None, *, anew: bool = False) -> Action:
    """Return what runs the chain once; with ``anew`` each time with another text."""
    store, numbers = InMemoryVaultStore(), itertools.count()
    text = prose(_SIZE)
    model = FakeListChatModel(responses=["For [PERSON_1]."])
    chain: Runnable[Any, Any] = Anonymizer(detector=_opening, store=store) | model | Deanonymizer(store=store)

    def run() -> None:
        said = f"Jane Doe. {next(numbers) if anew else 0} {text}"
        config = RunnableConfig(
            configurable={"vault_id": "benchmark"},
            metadata={"langfuse_user_id": f"user-{next(numbers) % 100}"},
            callbacks=[handler] if handler else [],
        )
        chain.invoke(said, config)

    return run


def _opening(text: str) -> list[Span]:
    """Find the name with which a text opens, at no cost."""
    return [Span(0, 8, "PERSON")] if text.startswith("Jane Doe") else []


def _client(public_key: str, url: str) -> Langfuse:
    return Langfuse(
        public_key=public_key, secret_key="sk", base_url=url, tracer_provider=TracerProvider(), timeout=1
    )


def _less(timing: Timing, base: Timing) -> Timing:
    return Timing(timing.best - base.best, timing.median - base.median)


def _cpu(action: Action, flush: Any) -> float:
    started = time.process_time()
    for _ in range(_RUNS):
        action()
    flush()
    return time.process_time() - started


@contextmanager
def _server(mood: str) -> Iterator[str]:
    """Run a server in a process of its own; one that is down has only an address."""
    if mood == "down":
        with socket.socket() as unused:
            unused.bind(("127.0.0.1", 0))
            port = unused.getsockname()[1]
        yield f"http://127.0.0.1:{port}"
        return
    with _aside(serve, mood) as port:
        yield f"http://127.0.0.1:{port}"


@contextmanager
def _aside(work: Callable[..., None], about: Any) -> Iterator[Any]:
    """Let a process of its own work, give what it tells, and end it, whatever it still waits for."""
    here, there = multiprocessing.get_context("spawn").Pipe()
    process = multiprocessing.get_context("spawn").Process(target=work, args=(about, there), daemon=True)
    process.start()
    try:
        yield here.recv()
    finally:
        process.terminate()
        process.join()


def serve(mood: str, ready: Connection) -> None:
    """Answer every request as a server in this mood does."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.rfile.read(int(self.headers.get("Content-Length", 0)))
            if mood == "hanging":
                time.sleep(3600)
            body = b'{"message": "Accepted"}'
            self.send_response(500 if mood == "failing" else 202 if "scores" in self.path else 200)
            self.send_header("Content-Length", str(len(body)))
            self.send_header("Content-Type", "application/json")
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class's name
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    ready.send(server.server_port)
    server.serve_forever()
