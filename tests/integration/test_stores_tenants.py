"""A person's rights in all vaults of a tenant, on every store, plain and encrypted."""

import asyncio
import json
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from cryptography.fernet import Fernet

from langchain_secguard.errors import VaultUnavailableError
from langchain_secguard.vault import (
    EncryptedVaultStore,
    Entity,
    Erasure,
    InMemoryVaultStore,
    Keys,
    RedisVaultStore,
    SQLVaultStore,
    Text,
    aerase_value_everywhere,
    aerase_vaults,
    aexport_vaults,
    erase_value_everywhere,
    erase_vaults,
    export_vaults,
)
from tests.servers import RedisServer

pytestmark = pytest.mark.loopback

JANE = Entity("PERSON", "Jane Doe", ("Max Muster",), Keys(("jane doe", "doe"), ("jane doe",)))
DOE = Entity("PERSON", "Doe", keys=Keys(("doe",), ("doe",)))
BOB = Entity("PERSON", "Bob Roe")
VAULTS = ("acme/u1/a", "acme/u1/b", "acme/u2", "acme-two/u1", "acme_/u1", "ac%/u1", "a*")
WITH_JANE = {"acme/u1/a": 3, "acme/u1/b": 3, "acme/u2": 3}
"""Jane, as two ways to write her, and "Doe"."""


@pytest.fixture(params=["memory", "redis", "sqlite", "postgres"])
def inner(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Any]:
    name = f"test_{uuid.uuid4().hex[:20]}"
    match request.param:
        case "memory":
            store: Any = InMemoryVaultStore()
        case "redis":
            store = RedisVaultStore(request.getfixturevalue("redis_server").url, key_prefix=name, timeout=60)
        case "sqlite":
            store = SQLVaultStore(f"sqlite:///{tmp_path}/vaults.db", timeout=60)
        case _:
            address = request.getfixturevalue("postgres_server").address
            store = SQLVaultStore(f"postgresql://{address}", table_prefix=name, timeout=60)
    yield store
    if hasattr(store, "close"):
        store.close()


@pytest.fixture(params=[False, True], ids=["plain", "encrypted"])
def store(inner: Any, request: pytest.FixtureRequest) -> Any:
    store = EncryptedVaultStore(inner, [Fernet.generate_key()]) if request.param else inner
    for vault_id in VAULTS:
        store.assign(vault_id, [JANE, DOE, BOB, Entity("PERSON", "JANE  DOE")])
    return store


def held(store: Any, prefix: str, value: str | None = None) -> set[tuple[str, str]]:
    return {(one.vault_id, one.entry.value) for one in export_vaults(store, value=value, prefix=prefix)}


def test_export_lists_a_person_in_every_vault_of_a_tenant(store: Any) -> None:
    found = export_vaults(store, value="jane doe", prefix="acme/")
    names = {"Jane Doe", "JANE  DOE", "Doe"}
    assert {(one.vault_id, one.entry.value) for one in found} == {
        (vault_id, name) for vault_id in WITH_JANE for name in names
    }
    plain = json.loads(json.dumps([one.plain() for one in found]))
    assert {one["surrogate"] for one in plain if one["value"] == "Jane Doe"} == {"Max Muster"}
    assert len(held(store, "")) == 4 * len(VAULTS)


def test_erasing_a_value_takes_it_from_one_tenant_alone(store: Any) -> None:
    assert erase_value_everywhere(store, "jane doe", prefix="acme/") == Erasure(WITH_JANE, 3)
    assert held(store, "acme/") == {(vault_id, "Bob Roe") for vault_id in WITH_JANE}
    assert store.find("acme/u2", [Text("Jane Doe, Doe")]).hits == [[]]
    assert {vault_id for vault_id, _ in held(store, "", "Jane Doe")} == set(VAULTS) - set(WITH_JANE)
    assert store.assign("acme/u2", [JANE]).entries[0].ref.number > 2


def test_erasing_vaults_takes_those_of_one_user_alone(store: Any) -> None:
    assert erase_vaults(store, prefix="acme/u1/") == Erasure({"acme/u1/a": 4, "acme/u1/b": 4}, 2)
    assert {vault_id for vault_id, _ in held(store, "")} == set(VAULTS) - {"acme/u1/a", "acme/u1/b"}


async def test_async_twins_do_the_same(store: Any) -> None:
    found = await aexport_vaults(store, value="jane doe", prefix="acme/")
    assert len(found) == 9
    erasure = await aerase_value_everywhere(store, "jane doe", prefix="acme/")
    assert (dict(erasure.erased), erasure.vaults) == (WITH_JANE, 3)
    assert (await aerase_vaults(store, prefix="acme/")).entries == 3
    assert await aexport_vaults(store, prefix="acme/") == []
    for close in (getattr(store, "aclose", None), getattr(store, "close", None)):
        if close is not None:
            done = close()
            if asyncio.iscoroutine(done):
                await done


@pytest.mark.parametrize("asynchronous", [False, True], ids=["sync", "async"])
def test_a_server_that_goes_away_leaves_a_list_of_what_is_to_be_done(asynchronous: bool) -> None:
    """It is stopped in the middle, and the erasure taken up when it is back."""
    vault_ids = [f"acme/{number}" for number in range(60)]
    with RedisServer(append_only=True) as server:
        store = Ending(server, after=25)
        for vault_id in vault_ids:
            store.assign(vault_id, [JANE, BOB])
        with pytest.raises(VaultUnavailableError) as caught:
            erase_everywhere(store, asynchronous=asynchronous)
        left = caught.value.left
        assert 0 < len(left) < 60
        server.start()
        assert {vault_id for vault_id, _ in held(store, "acme/", "Jane Doe")} <= set(left)
        erase_value_everywhere(store, "Jane Doe", vault_ids=left)
        assert held(store, "acme/", "Jane Doe") == set()
        assert len(held(store, "acme/")) == 60
        store.close()


def erase_everywhere(store: Any, *, asynchronous: bool) -> Erasure:
    if asynchronous:
        return asyncio.run(aerase_value_everywhere(store, "Jane Doe", prefix="acme/"))
    return erase_value_everywhere(store, "Jane Doe", prefix="acme/")


class Ending(RedisVaultStore):
    """Erase a value in some vaults, then end the server."""

    def __init__(self, server: RedisServer, *, after: int) -> None:
        super().__init__(server.url, timeout=1)
        self._server = server
        self._left = after

    def erase_value(self, vault_id: str, value: str) -> int:
        self._count()
        return super().erase_value(vault_id, value)

    async def aerase_value(self, vault_id: str, value: str) -> int:
        self._count()
        return await super().aerase_value(vault_id, value)

    def _count(self) -> None:
        self._left -= 1
        if self._left == 0:
            self._server.stop()
