import asyncio
import itertools
import json
import pickle
import threading
import time
import traceback
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, ClassVar

import pytest
from cryptography.fernet import Fernet
from hypothesis import given, settings
from hypothesis import strategies as st
from langchain_core.runnables import RunnableLambda

from langchain_secguard import Anonymizer, Deanonymizer
from langchain_secguard.errors import VaultDecryptionError, VaultUnavailableError
from langchain_secguard.placeholders import Ref
from langchain_secguard.testing import VaultStoreContract
from langchain_secguard.vault import (
    EncryptedVaultStore,
    Entity,
    Entry,
    InMemoryVaultStore,
    Keys,
    Text,
    VaultStore,
)
from langchain_secguard.vault.keyed import LedgerVaultStore
from langchain_secguard.vault.keyring import KEYS_VARIABLE
from langchain_secguard.vault.ledger import Ledger, Reply, Request, Row
from tests.support import LexiconDetector, config
from tests.unit import nasty

OLD, NEW, OTHER = (Fernet.generate_key().decode() for _ in range(3))
JANE = Entity("PERSON", "Jane Doe", ("Max Muster",), Keys(("jane doe", "jane", "doe"), ("jane doe",)))
DOE = Entity("PERSON", "Doe", keys=Keys(("doe",), ("doe",)))
BOB = Entity("PERSON", "Bob Roe")


class Spy:
    """Pass requests on to a ledger, keep them and the replies, and do something before each."""

    def __init__(self, inner: Ledger) -> None:
        self.inner = inner
        self.requests: list[Request] = []
        self.replies: list[Reply] = []
        self.before: Any = None

    def perform(self, vault_id: str, request: Request, seal: bytes = b"") -> Reply:
        if self.before:
            self.before(vault_id, request)
        reply = self.inner.perform(vault_id, request, seal)
        self.requests.append(request)
        self.replies.append(reply)
        return reply

    async def aperform(self, vault_id: str, request: Request, seal: bytes = b"") -> Reply:
        return self.perform(vault_id, request, seal)

    def vault_ids(self, prefix: str = "") -> list[str]:
        return self.inner.vault_ids(prefix)

    async def avault_ids(self, prefix: str = "") -> list[str]:
        return self.inner.vault_ids(prefix)


@pytest.fixture
def inner() -> InMemoryVaultStore:
    return InMemoryVaultStore()


@pytest.fixture
def spy(inner: InMemoryVaultStore) -> Spy:
    return Spy(inner.ledger)


def over(ledger: Ledger, *keys: str) -> EncryptedVaultStore:
    return EncryptedVaultStore(LedgerVaultStore(ledger), keys)


class TestContract(VaultStoreContract):
    @pytest.fixture
    def store(self, inner: InMemoryVaultStore) -> VaultStore:
        return EncryptedVaultStore(inner, [NEW, OLD])


class TestContractForTwoProcesses(VaultStoreContract):
    """Every call is made by a process that never saw the vault, and in turns with another key in front."""

    @pytest.fixture
    def store(self, inner: InMemoryVaultStore) -> VaultStore:
        return Forgetful(inner)


class Forgetful(EncryptedVaultStore):
    """Remember no vault from one call to the next."""

    def __init__(self, inner: InMemoryVaultStore) -> None:
        super().__init__(inner, [NEW, OLD])
        self._inner_store = inner
        self._turn = itertools.cycle([[NEW, OLD], [OLD, NEW]])

    def _fresh(self) -> EncryptedVaultStore:
        return EncryptedVaultStore(self._inner_store, next(self._turn))

    def _drive(self, vault_id: str, make: Any) -> Any:
        fresh = self._fresh()
        return LedgerVaultStore._drive(fresh, vault_id, make)

    async def _adrive(self, vault_id: str, make: Any, *, apart: bool = False) -> Any:
        fresh = self._fresh()
        return await LedgerVaultStore._adrive(fresh, vault_id, make, apart=apart)


