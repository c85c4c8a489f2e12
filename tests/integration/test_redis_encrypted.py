"""Encrypted vaults in Redis: what its files, its network and whoever writes to it can learn and change."""

import asyncio
import base64
import itertools
import threading
import uuid
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, get_args

import pytest
import redis
from cryptography.fernet import Fernet

from langchain_secguard import Anonymizer, Deanonymizer, SecGuardError, VaultDecryptionError
from langchain_secguard.placeholders import Ref
from langchain_secguard.testing import VaultStoreContract
from langchain_secguard.vault import (
    EncryptedVaultStore,
    Entity,
    Entry,
    Keys,
    RedisVaultStore,
    Text,
    VaultStore,
    aexport_vaults,
    erase_value_everywhere,
    export_vaults,
)
from langchain_secguard.vault.aead import derive
from langchain_secguard.vault.codec import KeyKind, PlainCodec
from tests.servers import RedisCluster, RedisServer, StallProxy
from tests.support import LexiconDetector, config, error_texts, spellings

pytestmark = pytest.mark.loopback

OLD, NEW = (Fernet.generate_key().decode() for _ in range(2))
JANE = Entity("PERSON", "Jane Doe", ("Max Muster",), Keys(("jane doe", "jane", "doe"), ("jane doe",)))
DOE = Entity("PERSON", "Doe", keys=Keys(("doe",), ("doe",)))
BOB = Entity("PERSON", "Bob Roe")


@pytest.fixture
def prefix() -> str:
    """Name keys that no other test has."""
    return f"test-{uuid.uuid4().hex}"


@pytest.fixture
def inner(redis_server: RedisServer, prefix: str) -> Iterator[RedisVaultStore]:
    store = RedisVaultStore(redis_server.url, key_prefix=prefix, timeout=60)  # on a busy machine
    yield store
    store.close()


@pytest.fixture
def admin(redis_server: RedisServer) -> Iterator[Any]:
    client = redis.Redis.from_url(redis_server.url)
    yield client
    client.close()


class TestContract(VaultStoreContract):
    @pytest.fixture
    def store(self, inner: RedisVaultStore) -> VaultStore:
        return EncryptedVaultStore(inner, [NEW, OLD])


class TestOnACluster(VaultStoreContract):
    @pytest.fixture
    def on_cluster(self, redis_cluster: RedisCluster, prefix: str) -> Iterator[RedisVaultStore]:
        store = RedisVaultStore(redis_cluster.url, key_prefix=prefix, cluster=True, ttl=600, timeout=60)
        yield store
        store.close()

    @pytest.fixture
    def store(self, on_cluster: RedisVaultStore) -> VaultStore:
        return EncryptedVaultStore(on_cluster, [NEW, OLD])

    async def test_vaults_of_all_nodes_are_rotated(self, on_cluster: RedisVaultStore) -> None:
        before = EncryptedVaultStore(on_cluster, [OLD])
        entries = {f"v{number}": before.assign(f"v{number}", [JANE]).entries for number in range(12)}
        store = EncryptedVaultStore(on_cluster, [NEW, OLD])
        assert (store.rotate_all(), await store.arotate_all()) == (12, 0)
        after = EncryptedVaultStore(on_cluster, [NEW])
        assert {vault_id: after.entries(vault_id) for vault_id in after.vault_ids()} == entries
        await store.aclose()


