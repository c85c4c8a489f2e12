"""The vault store in SQL over a file of SQLite: what is asked for, kept, refused, and left behind."""

import asyncio
import logging
import pickle
import sqlite3
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy
from cryptography.fernet import Fernet

from langchain_secguard import VaultDecryptionError, VaultUnavailableError
from langchain_secguard.placeholders import Ref
from langchain_secguard.testing.values import BOB, DOE, JANE, JANE_DOE
from langchain_secguard.vault import EncryptedVaultStore, Entity, Keys, SQLVaultStore, Text
from langchain_secguard.vault.sql import drivers, urls
from langchain_secguard.vault.sql.statements import Statement
from tests.statements import overhear

FAKED = Entity("PERSON", "Al Kay", ("Max Muster",))


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "vaults.db"


@pytest.fixture
def store(path: Path) -> Iterator[SQLVaultStore]:
    store = SQLVaultStore(f"sqlite:///{path}")
    yield store
    store.close()


@pytest.fixture
def admin(path: Path, store: SQLVaultStore) -> Iterator[sqlite3.Connection]:
    """Connect to the database of the store, whose tables are made."""
    store.entries("v")
    with closing(sqlite3.connect(path, isolation_level=None)) as admin:
        yield admin


@pytest.fixture
def asked(store: SQLVaultStore) -> list[str]:
    """List the statements from now on."""
    store.entries("v")
    asked: list[str] = []

    overhear(store, lambda statement: asked.append(statement.sql.split(maxsplit=1)[0]))
    return asked


def count(admin: sqlite3.Connection, table: str) -> int:
    return int(admin.execute(f"SELECT count(*) FROM secguard_{table}").fetchone()[0])


class TestStatements:
    @pytest.mark.parametrize("size", [1, 10, 500])
    def test_what_is_known_takes_one_however_many_entities_there_are(
        self, store: SQLVaultStore, asked: list[str], size: int
    ) -> None:
        entities = [Entity("PERSON", f"Jane{number} Doe") for number in range(size)]
        text = Text(" and ".join(entity.value for entity in entities))
        first = store.assign("v", entities, [text])
        asked.clear()
        assert store.assign("v", entities, [text]) == first
        assert store.lookup("v", [entry.ref for entry in first.entries]) == first.entries
        assert asked == ["SELECT", "SELECT"]

    @pytest.mark.parametrize("size", [1, 10, 500])
    def test_what_is_new_takes_one_transaction_of_three_however_many_entities_there_are(
        self, store: SQLVaultStore, asked: list[str], size: int
    ) -> None:
        store.assign(
            "v", [Entity("PERSON", f"Jane{number} Doe", (f"Max{number} M",)) for number in range(size)]
        )
        reads, writes = asked[: asked.index("BEGIN")], asked[asked.index("BEGIN") :]
        assert reads in (["SELECT"], ["SELECT", "SELECT"])
        assert writes == ["BEGIN", "INSERT", "INSERT", "INSERT", "COMMIT"]

    @pytest.mark.parametrize(
        ("work", "reads"),
        [
            (lambda store: store.find("v", [Text("Jane Doe")]), 1),
            (lambda store: store.entries("v"), 1),
            (lambda store: store.surrogates("v"), 1),
            (lambda store: store.erase_value("v", "nobody"), 1),
            (lambda store: store.lookup("v", []), 1),
        ],
        ids=["find", "entries", "surrogates", "erase_value", "lookup"],
    )
    def test_reading_takes_one(
        self, store: SQLVaultStore, asked: list[str], work: Callable[[SQLVaultStore], object], reads: int
    ) -> None:
        store.assign("v", [JANE, FAKED])
        store._copies.put("v", type(store._copy("v"))())
        asked.clear()
        work(store)
        assert asked == ["SELECT"] * reads

    def test_texts_in_which_nothing_was_found_are_not_asked_about_again(
        self, store: SQLVaultStore, asked: list[str]
    ) -> None:
        first = store.assign("v", [], [Text("lorem ipsum")])
        assert first.generation > 0
        asked.clear()
        assert store.assign("v", [], [Text("lorem ipsum", first.generation)]).hits == [[]]
        assert asked == ["SELECT"]