class TestWhatTheLedgerSees:
    @pytest.mark.parametrize("warm", [True, False])
    def test_is_no_value_surrogate_or_name(self, spy: Spy, warm: bool) -> None:
        store = over(spy, NEW)
        secrets = [
            "Jane Doe",
            "Max Muster",
            "Bob Roe",
            "jane",
            "doe",
            "JANE",
            "Doe",
            "Muster",
            "Roe",
            "met",
            NEW,
        ]
        for _ in range(2):
            store.assign("v", [JANE, DOE, BOB], [Text("JANE DOE met Bob Roe and Max Muster")])
            store.find("v", [Text("Jane Doe met bob roe")])
            store.surrogates("v")
            store.entries("v")
            if not warm:
                store = over(spy, NEW)
        store.erase_value("v", "Jane Doe")
        seen = everything(spy.requests, spy.replies)
        assert not [secret for secret in secrets if secret.encode() in seen]
        assert b"PERSON" in seen  # what is searched is really there

    def test_is_another_hash_of_a_value_in_each_vault_and_no_plain_one(self, spy: Spy) -> None:
        store, plain = over(spy, NEW), Spy(InMemoryVaultStore().ledger)
        for vault_id in ("v", "w"):
            store.assign(vault_id, [JANE])
            LedgerVaultStore(plain).assign(vault_id, [JANE])
        (one, other), (guessed, _) = spy.requests, plain.requests
        assert hashes(one)
        assert hashes(one).isdisjoint(hashes(other))
        assert hashes(one).isdisjoint(hashes(guessed))

    def test_is_no_order_of_words(self, spy: Spy) -> None:
        store = over(spy, NEW)
        store.find("v", [Text("one two three four five")])
        (request,) = spy.requests
        assert list(request.phrases) == sorted(request.phrases)  # type: ignore[union-attr]


def everything(requests: Sequence[Request], replies: Sequence[Reply]) -> bytes:
    """Join every string and every byte that passed, and what their numbers and structure look like."""
    parts: list[bytes] = []

    def walk(thing: Any) -> None:
        if isinstance(thing, bytes):
            parts.append(thing)
        elif isinstance(thing, str):
            parts.append(thing.encode())
        elif isinstance(thing, dict):
            walk(list(thing.items()))
        elif isinstance(thing, list | tuple):
            for own in thing:
                walk(own)
        elif hasattr(thing, "__slots__"):
            walk([getattr(thing, name) for name in thing.__slots__])
        else:
            assert thing is None or isinstance(thing, int | bool)

    walk([list(requests), list(replies)])
    return b"\n".join(parts)


def hashes(request: Any) -> set[bytes]:
    (record,) = request.records
    return {record.identity, record.folded, *record.phrases, *record.claims, record.offers[0].mark}


class TestRoundTrips:
    def count(self, spy: Spy, work: Any) -> int:
        spy.requests.clear()
        work()
        return len(spy.requests)

    def test_are_one_for_a_vault_that_is_known(self, spy: Spy) -> None:
        store = over(spy, NEW)
        assert self.count(spy, lambda: store.assign("v", [JANE], [Text("Hello")])) == 1
        assert self.count(spy, lambda: store.assign("v", [JANE, BOB], [Text("Jane Doe")])) == 2
        assert self.count(spy, lambda: store.assign("v", [Entity("PERSON", "Ann Lee")])) == 1
        assert self.count(spy, lambda: store.lookup("v", [Ref("PERSON", 2)])) == 1
        assert self.count(spy, lambda: store.find("v", [Text("Jane Doe")])) == 1
        assert self.count(spy, lambda: store.erase_value("v", "Bob Roe")) == 1

    def test_are_one_to_restore_in_a_process_that_never_saw_the_vault(self, spy: Spy) -> None:
        over(spy, NEW).assign("v", [JANE])
        other = over(spy, NEW)
        assert self.count(spy, lambda: other.lookup("v", [Ref("PERSON", 1)])) == 1
        assert self.count(spy, lambda: other.assign("v", [JANE])) == 1

    def test_are_one_more_to_hide_in_a_process_that_never_saw_the_vault(self, spy: Spy) -> None:
        over(spy, NEW).assign("v", [JANE])
        other = over(spy, NEW)
        assert self.count(spy, lambda: other.assign("v", [JANE])) == 2
        assert self.count(spy, lambda: other.assign("v", [JANE])) == 1


