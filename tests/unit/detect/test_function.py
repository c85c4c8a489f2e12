import asyncio
import re
from collections.abc import Iterator, Sequence
from functools import partial

import pytest

from langchain_secguard import Anonymizer, Vault
from langchain_secguard.detect import Detector, EmbeddedDetector, FunctionDetector, Span
from langchain_secguard.detect.function import Marks
from langchain_secguard.errors import DetectorError
from tests.support import error_texts, holds

TEXT = "Badge B-123456 of Jane Doe"
FOUND = [Span(6, 14, "BADGE")]


def badges(text: str) -> Iterator[tuple[int, int, str]]:
    yield from ((*match.span(), "BADGE") for match in re.finditer(r"B-[0-9]{6}", text))


async def asked(text: str) -> list[tuple[int, int, str]]:
    await asyncio.sleep(0)
    return list(badges(text))


def of_all(texts: Sequence[str]) -> list[list[tuple[int, int, str]]]:
    return [list(badges(text)) for text in texts]


async def asked_of_all(texts: Sequence[str]) -> list[list[tuple[int, int, str]]]:
    await asyncio.sleep(0)
    return of_all(texts)


class Service:
    async def __call__(self, text: str) -> list[tuple[int, int, str]]:
        return await asked(text)


DETECTORS = [
    FunctionDetector(badges),
    FunctionDetector(partial(badges)),
    FunctionDetector(of_all, batch=True),
    FunctionDetector(asked),
    FunctionDetector(partial(asked)),
    FunctionDetector(Service()),
    FunctionDetector(asked_of_all, batch=True),
]


@pytest.mark.parametrize("detector", DETECTORS, ids=repr)
class TestEveryKindOfFunction:
    def test_finds_in_each_text(self, detector: FunctionDetector) -> None:
        assert detector.detect([TEXT, "", TEXT]) == [FOUND, [], FOUND]

    async def test_finds_the_same_when_awaited(self, detector: FunctionDetector) -> None:
        assert await detector.adetect([TEXT, "", TEXT]) == [FOUND, [], FOUND]

    def test_is_a_detector(self, detector: FunctionDetector) -> None:
        assert isinstance(detector, Detector)
        assert detector.detect([]) == []


@pytest.mark.parametrize(
    ("mark", "span"),
    [
        (Span(0, 2, "PERSON", 0.3), Span(0, 2, "PERSON", 0.3)),
        ((0, 2, "PERSON"), Span(0, 2, "PERSON", 1.0)),
        ((0, 2, "PERSON", 0.7), Span(0, 2, "PERSON", 0.7)),
        ([0, 2, "PERSON"], Span(0, 2, "PERSON", 1.0)),
    ],
)
def test_takes_spans_and_tuples(mark: tuple[int, int, str], span: Span) -> None:
    assert FunctionDetector(lambda text: [mark]).detect([TEXT]) == [[span]]


class TestErrors:
    @pytest.mark.parametrize(
        "function",
        [
            lambda text: {}[text],
            lambda text: None,
            lambda text: text,
            lambda text: [(0, 2)],
            lambda text: [(0, 2, "PERSON", 1.0, "too much")],
        ],
    )
    def test_name_the_function_and_no_text(self, function: object) -> None:
        with pytest.raises(DetectorError, match="lambda") as raised:
            FunctionDetector(function).detect([TEXT])  # type: ignore[arg-type]
        assert not any(holds(text, "Jane Doe") for text in error_texts(raised.value))

    async def test_of_an_async_function_name_no_text(self) -> None:
        async def failing(text: str) -> Marks:
            raise ConnectionError(text)

        with pytest.raises(DetectorError, match="failing failed with ConnectionError") as raised:
            await FunctionDetector(failing).adetect([TEXT, TEXT])
        assert not any(holds(text, "Jane Doe") for text in error_texts(raised.value))

    def test_tell_of_a_batch_that_is_not_whole(self) -> None:
        with pytest.raises(DetectorError, match="gave 1 lists for 2 texts"):
            FunctionDetector(lambda texts: [[]], batch=True).detect([TEXT, TEXT])

    async def test_say_to_await_where_a_loop_runs(self) -> None:
        with pytest.raises(DetectorError, match="ainvoke"):
            FunctionDetector(asked).detect([TEXT])

    @pytest.mark.parametrize("nonsense", ["badges", None, EmbeddedDetector])
    def test_refuse_what_is_no_function(self, nonsense: object) -> None:
        with pytest.raises(TypeError, match="takes a function"):
            FunctionDetector(nonsense)  # type: ignore[arg-type]

    def test_refuse_to_wait_for_nothing(self) -> None:
        with pytest.raises(ValueError, match="max_concurrency"):
            FunctionDetector(asked, max_concurrency=0)


class TestAwaiting:
    async def test_keeps_to_the_number_of_calls_at_once(self) -> None:
        under_way, most = 0, 0

        async def counting(text: str) -> Marks:
            nonlocal under_way, most
            under_way, most = under_way + 1, max(most, under_way + 1)
            await asyncio.sleep(0)
            under_way -= 1
            return ()

        await FunctionDetector(counting, max_concurrency=3).adetect([TEXT] * 10)
        assert most == 3

    async def test_leaves_no_call_behind_a_failure(self) -> None:
        ended: list[str] = []

        async def one_fails(text: str) -> Marks:
            if text == "bad":
                raise ConnectionError
            try:
                await asyncio.sleep(60)
            finally:
                ended.append(text)
            return ()

        with pytest.raises(DetectorError):
            await FunctionDetector(one_fails).adetect(["slow", "bad"])
        await asyncio.sleep(0)
        assert ended == ["slow"]

    async def test_does_not_block_the_event_loop(self) -> None:
        loop = asyncio.get_running_loop()
        freed = asyncio.Event()

        def blocking(text: str) -> Marks:
            asyncio.run_coroutine_threadsafe(_set(freed), loop).result(timeout=10)
            return ()

        await FunctionDetector(blocking).adetect([TEXT])
        assert freed.is_set()


async def _set(event: asyncio.Event) -> None:
    event.set()


def test_equals_a_detector_of_the_same_function() -> None:
    assert FunctionDetector(badges) == FunctionDetector(badges)
    assert len({FunctionDetector(badges), FunctionDetector(badges), FunctionDetector(asked)}) == 2


class TestInAnAnonymizer:
    def test_a_function_will_do_as_the_detector(self) -> None:
        assert Anonymizer(detector=badges, vault=Vault()).invoke(TEXT) == "Badge [BADGE_1] of Jane Doe"

    async def test_an_async_function_will_do_too(self) -> None:
        hidden = await Anonymizer(detector=asked, vault=Vault()).ainvoke(TEXT)
        assert hidden == "Badge [BADGE_1] of Jane Doe"

    @pytest.mark.parametrize("nonsense", [EmbeddedDetector, 3, "badges"])
    def test_what_is_neither_detector_nor_function_is_refused(self, nonsense: object) -> None:
        with pytest.raises(ValueError, match="detector"):
            Anonymizer(detector=nonsense)  # type: ignore[arg-type]
