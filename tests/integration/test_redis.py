"""The vault store in Redis, against servers that the tests start."""

import asyncio
import re
import time
import uuid
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
import redis
import redis.asyncio

from langchain_secguard import Anonymizer, Deanonymizer
from langchain_secguard.placeholders import Ref
from langchain_secguard.policy import Action
from langchain_secguard.testing import VaultStoreContract
from langchain_secguard.testing.values import BOB, JANE
from langchain_secguard.vault import Entity, Entry, Keys, RedisVaultStore, Text, VaultStore
from tests.servers import RedisCluster, RedisServer, StallProxy
from tests.support import LexiconDetector, config

pytestmark = pytest.mark.loopback

PATIENCE = 60.0
"""Seconds that a call may take where a thousand are made at once, on a busy machine."""


@pytest.fixture
def prefix() -> str:
    """Name keys that no other test has."""
    return f"test-{uuid.uuid4().hex}"


class TestContract(VaultStoreContract):
    @pytest.fixture
    def store(self, redis_server: RedisServer, prefix: str) -> Iterator[VaultStore]:
        store = RedisVaultStore(redis_server.url, key_prefix=prefix, ttl=600, timeout=PATIENCE)
        yield store
        store.close()


class TestContractOnACluster(VaultStoreContract):
    @pytest.fixture
    def store(self, redis_cluster: RedisCluster, prefix: str) -> Iterator[VaultStore]:
        store = RedisVaultStore(redis_cluster.url, key_prefix=prefix, cluster=True, ttl=600, timeout=PATIENCE)
        yield store
        store.close()


@pytest.fixture
def store(redis_server: RedisServer, prefix: str) -> Iterator[RedisVaultStore]:
    store = RedisVaultStore(redis_server.url, key_prefix=prefix, timeout=PATIENCE)
    yield store
    store.close()


@pytest.fixture
def admin(redis_server: RedisServer) -> Iterator[redis.Redis]:
    client = redis.Redis.from_url(redis_server.url)
    yield client
    client.close()


