import json
from typing import Annotated, Any

import pytest
from fastapi import Depends, FastAPI, HTTPException, Request

from langchain_secguard.serve import check_client_config, refuse_client_config
from tests.unit.serve.support import client

REFUSED: list[Any] = [
    {"configurable": {"vault_id": "u2"}},
    {"configurable": {"thread_id": "t"}},
    {"configurable": {"model": "large"}},
    {"configurable": [1]},
    {"callbacks": [{"lc": 1, "type": "constructor"}]},
    {"metadata": {"langfuse_user_id": "u2"}},
    {"tags": ["t"]},
    {"run_id": "00000000-0000-0000-0000-000000000001"},
    {"run_name": "n"},
    {"vault_id": "u2"},
    {"vault": None},
    {"Configurable": {}},
    [{}, {"configurable": {"vault_id": "u2"}}],
    "configurable",
    7,
    [[]],
    {"tags": {}},
    {"configurable": []},
    {"metadata": ""},
    {"recursion_limit": "25"},
    {"max_concurrency": True},
]
EMPTY: list[Any] = [
    None,
    {},
    [],
    [{}, {}],
    {"tags": [], "metadata": {}, "configurable": {}, "callbacks": None, "run_id": None},
    {"recursion_limit": 25, "max_concurrency": None},
]


class TestConfigs:
    @pytest.mark.parametrize("config", REFUSED)
    def test_that_say_something_are_refused(self, config: Any) -> None:
        with pytest.raises(HTTPException) as caught:
            check_client_config(config)
        assert caught.value.status_code == 422
        assert "u2" not in caught.value.detail

    @pytest.mark.parametrize("config", EMPTY)
    def test_that_say_nothing_pass(self, config: Any) -> None:
        check_client_config(config)


class TestDependency:
    @pytest.fixture
    def app(self) -> FastAPI:
        made = FastAPI()

        @made.post("/x", dependencies=[Depends(refuse_client_config)])
        async def x(request: Request) -> int:
            return len(await request.body())

        @made.get("/y")
        async def y(_: Annotated[None, Depends(refuse_client_config)]) -> str:
            return "y"

        return made

    @pytest.mark.parametrize("config", [one for one in REFUSED if one])
    async def test_refuses_in_a_body(self, app: FastAPI, config: Any) -> None:
        async with client(app) as sender:
            assert (await sender.post("/x", json={"config": config})).status_code == 422

    @pytest.mark.parametrize("body", [{"configurable": {"vault_id": "u2"}}, {"kwargs": {"stop": "x"}}])
    async def test_refuses_beside_a_config(self, app: FastAPI, body: Any) -> None:
        async with client(app) as sender:
            assert (await sender.post("/x", json=body)).status_code == 422

    @pytest.mark.parametrize("content_type", ["text/plain", "application/x-www-form-urlencoded", ""])
    async def test_reads_json_that_is_called_something_else(self, app: FastAPI, content_type: str) -> None:
        body = json.dumps({"config": {"configurable": {"vault_id": "u2"}}})
        async with client(app) as sender:
            answer = await sender.post("/x", content=body, headers={"content-type": content_type})
        assert answer.status_code == 422

    @pytest.mark.parametrize("body", [b"{", b"\xff\xfe", b"[" * 100_000])
    async def test_refuses_what_it_cannot_read(self, app: FastAPI, body: bytes) -> None:
        async with client(app) as sender:
            headers = {"content-type": "application/json"}
            assert (await sender.post("/x", content=body, headers=headers)).status_code == 400

    @pytest.mark.parametrize(
        "name",
        [
            *("config", "configurable", "configurable.vault_id", "configurable[vault_id]", "config_hash"),
            *("vault", "Vault-Id", "thread_id", "session_id", "callbacks", "metadata", "tags", "run_id"),
        ],
    )
    async def test_refuses_in_a_query(self, app: FastAPI, name: str) -> None:
        async with client(app) as sender:
            answer = await sender.get("/y", params={name: "u2"})
        assert answer.status_code == 422
        assert "u2" not in answer.text

    @pytest.mark.parametrize(
        "name", ["Vault-Id", "X-Vault-Id", "vault_id", "X-Vault", "Secguard-Vault-Id", "X-Configurable"]
    )
    async def test_refuses_in_a_header(self, app: FastAPI, name: str) -> None:
        async with client(app) as sender:
            assert (await sender.get("/y", headers={name: "u2"})).status_code == 422

    async def test_lets_everything_else_pass(self, app: FastAPI) -> None:
        async with client(app) as sender:
            assert (await sender.get("/y", params={"page": "2", "[": "x"})).status_code == 200
            assert (await sender.get("/y", headers={"x-session-id": "of a proxy"})).status_code == 200
            assert (await sender.post("/x", content=b"\x00\xff")).json() == 2
            assert (await sender.post("/x", json={"config": {}, "text": "x"})).status_code == 200
            assert (await sender.post("/x", json=[1])).status_code == 200