class TestWhatIsWrittenAndSent:
    """The whole life of some vaults, searched for every value and key: files, log, network both ways."""

    VALUES = (
        "Jane Doe", "Robert Alvarez", "jane.doe@example.com", "4111 1111 1111 1111", "Müller-Lüdenscheidt",
        "שרה לוי", "Project Falcon", "(217) 555-0142", "a value of " + "very many words " * 20 + "here",
    )  # fmt: skip
    WORDS = ("Alvarez", "Falcon", "Lüdenscheidt", "Muster", "Eva Mann", "summary", "Tuesday")

    def live(self, url: str) -> list[bytes]:
        """Use vaults in every way, and return all keys that there are."""
        types = dict.fromkeys(self.VALUES, "PERSON")
        keys: list[bytes] = []
        for vault_id, rings in (("case-1", ([OLD], [NEW, OLD])), ("case-2", ([NEW],))):
            for ring in rings:
                inner = RedisVaultStore(url)
                store = EncryptedVaultStore(inner, ring)
                before = Anonymizer(detector=LexiconDetector(types), store=store, link_names=True)
                text = "On Tuesday a summary: " + ", ".join(self.VALUES) + ", JANE DOE, Doe."
                hidden = before.invoke(text, config(vault_id))
                assert Deanonymizer(store=store).invoke(hidden, config(vault_id)) == text
                store.assign(vault_id, [Entity("PERSON", "Robert Alvarez", ("Max Muster", "Eva Mann")), DOE])
                asyncio.run(Deanonymizer(store=store).ainvoke("Max Muster", config(vault_id)))
                store.rotate_all()
                assert len(export_vaults(store, value="jane doe", prefix="case-")) > 0
                assert erase_value_everywhere(store, "Jane Doe", prefix=vault_id).entries > 0
                sealed = store._seals._opened.get(vault_id)
                assert sealed is not None
                purposes = ["values", *(f"find by {kind}" for kind in get_args(KeyKind))]
                keys += [sealed.vault_key, *(derive(sealed.vault_key, purpose) for purpose in purposes)]
                store.close()
        return keys + [base64.urlsafe_b64decode(key) for key in (OLD, NEW)]

    def test_holds_no_value_and_no_key(self) -> None:
        with (
            RedisServer(append_only=True, loglevel="debug", slowlog_log_slower_than="0") as server,
            StallProxy(server.port) as proxy,
        ):
            keys = self.live(f"redis://127.0.0.1:{proxy.port}")
            server.cli("save")
            seen = {path.name: path.read_bytes() for path in server.files()}
            seen |= {"log": server.log.encode(), "slow log": server.cli("slowlog", "get", "-1").encode()}
            seen |= {"sent": bytes(proxy.sent), "received": bytes(proxy.received)}
        assert {"dump.rdb", "sent", "received"} < seen.keys()
        (appended,) = [name for name in seen if name.endswith("incr.aof")]
        for where in ("dump.rdb", "sent", "received", "slow log", appended):
            assert b"PERSON" in seen[where]  # what is searched is there, and not compressed
        for secret in self.secrets(keys):
            assert [name for name, data in seen.items() if secret in data] == []

    def test_holds_every_value_where_it_is_not_encrypted(self) -> None:
        """So that the search above is known to find what there is."""
        with RedisServer(append_only=True) as server, StallProxy(server.port) as proxy:
            store = RedisVaultStore(f"redis://127.0.0.1:{proxy.port}")
            store.assign("case-1", [Entity("PERSON", value) for value in self.VALUES])
            store.close()
            (written,) = [path.read_bytes() for path in server.files() if path.name.endswith("incr.aof")]
            sent = bytes(proxy.sent)
        assert [value for value in self.VALUES if value.encode() not in written] == []
        assert [value for value in self.VALUES if value.encode() not in sent] == []

    def secrets(self, keys: Sequence[bytes]) -> set[bytes]:
        """List values, words and keys as they may be written, and hashes that could be guessed."""
        texts = {spelling for value in (*self.VALUES, *self.WORDS) for spelling in spellings(value)}
        texts |= {text.casefold() for text in texts} | {text.upper() for text in texts}
        found = {text.encode() for text in texts} | {text.encode("utf-16-le") for text in texts}
        found |= {base64.b64encode(value.encode()) for value in self.VALUES}
        found |= {value.encode().hex().encode() for value in self.VALUES}
        for key in keys:
            found |= {key, key.hex().encode(), base64.b64encode(key), base64.urlsafe_b64encode(key)}
        plain = PlainCodec()
        for vault_id, kind in itertools.product(("case-1", "case-2"), ("identity", "folded", "phrase")):
            hashed = plain.keys(vault_id, kind, [text.casefold() for text in self.VALUES])  # type: ignore[arg-type]
            found |= {key[:8] for key in hashed}
        return found


