"""The vault store in SQL, plain and encrypted, on SQLite and on a PostgreSQL that the tests start."""

import asyncio
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import psycopg
import pytest
import sqlalchemy
from cryptography.fernet import Fernet
from sqlalchemy.ext.asyncio import create_async_engine

from langchain_secguard import Anonymizer, Deanonymizer
from langchain_secguard.placeholders import Ref
from langchain_secguard.policy import Action
from langchain_secguard.testing import VaultStoreContract
from langchain_secguard.testing.values import BOB, JANE
from langchain_secguard.vault import EncryptedVaultStore, Entity, Entry, SQLVaultStore, Text, VaultStore
from langchain_secguard.vault.sql.statements import Statement
from tests.servers import PostgresServer, StallProxy
from tests.statements import overhear
from tests.support import LexiconDetector, config

pytestmark = pytest.mark.loopback

KEY = Fernet.generate_key()
PATIENCE = 60.0
"""Seconds that a call may take where a thousand are made at once, on a busy machine."""

EMPTY = [f"DELETE FROM secguard_{table}" for table in ("vaults", "rows", "keys")]


@pytest.fixture(scope="class")
def sqlite_url(tmp_path_factory: pytest.TempPathFactory) -> str:
    return f"sqlite:///{tmp_path_factory.mktemp('sql')}/vaults.db"


@pytest.fixture
def on_sqlite(sqlite_url: str) -> Iterator[SQLVaultStore]:
    store = SQLVaultStore(sqlite_url, timeout=PATIENCE)
    yield store
    store.close()
    with closing(sqlite3.connect(sqlite_url.removeprefix("sqlite:///"))) as admin, admin:
        for statement in EMPTY:
            admin.execute(statement)


@pytest.fixture
def postgres_url(postgres_server: PostgresServer) -> str:
    return f"postgresql://{postgres_server.address}"


@pytest.fixture
def on_postgres(postgres_url: str) -> Iterator[SQLVaultStore]:
    store = SQLVaultStore(postgres_url, timeout=PATIENCE)
    yield store
    store.close()
    with psycopg.connect(postgres_url) as admin:
        for statement in EMPTY:
            admin.execute(statement.encode())


@pytest.fixture(params=["on_sqlite", "on_postgres"])
def store(request: pytest.FixtureRequest) -> SQLVaultStore:
    store: SQLVaultStore = request.getfixturevalue(request.param)
    return store


@pytest.fixture(params=["sqlite_url", "postgres_url"])
def url(request: pytest.FixtureRequest, on_sqlite: SQLVaultStore, on_postgres: SQLVaultStore) -> str:
    return str(request.getfixturevalue(request.param))


class TestContractOnSQLite(VaultStoreContract):
    @pytest.fixture
    def store(self, on_sqlite: SQLVaultStore) -> VaultStore:
        return on_sqlite


class TestContractOnPostgreSQL(VaultStoreContract):
    @pytest.fixture
    def store(self, on_postgres: SQLVaultStore) -> VaultStore:
        return on_postgres


class TestContractOnSQLiteEncrypted(VaultStoreContract):
    @pytest.fixture
    def store(self, on_sqlite: SQLVaultStore) -> VaultStore:
        return EncryptedVaultStore(on_sqlite, [KEY])


class TestContractOnPostgreSQLEncrypted(VaultStoreContract):
    @pytest.fixture
    def store(self, on_postgres: SQLVaultStore) -> VaultStore:
        return EncryptedVaultStore(on_postgres, [KEY])


