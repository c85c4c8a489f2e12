"""Chains to trace, the ways to run them, and Langfuse clients that leave nothing behind."""

import asyncio
import threading
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, contextmanager
from typing import Any

import pytest
from langchain_core.callbacks import AsyncCallbackManagerForLLMRun, CallbackManagerForLLMRun
from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage, AIMessageChunk, BaseMessage
from langchain_core.outputs import ChatGeneration, ChatGenerationChunk, ChatResult
from langchain_core.runnables import Runnable, RunnableConfig
from langfuse import Langfuse, get_client
from langfuse._client.resource_manager import LangfuseResourceManager
from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.util._once import Once

from langchain_secguard import Anonymizer, Deanonymizer
from langchain_secguard.tracing import LangfuseHandler, Mask, langfuse_client
from langchain_secguard.vault import InMemoryVaultStore
from tests.integration.langfuse_server import LangfuseServer
from tests.support import LexiconDetector

VALUES = {
    "Jane Doe": "PERSON",
    "jane.doe@example.com": "EMAIL_ADDRESS",
    'Zoë "Zed"\tO\'Hara': "PERSON",
    "4111 1111 1111 1111": "CREDIT_CARD",
}
"""What the Anonymizer of these tests finds; the mask's own detector finds nothing of it."""

UNSEEN = {"Otto Unseen": "PERSON", "+49 30 901820": "PHONE_NUMBER"}
"""What the mask's own detector finds, and the Anonymizer does not."""

TEXT = "Write to {} ({}), {}, card {}.".format(*VALUES)

PAIR_TREE: dict[str, Any] = {"RunnableSequence": {"Anonymizer": {}, "Echo": {}, "Deanonymizer": {}}}