class TestMovedBytes:
    """Whoever can write to the database can lose values, and make nobody into somebody else."""

    @pytest.fixture
    def store(self, inner: RedisVaultStore) -> EncryptedVaultStore:
        writer = EncryptedVaultStore(inner, [NEW])
        writer.assign("v", [JANE, BOB, DOE])
        writer.assign("w", [Entity("PERSON", "Ann Lee", ("Eva Mann",)), BOB])
        return EncryptedVaultStore(inner, [NEW])  # which has read nothing yet

    ROWS = (("w", b"ePERSON:1"), ("w", b"ePERSON:2"), ("v", b"ePERSON:2"), ("v", b"ePERSON:1b"))

    @pytest.mark.parametrize("renamed", [False, True], ids=["as it is", "under the name of its new place"])
    @pytest.mark.parametrize("source", ROWS, ids=str)
    def test_of_a_row_do_not_decrypt_in_another_vault_or_under_another_placeholder(
        self, store: EncryptedVaultStore, admin: Any, prefix: str, source: tuple[str, bytes], renamed: bool
    ) -> None:
        row = admin.hget(f"{prefix}:{{{source[0]}}}", source[1])
        if renamed:
            row = b"PERSON:1" + row[row.index(b" ") :]
        admin.hset(f"{prefix}:{{v}}", b"ePERSON:1", row)
        with pytest.raises(VaultDecryptionError, match="copied from another place"):
            store.lookup("v", [Ref("PERSON", 1)])
        with pytest.raises(VaultDecryptionError, match="copied from another place"):
            Deanonymizer(store=store).invoke("[PERSON_1]", config("v"))
        with pytest.raises(VaultDecryptionError):
            store.assign("v", [JANE])

    def test_of_a_whole_vault_do_not_decrypt_under_another_id(
        self, store: EncryptedVaultStore, admin: Any, prefix: str
    ) -> None:
        for part in ("", ":numbers"):
            admin.copy(f"{prefix}:{{v}}{part}", f"{prefix}:{{x}}{part}")
        calls: list[Callable[[], object]] = [
            lambda: store.lookup("x", [Ref("PERSON", 1)]),
            lambda: store.entries("x"),
            lambda: store.assign("x", [BOB]),
            lambda: store.rotate("x"),
        ]
        for call in calls:
            with pytest.raises(VaultDecryptionError, match="'x' was changed, or copied from another vault"):
                call()

    @pytest.mark.parametrize("encrypted", [True, False], ids=["encrypted", "plain"])
    def test_of_any_field_never_make_one_person_into_another(
        self, inner: RedisVaultStore, admin: Any, prefix: str, encrypted: bool
    ) -> None:
        """Exchange the contents of every two fields of a vault: all is right, missing, or one of our errors.

        Without encryption only whole rows are told apart, and an error still holds no value.
        """
        store = EncryptedVaultStore(inner, [NEW]) if encrypted else inner
        store.assign("v", [JANE, BOB, DOE])
        name, right = f"{prefix}:{{v}}", {entry.ref: entry for entry in store.entries("v")}
        kept = admin.hgetall(name)
        works: list[Callable[[], list[Entry]]] = [
            lambda: store.entries("v"),
            lambda: self.looked_up(store, list(right)),
            lambda: list(store.find("v", [Text("Jane Doe, Doe, Bob Roe, Max Muster")]).known.values()),
        ]
        for one, other in itertools.combinations(sorted(kept), 2):
            admin.hset(name, mapping={one: kept[other], other: kept[one]})
            for work in works:
                try:
                    found = work()
                except SecGuardError as error:
                    shown = "".join(error_texts(error))
                    assert not any(word in shown for word in ("Jane", "Doe", "Roe", "Muster"))
                else:
                    assert all(right.get(entry.ref) == entry for entry in found)
            admin.delete(name)
            admin.hset(name, mapping=kept)
        assert {entry.ref: entry for entry in store.entries("v")} == right

    def looked_up(self, store: VaultStore, refs: list[Ref]) -> list[Entry]:
        found = store.lookup("v", refs)
        assert all(entry is None or entry.ref == ref for ref, entry in zip(refs, found, strict=True))
        return [entry for entry in found if entry]


class TestRotation:
    def test_under_load_loses_nothing_and_doubles_nothing(self, inner: RedisVaultStore) -> None:
        """Threads write, read, search and erase while the vault goes from key to key, and back."""
        stores = [EncryptedVaultStore(inner, keys) for keys in ([OLD, NEW], [NEW, OLD])]
        stop = threading.Event()

        def rotate() -> int:
            rotated = 0
            for store in itertools.cycle(stores):
                if stop.is_set():
                    return rotated
                rotated += store.rotate("v")
            raise AssertionError("never reached")

        def work(worker: int) -> list[Entry]:
            own: list[Entry] = []
            for step in range(50):
                store = stores[(worker + step) % 2]
                values = [f"value {(worker * 7 + step * factor) % 200}" for factor in (1, 3)]
                entries = store.assign("v", [Entity("PERSON", value) for value in values], [Text("VALUE 1")])
                refs = [entry.ref for entry in entries.entries]
                assert stores[step % 2].lookup("v", refs) == entries.entries
                own += entries.entries
            return own

        with ThreadPoolExecutor(9) as pool:
            rotating = pool.submit(rotate)
            try:
                entries = [entry for own in pool.map(work, range(8)) for entry in own]
            finally:
                stop.set()
            assert rotating.result() > 1
        kept = EncryptedVaultStore(inner, [NEW, OLD]).entries("v")
        assert len({entry.ref for entry in kept}) == len({entry.value for entry in kept}) == len(kept)
        assert {entry.ref: entry.value for entry in entries}.items() <= {e.ref: e.value for e in kept}.items()

    async def test_of_every_vault_of_a_tenant_leaves_the_old_key_without_use(
        self, inner: RedisVaultStore
    ) -> None:
        old = EncryptedVaultStore(inner, [OLD])
        for number in range(30):
            await old.aassign(f"acme:{number}", [JANE])
        old.assign("other:1", [JANE])
        store = EncryptedVaultStore(inner, [NEW, OLD])
        assert await store.arotate_all("acme:") == 30
        alone = EncryptedVaultStore(inner, [NEW])
        assert len(await aexport_vaults(alone, prefix="acme:")) == 30
        with pytest.raises(VaultDecryptionError, match="under none of the keys"):
            alone.entries("other:1")
        await store.aclose()
