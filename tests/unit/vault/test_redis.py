"""What needs no server: how a store is made, and shown. The rest is in tests/integration/test_redis*.py."""

import pickle
import sys
from typing import Any

import pytest

from langchain_secguard.vault import Entity, RedisVaultStore


class TestOptions:
    @pytest.mark.parametrize(
        "options",
        [
            {"ttl": 0},
            {"ttl": -1},
            {"ttl": float("nan")},
            {"ttl": float("inf")},
            {"timeout": 0},
            {"timeout": float("inf")},
            {"connections": 0},
            {"key_prefix": "a{b}"},
        ],
        ids=str,
    )
    def test_that_make_no_sense_are_refused(self, options: dict[str, Any]) -> None:
        with pytest.raises(ValueError, match=next(iter(options))):
            RedisVaultStore("redis://127.0.0.1", **options)

    def test_that_are_unknown_are_refused(self) -> None:
        with pytest.raises(TypeError, match="tll"):
            RedisVaultStore("redis://127.0.0.1", tll=60)  # type: ignore[call-arg]

    @pytest.mark.parametrize("server", [None, 6379, object(), b"redis://127.0.0.1"])
    def test_a_server_that_is_none_is_refused(self, server: object) -> None:
        with pytest.raises(TypeError, match="redis://"):
            RedisVaultStore(server)

    @pytest.mark.parametrize(
        "url",
        ["", "127.0.0.1:6379", "http://:s3cret@host", "redis://:s3:cr/et@host:x", "redis://u:s3cret@h:1x"],
    )
    def test_a_url_that_cannot_be_read_is_refused_without_its_password(self, url: str) -> None:
        with pytest.raises(ValueError, match="percent-encoded") as caught:
            RedisVaultStore(url)
        error: BaseException | None = caught.value
        assert error is not None
        assert error.__cause__ is None
        assert error.__context__ is None
        assert "s3" not in str(error)

    def test_making_a_store_connects_to_nothing(self) -> None:
        RedisVaultStore("redis://203.0.113.1:1")


class TestEntityTypes:
    def test_that_are_too_long_are_refused_before_anything_is_sent(self) -> None:
        store = RedisVaultStore("redis://203.0.113.1:1")
        with pytest.raises(ValueError, match="200 bytes"):
            store.assign("v", [Entity("T" * 201, "Jane Doe")])


class TestRepr:
    @pytest.mark.parametrize(
        "url", ["redis://u5er:s3cret@h0st:6379/0", "redis://h0st?username=u5er&password=s3cret"]
    )
    def test_holds_neither_password_nor_address(self, url: str) -> None:
        store = RedisVaultStore(url, ttl=60)
        assert repr(store) == "RedisVaultStore(ttl=60, key_prefix='secguard')"

    def test_a_store_is_not_pickled_with_its_password(self) -> None:
        with pytest.raises(TypeError):
            pickle.dumps(RedisVaultStore("redis://:s3cret@127.0.0.1"))


class TestWithoutTheDriver:
    def test_names_the_extra_to_install(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setitem(sys.modules, "redis", None)
        with pytest.raises(ImportError, match=r"langchain-secguard\[redis\]"):
            RedisVaultStore("redis://127.0.0.1")