class TestRoundTrips:
    """Counted by a proxy that sees every question and answer."""

    @pytest.fixture
    def proxy(self, redis_server: RedisServer) -> Iterator[StallProxy]:
        with StallProxy(redis_server.port) as proxy:
            yield proxy

    @pytest.fixture
    def store(self, proxy: StallProxy, prefix: str) -> Iterator[RedisVaultStore]:
        store = RedisVaultStore(f"redis://127.0.0.1:{proxy.port}", key_prefix=prefix)
        store.entries("warm")  # connects, and makes the script known
        proxy.clear()
        yield store
        store.close()

    @pytest.mark.parametrize("count", [1, 100, 3_000])
    def test_assigning_takes_one_however_many_entities_there_are(
        self, store: RedisVaultStore, proxy: StallProxy, count: int
    ) -> None:
        entities = [
            Entity("PERSON", f"Jane{number} Doe", (f"Max{number} Muster",)) for number in range(count)
        ]
        text = Text(" and ".join(entity.value for entity in entities))
        assignment = store.assign("v", entities, [text])
        assert proxy.turns == 1
        assert len(assignment.hits[0]) == count
        assert store.assign("v", entities, [text]) == assignment
        assert proxy.turns == 2

    def test_looking_up_takes_one_however_many_refs_there_are(
        self, store: RedisVaultStore, proxy: StallProxy
    ) -> None:
        entries = store.assign("v", [Entity("PERSON", f"value {number}") for number in range(3_000)]).entries
        proxy.clear()
        assert store.lookup("v", [entry.ref for entry in entries]) == entries
        assert proxy.turns == 1

    def test_a_new_spelling_of_a_known_value_takes_a_second(
        self, store: RedisVaultStore, proxy: StallProxy
    ) -> None:
        store.assign("v", [JANE])
        proxy.clear()
        store.assign("v", [], [Text("JANE DOE")])
        assert proxy.turns == 2
        store.assign("v", [], [Text("JANE DOE")])
        assert proxy.turns == 3

    def test_a_phrase_of_many_words_takes_a_second_in_a_process_that_did_not_know_of_it(
        self, store: RedisVaultStore, proxy: StallProxy, prefix: str
    ) -> None:
        store.assign("v", [Entity("PERSON", "a b c d e f g")])
        other = RedisVaultStore(f"redis://127.0.0.1:{proxy.port}", key_prefix=prefix)
        other.entries("warm")
        for turns in (2, 1):
            proxy.clear()
            (hits,) = other.assign("v", [], [Text("A b c d e f g")]).hits
            assert [(hit.start, hit.end) for hit in hits] == [(0, 13)]
            assert proxy.turns <= turns + 1  # the spelling is new the first time
        other.close()

    @pytest.mark.parametrize(
        "work",
        [
            lambda store: store.find("v", [Text("Jane Doe")]),
            lambda store: store.entries("v"),
            lambda store: store.erase_value("v", "Jane Doe"),
            lambda store: store.erase("v"),
        ],
        ids=["find", "entries", "erase_value", "erase"],
    )
    def test_every_other_method_takes_one(
        self, store: RedisVaultStore, proxy: StallProxy, work: Callable[[RedisVaultStore], object]
    ) -> None:
        store.assign("v", [JANE])
        proxy.clear()
        work(store)
        assert proxy.turns == 1

    async def test_putting_off_the_expiry_takes_none(
        self, proxy: StallProxy, prefix: str, admin: redis.Redis
    ) -> None:
        store = RedisVaultStore(f"redis://127.0.0.1:{proxy.port}", key_prefix=prefix, ttl=60)
        (entry,) = (await store.aassign("v", [JANE])).entries
        store.assign("v", [JANE])
        for asynchronous in (True, False):
            admin.pexpire(f"{prefix}:{{v}}", 5_000)
            proxy.clear()
            found = await store.alookup("v", [entry.ref]) if asynchronous else store.lookup("v", [entry.ref])
            assert found == [entry]
            assert proxy.turns == 1
            assert admin.pttl(f"{prefix}:{{v}}") > 50_000
        store.close()
        await store.aclose()

    def test_a_server_that_lost_the_script_costs_one_more_once(
        self, store: RedisVaultStore, proxy: StallProxy, admin: redis.Redis
    ) -> None:
        admin.script_flush()
        store.assign("v", [JANE])
        assert proxy.turns == 2
        store.assign("v", [JANE])
        assert proxy.turns == 3

    @pytest.mark.parametrize("policy", ["tokenize", "surrogate"])
    async def test_the_pair_takes_one_to_hide_and_one_to_restore(
        self, store: RedisVaultStore, proxy: StallProxy, policy: Action
    ) -> None:
        names = [f"Jane{number} Doe{number}" for number in range(50)]
        before = Anonymizer(
            detector=LexiconDetector(dict.fromkeys(names, "PERSON")), store=store, default_policy=policy
        )
        after, text = Deanonymizer(store=store), ", ".join(names)
        hidden = before.invoke(text, config())
        assert proxy.turns == 1
        assert not any(name in hidden for name in names)
        await asyncio.sleep(0.11)  # what was heard of the vault is old news
        assert after.invoke(hidden, config()) == text
        assert proxy.turns == 2
        await store.aentries("warm")
        await asyncio.sleep(0.11)
        proxy.clear()
        assert await after.ainvoke(hidden, config()) == text
        assert proxy.turns == 1

    def test_texts_in_which_nothing_was_found_yet_are_not_sent_again(
        self, store: RedisVaultStore, proxy: StallProxy
    ) -> None:
        before = Anonymizer(detector=LexiconDetector({}), store=store)
        history = ["lorem ipsum " * 50 + str(number) for number in range(20)]
        before.invoke(history, config())
        proxy.clear()
        before.invoke([*history, "dolor"], config())
        assert len(proxy.sent) < 400
        assert proxy.turns == 1

    def test_an_answer_without_placeholders_takes_one(
        self, store: RedisVaultStore, proxy: StallProxy
    ) -> None:
        store.assign("case-42", [JANE])
        time.sleep(0.11)
        proxy.clear()
        assert Deanonymizer(store=store).invoke("Nobody is here.", config()) == "Nobody is here."
        assert proxy.turns == 1


