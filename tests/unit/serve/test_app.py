import asyncio
import logging
from typing import Any

import pytest
from fastapi import FastAPI

from langchain_secguard.serve import Limits, create_app
from langchain_secguard.vault import Finding, InMemoryVaultStore, Text
from tests.support import FailingStore
from tests.unit.serve.support import Echo, client, pair, post, user_of

TEXT = "I am Jane Doe."


def made(**options: Any) -> FastAPI:
    chains = options.pop("chains", {"/chat": pair(Echo())})
    quick = {"vault_id": user_of, "input_type": str, "output_type": dict}
    return create_app(chains, **{**quick, **options})


class Store(InMemoryVaultStore):
    """Answer the readiness check as it is told, and know whether it was closed."""

    def __init__(self, error: Exception | None = None, *, hangs: bool = False) -> None:
        super().__init__()
        self.error = error
        self.hangs = hangs
        self.closed = False

    async def afind(self, vault_id: str, texts: Any) -> Finding:
        if self.error:
            raise self.error
        if self.hangs:
            await asyncio.sleep(30)
        return await super().afind(vault_id, texts)

    async def aclose(self) -> None:
        self.closed = True


class TestHealth:
    async def test_is_told_to_anybody(self) -> None:
        async with client(made(store=Store()), None) as sender:
            for path in ("/healthz", "/readyz"):
                answer = await sender.get(path)
                assert (answer.status_code, answer.json()) == (200, {"status": "ok"})

    @pytest.mark.parametrize("store", [Store(ConnectionError("redis://:secret@host")), Store(hangs=True)])
    async def test_depends_on_the_store(self, store: Store, caplog: pytest.LogCaptureFixture) -> None:
        async with client(made(store=store, ready_timeout=0.05), None) as sender:
            answer = await sender.get("/readyz")
            assert (answer.status_code, answer.json()) == (503, {"status": "unavailable"})
            assert (await sender.get("/healthz")).status_code == 200
        assert "secret" not in caplog.text

    async def test_needs_no_store(self) -> None:
        async with client(made(), None) as sender:
            assert (await sender.get("/readyz")).status_code == 200

    async def test_leaves_no_trace_in_the_store(self) -> None:
        store = Store()
        async with client(made(store=store), None) as sender:
            await sender.get("/readyz")
        assert store.vault_ids() == []


class TestRoutes:
    async def test_are_those_of_the_chains(self) -> None:
        app = made(chains={"/a": pair(Echo()), "/b": pair(Echo())}, endpoints=("invoke",))
        for path in ("/a", "/b"):
            assert (await post(app, f"{path}/invoke", {"input": TEXT})).status_code == 200
            assert (await post(app, f"{path}/batch", {"inputs": [TEXT]})).status_code == 404

    async def test_of_one_chain_are_at_the_root(self) -> None:
        assert (await post(made(chains=pair(Echo())), "/invoke", {"input": TEXT})).status_code == 200

    async def test_are_within_limits_all_of_them(self) -> None:
        app = made(limits=Limits(max_body=1000))

        @app.post("/own")
        async def own(given: dict[str, Any]) -> None: ...

        for path in ("/own", "/chat/invoke", "/none"):
            assert (await post(app, path, {"input": "x" * 1000})).status_code == 413

    async def test_fail_without_a_text(self, caplog: pytest.LogCaptureFixture) -> None:
        app = made(chains=pair(Echo(), FailingStore("assign")))
        answer = await post(app, "/invoke", {"input": TEXT})
        assert answer.status_code == 503
        assert "Jane" not in answer.text + caplog.text

    async def test_show_a_page_of_themselves_on_request(self) -> None:
        async with client(made(), None) as sender:
            assert (await sender.get("/docs")).status_code == 404
            assert (await sender.get("/openapi.json")).status_code == 200
        async with client(made(docs=True), None) as sender:
            assert (await sender.get("/docs")).status_code == 200


class TestLog:
    async def test_has_routes_and_no_texts(self, caplog: pytest.LogCaptureFixture) -> None:
        with caplog.at_level(logging.INFO, "langchain_secguard.access"):
            async with client(made(), "u1") as sender:
                await sender.post("/chat/invoke?name=Jane", json={"input": TEXT})
                await sender.get("/none/Jane-Doe")
                await sender.get("/chat/c/Jane/invoke")
        lines = [record.getMessage() for record in caplog.records]
        assert [line.split(" ")[:3] for line in lines] == [
            ["POST", "/chat/invoke", "200"],
            ["GET", "-", "404"],
            ["GET", "/chat/c/{rest:path}", "422"],
        ]
        assert f"{len(TEXT) + 12} bytes in" in lines[0]
        assert "Jane" not in caplog.text


class TestStop:
    async def test_calls_what_ends_and_closes_the_store(self) -> None:
        store, called = Store(), []

        async def later() -> None:
            called.append("later")

        app = made(store=store, on_shutdown=[lambda: called.append("now"), later])
        async with app.router.lifespan_context(app):
            assert called == []
        assert called == ["now", "later"]
        assert store.closed

    async def test_goes_on_past_what_fails_or_hangs(self, caplog: pytest.LogCaptureFixture) -> None:
        def fails() -> None:
            raise KeyError("Jane Doe")

        async def hangs() -> None:
            await asyncio.sleep(30)

        store = Store()
        app = made(store=store, on_shutdown=[fails, hangs], shutdown_timeout=0.05)
        async with asyncio.timeout(5), app.router.lifespan_context(app):
            pass
        assert store.closed
        assert "KeyError" in caplog.text
        assert "Jane" not in caplog.text


async def test_the_readiness_check_is_an_ordinary_search() -> None:
    assert (await Store().afind("v", [Text("ready")])).hits == [[]]
