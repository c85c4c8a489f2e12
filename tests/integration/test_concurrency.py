"""Many callers at once: no value is lost, mixed up or numbered twice, and no lock is left behind."""

import asyncio
import random
import re
import threading
from collections import defaultdict
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from langchain_core.runnables import Runnable, RunnableConfig, RunnableGenerator, RunnableLambda

from langchain_secguard import Anonymizer, Deanonymizer
from langchain_secguard.detect import Span
from langchain_secguard.vault import InMemoryVaultStore
from tests.integration.openai_server import OpenAIServer, Reply
from tests.support import PatternDetector, config

NAME, MAIL = r"P\d+ Q\d+", r"m\d+@example\.org"
PLACEHOLDER = re.compile(r"\[(?:PERSON|EMAIL_ADDRESS)_\d+\]")


class NameAndMailDetector:
    """Find made-up names and addresses."""

    def __init__(self) -> None:
        self._detectors = (PatternDetector(NAME), PatternDetector(MAIL, "EMAIL_ADDRESS"))

    def detect(self, texts: Sequence[str]) -> list[list[Span]]:
        found = [detector.detect(texts) for detector in self._detectors]
        return [[*names, *mails] for names, mails in zip(*found, strict=True)]

    async def adetect(self, texts: Sequence[str]) -> list[list[Span]]:
        await asyncio.sleep(0)
        return self.detect(texts)


class Book:
    """Note, from what a model was sent and what its caller gets, which placeholder means which value."""

    def __init__(self) -> None:
        self.sent: dict[str, list[str]] = defaultdict(list)
        self._lock = threading.Lock()

    def note(self, case: str, hidden: str) -> None:
        with self._lock:
            self.sent[case].append(hidden)

    def model(self) -> Runnable[Any, Any]:
        """Answer with what was sent, piece by piece where the caller streams."""

        def answer(hidden: str, config: RunnableConfig) -> str:
            self.note(config["configurable"]["vault_id"], hidden)
            return f"Dear {hidden}, and {hidden.lower()}"

        async def aanswer(hidden: str, config: RunnableConfig) -> str:
            await asyncio.sleep(0)
            return answer(hidden, config)

        return RunnableLambda(answer, afunc=aanswer)


def question(number: int, people: int) -> str:
    one, other = number % people, (number * 7 + 1) % people
    return f"P{one} Q{one} (m{other}@example.org) met P{other} Q{other}."


def expected(text: str) -> str:
    """Write the answer; the model bends what stands in its second half, and the words that are its own."""
    lowered = re.split(f"({NAME}|{MAIL})", text)
    return f"Dear {text}, and {''.join(part if i % 2 else part.lower() for i, part in enumerate(lowered))}"


def pair(store: InMemoryVaultStore, model: Runnable[Any, Any], **options: Any) -> Runnable[Any, Any]:
    before = Anonymizer(detector=NameAndMailDetector(), store=store, **options)
    return before | model | Deanonymizer(store=store)


def check_vault(store: InMemoryVaultStore, vault_id: str, asked: Sequence[str], sent: Sequence[str]) -> None:
    """Check that values and placeholders of a vault belong together one by one, in what was sent too."""
    entries = store.entries(vault_id)
    values = {(entry.ref.entity_type, entry.value) for entry in entries}
    assert len(values) == len({entry.ref for entry in entries}) == len(entries)
    assert {value for _, value in values} == {
        match for text in asked for match in re.findall(f"{NAME}|{MAIL}", text)
    }
    for entity_type in {entry.ref.entity_type for entry in entries}:
        numbers = sorted(entry.ref.number for entry in entries if entry.ref.entity_type == entity_type)
        assert numbers == list(range(1, len(numbers) + 1))
    meaning = {f"[{entry.ref.entity_type}_{entry.ref.number}]": entry.value for entry in entries}
    restored = [PLACEHOLDER.sub(lambda match: meaning[match[0]], text) for text in sent]
    assert sorted(restored) == sorted(asked)


