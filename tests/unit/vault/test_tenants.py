import asyncio
import itertools
import json
from collections.abc import Callable, Sequence

import pytest
from cryptography.fernet import Fernet

from langchain_secguard.errors import VaultDecryptionError, VaultUnavailableError
from langchain_secguard.vault import (
    EncryptedVaultStore,
    Entity,
    Erasure,
    InMemoryVaultStore,
    Keys,
    Text,
    VaultStore,
    aerase_value_everywhere,
    aerase_vaults,
    aexport_vaults,
    erase_value_everywhere,
    erase_vaults,
    export_vaults,
)

KEYS = [Fernet.generate_key()]
JANE = Entity("PERSON", "Jane Doe", ("Max Muster",), Keys(("jane doe", "doe"), ("jane doe",)))
DOE = Entity("PERSON", "Doe", keys=Keys(("doe",), ("doe",)))
BOB = Entity("PERSON", "Bob Roe")
MAKERS: list[Callable[[], VaultStore]] = [
    InMemoryVaultStore,
    lambda: EncryptedVaultStore(InMemoryVaultStore(), KEYS),
]


@pytest.fixture(params=MAKERS, ids=["plain", "encrypted"])
def store(request: pytest.FixtureRequest) -> VaultStore:
    store: VaultStore = request.param()
    for vault_id in ("acme:1", "acme:2", "other:1"):
        store.assign(vault_id, [JANE, DOE, BOB])
    store.assign("acme:3", [BOB, Entity("CUSTOM", "JANE DOE")])
    store.assign("acme:4", [BOB])
    return store


class TestErasing:
    def test_takes_every_vault_of_a_tenant_and_no_other(self, store: VaultStore) -> None:
        erasure = erase_value_everywhere(store, "jane doe", prefix="acme:")
        assert erasure == Erasure({"acme:1": 2, "acme:2": 2, "acme:3": 1}, 4)
        assert erasure.entries == 5
        assert [entry.value for entry in store.entries("acme:1")] == ["Bob Roe"]
        assert len(store.entries("other:1")) == 3
        assert store.find("acme:2", [Text("Jane Doe and Doe")]).hits == [[]]
        assert erase_value_everywhere(store, "jane doe", prefix="acme:").entries == 0

    def test_takes_the_vaults_named(self, store: VaultStore) -> None:
        erasure = erase_value_everywhere(store, "Bob Roe", vault_ids=["acme:1", "nowhere", "acme:1"])
        assert erasure == Erasure({"acme:1": 1}, 2)

    def test_takes_all_vaults_when_told_so(self, store: VaultStore) -> None:
        assert erase_value_everywhere(store, "Bob Roe", prefix="").entries == 5

    async def test_does_the_same_without_blocking(self, store: VaultStore) -> None:
        erasure = await aerase_value_everywhere(store, "jane doe", prefix="acme:")
        assert (dict(erasure.erased), erasure.vaults) == ({"acme:1": 2, "acme:2": 2, "acme:3": 1}, 4)
        again = await aerase_value_everywhere(store, "bob roe", vault_ids=["acme:1", "other:1"])
        assert again.entries == 2

    def test_makes_no_vault(self, store: VaultStore) -> None:
        erase_value_everywhere(store, "Jane Doe", vault_ids=["new"])
        assert "new" not in store.vault_ids()  # type: ignore[attr-defined]

    def test_a_vault_whose_key_is_lost_is_named_and_all_others_are_done(self) -> None:
        inner = InMemoryVaultStore()
        EncryptedVaultStore(inner, [Fernet.generate_key()]).assign("a:lost", [JANE])
        store = EncryptedVaultStore(inner, KEYS)
        for vault_id in ("a:1", "a:2"):
            store.assign(vault_id, [JANE])
        with pytest.raises(VaultDecryptionError, match=r"1 of 3 vaults .*'a:lost'") as caught:
            erase_value_everywhere(store, "Jane Doe", prefix="a:")
        assert caught.value.left == ("a:lost",)
        assert "Jane" not in str(caught.value)
        assert store.entries("a:1") == store.entries("a:2") == []

    async def test_a_store_that_fails_meanwhile_is_that_error(self, monkeypatch: pytest.MonkeyPatch) -> None:
        store = InMemoryVaultStore()

        async def fail(vault_id: str, value: str) -> int:
            raise VaultUnavailableError("down")

        monkeypatch.setattr(store, "aerase_value", fail)
        with pytest.raises(VaultUnavailableError, match="down"):
            await aerase_value_everywhere(store, "x", vault_ids=map(str, range(50)))

    @pytest.mark.parametrize("asynchronous", [False, True], ids=["sync", "async"])
    def test_that_was_interrupted_can_be_taken_up_again(
        self, monkeypatch: pytest.MonkeyPatch, asynchronous: bool
    ) -> None:
        store = InMemoryVaultStore()
        vault_ids = [f"acme:{number}" for number in range(60)]
        for vault_id in vault_ids:
            store.assign(vault_id, [JANE, BOB])
        erase_value, calls = store.erase_value, itertools.count(1)

        def fail_at_times(vault_id: str, value: str) -> int:
            if next(calls) % 25 == 0:
                raise VaultUnavailableError("The store is down.")
            return erase_value(vault_id, value)

        async def afail_at_times(vault_id: str, value: str) -> int:
            await asyncio.sleep(0)
            return fail_at_times(vault_id, value)

        monkeypatch.setattr(store, "erase_value", fail_at_times)
        monkeypatch.setattr(store, "aerase_value", afail_at_times)

        def erase(vault_ids: Sequence[str]) -> Erasure:
            if asynchronous:
                return asyncio.run(aerase_value_everywhere(store, "jane doe", vault_ids=vault_ids))
            return erase_value_everywhere(store, "jane doe", vault_ids=vault_ids)

        left: Sequence[str] = vault_ids
        for _ in range(2):
            with pytest.raises(VaultUnavailableError, match="vaults are left to do") as caught:
                erase(left)
            assert 0 < len(caught.value.left) < len(left)
            left = caught.value.left
        assert erase(left).entries == len(left)
        monkeypatch.undo()
        assert {held.entry.value for held in export_vaults(store, prefix="")} == {"Bob Roe"}
        assert len(export_vaults(store, prefix="")) == 60


