from typing import Any

import pytest
from fastapi import HTTPException, Request
from hypothesis import given
from hypothesis import strategies as st

from langchain_secguard.serve import vault_config, vault_name
from langchain_secguard.serve.vaults import find_vault_id
from tests.unit.serve.support import Wire, user_of


def request(**headers: str) -> Request:
    return Request(Wire(headers=headers).scope)


class TestNames:
    def test_join_parts(self) -> None:
        assert vault_name("acme", "jane@example.com", "chat-7") == "acme/jane@example.com/chat-7"

    def test_escape_what_would_reach_into_another(self) -> None:
        assert vault_name("u1", "a/b") != vault_name("u1", "a", "b")
        assert vault_name("u1", "..", "u2") == "u1/../u2"  # a name, not a path: nothing resolves it

    @given(st.lists(st.text("a/%\x00é\ud800", min_size=1), min_size=1, max_size=3), st.data())
    def test_are_different_for_different_parts(self, parts: list[str], data: st.DataObject) -> None:
        other = data.draw(st.lists(st.text("a/%\x00é\ud800", min_size=1), min_size=1, max_size=3))
        assert (vault_name(*parts) == vault_name(*other)) == (parts == other)

    @pytest.mark.parametrize("parts", [(), ("",), ("a", ""), ("x" * 513,)])
    def test_are_refused(self, parts: tuple[str, ...]) -> None:
        with pytest.raises(ValueError, match="vault"):
            vault_name(*parts)


class TestOfARequest:
    @pytest.mark.parametrize(
        ("named", "vault_id"),
        [("u1", "u1"), (["u1"], "u1"), (("u1", "a/b"), "u1/a%2Fb"), ("case 42/a", "case 42/a")],
    )
    async def test_is_what_the_function_says(self, named: Any, vault_id: str) -> None:
        async def later(_: Request) -> Any:
            return named

        assert await find_vault_id(request(), lambda _: named) == vault_id
        assert await find_vault_id(request(), later) == vault_id

    @pytest.mark.parametrize("named", [None, "", (), [], ("",), ("u1", None), ("u1", ""), (None, "c")])
    async def test_of_nobody_is_refused(self, named: Any) -> None:
        with pytest.raises(HTTPException) as caught:
            await find_vault_id(request(), lambda _: named)
        assert caught.value.status_code == 401
        assert caught.value.headers == {"WWW-Authenticate": "Bearer"}

    @pytest.mark.parametrize("named", ["x" * 513, "a\nb", "a\x00", "\ud800", ("u1", "x" * 600)])
    async def test_that_is_none_is_refused_without_showing_it(self, named: Any) -> None:
        with pytest.raises(HTTPException) as caught:
            await find_vault_id(request(), lambda _: named)
        assert caught.value.status_code == 422
        assert caught.value.__context__ is None
        assert str(named)[:3] not in str(caught.value.detail)

    @pytest.mark.parametrize("named", [7, [7], {"u1": 1, 2: 3}])
    async def test_must_be_a_name(self, named: Any) -> None:
        with pytest.raises(TypeError):
            await find_vault_id(request(), lambda _: named)


class TestConfig:
    async def test_names_the_vault(self) -> None:
        config = await vault_config(user_of)(request(**{"x-user": "u7"}))
        assert config["configurable"] == {"vault_id": "u7", "thread_id": "u7"}

    async def test_holds_what_the_server_adds(self) -> None:
        async def more(asked: Request) -> Any:
            return {"metadata": {"user": asked.headers["x-user"]}, "configurable": {"model": "small"}}

        config = await vault_config(user_of, config=more)(request(**{"x-user": "u7"}))
        assert config["metadata"]["user"] == "u7"
        assert config["configurable"] == {"vault_id": "u7", "thread_id": "u7", "model": "small"}

    async def test_leaves_the_servers_own_config_as_it_is(self) -> None:
        own: Any = {"configurable": {"model": "small"}, "tags": ["a"], "callbacks": []}
        config_of = vault_config(user_of, config=own)
        for user in ("u1", "u2"):
            config = await config_of(request(**{"x-user": user}))
            assert config["configurable"]["vault_id"] == user
        assert own == {"configurable": {"model": "small"}, "tags": ["a"], "callbacks": []}

    @pytest.mark.parametrize("key", ["vault", "vault_id"])
    @pytest.mark.parametrize("late", [False, True])
    async def test_must_leave_the_vault_to_the_request(self, key: str, late: bool) -> None:
        shared: Any = {"configurable": {key: "everybody"}}
        with pytest.raises(ValueError, match="must not name a vault"):
            await vault_config(user_of, config=(lambda _: shared) if late else shared)(request())

    async def test_of_nobody_is_none(self) -> None:
        with pytest.raises(HTTPException, match="401"):
            await vault_config(lambda _: None)(request())