class TestThreads:
    @pytest.mark.parametrize("vaults", [1, 8])
    @pytest.mark.parametrize("cache_size", [0, 4096])
    def test_64_threads_never_mix_values_up(self, vaults: int, cache_size: int) -> None:
        store, book = InMemoryVaultStore(), Book()
        chain = pair(store, book.model(), cache_size=cache_size)
        cases = [(f"case-{number % vaults}", question(number, 40)) for number in range(960)]
        barrier = threading.Barrier(64)

        def work(first: int) -> list[str]:
            barrier.wait(10)
            mine = cases[first::64]
            return [chain.invoke(text, config(case)) for case, text in mine]

        with ThreadPoolExecutor(64) as pool:
            answers = list(pool.map(work, range(64)))
        for first, given in enumerate(answers):
            assert given == [expected(text) for _, text in cases[first::64]]
        for case in {case for case, _ in cases}:
            check_vault(store, case, [text for named, text in cases if named == case], book.sent[case])

    def test_64_threads_that_each_have_a_pair_of_their_own_share_a_vault(self) -> None:
        store, book = InMemoryVaultStore(), Book()
        texts = [question(number, 25) for number in range(320)]

        def work(first: int) -> list[str]:
            chain = pair(store, book.model())
            return [chain.invoke(text, config()) for text in texts[first::64]]

        with ThreadPoolExecutor(64) as pool:
            answers = list(pool.map(work, range(64)))
        for first, given in enumerate(answers):
            assert given == [expected(text) for text in texts[first::64]]
        check_vault(store, "case-42", texts, book.sent["case-42"])

    def test_threads_that_stream_never_mix_values_up(self) -> None:
        store = InMemoryVaultStore()

        def spell(hidden: Any) -> Any:
            for text in hidden:
                yield from text

        chain = pair(store, RunnableGenerator(spell))
        texts = [question(number, 25) for number in range(256)]

        def work(text: str) -> str:
            return "".join(chain.stream(text, config()))

        with ThreadPoolExecutor(64) as pool:
            assert list(pool.map(work, texts)) == texts

    def test_erasing_while_others_write_never_gives_a_number_twice(self) -> None:
        store = InMemoryVaultStore()
        before = Anonymizer(detector=NameAndMailDetector(), store=store)
        meaning: dict[str, set[str]] = defaultdict(set)
        lock = threading.Lock()

        def work(worker: int) -> None:
            for number in range(40):
                value = f"P{worker} Q{number}"
                hidden = before.invoke(value, config())
                with lock:
                    meaning[hidden].add(value)
                if number % 10 == worker % 10:
                    store.erase_value("case-42", value)
                if worker == 0 and number % 13 == 0:
                    store.erase("case-42")

        with ThreadPoolExecutor(16) as pool:
            list(pool.map(work, range(16)))
        assert [values for values in meaning.values() if len(values) > 1] == []

    def test_surrogates_of_many_threads_are_each_somebody_elses(self) -> None:
        store, book = InMemoryVaultStore(), Book()
        chain = pair(store, RunnableLambda(lambda hidden: hidden), default_policy="surrogate")
        texts = [question(number, 12) for number in range(128)]
        with ThreadPoolExecutor(32) as pool:
            assert list(pool.map(lambda text: chain.invoke(text, config()), texts)) == texts
        surrogates = [entry.surrogate for entry in store.entries("case-42")]
        assert len(set(surrogates)) == len(surrogates) == 24
        assert book.sent == {}


class TestTasks:
    @pytest.mark.parametrize("vaults", [1, 50])
    async def test_1000_tasks_never_mix_values_up(self, vaults: int) -> None:
        store, book = InMemoryVaultStore(), Book()
        chain = pair(store, book.model())
        cases = [(f"case-{number % vaults}", question(number, 60)) for number in range(1000)]
        answers = await asyncio.gather(*(chain.ainvoke(text, config(case)) for case, text in cases))
        assert answers == [expected(text) for _, text in cases]
        for case in {case for case, _ in cases}:
            check_vault(store, case, [text for named, text in cases if named == case], book.sent[case])

    async def test_tasks_that_stream_never_mix_values_up(self) -> None:
        async def spell(hidden: Any) -> Any:
            async for text in hidden:
                for character in text:
                    await asyncio.sleep(0)
                    yield character

        store = InMemoryVaultStore()
        chain = pair(store, RunnableGenerator(spell))
        texts = [question(number, 25) for number in range(100)]

        async def work(text: str) -> str:
            return "".join([chunk async for chunk in chain.astream(text, config())])

        assert await asyncio.gather(*map(work, texts)) == texts

    async def test_threads_and_tasks_share_a_vault(self) -> None:
        store, book = InMemoryVaultStore(), Book()
        chain = pair(store, book.model())
        texts = [question(number, 30) for number in range(400)]
        answers = await asyncio.gather(
            *(
                chain.ainvoke(text, config())
                if number % 2
                else asyncio.to_thread(chain.invoke, text, config())
                for number, text in enumerate(texts)
            )
        )
        assert answers == list(map(expected, texts))
        check_vault(store, "case-42", texts, book.sent["case-42"])

    async def test_batches_never_mix_values_up(self) -> None:
        store, book = InMemoryVaultStore(), Book()
        chain = pair(store, book.model())
        texts = [question(number, 30) for number in range(200)]
        assert await chain.abatch(texts, config()) == list(map(expected, texts))
        assert chain.batch(texts, config()) == list(map(expected, texts))
        check_vault(store, "case-42", texts * 2, book.sent["case-42"])