class TestErasingWhole:
    @pytest.mark.parametrize("asynchronous", [False, True], ids=["sync", "async"])
    def test_takes_every_vault_of_a_tenant_and_no_other(self, store: VaultStore, asynchronous: bool) -> None:
        erased = {"acme:1": 3, "acme:2": 3, "acme:3": 2, "acme:4": 1}
        work = aerase_vaults(store, prefix="acme:") if asynchronous else None
        erasure = asyncio.run(work) if work else erase_vaults(store, prefix="acme:")
        assert erasure == Erasure(erased, 4)
        assert {held.vault_id for held in export_vaults(store, prefix="")} == {"other:1"}
        assert store.assign("acme:1", [BOB]).entries[0].ref.number > 2

    async def test_takes_the_vaults_named(self, store: VaultStore) -> None:
        assert erase_vaults(store, vault_ids=["acme:1", "nowhere"]) == Erasure({"acme:1": 3}, 2)
        assert await aerase_vaults(store, vault_ids=["acme:4"]) == Erasure({"acme:4": 1}, 1)

    def test_needs_no_key(self) -> None:
        inner = InMemoryVaultStore()
        EncryptedVaultStore(inner, [Fernet.generate_key()]).assign("a:lost", [JANE])
        assert erase_vaults(EncryptedVaultStore(inner, KEYS), prefix="a:").entries == 1

    def test_takes_nothing_where_no_vaults_are_named(self, store: VaultStore) -> None:
        with pytest.raises(ValueError, match="say which vaults"):
            erase_vaults(store)
        assert len(export_vaults(store, prefix="")) == 12


class TestExporting:
    def test_lists_what_a_vault_holds_as_plain_data(self, store: VaultStore) -> None:
        plain = [held.plain() for held in export_vaults(store, vault_ids=["acme:1"])]
        assert {
            "vault_id": "acme:1",
            "entity_type": "PERSON",
            "number": 1,
            "variant": "",
            "value": "Jane Doe",
            "surrogate": "Max Muster",
        } in plain
        assert len(plain) == 3
        assert json.loads(json.dumps(plain)) == plain

    @pytest.mark.parametrize("value", ["Jane Doe", "doe", "Bob Roe", "nobody"])
    def test_lists_of_a_value_what_erasing_it_takes(self, store: VaultStore, value: str) -> None:
        held = export_vaults(store, value=value, prefix="acme:")
        kept = export_vaults(store, prefix="acme:")
        assert erase_value_everywhere(store, value, prefix="acme:").entries == len(held)
        left = export_vaults(store, prefix="acme:")
        assert sorted(map(key, [*held, *left])) == sorted(map(key, kept))

    async def test_does_the_same_without_blocking(self, store: VaultStore) -> None:
        assert await aexport_vaults(store, prefix="acme:") == export_vaults(store, prefix="acme:")

    def test_shows_no_value(self, store: VaultStore) -> None:
        assert "Jane" not in repr(export_vaults(store, prefix=""))


def key(held: object) -> str:
    return json.dumps(held.plain())  # type: ignore[attr-defined]


class TestArguments:
    @pytest.mark.parametrize("arguments", [{}, {"prefix": "a", "vault_ids": ["a"]}, {"vault_ids": "acme"}])
    async def test_say_which_vaults(self, arguments: dict[str, object]) -> None:
        store = InMemoryVaultStore()
        with pytest.raises(ValueError, match="prefix"):
            erase_value_everywhere(store, "x", **arguments)  # type: ignore[arg-type]
        with pytest.raises(ValueError, match="prefix"):
            export_vaults(store, **arguments)  # type: ignore[arg-type]
        with pytest.raises(ValueError, match="prefix"):
            await aerase_value_everywhere(store, "x", **arguments)  # type: ignore[arg-type]
        with pytest.raises(ValueError, match="prefix"):
            await aexport_vaults(store, **arguments)  # type: ignore[arg-type]

    def test_a_store_that_cannot_list_its_vaults_is_given_ids(self) -> None:
        class Own:
            def erase_value(self, vault_id: str, value: str) -> int:
                return 1

        store: VaultStore = Own()  # type: ignore[assignment]
        with pytest.raises(TypeError, match="Own cannot list its vaults"):
            erase_value_everywhere(store, "x", prefix="")
        assert erase_value_everywhere(store, "x", vault_ids=["a", "b"]).entries == 2