class TestTampering:
    """Whoever can write to the database can lose values, and make nobody into somebody else."""

    @pytest.fixture
    def store(self, inner: InMemoryVaultStore) -> EncryptedVaultStore:
        store = EncryptedVaultStore(inner, [NEW])
        store.assign("v", [JANE, BOB, DOE])
        store.assign("w", [Entity("PERSON", "Ann Lee", ("Eva Mann",))])
        return EncryptedVaultStore(inner, [NEW])  # which has read nothing yet

    def rows(self, inner: InMemoryVaultStore, vault_id: str) -> Any:
        return inner.ledger._vaults[vault_id]  # type: ignore[attr-defined]

    def put(self, inner: InMemoryVaultStore, vault_id: str, ref: Ref, row: Row) -> None:
        self.rows(inner, vault_id)._kept[ref].row = row

    @pytest.mark.parametrize(
        "source", [("w", Ref("PERSON", 1)), ("v", Ref("PERSON", 2)), ("v", Ref("PERSON", 1, "b"))]
    )
    def test_a_value_copied_to_another_place_is_not_decrypted(
        self, store: EncryptedVaultStore, inner: InMemoryVaultStore, source: tuple[str, Ref]
    ) -> None:
        jane = Ref("PERSON", 1)
        copied = self.rows(inner, source[0])._kept[source[1]].row.value
        self.put(inner, "v", jane, Row(jane, copied))
        for work in (
            lambda: store.lookup("v", [jane]),
            lambda: store.entries("v"),
            lambda: store.assign("v", [JANE]),
            lambda: store.find("v", [Text("Jane Doe")]),
            lambda: over(inner.ledger, NEW).lookup("v", [jane]),
        ):
            with pytest.raises(VaultDecryptionError, match="copied from another place"):
                work()

    def test_a_row_copied_whole_does_not_stand_for_another_ref(
        self, store: EncryptedVaultStore, inner: InMemoryVaultStore
    ) -> None:
        jane, bob = Ref("PERSON", 1), Ref("PERSON", 2)
        self.put(inner, "v", jane, self.rows(inner, "v")._kept[bob].row)
        for refs in ([jane], [bob, jane]):
            with pytest.raises(VaultDecryptionError, match="copied from another place"):
                store.lookup("v", refs)
        with pytest.raises(VaultDecryptionError, match="copied from another place"):
            asyncio.run(store.alookup("v", [jane]))

    def test_a_surrogate_put_in_the_place_of_its_value_is_not_decrypted(
        self, store: EncryptedVaultStore, inner: InMemoryVaultStore
    ) -> None:
        jane = Ref("PERSON", 1)
        row = self.rows(inner, "v")._kept[jane].row
        self.put(inner, "v", jane, Row(jane, row.surrogate, row.value))
        with pytest.raises(VaultDecryptionError):
            store.lookup("v", [jane])

    def test_a_key_that_leads_to_another_row_is_noticed(
        self, store: EncryptedVaultStore, inner: InMemoryVaultStore
    ) -> None:
        identities = self.rows(inner, "v")._identities
        (key,) = [key for key, ref in identities.items() if ref == Ref("PERSON", 1)]
        identities[key] = Ref("PERSON", 2)
        with pytest.raises(VaultDecryptionError, match="holds another value than it is found by"):
            store.assign("v", [JANE])

    def test_a_seal_copied_from_another_vault_is_not_opened(
        self, store: EncryptedVaultStore, inner: InMemoryVaultStore
    ) -> None:
        self.rows(inner, "v").grave.seal = self.rows(inner, "w").grave.seal
        for fresh in (store, over(inner.ledger, NEW)):
            with pytest.raises(VaultDecryptionError, match="copied from another vault"):
                fresh.assign("v", [JANE])