class TestCopies:
    """Two processes share a vault: what one writes, the other must learn of."""

    def test_surrogates_of_another_process_are_restored(
        self, store: RedisVaultStore, redis_server: RedisServer, prefix: str
    ) -> None:
        other = RedisVaultStore(redis_server.url, key_prefix=prefix)
        after = Deanonymizer(store=other)
        for name, fake in (("Jane Doe", "Max Muster"), ("Bob Roe", "Eva Mann")):
            store.assign("case-42", [Entity("PERSON", name, (fake,))])
            time.sleep(0.11)
            assert after.invoke(f"Dear {fake}", config()) == f"Dear {name}"
        store.erase_value("case-42", "Jane Doe")
        time.sleep(0.11)
        assert after.invoke("Max Muster, Eva Mann", config()) == "Max Muster, Bob Roe"
        other.close()

    def test_surrogates_of_another_process_are_restored_in_a_stream_that_is_open(
        self, store: RedisVaultStore, redis_server: RedisServer, prefix: str
    ) -> None:
        other = RedisVaultStore(redis_server.url, key_prefix=prefix)

        def chunks() -> Iterator[str]:
            yield "Dear "
            store.assign("case-42", [Entity("PERSON", "Jane Doe", ("Max Muster",))])
            time.sleep(0.11)
            yield from ("Max ", "Muster", "!")

        assert "".join(Deanonymizer(store=other).transform(chunks(), config())) == "Dear Jane Doe!"
        other.close()

    def test_a_vault_that_was_made_anew_elsewhere_is_searched_whole(
        self, store: RedisVaultStore, redis_server: RedisServer, prefix: str
    ) -> None:
        other = RedisVaultStore(redis_server.url, key_prefix=prefix)
        first = store.assign("v", [JANE], [Text("Bob Roe")])
        other.erase("v")
        other.assign("v", [BOB])
        again = store.assign("v", [], [Text("Bob Roe", first.generation)])
        assert len(again.hits[0]) == 1
        assert again.epoch != first.epoch
        other.close()

    def test_a_text_is_searched_whole_when_more_was_added_than_is_remembered(
        self, store: RedisVaultStore
    ) -> None:
        first = store.assign("v", [JANE], [Text("value 3 and value 299")])
        for start in range(0, 300, 100):
            store.assign("v", [Entity("PERSON", f"value {start + step}") for step in range(100)])
        again = store.assign("v", [], [Text("value 3 and value 299", first.generation)])
        assert len(again.hits[0]) == 2


class TestLayout:
    def test_a_vault_is_two_keys_that_share_a_hash_tag(
        self, store: RedisVaultStore, admin: redis.Redis, prefix: str
    ) -> None:
        store.assign("case/{42}", [JANE])
        vault = f"{prefix}:{{case%2F%7B42%7D}}".encode()
        assert sorted(admin.keys(f"{prefix}:*")) == [vault, vault + b":numbers"]

    @pytest.mark.parametrize("vault_id", ["a b", "{", "}{", "\ud83d", "\u00fc:\n", "x" * 500, "a:numbers"])
    def test_any_vault_id_names_a_vault_of_its_own(self, store: RedisVaultStore, vault_id: str) -> None:
        store.assign(vault_id, [JANE])
        store.assign("a", [BOB])
        assert [entry.value for entry in store.entries(vault_id)] == ["Jane Doe"]
        assert store.erase(vault_id) == 1

    @pytest.mark.parametrize("entity_type", ["Person of note", "a:1", "~x", "\u00fc", "%41", "A1B"])
    def test_any_entity_type_is_kept(self, store: RedisVaultStore, entity_type: str) -> None:
        entity = Entity(entity_type, "Jane Doe", ("Max Muster",), Keys(("jane doe",), ("jane doe",)))
        assignment = store.assign("v", [entity], [Text("JANE DOE, Max Muster")])
        assert [entry.ref for entry in assignment.entries] == [Ref(entity_type, 1)]
        assert store.lookup("v", [Ref(entity_type, 1)]) == assignment.entries
        assert sorted(entry.ref for entry in assignment.known.values()) == [
            Ref(entity_type, 1, "b"),
            Ref(entity_type, 2),
        ]

    def test_what_outlives_a_vault_holds_no_value(
        self, store: RedisVaultStore, admin: redis.Redis, prefix: str
    ) -> None:
        store.assign("v", [JANE, Entity("PERSON", "Bob Roe", ("Max Muster",))])
        store.erase("v")
        (name,) = admin.keys(f"{prefix}:*")
        left = admin.hgetall(name)
        assert left[b"PERSON"] == b"2"
        assert len(left) == 2
        assert not any(word in repr(left) for word in ("Jane", "Doe", "Bob", "Roe", "Max", "Muster"))

    def test_erasing_a_value_leaves_nothing_of_it(
        self, store: RedisVaultStore, admin: redis.Redis, prefix: str
    ) -> None:
        store.assign("v", [BOB])
        before = admin.hgetall(f"{prefix}:{{v}}")
        entities = [Entity("PERSON", "Jane Doe", ("Max Muster",), Keys(("jane", "doe"), ("jane",)))]
        entities.append(Entity("PERSON", "Jane", (), Keys((), ("jane",))))
        store.assign("v", entities, [Text("JANE DOE")])
        assert store.erase_value("v", "Jane Doe") == 3
        after = admin.hgetall(f"{prefix}:{{v}}")
        bookkeeping = {name for name in after if name[:1] in (b".", b"#", b"~")}
        assert after.keys() - bookkeeping == before.keys() - bookkeeping
        assert not any(word in repr(after) for word in ("Jane", "JANE", "Max"))