class TestRoundTrips:
    """Counted by a proxy that sees every question to PostgreSQL and its answer."""

    @pytest.fixture
    def proxy(self, postgres_server: PostgresServer) -> Iterator[StallProxy]:
        with StallProxy(postgres_server.port) as proxy:
            yield proxy

    @pytest.fixture
    def store(
        self, proxy: StallProxy, postgres_server: PostgresServer, on_postgres: SQLVaultStore
    ) -> Iterator[SQLVaultStore]:
        address = postgres_server.address.replace(f":{postgres_server.port}/", f":{proxy.port}/")
        store = SQLVaultStore(f"postgresql://{address}", timeout=PATIENCE)
        store.entries("warm")  # connects, and makes the tables
        proxy.clear()
        yield store
        store.close()

    @pytest.mark.parametrize("count", [1, 100, 1_000])
    def test_a_call_takes_one_and_another_where_it_writes_however_many_entities_there_are(
        self, store: SQLVaultStore, proxy: StallProxy, count: int
    ) -> None:
        entities = [Entity("PERSON", f"Jane{number} Doe") for number in range(count)]
        text = Text(" and ".join(entity.value for entity in entities))
        first = store.assign("v", entities, [text])
        assert proxy.turns <= 3  # the phrases of many are asked for once it is known that they are new
        assert len(first.hits[0]) == count
        proxy.clear()
        assert store.assign("v", entities, [text]) == first
        assert proxy.turns == 1
        assert store.lookup("v", [entry.ref for entry in first.entries]) == first.entries
        assert proxy.turns == 2

    @pytest.mark.parametrize(
        ("work", "turns"),
        [
            (lambda store: store.find("v", [Text("Jane Doe")]), 1),
            (lambda store: store.entries("v"), 1),
            (lambda store: store.assign("v", [BOB]), 2),
            (lambda store: store.erase("v"), 2),
            (lambda store: store.erase_value("v", "nobody"), 1),
            (lambda store: store.erase_value("v", "Jane Doe"), 3),
        ],
        ids=["find", "entries", "assign", "erase", "erase_value_of_nobody", "erase_value"],
    )
    def test_every_method_takes_so_many(
        self, store: SQLVaultStore, proxy: StallProxy, work: Callable[[SQLVaultStore], object], turns: int
    ) -> None:
        store.assign("v", [JANE])
        proxy.clear()
        work(store)
        assert proxy.turns == turns

    async def test_async_methods_take_as_many(self, store: SQLVaultStore, proxy: StallProxy) -> None:
        await store.aentries("warm")
        proxy.clear()
        (entry,) = (await store.aassign("v", [JANE])).entries
        assert proxy.turns == 2
        assert await store.alookup("v", [entry.ref]) == [entry]
        assert proxy.turns == 3
        await store.aclose()


class TestOnPostgreSQL:
    """What tests of one module hold SQLite to, where PostgreSQL is asked otherwise."""

    @pytest.fixture
    def admin(self, postgres_url: str, on_postgres: SQLVaultStore) -> Iterator[psycopg.Connection]:
        on_postgres.entries("v")
        with psycopg.connect(postgres_url, autocommit=True) as admin:
            yield admin

    @pytest.fixture
    def expiring(self, postgres_url: str) -> Iterator[SQLVaultStore]:
        store = SQLVaultStore(postgres_url, ttl=160, timeout=PATIENCE)
        yield store
        store.close()

    def expire(self, admin: psycopg.Connection, seconds: int) -> None:
        """Let all vaults have expired so many seconds ago."""
        admin.execute(
            "UPDATE secguard_vaults SET expires = extract(epoch FROM now()) * 1e6 - %s", [seconds * 1_000_000]
        )

    def count(self, admin: psycopg.Connection) -> list[int]:
        asked = (f"SELECT count(*) FROM secguard_{table}".encode() for table in ("rows", "keys"))
        return [row[0] for one in asked if (row := admin.execute(one).fetchone())]

    def test_use_refreshes_a_vault_and_finding_does_not(
        self, expiring: SQLVaultStore, admin: psycopg.Connection
    ) -> None:
        (entry,) = expiring.assign("v", [JANE]).entries
        self.expire(admin, -5)
        expiring.find("v", [Text("Jane Doe")])
        left = "SELECT expires / 1e6 - extract(epoch FROM now()) FROM secguard_vaults"
        assert admin.execute(left).fetchone()[0] < 6  # type: ignore[index]
        assert expiring.lookup("v", [entry.ref]) == [entry]
        assert admin.execute(left).fetchone()[0] > 150  # type: ignore[index]

    def test_what_expired_is_gone_and_its_numbers_are_not_given_again(
        self, expiring: SQLVaultStore, admin: psycopg.Connection
    ) -> None:
        first = expiring.assign("v", [JANE, Entity("PERSON", "Al Kay", ("Max Muster",))])
        self.expire(admin, 1)
        assert expiring.entries("v") == []
        again = expiring.assign("v", [Entity("PERSON", "Bob Roe", ("Max Muster",))])
        assert (again.entries[0].ref, again.entries[0].surrogate) == (Ref("PERSON", 3), None)
        assert again.epoch != first.epoch
        assert expiring.entries("v") == again.entries

    def test_what_expired_is_swept_by_later_calls(
        self, expiring: SQLVaultStore, admin: psycopg.Connection
    ) -> None:
        for vault_id in ("v", "w"):
            expiring.assign(vault_id, [JANE, BOB])
        self.expire(admin, 5 * int(PATIENCE))
        expiring.assign("other", [JANE])
        for _ in range(2):  # rows and keys, then what says that they live
            expiring._ledger._swept = -1e9  # type: ignore[attr-defined]
            expiring.entries("other")
        assert self.count(admin) == [1, 3]
        live = admin.execute("SELECT live, entries FROM secguard_vaults ORDER BY name").fetchall()
        assert live == [(1, 1), (0, 0), (0, 0)]
        assert expiring.assign("v", [JANE]).entries[0].ref == Ref("PERSON", 3)

    def test_what_was_changed_meanwhile_is_done_again_under_a_lock(
        self, on_postgres: SQLVaultStore, postgres_url: str
    ) -> None:
        other, asked = SQLVaultStore(postgres_url), list[str]()
        on_postgres.assign("v", [JANE])

        def interfere(statement: Statement) -> None:
            asked.append(statement.sql.split(maxsplit=1)[0])
            if asked == ["SELECT", "WITH"]:
                other.assign("v", [Entity("PERSON", "Eva Fox")])

        overhear(on_postgres, interfere)
        (entry,) = on_postgres.assign("v", [BOB]).entries
        assert entry.ref == Ref("PERSON", 3)
        assert asked == ["SELECT", "WITH", "BEGIN", "SELECT", "SELECT", "WITH", "COMMIT"]
        assert [entry.value for entry in other.entries("v")] == ["Jane Doe", "Eva Fox", "Bob Roe"]
        other.close()

    @pytest.mark.parametrize("vault_id", ["%", "\ud83d", "\u00fc:\n\0", "x" * 5_000])
    def test_any_vault_id_names_a_vault_of_its_own(self, on_postgres: SQLVaultStore, vault_id: str) -> None:
        on_postgres.assign(vault_id, [JANE])
        on_postgres.assign("a", [BOB])
        assert [entry.value for entry in on_postgres.entries(vault_id)] == ["Jane Doe"]
        assert on_postgres.vault_ids(vault_id) == [vault_id]
        assert sorted(on_postgres.vault_ids()) == sorted([vault_id, "a"])