class TestCompeting:
    def test_what_was_changed_meanwhile_is_done_again_under_a_lock(
        self, store: SQLVaultStore, path: Path, asked: list[str]
    ) -> None:
        """Another store writes between the reading and the writing of this one."""
        store.assign("v", [JANE])
        other = SQLVaultStore(f"sqlite:///{path}")

        def interfere(statement: Statement) -> None:
            if statement.sql.startswith("BEGIN") and len(other.entries("v")) == 1:
                other.assign("v", [Entity("PERSON", "Eva Fox")])

        overhear(store, interfere)
        asked.clear()
        (entry,) = store.assign("v", [BOB]).entries
        assert entry.ref == Ref("PERSON", 3)
        assert asked.count("BEGIN") == 2
        assert asked.count("ROLLBACK") == 1
        assert [entry.value for entry in other.entries("v")] == ["Jane Doe", "Eva Fox", "Bob Roe"]
        other.close()

    def test_two_stores_know_what_the_other_wrote(self, store: SQLVaultStore, path: Path) -> None:
        other = SQLVaultStore(f"sqlite:///{path}")
        first = store.assign("v", [JANE], [Text("Bob Roe")])
        (bob,) = other.assign("v", [BOB]).entries
        again = store.assign("v", [BOB], [Text("Bob Roe", first.generation)])
        assert again.entries == [bob]
        assert len(again.hits[0]) == 1
        other.erase("v")
        other.assign("v", [BOB])
        anew = store.assign("v", [], [Text("Bob Roe", again.generation)])
        assert len(anew.hits[0]) == 1
        assert anew.epoch != again.epoch
        other.close()

    def test_a_text_is_searched_whole_when_more_was_added_than_is_told(self, store: SQLVaultStore) -> None:
        first = store.assign("v", [JANE], [Text("value 3 and value 299")])
        for start in range(0, 300, 100):
            store.assign("v", [Entity("PERSON", f"value {start + step}") for step in range(100)])
        again = store.assign("v", [], [Text("value 3 and value 299", first.generation)])
        assert len(again.hits[0]) == 2


class TestLayout:
    @pytest.mark.parametrize("vault_id", ["a b", "%", "_", "\ud83d", "\u00fc:\n\0", "x" * 5_000, "'; --"])
    def test_any_vault_id_names_a_vault_of_its_own(self, store: SQLVaultStore, vault_id: str) -> None:
        store.assign(vault_id, [JANE])
        store.assign("a", [BOB])
        assert [entry.value for entry in store.entries(vault_id)] == ["Jane Doe"]
        assert store.vault_ids(vault_id) == [vault_id]
        assert sorted(store.vault_ids()) == sorted([vault_id, "a"])
        assert store.erase(vault_id) == 1

    def test_long_vault_ids_that_begin_alike_are_told_apart(self, store: SQLVaultStore) -> None:
        ids = ["x" * 5_000 + end for end in ("", "y", "z")]
        for vault_id in ids:
            store.assign(vault_id, [Entity("PERSON", vault_id[-1])])
        assert [store.entries(vault_id)[0].value for vault_id in ids] == ["x", "y", "z"]
        assert store.vault_ids("x" * 5_000 + "y") == [ids[1]]

    @pytest.mark.parametrize("entity_type", ["Person of note", "a:1", "~x", "\u00fc", "%41", "A1B"])
    def test_any_entity_type_is_kept(self, store: SQLVaultStore, entity_type: str) -> None:
        entity = Entity(entity_type, "Jane Doe", ("Max Muster",), Keys(("jane doe",), ("jane doe",)))
        assignment = store.assign("v", [entity], [Text("JANE DOE, Max Muster")])
        assert store.lookup("v", [Ref(entity_type, 1)]) == assignment.entries
        assert sorted(entry.ref for entry in assignment.known.values()) == [
            Ref(entity_type, 1, "b"),
            Ref(entity_type, 2),
        ]

    def test_an_entity_type_that_is_too_long_is_refused_and_never_found(self, store: SQLVaultStore) -> None:
        with pytest.raises(ValueError, match="at most 200 bytes"):
            store.assign("v", [Entity("X" * 201, "Jane Doe")])
        assert store.lookup("v", [Ref("X" * 201, 1), Ref("PERSON", 10**12)]) == [None, None]

    def test_a_prefix_names_tables_of_their_own(self, path: Path, store: SQLVaultStore) -> None:
        other = SQLVaultStore(f"sqlite:///{path}", table_prefix="other")
        store.assign("v", [JANE])
        assert other.entries("v") == []
        other.close()

    def test_erasing_a_value_leaves_nothing_of_it(
        self, store: SQLVaultStore, admin: sqlite3.Connection
    ) -> None:
        store.assign("v", [BOB])
        before = count(admin, "rows"), count(admin, "keys")
        store.assign("v", [JANE_DOE, DOE, FAKED])
        assert store.erase_value("v", "JANE DOE") == 2
        assert store.erase_value("v", "Al Kay") == 1
        assert count(admin, "rows") == before[0]
        assert count(admin, "keys") == before[1] + 1  # the surrogate is marked as given for good

    def test_erasing_a_vault_leaves_its_numbers_and_marks(
        self, store: SQLVaultStore, admin: sqlite3.Connection
    ) -> None:
        store.assign("v", [JANE, FAKED])
        assert store.erase("v") == 2
        assert (count(admin, "rows"), count(admin, "keys")) == (0, 1)
        (entry,) = store.assign("v", [Entity("PERSON", "Bob Roe", ("Max Muster",))]).entries
        assert (entry.ref, entry.surrogate) == (Ref("PERSON", 3), None)