class TestExpiry:
    @pytest.fixture
    def expiring(self, redis_server: RedisServer, prefix: str) -> Iterator[RedisVaultStore]:
        store = RedisVaultStore(redis_server.url, key_prefix=prefix, ttl=60)
        yield store
        store.close()

    @pytest.mark.parametrize(
        "use",
        [
            lambda store: store.assign("v", []),
            lambda store: store.lookup("v", [Ref("PERSON", 1)]),
            lambda store: store.entries("v"),
            lambda store: store.erase_value("v", "nobody"),
        ],
        ids=["assign", "lookup", "entries", "erase_value"],
    )
    def test_use_refreshes_a_vault(
        self,
        expiring: RedisVaultStore,
        admin: redis.Redis,
        prefix: str,
        use: Callable[[RedisVaultStore], object],
    ) -> None:
        expiring.assign("v", [JANE])
        admin.pexpire(f"{prefix}:{{v}}", 5_000)
        use(expiring)
        assert admin.pttl(f"{prefix}:{{v}}") > 50_000

    def test_finding_does_not_refresh_a_vault(
        self, expiring: RedisVaultStore, admin: redis.Redis, prefix: str
    ) -> None:
        expiring.assign("v", [JANE])
        admin.pexpire(f"{prefix}:{{v}}", 5_000)
        assert len(expiring.find("v", [Text("Jane Doe")]).hits[0]) == 1
        assert admin.pttl(f"{prefix}:{{v}}") <= 5_000

    def test_numbers_and_surrogates_outlive_a_vault(
        self, expiring: RedisVaultStore, admin: redis.Redis, prefix: str
    ) -> None:
        first = expiring.assign("v", [JANE, Entity("PERSON", "Bob Roe", ("Max Muster",))])
        assert admin.pttl(f"{prefix}:{{v}}:numbers") == -1
        admin.pexpire(f"{prefix}:{{v}}", 1)
        time.sleep(0.01)
        assert expiring.lookup("v", [Ref("PERSON", 1)]) == [None]
        assert expiring.entries("v") == []
        assert len(expiring.surrogates("v")) == 0
        (entry,) = expiring.assign("v", [Entity("PERSON", "Al Kay", ("Max Muster",))]).entries
        assert (entry.ref, entry.surrogate) == (Ref("PERSON", 3), None)
        assert expiring.assign("v", []).epoch != first.epoch

    def test_lives_forever_without_a_ttl(
        self, store: RedisVaultStore, admin: redis.Redis, prefix: str
    ) -> None:
        store.assign("v", [JANE])
        assert admin.pttl(f"{prefix}:{{v}}") == -1


class TestRights:
    def test_those_that_the_documentation_lists_are_enough(
        self, redis_server: RedisServer, admin: redis.Redis, prefix: str
    ) -> None:
        page = (Path(__file__).parents[2] / "docs/stores.md").read_text(encoding="utf-8")
        (listed,) = re.findall(r"\*\*Rights\.\*\* `([^`]+)` on `~secguard:\*`", page)
        admin.execute_command(  # type: ignore[no-untyped-call]
            "ACL", "SETUSER", prefix, "on", ">pw", f"~{prefix}:*", *listed.split()
        )
        store = RedisVaultStore(redis_server.url.replace("//", f"//{prefix}:pw@"), key_prefix=prefix, ttl=60)
        entity = Entity("PERSON", "Jane Doe", ("Max Muster",), Keys(("jane",), ("jane",)))
        entries = store.assign("v", [entity, Entity("PERSON", "Jane", (), Keys((), ("jane",)))]).entries
        assert store.lookup("v", [entry.ref for entry in entries]) == store.entries("v") == entries
        assert len(store.find("v", [Text("Jane Doe")]).hits[0]) == 1
        time.sleep(0.11)
        assert len(store.surrogates("v")) == 1
        assert store.ledger.vault_ids() == ["v"]
        assert store.erase_value("v", "Jane") == 1
        assert store.erase("v") == 1
        store.close()