class TestEngines:
    """What a store may be given instead of a URL."""

    def make(self, url: str, *, is_async: bool) -> Any:
        if is_async:
            return create_async_engine(
                url.replace("sqlite:", "sqlite+aiosqlite:").replace("ql:", "ql+psycopg:")
            )
        return sqlalchemy.create_engine(url.replace("ql:", "ql+psycopg:"))

    async def test_an_engine_serves_both_kinds_of_methods(self, url: str) -> None:
        engine = self.make(url, is_async=False)
        store = SQLVaultStore(engine)
        (entry,) = await asyncio.to_thread(lambda: store.assign("v", [JANE]).entries)
        assert await store.alookup("v", [entry.ref]) == [entry]
        await store.aclose()
        store.close()
        with engine.connect() as connection:  # it is the user's, and is left open and as it was
            assert connection.get_isolation_level() != "AUTOCOMMIT"
        engine.dispose()

    async def test_an_async_engine_serves_async_methods_alone(self, url: str) -> None:
        engine = self.make(url, is_async=True)
        store = SQLVaultStore(engine)
        (entry,) = (await store.aassign("v", [JANE])).entries
        assert await store.alookup("v", [entry.ref]) == [entry]
        with pytest.raises(TypeError, match="async methods"):
            store.lookup("v", [entry.ref])
        await store.aclose()
        await engine.dispose()

    def test_a_store_works_in_one_event_loop_after_another(self, store: SQLVaultStore) -> None:
        found = [asyncio.run(store.aassign("v", [JANE])).entries for _ in range(3)]
        assert all(entries == found[0] for entries in found)
        assert store._engines._lines == {}

    def test_a_store_can_be_closed_and_used_again(self, store: SQLVaultStore) -> None:
        (entry,) = store.assign("v", [JANE]).entries
        store.close()
        assert store.lookup("v", [entry.ref]) == [entry]


LETTER = "Jane Doe met Bob Roe. Jane Doe left."
NAMES = {"Jane Doe": "PERSON", "Bob Roe": "PERSON"}
GOING_ON = """
import sys
from langchain_secguard import Anonymizer, Deanonymizer
from langchain_secguard.vault import SQLVaultStore
from tests.support import LexiconDetector, config

store = SQLVaultStore(sys.argv[1])
print(Deanonymizer(store=store).invoke(sys.argv[2], config()))
print(Anonymizer(detector=LexiconDetector({}), store=store).invoke("And Jane Doe?", config()))
store.close()
"""