class TestExpiry:
    @pytest.fixture
    def store(self, path: Path) -> Iterator[SQLVaultStore]:
        store = SQLVaultStore(f"sqlite:///{path}", ttl=160)
        yield store
        store.close()

    def left(self, admin: sqlite3.Connection) -> float:
        """Return the seconds until the vault expires."""
        return float(admin.execute("SELECT expires FROM secguard_vaults").fetchone()[0]) / 1e6 - time.time()

    def expire_in(self, admin: sqlite3.Connection, seconds: float) -> None:
        admin.execute("UPDATE secguard_vaults SET expires = ?", [int((time.time() + seconds) * 1e6)])

    @pytest.mark.parametrize(
        "use",
        [
            lambda store: store.assign("v", []),
            lambda store: store.assign("v", [BOB]),
            lambda store: store.lookup("v", [Ref("PERSON", 1)]),
            lambda store: store.entries("v"),
            lambda store: store.erase_value("v", "nobody"),
        ],
        ids=["assign", "assign_new", "lookup", "entries", "erase_value"],
    )
    def test_use_refreshes_a_vault(
        self, store: SQLVaultStore, admin: sqlite3.Connection, use: Callable[[SQLVaultStore], object]
    ) -> None:
        store.assign("v", [JANE])
        self.expire_in(admin, 5)
        use(store)
        assert self.left(admin) > 150

    def test_use_is_noted_at_most_sixteen_times_in_a_lifetime(
        self, store: SQLVaultStore, asked: list[str]
    ) -> None:
        (entry,) = store.assign("v", [JANE]).entries
        asked.clear()
        for _ in range(20):
            assert store.lookup("v", [entry.ref]) == [entry]
        assert asked == ["SELECT"] * 20

    def test_finding_does_not_refresh_a_vault(self, store: SQLVaultStore, admin: sqlite3.Connection) -> None:
        store.assign("v", [JANE])
        self.expire_in(admin, 5)
        assert len(store.find("v", [Text("Jane Doe")]).hits[0]) == 1
        assert self.left(admin) < 6

    def test_numbers_and_surrogates_outlive_a_vault(
        self, store: SQLVaultStore, admin: sqlite3.Connection
    ) -> None:
        first = store.assign("v", [JANE, FAKED])
        self.expire_in(admin, -1)
        store._copies.put("v", type(store._copy("v"))())
        assert store.lookup("v", [Ref("PERSON", 1)]) == [None]
        assert store.entries("v") == []
        assert len(store.surrogates("v")) == 0
        assert store.erase_value("v", "Jane Doe") == 0
        again = store.assign("v", [Entity("PERSON", "Bob Roe", ("Max Muster",))])
        assert (again.entries[0].ref, again.entries[0].surrogate) == (Ref("PERSON", 3), None)
        assert again.epoch != first.epoch
        assert [entry.value for entry in store.entries("v")] == ["Bob Roe"]

    def test_an_expired_vault_is_not_revived_by_erasing_or_reading_it(
        self, store: SQLVaultStore, admin: sqlite3.Connection
    ) -> None:
        store.assign("v", [JANE])
        self.expire_in(admin, -1)
        store.entries("v")
        assert self.left(admin) < 0
        assert store.erase("v") == 0
        assert count(admin, "rows") == 0

    def test_what_expired_is_swept_by_later_calls(
        self, store: SQLVaultStore, admin: sqlite3.Connection
    ) -> None:
        for vault_id in ("v", "w"):
            store.assign(vault_id, [JANE, FAKED])
        self.expire_in(admin, -30)  # a call that found it alive may be under way
        store._ledger._swept = -1e9  # type: ignore[attr-defined]
        store.assign("other", [BOB])
        assert count(admin, "rows") == 5
        admin.execute("UPDATE secguard_vaults SET expires = 0 WHERE name <> 'other'")
        store._ledger._swept = -1e9  # type: ignore[attr-defined]
        store.entries("other")
        assert (count(admin, "rows"), count(admin, "keys")) == (1, 3 + 2)
        (entry,) = store.assign("v", [JANE]).entries
        assert entry.ref == Ref("PERSON", 3)

    def test_lives_forever_without_a_ttl(self, path: Path, admin: sqlite3.Connection) -> None:
        with closing(SQLVaultStore(f"sqlite:///{path}")) as store:
            store.assign("v", [JANE])
        assert admin.execute("SELECT expires FROM secguard_vaults").fetchall() == [(None,)]