class TestKeys:
    def test_come_from_the_environment(
        self, inner: InMemoryVaultStore, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv(KEYS_VARIABLE, f"{NEW},{OLD}")
        EncryptedVaultStore(inner).assign("v", [JANE])
        assert EncryptedVaultStore(inner, [NEW]).entries("v")[0].value == "Jane Doe"

    def test_must_come_from_somewhere(
        self, inner: InMemoryVaultStore, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.delenv(KEYS_VARIABLE, raising=False)
        with pytest.raises(ValueError, match=KEYS_VARIABLE):
            EncryptedVaultStore(inner)

    def test_of_a_callable_are_asked_for_at_first_use(self, inner: InMemoryVaultStore) -> None:
        calls: list[int] = []
        store = EncryptedVaultStore(inner, lambda: calls.append(1) or [NEW])  # type: ignore[func-returns-value]
        assert calls == []
        store.assign("v", [JANE])
        store.assign("w", [JANE])
        assert calls == [1]

    async def test_of_a_slow_callable_do_not_block_the_event_loop(self, inner: InMemoryVaultStore) -> None:
        asked = threading.Event()
        answer = threading.Event()

        def fetch() -> list[str]:
            asked.set()
            assert answer.wait(10)
            return [NEW]

        store = EncryptedVaultStore(inner, fetch)
        task = asyncio.create_task(store.aassign("v", [JANE]))
        assert await asyncio.to_thread(asked.wait, 10)
        answer.set()
        assert (await task).entries[0].value == "Jane Doe"

    def test_that_cannot_be_had_stop_the_chain(self, inner: InMemoryVaultStore) -> None:
        def fetch() -> list[str]:
            raise OSError(NEW)

        step = Anonymizer(
            detector=LexiconDetector({"Jane Doe": "PERSON"}), store=EncryptedVaultStore(inner, fetch)
        )
        with pytest.raises(VaultUnavailableError, match="OSError") as caught:
            step.invoke("Jane Doe", config())
        shown = "".join(traceback.format_exception(caught.value))
        assert NEW not in shown

    def test_that_are_taken_back_close_the_vaults_they_opened(self, inner: InMemoryVaultStore) -> None:
        keys = [OLD]
        store = EncryptedVaultStore(inner, lambda: list(keys), key_lifetime=0.001)
        store.assign("v", [BOB])
        keys[:] = [NEW]
        time.sleep(0.01)
        with pytest.raises(VaultDecryptionError):
            store.assign("v", [BOB])
        with pytest.raises(VaultDecryptionError):
            store.lookup("v", [Ref("PERSON", 1)])

    def test_are_neither_shown_nor_pickled(self, inner: InMemoryVaultStore) -> None:
        store = EncryptedVaultStore(inner, [NEW])
        store.assign("v", [JANE])
        assert repr(store) == "EncryptedVaultStore(InMemoryVaultStore(ttl=None))"
        assert NEW not in repr(vars(store))
        with pytest.raises(TypeError, match="cannot be pickled"):
            pickle.dumps(store)


class TestAWrongKey:
    WORK = (
        lambda store: store.assign("v", [JANE], [Text("Jane Doe")]),
        lambda store: store.assign("v", [Entity("PERSON", "Ann Lee")]),
        lambda store: store.assign("v", []),
        lambda store: store.find("v", [Text("Jane Doe")]),
        lambda store: store.lookup("v", [Ref("PERSON", 1)]),
        lambda store: store.surrogates("v"),
        lambda store: store.entries("v"),
        lambda store: store.erase_value("v", "Jane Doe"),
        lambda store: store.rotate("v"),
    )
    AWORK = (
        lambda store: store.aassign("v", [JANE], [Text("Jane Doe")]),
        lambda store: store.afind("v", [Text("Jane Doe")]),
        lambda store: store.alookup("v", [Ref("PERSON", 1)]),
        lambda store: store.aerase_value("v", "Jane Doe"),
        lambda store: store.arotate("v"),
    )

    @pytest.mark.parametrize("work", WORK)
    def test_is_one_error_and_writes_nothing(self, inner: InMemoryVaultStore, work: Any) -> None:
        right = EncryptedVaultStore(inner, [OLD])
        before = right.assign("v", [JANE, BOB])
        with pytest.raises(VaultDecryptionError, match="'v' is encrypted under none of the keys") as caught:
            work(EncryptedVaultStore(inner, [NEW]))
        assert not any(word in str(caught.value) for word in ("Jane", "Doe", OLD, NEW))
        assert right.entries("v") == before.entries
        assert EncryptedVaultStore(inner, [OLD]).assign("v", [BOB, JANE]).epoch == before.epoch

    @pytest.mark.parametrize("work", AWORK)
    async def test_is_one_error_in_async_methods(self, inner: InMemoryVaultStore, work: Any) -> None:
        EncryptedVaultStore(inner, [OLD]).assign("v", [JANE])
        with pytest.raises(VaultDecryptionError, match="under none of the keys"):
            await work(EncryptedVaultStore(inner, [NEW]))

    @pytest.mark.parametrize("asynchronous", [True, False])
    def test_stops_the_chain_before_the_model(self, inner: InMemoryVaultStore, asynchronous: bool) -> None:
        EncryptedVaultStore(inner, [OLD]).assign("case-42", [JANE])
        store, reached = EncryptedVaultStore(inner, [NEW]), list[str]()
        before = Anonymizer(detector=LexiconDetector({"Bob Roe": "PERSON"}), store=store)
        chain = before | RunnableLambda(reached.append)
        with pytest.raises(VaultDecryptionError, match="under none of the keys"):
            asyncio.run(chain.ainvoke("Bob Roe", config())) if asynchronous else chain.invoke(
                "Bob Roe", config()
            )
        with pytest.raises(VaultDecryptionError, match="under none of the keys"):
            Deanonymizer(store=store).invoke("[PERSON_1]", config())
        assert reached == []

    def test_keeps_no_other_vault_from_being_used(self, inner: InMemoryVaultStore) -> None:
        EncryptedVaultStore(inner, [OLD]).assign("v", [JANE])
        store = EncryptedVaultStore(inner, [NEW])
        with pytest.raises(VaultDecryptionError):
            store.assign("v", [JANE])
        assert store.assign("w", [JANE]).entries[0].ref == Ref("PERSON", 1)

    @pytest.mark.parametrize("asynchronous", [True, False])
    def test_can_erase_a_vault_whose_key_is_lost_and_use_it_again(
        self, inner: InMemoryVaultStore, asynchronous: bool
    ) -> None:
        EncryptedVaultStore(inner, [OLD]).assign("v", [JANE, BOB])
        store = EncryptedVaultStore(inner, [NEW])
        assert (asyncio.run(store.aerase("v")) if asynchronous else store.erase("v")) == 2
        (entry,) = store.assign("v", [JANE]).entries
        assert entry.ref == Ref("PERSON", 3)
        assert EncryptedVaultStore(inner, [NEW]).entries("v") == [entry]


class TestPlainAndEncrypted:
    def test_a_vault_that_is_encrypted_is_refused_by_its_own_store(self, inner: InMemoryVaultStore) -> None:
        plain, encrypted = LedgerVaultStore(inner.ledger), EncryptedVaultStore(inner, [NEW])
        encrypted.assign("v", [JANE])
        for work in (
            lambda: plain.assign("v", [BOB]),
            lambda: plain.lookup("v", [Ref("PERSON", 1)]),
            lambda: plain.entries("v"),
        ):
            with pytest.raises(VaultDecryptionError, match="open it with EncryptedVaultStore"):
                work()
        assert len(encrypted.entries("v")) == 1

    def test_a_vault_that_is_not_encrypted_is_refused_until_it_is_erased(
        self, inner: InMemoryVaultStore
    ) -> None:
        plain, encrypted = LedgerVaultStore(inner.ledger), EncryptedVaultStore(inner, [NEW])
        plain.assign("v", [JANE])
        for work in (lambda: encrypted.assign("v", [BOB]), lambda: encrypted.lookup("v", [Ref("PERSON", 1)])):
            with pytest.raises(VaultDecryptionError, match="not encrypted"):
                work()
        assert not encrypted.rotate("v")
        assert encrypted.erase("v") == 1
        assert encrypted.assign("v", [BOB]).entries[0].ref == Ref("PERSON", 2)

    def test_a_store_without_a_ledger_is_refused(self) -> None:
        class Own:
            pass

        with pytest.raises(TypeError, match="Own cannot be encrypted, since it has no ledger"):
            EncryptedVaultStore(Own(), [NEW])  # type: ignore[arg-type]

    def test_is_not_encrypted_twice(self, inner: InMemoryVaultStore) -> None:
        with pytest.raises(TypeError, match="wrap its inner store"):
            EncryptedVaultStore(EncryptedVaultStore(inner, [NEW]), [OLD])


class TestRotation:
    def test_moves_a_vault_to_the_newest_key_and_keeps_every_entry(self, inner: InMemoryVaultStore) -> None:
        before = EncryptedVaultStore(inner, [OLD]).assign("v", [JANE, DOE, BOB]).entries
        store = EncryptedVaultStore(inner, [NEW, OLD])
        assert store.assign("v", [DOE, JANE]).entries == [before[1], before[0]]
        assert store.rotate("v")
        assert not store.rotate("v")
        alone = EncryptedVaultStore(inner, [NEW])
        assert sorted(alone.entries("v"), key=lambda entry: entry.ref) == sorted(
            before, key=lambda one: one.ref
        )
        assert alone.assign("v", [JANE, DOE, BOB], [Text("Max Muster")]).entries == before
        (entry,) = alone.assign("v", [Entity("PERSON", "Ann Lee", ("Max Muster", "Eva Mann"))]).entries
        assert entry.surrogate == "Eva Mann"
        with pytest.raises(VaultDecryptionError):
            EncryptedVaultStore(inner, [OLD]).entries("v")

    def test_of_a_vault_that_is_not_there_does_nothing(self, inner: InMemoryVaultStore) -> None:
        store = EncryptedVaultStore(inner, [NEW])
        assert not store.rotate("v")
        assert store.vault_ids() == []

    def test_of_a_vault_under_the_newest_key_does_nothing(self, inner: InMemoryVaultStore) -> None:
        EncryptedVaultStore(inner, [NEW]).assign("v", [JANE])
        assert not EncryptedVaultStore(inner, [NEW, OLD]).rotate("v")

    async def test_of_all_vaults_takes_those_of_a_tenant_the_erased_ones_too(
        self, inner: InMemoryVaultStore
    ) -> None:
        old = EncryptedVaultStore(inner, [OLD])
        for vault_id in ("a:1", "a:2", "a:3", "b:1"):
            old.assign(vault_id, [JANE])
        old.erase("a:3")
        store = EncryptedVaultStore(inner, [NEW, OLD])
        assert store.rotate_all("a:") == 3
        assert await store.arotate_all() == 1
        assert await store.arotate_all() == 0
        alone = EncryptedVaultStore(inner, [NEW])
        assert [
            alone.assign(vault_id, [JANE]).entries[0].ref.number for vault_id in ("a:1", "a:3", "b:1")
        ] == [1, 2, 1]

    @pytest.mark.parametrize("asynchronous", [True, False])
    def test_of_all_vaults_names_those_whose_key_is_lost_and_does_the_others(
        self, inner: InMemoryVaultStore, asynchronous: bool
    ) -> None:
        EncryptedVaultStore(inner, [OTHER]).assign("lost", [JANE])
        EncryptedVaultStore(inner, [OLD]).assign("v", [JANE])
        store = EncryptedVaultStore(inner, [NEW, OLD])
        with pytest.raises(VaultDecryptionError, match=r"1 of 2 vaults cannot be decrypted: 'lost';"):
            asyncio.run(store.arotate_all()) if asynchronous else store.rotate_all()
        assert EncryptedVaultStore(inner, [NEW]).entries("v")[0].value == "Jane Doe"

    def test_between_two_requests_of_a_call_loses_nothing(self, inner: InMemoryVaultStore, spy: Spy) -> None:
        """The seal is another at every fourth request, whichever that is of a call."""
        keys = itertools.cycle([[OLD, NEW], [NEW, OLD]])

        def rotate(vault_id: str, request: Request) -> None:
            if len(spy.requests) % 4 == 0:
                over(inner.ledger, *next(keys)).rotate(vault_id)

        store = over(spy, NEW, OLD)
        first = store.assign("v", [JANE, DOE]).entries
        spy.before = rotate
        for number in range(20):
            store.assign("v", [JANE, Entity("PERSON", f"Ann{number} Lee")], [Text("jane doe, DOE")])
        assert store.assign("v", [JANE, DOE]).entries == first
        assert [entry.ref.number for entry in store.entries("v") if entry.value.startswith("Ann")] == [
            *range(2, 22)
        ]

    def test_under_load_loses_nothing_and_doubles_nothing(self, inner: InMemoryVaultStore) -> None:
        stores = [EncryptedVaultStore(inner, keys) for keys in ([OLD, NEW], [NEW, OLD])]
        stop = threading.Event()
        rotated = 0

        def rotate() -> None:
            nonlocal rotated
            for store in itertools.cycle(stores):
                if stop.is_set():
                    return
                rotated += store.rotate("v")

        def work(worker: int) -> list[Entry]:
            own: list[Entry] = []
            for step in range(60):
                values = [f"value {(worker * 7 + step * factor) % 200}" for factor in (1, 3)]
                entities = [Entity("PERSON", value) for value in values]
                own += stores[(worker + step) % 2].assign("v", entities, [Text("VALUE 1")]).entries
            return own

        with ThreadPoolExecutor(9) as pool:
            rotating = pool.submit(rotate)
            entries = [entry for own in pool.map(work, range(8)) for entry in own]
            stop.set()
            rotating.result()
        assert rotated > 1
        kept = stores[0].entries("v")
        assert len({entry.ref for entry in kept}) == len({entry.value for entry in kept}) == len(kept)
        assert set(map(str, entries)) <= set(map(str, kept))
        assert {entry.ref: entry.value for entry in entries}.items() <= {e.ref: e.value for e in kept}.items()


class TestOptions:
    def test_ttl_is_that_of_the_inner_store(self) -> None:
        now = 0.0
        store = EncryptedVaultStore(InMemoryVaultStore(ttl=10, clock=lambda: now), [NEW])
        store.assign("v", [JANE])
        now = 11.0
        assert store.entries("v") == []
        assert store.assign("v", [JANE]).entries[0].ref == Ref("PERSON", 2)

    async def test_closing_closes_the_inner_store(self) -> None:
        class Inner(LedgerVaultStore):
            closed: ClassVar[list[str]] = []

            def close(self) -> None:
                self.closed.append("close")

            async def aclose(self) -> None:
                self.closed.append("aclose")

        store = EncryptedVaultStore(Inner(InMemoryVaultStore().ledger), [NEW])
        store.close()
        await store.aclose()
        assert Inner.closed == ["close", "aclose"]
        bare = EncryptedVaultStore(InMemoryVaultStore(), [NEW])
        bare.close()
        await bare.aclose()


class TestThePair:
    @settings(deadline=None, max_examples=60)
    @given(st.lists(nasty.texts(), min_size=1, max_size=4))
    def test_restores_what_it_hid(self, texts: list[str]) -> None:
        inner = InMemoryVaultStore()
        hide = Anonymizer(detector=nasty.NastyDetector(), store=EncryptedVaultStore(inner, [OLD]))
        show = Deanonymizer(store=EncryptedVaultStore(inner, [NEW, OLD]))
        for text in texts:
            hidden = hide.invoke(text, config())
            assert show.invoke(hidden, config()) == text

    def test_hides_the_same_as_with_a_store_that_does_not_encrypt(self) -> None:
        text = json.dumps(list(nasty.VALUES))
        hidden = {
            Anonymizer(detector=nasty.NastyDetector(), store=store).invoke(text, config())
            for store in (InMemoryVaultStore(), EncryptedVaultStore(InMemoryVaultStore(), [NEW]))
        }
        assert len(hidden) == 1


@pytest.fixture(autouse=True)
def _no_keys_in_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(KEYS_VARIABLE, raising=False)
