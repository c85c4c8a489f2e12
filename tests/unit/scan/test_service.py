import asyncio
import json
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from typing import Any

import pytest

from langchain_secguard.errors import ScannerError
from langchain_secguard.scan.service import Answer, NoAnswer, Request, Service, retry_after
from tests.unit.scan.contract import assert_clean

ASKED = Request(path="/check", body={"text": "the text of Jane Doe"})
FINE = Answer(status=200, body=b'{"fine": true}')


class Clock:
    """Tell a time that goes on when somebody sleeps."""

    def __init__(self) -> None:
        self.now = 0.0
        self.pauses: list[float] = []

    def __call__(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.pauses.append(seconds)
        self.now += seconds

    async def asleep(self, seconds: float) -> None:
        self.sleep(seconds)


class Script:
    """Give one outcome after the other; each takes a second."""

    def __init__(self, clock: Clock, outcomes: Sequence[Answer | Exception]) -> None:
        self._clock = clock
        self._outcomes: Iterator[Answer | Exception] = iter(outcomes)
        self.seconds: list[float] = []

    def send(self, request: Request, seconds: float) -> Answer:
        self.seconds.append(seconds)
        self._clock.now += 1
        outcome = next(self._outcomes)
        if isinstance(outcome, Exception):
            raise outcome
        return outcome

    async def asend(self, request: Request, seconds: float) -> Answer:
        return self.send(request, seconds)

    def close(self) -> None: ...

    async def aclose(self) -> None: ...


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr("langchain_secguard.scan.service.time.sleep", clock.sleep)
    monkeypatch.setattr("langchain_secguard.scan.service.asyncio.sleep", clock.asleep)
    return clock


@pytest.fixture(params=["ask", "aask"])
def ask(request: pytest.FixtureRequest, clock: Clock) -> Any:
    def call(outcomes: Sequence[Answer | Exception], **options: Any) -> Any:
        script = Script(clock, outcomes)
        service = Service(
            script, name="The service", key="set KEY", clock=clock, random_part=lambda: 1.0, **options
        )
        call.seconds = script.seconds  # type: ignore[attr-defined]
        if request.param == "ask":
            return service.ask([ASKED])
        return asyncio.run(service.aask([ASKED]))

    return call


def throttled(**headers: str) -> Answer:
    return Answer(status=429, headers={name.replace("_", "-"): value for name, value in headers.items()})


class TestAttempts:
    def test_one_is_enough(self, ask: Any, clock: Clock) -> None:
        assert ask([FINE], timeout=5) == [{"fine": True}]
        assert (ask.seconds, clock.pauses) == ([5.0], [0.0])

    def test_pauses_grow_and_the_time_of_an_attempt_is_what_is_left(self, ask: Any, clock: Clock) -> None:
        assert ask([Answer(status=503), NoAnswer("ConnectError"), FINE]) == [{"fine": True}]
        assert clock.pauses == [0.0, 0.25, 0.5]
        assert ask.seconds == [10.0, 8.75, 7.25]

    def test_a_pause_is_as_long_as_the_service_asks_for(self, ask: Any, clock: Clock) -> None:
        ask([throttled(retry_after="3"), throttled(retry_after_ms="500"), FINE])
        assert clock.pauses == [0.0, 3.0, 0.5]

    def test_no_pause_is_longer_than_the_time_left(self, ask: Any, clock: Clock) -> None:
        with pytest.raises(ScannerError, match=r"no more requests .* no time left"):
            ask([throttled(retry_after="9.5")])
        assert clock.pauses == [0.0]

    @pytest.mark.parametrize("retries", [0, 1, 3])
    def test_there_are_so_many(self, ask: Any, retries: int) -> None:
        with pytest.raises(ScannerError, match="status 500"):
            ask([Answer(status=500)] * 9, retries=retries)
        assert len(ask.seconds) == retries + 1

    def test_time_is_up(self, ask: Any) -> None:
        with pytest.raises(ScannerError, match="did not answer") as caught:
            ask([NoAnswer("ReadTimeout")] * 9, timeout=2.3, retries=8)
        assert "2.3 s" in str(caught.value)
        assert len(ask.seconds) == 2


class TestErrors:
    @pytest.mark.parametrize(
        ("outcome", "message"),
        [
            (Answer(status=401, body=b"Jane"), r"refused the key \(status 401\): set KEY"),
            (Answer(status=403, body=b"Jane"), r"refused the key \(status 403\): set KEY"),
            (Answer(status=404), "check the URL"),
            (Answer(status=413), "as long as this one"),
            (Answer(status=307, headers={"location": "Jane"}), "sent us elsewhere"),
            (Answer(status=422, body=b"Jane"), r"did not take the request \(status 422\)"),
            (Answer(status=200, body=b"Jane"), "no JSON"),
            (Answer(status=200, body=b"\xff\xfe\xfd"), "no JSON"),
            (RuntimeError("Jane"), "failed with RuntimeError"),
        ],
    )
    def test_say_what_is_wrong_and_name_no_text(
        self, ask: Any, outcome: Answer | Exception, message: str
    ) -> None:
        with pytest.raises(ScannerError, match=message) as caught:
            ask([outcome])
        assert_clean(caught.value, "Jane")
        assert len(ask.seconds) == 1

    @pytest.mark.parametrize("options", [{"timeout": 0}, {"timeout": float("nan")}, {"retries": -1}])
    def test_wrong_options(self, options: Any, clock: Clock) -> None:
        with pytest.raises(ValueError, match=r"timeout|retries"):
            Service(Script(clock, []), name="x", key="x", **options)


class TestSeveralRequests:
    @pytest.mark.parametrize("count", [0, 2, 9])
    def test_are_answered_in_their_order(self, count: int) -> None:
        class Echo(Script):
            def send(self, request: Request, seconds: float) -> Answer:
                return Answer(status=200, body=request.encoded())

        service = Service(Echo(Clock(), []), name="x", key="x")
        requests = [Request(path="/", body={"number": number}) for number in range(count)]
        expected = [request.body for request in requests]
        assert service.ask(requests) == expected
        assert asyncio.run(service.aask(requests)) == expected

    def test_one_that_fails_fails_all(self) -> None:
        service = Service(Script(Clock(), [Answer(status=400)] * 9), name="x", key="x")
        with pytest.raises(ScannerError, match="400") as caught:
            service.ask([ASKED] * 9)
        assert_clean(caught.value, "Jane")
        with pytest.raises(ScannerError, match="400"):
            asyncio.run(
                Service(Script(Clock(), [Answer(status=400)] * 9), name="x", key="x").aask([ASKED] * 9)
            )


class TestRequests:
    def test_hold_any_text(self) -> None:
        text = 'Zoë "quoted" \ud83d\ude00 \ud83d alone \x00'
        sent = Request(path="/", body={"text": text, "list": [text], "flag": True, "none": None}).encoded()
        read = json.loads(sent)
        assert read["text"] == 'Zoë "quoted" 😀 \ufffd alone \x00'
        assert read["list"] == [read["text"]]
        assert (read["flag"], read["none"]) == (True, None)

    def test_show_no_text(self) -> None:
        assert "Jane" not in repr(ASKED)
        assert "Jane" not in repr(Answer(status=200, body=b"Jane", headers={"x": "Jane"}))


class TestRetryAfter:
    NOW = datetime(2026, 1, 1, 12, 0, 0, tzinfo=UTC)

    @pytest.mark.parametrize(
        ("headers", "seconds"),
        [
            ({}, None),
            ({"retry-after": "2"}, 2.0),
            ({"retry-after": "0"}, 0.0),
            ({"retry-after": "1.5"}, 1.5),
            ({"retry-after": "Thu, 01 Jan 2026 12:00:30 GMT"}, 30.0),
            ({"retry-after": "Thu, 01 Jan 2026 11:00:00 GMT"}, 0.0),
            ({"retry-after": "soon"}, None),
            ({"retry-after": "-5"}, None),
            ({"retry-after": "nan"}, None),
            ({"retry-after": "inf"}, None),
            ({"retry-after": ""}, None),
            ({"retry-after-ms": "250", "retry-after": "9"}, 0.25),
            ({"x-ms-retry-after-ms": "250"}, 0.25),
        ],
    )
    def test_reads(self, headers: dict[str, str], seconds: float | None) -> None:
        assert retry_after(headers, self.NOW) == seconds