class TestPair:
    @pytest.mark.parametrize("policy", ["tokenize", "surrogate"])
    @pytest.mark.parametrize("is_encrypted", [False, True], ids=["plain", "encrypted"])
    async def test_restores_what_it_hid_whichever_way_it_is_called(
        self, store: SQLVaultStore, policy: Action, is_encrypted: bool
    ) -> None:
        kept = EncryptedVaultStore(store, [KEY]) if is_encrypted else store
        before = Anonymizer(detector=LexiconDetector(NAMES), store=kept, default_policy=policy)
        after = Deanonymizer(store=kept)
        hidden = await asyncio.to_thread(before.invoke, LETTER, config())
        assert await before.ainvoke(LETTER, config()) == hidden
        assert not any(name in hidden for name in NAMES)
        assert await asyncio.to_thread(after.invoke, hidden, config()) == LETTER
        assert await after.ainvoke(hidden, config()) == LETTER
        chunks = await asyncio.to_thread(lambda: list(after.transform(iter(hidden), config())))
        assert "".join(chunks) == LETTER

        async def letters() -> Any:
            for letter in hidden:
                yield letter

        assert "".join([chunk async for chunk in after.atransform(letters(), config())]) == LETTER
        await kept.aclose()

    def test_goes_on_in_a_new_process(self, url: str) -> None:
        store = SQLVaultStore(url)
        hidden = Anonymizer(detector=LexiconDetector(NAMES), store=store).invoke(LETTER, config())
        store.close()
        command = [sys.executable, "-c", GOING_ON, url, hidden]
        told = subprocess.run(command, capture_output=True, encoding="utf-8", check=True, timeout=60).stdout
        assert told.splitlines() == [LETTER, "And [PERSON_1]?"]


class TestAtRest:
    """Every byte that a database wrote is searched, in a database that forgot nothing yet."""

    VALUES = ("Quenby Featherstonehaugh", "quenby.f@zyxwvu.org", "Xaverius Mustermensch")

    def write(self, store: VaultStore) -> None:
        name, mail, fake = self.VALUES
        entities = [Entity("PERSON", name, (fake,)), Entity("EMAIL_ADDRESS", mail)]
        for vault_id in ("v", "w"):
            store.assign(vault_id, entities, [Text(f"{name.upper()} and {mail}")])
        store.erase_value("w", mail)
        store.erase("w")

    def found(self, files: Iterator[Path]) -> set[str]:
        data = b"".join(path.read_bytes() for path in files if path.is_file()).lower()
        words = {word for value in self.VALUES for word in (value, *value.replace("@", " ").split())}
        return {word for word in words if word.lower().encode() in data}

    @pytest.mark.parametrize("is_encrypted", [False, True], ids=["plain", "encrypted"])
    def test_an_encrypted_sqlite_file_and_its_log_hold_no_value(
        self, tmp_path: Path, is_encrypted: bool
    ) -> None:
        inner = SQLVaultStore(f"sqlite:///{tmp_path}/vaults.db")
        self.write(EncryptedVaultStore(inner, [KEY]) if is_encrypted else inner)
        assert {path.name for path in tmp_path.iterdir()} >= {"vaults.db", "vaults.db-wal"}
        found = self.found(tmp_path.iterdir())
        assert found == set() if is_encrypted else set(self.VALUES) <= found
        inner.close()

    def test_an_encrypted_cluster_of_postgresql_holds_no_value(self) -> None:
        with PostgresServer() as server:
            url = f"postgresql://{server.address}"
            inner = SQLVaultStore(url)
            self.write(EncryptedVaultStore(inner, [KEY]))
            plain = SQLVaultStore(url, table_prefix="plain")
            for is_plain in (False, True):
                if is_plain:
                    self.write(plain)
                with psycopg.connect(url, autocommit=True) as admin:
                    admin.execute("CHECKPOINT")
                found = self.found(server.data.rglob("*"))
                assert set(self.VALUES) <= found if is_plain else found == set()
            for store in (inner, plain):
                store.close()


class TestManyLoops:
    def test_a_store_works_in_event_loops_of_many_threads_at_once(self, store: SQLVaultStore) -> None:
        async def work() -> list[Entry]:
            assigned = await asyncio.gather(*(store.aassign("v", [JANE, BOB]) for _ in range(5)))
            return assigned[-1].entries

        async def in_threads() -> list[list[Entry]]:
            return await asyncio.gather(*(asyncio.to_thread(asyncio.run, work()) for _ in range(4)))

        found = asyncio.run(in_threads())
        assert all(entries == found[0] for entries in found)
        assert store._engines._lines == {}
