"""What a vault store promises to many who use it at once."""

import asyncio
from collections import defaultdict
from concurrent.futures import ThreadPoolExecutor

import pytest

from langchain_secguard.placeholders import Ref
from langchain_secguard.testing.values import BOB, DOE, JANE_DOE, TYPES, assert_one_to_one, named, spelled
from langchain_secguard.vault import Entity, Entry, Text, VaultStore


class ConcurrencyContract:
    """Hold a store to what it promises to threads and tasks."""

    def test_threads_agree_on_every_entry(self, store: VaultStore) -> None:
        def work(worker: int) -> list[Entry]:
            entries: list[Entry] = []
            for step in range(10):
                numbers = [(worker * 3 + step * offset) % 40 for offset in (1, 2, 3)]
                entities = [Entity(TYPES[number % 2], f"value {number}") for number in numbers]
                entries += store.assign("v", entities, [Text("value 1 and VALUE 2")]).entries
            return entries

        with ThreadPoolExecutor(64) as pool:
            entries = [entry for worked in pool.map(work, range(64)) for entry in worked]
        assert_one_to_one([*entries, *store.entries("v")])

    def test_threads_agree_on_every_linked_value(self, store: VaultStore) -> None:
        def work(worker: int) -> list[Entry]:
            entries: list[Entry] = []
            for step in range(10):
                person = (worker + step) % 10
                full, short = named(f"Al{person} Roe{person}", f"roe{person}"), named(f"Roe{person}")
                pair = [short, full] if worker % 2 else [full, short]
                entries += store.assign("v", pair, [Text(f"ROE{person}")]).entries
            return entries

        with ThreadPoolExecutor(32) as pool:
            entries = [entry for worked in pool.map(work, range(64)) for entry in worked]
        entries += store.entries("v")
        assert_one_to_one(entries)
        numbers = {entry.value: entry.ref for entry in entries}
        assert len(numbers) == 30
        assert all(numbers[f"Roe{n}"] == numbers[f"Al{n} Roe{n}"]._replace(variant="b") for n in range(10))
        assert all(numbers[f"ROE{n}"] == numbers[f"Al{n} Roe{n}"]._replace(variant="c") for n in range(10))

    def test_threads_that_make_a_name_doubtful_meanwhile_agree_on_every_entry(
        self, store: VaultStore
    ) -> None:
        def work(worker: int) -> list[Entry]:
            first = named(f"Al{worker % 4} Roe", f"al{worker % 4}", "roe")
            return store.assign("v", [[first], [named("Roe")], [named("ROE"), first]][worker % 3]).entries

        with ThreadPoolExecutor(32) as pool:
            entries = [entry for worked in pool.map(work, range(240)) for entry in worked]
        assert_one_to_one([*entries, *store.entries("v")])

    @pytest.mark.asyncio
    async def test_tasks_agree_on_every_entry(self, store: VaultStore) -> None:
        async def work(worker: int) -> list[Entry]:
            entities = [Entity(TYPES[number % 2], f"value {number % 50}") for number in (worker, worker * 7)]
            long = "lorem ipsum " * 2_000 if worker % 100 == 0 else ""
            return (await store.aassign("v", entities, [Text(f"value 1 {long}")])).entries

        worked = await asyncio.gather(*(work(worker) for worker in range(300)))
        assert_one_to_one([entry for entries in worked for entry in entries] + await store.aentries("v"))

    def test_erasing_while_others_write_never_gives_a_number_twice(self, store: VaultStore) -> None:
        def work(worker: int) -> list[Entry]:
            if worker % 8 == 0:
                store.erase("v")
            return store.assign("v", [Entity("PERSON", f"value {worker}")]).entries

        with ThreadPoolExecutor(16) as pool:
            entries = [entry for worked in pool.map(work, range(160)) for entry in worked]
        owners: defaultdict[Ref, set[str]] = defaultdict(set)
        for entry in entries:
            owners[entry.ref].add(entry.value)
        assert [ref for ref, values in owners.items() if len(values) > 1] == []

    @pytest.mark.asyncio
    async def test_async_methods_do_what_their_twins_do(self, store: VaultStore) -> None:
        entity = Entity("PERSON", "Jane Doe", ("Max Muster",))
        text = Text("jane doe")
        assignment = await store.aassign("v", [entity, BOB], [text])
        assert store.assign("v", [entity, BOB], [text]) == assignment
        linked = await store.aassign("w", [DOE, JANE_DOE])
        assert spelled(linked.entries) == ["1b", "1"]
        assert await store.afind("v", [text]) == store.find("v", [text])
        asked = [Ref("PERSON", 1), Ref("PERSON", 9)]
        assert await store.alookup("v", asked) == store.lookup("v", asked)
        assert await store.aentries("v") == store.entries("v")
        assert len(await store.asurrogates("v")) == len(store.surrogates("v")) == 1
        assert await store.aerase_value("v", "JANE DOE") == 2
        assert await store.aerase("v") == 1
        assert await store.aentries("v") == []