class TestServers:
    """What a store may be given."""

    def make(self, kind: str, url: str) -> Any:
        made: dict[str, Callable[[], Any]] = {
            "url": lambda: url,
            "client": lambda: redis.Redis.from_url(url),
            "client that decodes": lambda: redis.Redis.from_url(url, decode_responses=True),
            "pool": lambda: redis.ConnectionPool.from_url(url),
            "blocking pool": lambda: redis.BlockingConnectionPool.from_url(url),
            "asyncio client": lambda: redis.asyncio.Redis.from_url(url, decode_responses=True),
            "asyncio pool": lambda: redis.asyncio.ConnectionPool.from_url(url),
        }
        return made[kind]()

    @pytest.mark.parametrize("kind", ["url", "client", "client that decodes", "pool", "blocking pool"])
    @pytest.mark.parametrize("ttl", [None, 60])
    async def test_serve_both_kinds_of_methods(
        self, redis_server: RedisServer, prefix: str, kind: str, ttl: float | None
    ) -> None:
        given = self.make(kind, redis_server.url)
        store = RedisVaultStore(given, key_prefix=prefix, ttl=ttl)
        (entry,) = await asyncio.to_thread(lambda: store.assign("v", [JANE]).entries)
        assert await store.alookup("v", [entry.ref]) == [entry]
        await store.aclose()
        store.close()
        if not isinstance(given, str):
            (given.close if hasattr(given, "close") else given.disconnect)()

    @pytest.mark.parametrize("kind", ["asyncio client", "asyncio pool"])
    @pytest.mark.parametrize("ttl", [None, 60])
    async def test_of_asyncio_serve_async_methods_alone(
        self, redis_server: RedisServer, prefix: str, kind: str, ttl: float | None
    ) -> None:
        given = self.make(kind, redis_server.url)
        store = RedisVaultStore(given, key_prefix=prefix, ttl=ttl)
        (entry,) = (await store.aassign("v", [JANE])).entries
        assert await store.alookup("v", [entry.ref]) == [entry]
        with pytest.raises(TypeError, match="async methods"):
            store.lookup("v", [entry.ref])
        await given.aclose()

    @pytest.mark.parametrize("ttl", [None, 60])
    async def test_of_a_cluster_serve_as_clients_do(
        self, redis_cluster: RedisCluster, prefix: str, ttl: float | None
    ) -> None:
        package: Any = redis
        client = package.RedisCluster.from_url(redis_cluster.url)
        async_client = package.asyncio.RedisCluster.from_url(redis_cluster.url, decode_responses=True)
        store = RedisVaultStore(client, key_prefix=prefix, ttl=ttl)
        (entry,) = store.assign("v", [JANE]).entries
        assert store.lookup("v", [entry.ref]) == [entry]
        found = await RedisVaultStore(async_client, key_prefix=prefix, ttl=ttl).alookup("v", [entry.ref])
        assert found == [entry]
        client.close()
        await async_client.aclose()

    def test_a_store_works_in_one_event_loop_after_another(self, store: RedisVaultStore) -> None:
        found = [asyncio.run(store.aassign("v", [JANE])).entries for _ in range(5)]
        assert all(entries == found[0] for entries in found)
        assert store._runner._lines == {}

    def test_a_store_works_in_event_loops_of_many_threads_at_once(self, store: RedisVaultStore) -> None:
        async def work() -> list[Entry]:
            assigned = await asyncio.gather(*(store.aassign("v", [JANE, BOB]) for _ in range(20)))
            return assigned[-1].entries

        with ThreadPoolExecutor(8) as pool:
            found = list(pool.map(lambda _: asyncio.run(work()), range(16)))
        assert all(entries == found[0] for entries in found)
        assert store._runner._lines == {}

    def test_a_store_can_be_closed_and_used_again(self, store: RedisVaultStore) -> None:
        (entry,) = store.assign("v", [JANE]).entries
        store.close()
        assert store.lookup("v", [entry.ref]) == [entry]

    async def test_more_tasks_than_connections_take_turns(
        self, redis_server: RedisServer, prefix: str, admin: redis.Redis
    ) -> None:
        store = RedisVaultStore(redis_server.url, key_prefix=prefix, connections=3)
        before = len(admin.client_list())
        await asyncio.gather(*(store.aassign("v", [JANE]) for _ in range(50)))
        assert len(admin.client_list()) - before <= 3
        await store.aclose()