class TestCancelledTasks:
    async def test_tasks_cancelled_at_random_points_leave_a_whole_vault_and_no_lock(self) -> None:
        store, book, chance = InMemoryVaultStore(), Book(), random.Random(7)
        chain = pair(store, book.model())
        texts = [question(number, 30) for number in range(600)]
        tasks = [asyncio.create_task(chain.ainvoke(text, config())) for text in texts]
        doomed = set(chance.sample(range(600), 300))
        for number in doomed:
            await asyncio.sleep(0)
            tasks[number].cancel()
        answers = await asyncio.gather(*tasks, return_exceptions=True)
        for number, answer in enumerate(answers):
            if not isinstance(answer, asyncio.CancelledError):
                assert answer == expected(texts[number])
        assert any(isinstance(answer, asyncio.CancelledError) for answer in answers)
        assert not store._lock.locked()
        again = await asyncio.wait_for(chain.ainvoke(texts[0], config()), 5)
        assert again == expected(texts[0])
        entries = store.entries("case-42")
        assert len({(entry.ref.entity_type, entry.value) for entry in entries}) == len(entries)
        assert len({entry.ref for entry in entries}) == len(entries)

    async def test_streams_cancelled_at_random_points_leave_no_lock(self) -> None:
        async def spell(hidden: Any) -> Any:
            async for text in hidden:
                for character in text:
                    await asyncio.sleep(0)
                    yield character

        store, chance = InMemoryVaultStore(), random.Random(11)
        chain = pair(store, RunnableGenerator(spell))

        async def work(text: str) -> str:
            return "".join([chunk async for chunk in chain.astream(text, config())])

        texts = [question(number, 25) for number in range(60)]
        tasks = [asyncio.create_task(work(text)) for text in texts]
        for number in chance.sample(range(60), 30):
            await asyncio.sleep(0)
            tasks[number].cancel()
        answers = await asyncio.gather(*tasks, return_exceptions=True)
        for text, answer in zip(texts, answers, strict=True):
            assert answer == text or isinstance(answer, asyncio.CancelledError)
        assert not store._lock.locked()
        assert await asyncio.wait_for(work(texts[0]), 5) == texts[0]


@pytest.mark.loopback
class TestOnTheWire:
    async def test_tasks_through_a_real_client_get_their_own_values_back(self) -> None:
        def echo(request: dict[str, Any]) -> Reply:
            return Reply(text=request["messages"][0]["content"])

        with OpenAIServer(echo) as server:
            chain = pair(InMemoryVaultStore(), server.chat_model())
            texts = [question(number, 10) for number in range(48)]
            answers = await asyncio.gather(*(chain.ainvoke(text, config()) for text in texts))
        assert [answer.content for answer in answers] == texts
        sent = {request.messages[0]["content"] for request in server.requests}
        assert not [text for text in sent if re.search(f"{NAME}|{MAIL}", text)]
        assert len(sent) == len(set(texts))

    def test_threads_through_a_real_client_get_their_own_values_back(self) -> None:
        def echo(request: dict[str, Any]) -> Reply:
            return Reply(text=request["messages"][0]["content"], chunk_size=3)

        with OpenAIServer(echo) as server:
            chain = pair(InMemoryVaultStore(), server.chat_model())
            texts = [question(number, 10) for number in range(32)]

            def work(text: str) -> str:
                return "".join(chunk.content for chunk in chain.stream(text, config()))

            with ThreadPoolExecutor(16) as pool:
                assert list(pool.map(work, texts)) == texts
        assert not [text for text in texts if server.saw(text)]