class Echo(BaseChatModel):
    """Answer with the last message, word by word in a stream; ``fails_after`` so many words raise it."""

    fails_after: int | None = None

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
        if self.fails_after is not None:
            raise ValueError(f"the provider refused: {messages[-1].content}")
        return ChatResult(generations=[ChatGeneration(message=AIMessage(content=messages[-1].content))])

    def _stream(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: CallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> Iterator[ChatGenerationChunk]:
        for number, word in enumerate(str(messages[-1].content).split(" ")):
            if number == self.fails_after:
                raise ValueError(f"the provider refused: {messages[-1].content}")
            chunk = ChatGenerationChunk(message=AIMessageChunk(content=f" {word}" if number else word))
            if run_manager is not None:
                run_manager.on_llm_new_token(word, chunk=chunk)
            yield chunk

    async def _astream(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: AsyncCallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> AsyncIterator[ChatGenerationChunk]:
        for chunk in self._stream(messages):
            await asyncio.sleep(0)
            yield chunk


def anonymizer(**options: Any) -> Anonymizer:
    """Hide :data:`VALUES`."""
    return Anonymizer(detector=LexiconDetector(VALUES), **options)


def pair(model: Runnable[Any, Any] | None = None, **options: Any) -> Runnable[Any, Any]:
    """Return a chain with a store of its own."""
    store = InMemoryVaultStore()
    return anonymizer(store=store, **options) | (model or Echo()) | Deanonymizer(store=store)


def mask() -> Mask:
    """Mask what the steps saw, and :data:`UNSEEN`."""
    return Mask(detector=LexiconDetector(UNSEEN), pseudonym_key=b"a key of the test's own")


def config(handler: LangfuseHandler, vault_id: str = "case", **metadata: Any) -> RunnableConfig:
    """Trace a run with a handler."""
    return RunnableConfig(callbacks=[handler], configurable={"vault_id": vault_id}, metadata=metadata)


def plain_client(
    server: LangfuseServer,
    public_key: str = "pk-test",
    provider: TracerProvider | None = None,
    **options: Any,
) -> AbstractContextManager[Langfuse]:
    """Make a client of Langfuse's own; it has a tracer provider of its own unless one is given."""
    return _client(Langfuse, server, public_key, provider, options)


def masked_client(
    server: LangfuseServer,
    public_key: str = "pk-test",
    provider: TracerProvider | None = None,
    **options: Any,
) -> AbstractContextManager[Langfuse]:
    """Make a client that masks."""
    return _client(langfuse_client, server, public_key, provider, options)


@contextmanager
def _client(
    make: Callable[..., Langfuse],
    server: LangfuseServer,
    public_key: str,
    provider: TracerProvider | None,
    options: dict[str, Any],
) -> Iterator[Langfuse]:
    """Make a client, and let nothing of it be left behind."""
    given: dict[str, Any] = {
        "base_url": server.base_url,
        "tracer_provider": provider or TracerProvider(),
        "timeout": 2,
        "flush_interval": 0.05,
    }
    client = make(public_key=public_key, secret_key=f"sk-{public_key}", **(given | options))
    resources = client._resources
    try:
        yield client
    finally:
        client.shutdown()
        LangfuseResourceManager._instances.pop(public_key, None)
        if resources is not None:
            resources.httpx_client.close()
            if resources.tracer_provider is not None:
                resources.tracer_provider.shutdown()


@contextmanager
def named_langfuse(monkeypatch: pytest.MonkeyPatch) -> Iterator[LangfuseServer]:
    """Run a server that the environment names as Langfuse, and forget the clients that were made of it."""
    with LangfuseServer() as server:
        monkeypatch.setenv("LANGFUSE_PUBLIC_KEY", "pk-named")
        monkeypatch.setenv("LANGFUSE_SECRET_KEY", "sk-named")
        monkeypatch.setenv("LANGFUSE_BASE_URL", server.base_url)
        # What other tests made of them for the process: clients, and a tracer provider that may be shut down.
        monkeypatch.setattr(LangfuseResourceManager, "_instances", {})
        monkeypatch.setattr(trace, "_TRACER_PROVIDER", None)
        monkeypatch.setattr(trace, "_TRACER_PROVIDER_SET_ONCE", Once())
        yield server
        if LangfuseResourceManager._instances:
            get_client().shutdown()


# The modes: each runs a chain on every input, each item with a config of its own where there is one for each.

Run = Callable[[Runnable[Any, Any], Sequence[Any], Sequence[RunnableConfig]], list[Any]]


def _invoke(chain: Runnable[Any, Any], items: Sequence[Any], configs: Sequence[RunnableConfig]) -> list[Any]:
    return [chain.invoke(item, each) for item, each in zip(items, configs, strict=True)]


def _batch(chain: Runnable[Any, Any], items: Sequence[Any], configs: Sequence[RunnableConfig]) -> list[Any]:
    return chain.batch(list(items), list(configs))


def _batch_as_completed(
    chain: Runnable[Any, Any], items: Sequence[Any], configs: Sequence[RunnableConfig]
) -> list[Any]:
    return [output for _, output in sorted(chain.batch_as_completed(list(items), list(configs)))]


def _stream(chain: Runnable[Any, Any], items: Sequence[Any], configs: Sequence[RunnableConfig]) -> list[Any]:
    return [_sum(chain.stream(item, each)) for item, each in zip(items, configs, strict=True)]


def _interleaved(
    chain: Runnable[Any, Any], items: Sequence[Any], configs: Sequence[RunnableConfig]
) -> list[Any]:
    """Stream all at once in one thread, a chunk of each in turn."""
    streams = [chain.stream(item, each) for item, each in zip(items, configs, strict=True)]
    outputs: list[list[Any]] = [[] for _ in streams]
    pending = list(enumerate(streams))
    while pending:
        for number, stream in list(pending):
            try:
                outputs[number].append(next(stream))
            except StopIteration:
                pending.remove((number, stream))
    return [_sum(chunks) for chunks in outputs]


def _threads(chain: Runnable[Any, Any], items: Sequence[Any], configs: Sequence[RunnableConfig]) -> list[Any]:
    with ThreadPoolExecutor(4) as pool:
        return list(pool.map(chain.invoke, items, configs))


def _bare_threads(
    chain: Runnable[Any, Any], items: Sequence[Any], configs: Sequence[RunnableConfig]
) -> list[Any]:
    outputs: list[Any] = [None] * len(items)
    errors: list[Exception] = []

    def work(number: int) -> None:
        try:
            outputs[number] = chain.invoke(items[number], configs[number])
        except Exception as error:  # noqa: BLE001 - raised again below
            errors.append(error)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(len(items))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if errors:
        raise errors[0]
    return outputs


def _async(work: Callable[..., Awaitable[list[Any]]]) -> Run:
    def run(chain: Runnable[Any, Any], items: Sequence[Any], configs: Sequence[RunnableConfig]) -> list[Any]:
        async def main() -> list[Any]:
            return await work(chain, items, configs)

        return asyncio.run(main())

    return run


async def _ainvoke(
    chain: Runnable[Any, Any], items: Sequence[Any], configs: Sequence[RunnableConfig]
) -> list[Any]:
    return [await chain.ainvoke(item, each) for item, each in zip(items, configs, strict=True)]


async def _gathered(
    chain: Runnable[Any, Any], items: Sequence[Any], configs: Sequence[RunnableConfig]
) -> list[Any]:
    return list(await asyncio.gather(*map(chain.ainvoke, items, configs)))


async def _abatch(
    chain: Runnable[Any, Any], items: Sequence[Any], configs: Sequence[RunnableConfig]
) -> list[Any]:
    return await chain.abatch(list(items), list(configs))


async def _astream(
    chain: Runnable[Any, Any], items: Sequence[Any], configs: Sequence[RunnableConfig]
) -> list[Any]:
    return [
        _sum([chunk async for chunk in chain.astream(item, each)])
        for item, each in zip(items, configs, strict=True)
    ]


async def _astream_together(
    chain: Runnable[Any, Any], items: Sequence[Any], configs: Sequence[RunnableConfig]
) -> list[Any]:
    async def one(item: Any, each: RunnableConfig) -> Any:
        return _sum([chunk async for chunk in chain.astream(item, each)])

    return list(await asyncio.gather(*map(one, items, configs)))


async def _astream_events(
    chain: Runnable[Any, Any], items: Sequence[Any], configs: Sequence[RunnableConfig]
) -> list[Any]:
    outputs = []
    for item, each in zip(items, configs, strict=True):
        events = [event async for event in chain.astream_events(item, each, version="v2")]
        outputs.append(events[-1]["data"]["output"])
    return outputs


async def _to_threads(
    chain: Runnable[Any, Any], items: Sequence[Any], configs: Sequence[RunnableConfig]
) -> list[Any]:
    calls = [asyncio.to_thread(chain.invoke, item, each) for item, each in zip(items, configs, strict=True)]
    return list(await asyncio.gather(*calls))


MODES: Mapping[str, Run] = {
    "invoke": _invoke,
    "batch": _batch,
    "batch_as_completed": _batch_as_completed,
    "stream": _stream,
    "interleaved streams": _interleaved,
    "threads": _threads,
    "bare threads": _bare_threads,
    "ainvoke": _async(_ainvoke),
    "ainvoke together": _async(_gathered),
    "abatch": _async(_abatch),
    "astream": _async(_astream),
    "astream together": _async(_astream_together),
    "astream_events": _async(_astream_events),
    "to_thread": _async(_to_threads),
}


def _sum(chunks: Any) -> Any:
    total = None
    for chunk in chunks:
        total = chunk if total is None else total + chunk
    return total