class TestSchema:
    def test_a_later_version_is_refused(self, path: Path, admin: sqlite3.Connection) -> None:
        admin.execute("UPDATE secguard_schema SET version = 2")
        with closing(SQLVaultStore(f"sqlite:///{path}")) as store:
            calls: list[Callable[[], object]] = [
                lambda: store.assign("v", [JANE]),
                lambda: asyncio.run(store.aassign("v", [JANE])),
            ]
            for call in calls:
                with pytest.raises(VaultUnavailableError, match=r"version 2, .* knows version 1: upgrade"):
                    call()

    def test_the_file_waits_for_the_disk_and_forgets_what_is_erased(self, store: SQLVaultStore) -> None:
        store.entries("v")
        with store._engines._blocking().connect() as connection:
            told = [
                connection.exec_driver_sql(f"PRAGMA {name}").scalar()
                for name in ("journal_mode", "synchronous", "secure_delete", "busy_timeout")
            ]
        assert told == ["wal", 2, 1, 5_000]


class TestFailures:
    SECRET = "Quenby Featherstonehaugh"

    def assert_fails_quietly(self, store: SQLVaultStore, caplog: pytest.LogCaptureFixture) -> None:
        caplog.set_level(logging.DEBUG)
        calls: list[Callable[[], object]] = [
            lambda: store.assign("v", [Entity("PERSON", self.SECRET)]),
            lambda: asyncio.run(store.aassign("v", [Entity("PERSON", self.SECRET)])),
        ]
        for call in calls:
            with pytest.raises(VaultUnavailableError) as caught:
                call()
            assert caught.value.__cause__ is None
            assert caught.value.__context__ is None
            assert self.SECRET not in str(caught.value)
        assert self.SECRET not in caplog.text

    def test_a_folder_that_is_not_there(self, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
        with closing(SQLVaultStore(f"sqlite:///{tmp_path}/none/vaults.db", timeout=0.2)) as store:
            self.assert_fails_quietly(store, caplog)

    def test_a_file_that_is_no_database(self, path: Path, caplog: pytest.LogCaptureFixture) -> None:
        path.write_bytes(b"nonsense" * 1_000)
        with closing(SQLVaultStore(f"sqlite:///{path}", timeout=0.2)) as store:
            self.assert_fails_quietly(store, caplog)

    def test_a_file_that_somebody_else_holds_locked(
        self, path: Path, admin: sqlite3.Connection, caplog: pytest.LogCaptureFixture
    ) -> None:
        admin.execute("BEGIN IMMEDIATE")
        with closing(SQLVaultStore(f"sqlite:///{path}", timeout=0.2)) as store:
            self.assert_fails_quietly(store, caplog)
            admin.execute("COMMIT")
            assert store.assign("v", [JANE]).entries[0].ref == Ref("PERSON", 1)

    def test_a_file_that_may_only_be_read(
        self, path: Path, admin: sqlite3.Connection, caplog: pytest.LogCaptureFixture
    ) -> None:
        url = f"sqlite:///file:{path}?uri=true&mode=ro"
        with closing(SQLVaultStore(url, timeout=0.2)) as store:
            self.assert_fails_quietly(store, caplog)
            assert store.entries("v") == []

    def test_a_file_that_is_full_reads_on_and_writes_nothing_by_halves(
        self, path: Path, store: SQLVaultStore, admin: sqlite3.Connection, caplog: pytest.LogCaptureFixture
    ) -> None:
        (entry,) = store.assign("v", [JANE]).entries

        def limit(connection: Any, _record: Any) -> None:
            connection.execute("PRAGMA max_page_count = 1")

        sqlalchemy.event.listen(store._engines._blocking(), "connect", limit)
        store._engines._blocking().dispose()
        large = [Entity("PERSON", f"{self.SECRET} {number}") for number in range(2_000)]
        with pytest.raises(VaultUnavailableError) as caught:
            store.assign("v", large)
        assert self.SECRET not in repr(caught.value)
        assert store.entries("v") == [entry]
        assert count(admin, "rows") == 1

    def test_a_statement_that_does_not_end_is_stopped(
        self, path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """The time that a driver itself would wait is no limit here."""
        with closing(SQLVaultStore(f"sqlite:///{path}", timeout=0.2)) as impatient:
            impatient.assign("v", [JANE])

            endless = "WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x FROM n) SELECT count(*) FROM n"
            execute = drivers.execute
            monkeypatch.setattr(drivers, "execute", lambda on, _: execute(on, Statement(endless)))
            begun = time.monotonic()
            with pytest.raises(VaultUnavailableError):
                impatient.assign("v", [BOB])
            assert time.monotonic() - begun < 30


class TestDatabases:
    @pytest.mark.parametrize(
        "url", ["sqlite://", "sqlite:///:memory:", "sqlite:///file:x?mode=memory&uri=true"]
    )
    def test_a_database_in_memory_is_refused(self, url: str) -> None:
        with pytest.raises(ValueError, match="InMemoryVaultStore"):
            SQLVaultStore(url)

    def test_an_engine_over_memory_is_refused(self) -> None:
        with pytest.raises(ValueError, match="InMemoryVaultStore"):
            SQLVaultStore(sqlalchemy.create_engine("sqlite://"))

    @pytest.mark.parametrize(
        ("database", "error", "message"),
        [
            ("mysql://user:s3cret@host/db", ValueError, "mysql is not supported: use SQLite or PostgreSQL"),
            (
                "postgresql+asyncpg://user:s3cret@host/db",
                ValueError,
                "use postgresql.psycopg",
            ),
            ("postgresql://user:s3cret@host:port/db", ValueError, "the URL of the database cannot be read"),
            ("s3cret", ValueError, "the URL of the database cannot be read"),
            (42, TypeError, "int is no database: give a URL"),
        ],
    )
    def test_what_is_no_database_is_refused_without_its_password(
        self, database: Any, error: type[Exception], message: str
    ) -> None:
        with pytest.raises(error, match=message) as caught:
            SQLVaultStore(database)
        assert "s3cret" not in str(caught.value)
        assert caught.value.__context__ is None

    @pytest.mark.parametrize("url", ["postgres://u:s3cret@host/db", "postgresql://u:s3cret@host/db"])
    def test_a_password_is_not_shown(self, url: str) -> None:
        store = SQLVaultStore(url, ttl=60)
        assert repr(store) == "SQLVaultStore(postgresql, ttl=60, table_prefix='secguard')"

    @pytest.mark.parametrize(
        ("options", "message"),
        [
            ({"ttl": 0}, "ttl is a positive number"),
            ({"timeout": float("inf")}, "timeout is a positive number"),
            ({"connections": 0}, "connections is at least 1"),
            ({"table_prefix": 'x"; DROP'}, "table_prefix is a small letter"),
        ],
    )
    def test_options_are_checked(self, path: Path, options: dict[str, Any], message: str) -> None:
        with pytest.raises(ValueError, match=message):
            SQLVaultStore(f"sqlite:///{path}", **options)

    @pytest.mark.parametrize(
        ("missing", "url", "message"),
        [
            ("sqlalchemy", "sqlite:///x.db", r'needs SQLAlchemy: pip install "langchain-secguard\[sql\]"'),
            ("greenlet", "sqlite:///x.db", r'needs SQLAlchemy: pip install "langchain-secguard\[sql\]"'),
            (
                "psycopg",
                "postgresql://h/d",
                r'psycopg for PostgreSQL: pip install ".*\[postgres\]"',
            ),
        ],
    )
    def test_a_missing_package_is_named_with_its_extra(
        self, monkeypatch: pytest.MonkeyPatch, missing: str, url: str, message: str
    ) -> None:
        monkeypatch.setitem(sys.modules, missing, None)
        urls.load_sqlalchemy.cache_clear()
        with pytest.raises(ImportError, match=message):
            SQLVaultStore(url)

    def test_an_engine_that_logs_is_told_of_no_statement(
        self, path: Path, caplog: pytest.LogCaptureFixture
    ) -> None:
        engine = sqlalchemy.create_engine(f"sqlite:///{path}", echo=True)
        SQLVaultStore(engine).assign("v", [Entity("PERSON", "Quenby")])
        assert "secguard_rows" not in caplog.text
        assert "Quenby" not in caplog.text
        engine.dispose()


class TestEncrypted:
    def test_a_row_that_is_copied_to_another_place_is_refused(
        self, store: SQLVaultStore, admin: sqlite3.Connection
    ) -> None:
        encrypted = EncryptedVaultStore(store, [Fernet.generate_key()])
        jane, bob = encrypted.assign("v", [JANE, BOB]).entries
        assert encrypted.lookup("v", [jane.ref]) == [jane]
        (kept,) = admin.execute("SELECT value FROM secguard_rows WHERE number = 2").fetchone()
        admin.execute("UPDATE secguard_rows SET value = ? WHERE number = 1", [kept])
        with pytest.raises(VaultDecryptionError):
            encrypted.lookup("v", [jane.ref])
        assert encrypted.lookup("v", [bob.ref]) == [bob]

    def test_a_plain_store_refuses_an_encrypted_vault_and_lists_it(self, store: SQLVaultStore) -> None:
        encrypted = EncryptedVaultStore(store, [Fernet.generate_key()])
        encrypted.assign("v", [JANE])
        with pytest.raises(VaultDecryptionError):
            store.assign("v", [JANE])
        assert encrypted.vault_ids() == ["v"]

    def test_a_vault_is_rotated_and_what_was_written_stays(self, path: Path, store: SQLVaultStore) -> None:
        old, new = Fernet.generate_key(), Fernet.generate_key()
        (entry,) = EncryptedVaultStore(store, [old]).assign("v", [JANE]).entries
        assert EncryptedVaultStore(store, [new, old]).rotate("v")
        assert EncryptedVaultStore(store, [new]).lookup("v", [entry.ref]) == [entry]
        with pytest.raises(VaultDecryptionError):
            EncryptedVaultStore(store, [old]).lookup("v", [entry.ref])

    def test_a_store_is_not_pickled(self, store: SQLVaultStore) -> None:
        with pytest.raises(TypeError):
            pickle.dumps(store)
