"""Ask a web service within a time, and again where that may help: what every hosted engine has in common.

How a request travels is a transport's business. What is tried again, how long is waited, and what an error
says is decided here, without any I/O.
"""

import asyncio
import json
import math
import random
import time
from collections.abc import Callable, Generator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any, NamedTuple, Protocol, TypeAlias

from langchain_secguard.errors import ScannerError
from langchain_secguard.scan.named import checked_timeout

MAX_BODY = 4 * 1024 * 1024
"""Bytes of an answer that are read at most."""

_AGAIN = frozenset({408, 429, 500, 502, 503, 504})
_FIRST_PAUSE = 0.25
_LONGEST_PAUSE = 4.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """Hold what is posted: JSON, and headers besides those of the transport's own."""

    path: str
    body: Mapping[str, Any] = field(repr=False)
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)

    def encoded(self) -> bytes:
        """Write the body as JSON, in ASCII; an unpaired surrogate, which no service takes, is replaced."""
        return json.dumps(_well_formed(self.body)).encode()


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """Hold what a service answered; the names of the headers are in lower case."""

    status: int
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    body: bytes = field(default=b"", repr=False)


class NoAnswer(Exception):  # noqa: N818 - it says what it is, and no caller of the package sees it
    """Say that a service did not answer; the message names the kind of failure, and nothing else."""


class Transport(Protocol):
    """Carry one request to a service, once, in at most so many seconds."""

    def send(self, request: Request, seconds: float) -> Answer:
        """Return the answer, whatever its status.

        Raises:
            NoAnswer: There was none.
        """
        ...

    async def asend(self, request: Request, seconds: float) -> Answer:
        """Do what :meth:`send` does, without blocking the event loop."""
        ...

    def close(self) -> None:
        """Close the connections of blocking calls."""
        ...

    async def aclose(self) -> None:
        """Close the connections of this event loop."""
        ...


class _Turn(NamedTuple):
    """What comes next: a pause, then an attempt; both in seconds."""

    pause: float
    seconds: float


_Attempts: TypeAlias = Generator[_Turn, Answer | NoAnswer, Any]


class Service:
    """Ask a service over a transport, and read its answers as JSON.

    Statuses 408, 429, 500, 502, 503 and 504 and lost connections are tried again, after the pause that the
    service asks for or a growing one of its own, as long as the time and the number of attempts allow.

    Args:
        transport: The way to the service.
        name: The service's name, for errors.
        key: What to do about a key that is refused, for errors: where it is given.
        timeout: Seconds that a call of :meth:`ask` takes at most, pauses and further attempts included.
        retries: How many times a request is tried again.
        at_once: So many requests of one call run at once.
        clock: Seconds from any fixed time.
        random_part: Draws the random part of a pause, from 0 to 1.

    Raises:
        ValueError: ``timeout`` is not above 0, or ``retries`` is below 0.
    """

    def __init__(
        self,
        transport: Transport,
        *,
        name: str,
        key: str,
        timeout: float = 10.0,
        retries: int = 2,
        at_once: int = 4,
        clock: Callable[[], float] = time.monotonic,
        random_part: Callable[[], float] = random.random,
    ) -> None:
        if retries < 0:
            raise ValueError("retries is 0 or more")
        self.name = name
        self.transport = transport
        self._key = key
        self._timeout = checked_timeout(timeout)
        self._retries = retries
        self._at_once = at_once
        self._clock = clock
        self._random = random_part

    def ask(self, requests: Sequence[Request]) -> list[Any]:
        """Post the requests, and return the answers in their order.

        Raises:
            ScannerError: The service refused the key or the request, did not answer in time or at all, or
                answered what is no JSON. The message holds no text, and there is no cause and no context.
        """
        deadline = self._clock() + self._timeout
        if len(requests) < 2:
            return [self._ask(request, deadline) for request in requests]
        with ThreadPoolExecutor(min(self._at_once, len(requests)), "secguard-ask") as pool:
            return list(pool.map(lambda request: self._ask(request, deadline), requests))

    async def aask(self, requests: Sequence[Request]) -> list[Any]:
        """Do what :meth:`ask` does, without blocking the event loop."""
        deadline = self._clock() + self._timeout
        turns = asyncio.Semaphore(self._at_once)

        async def ask(request: Request) -> Any:
            async with turns:
                return await self._aask(request, deadline)

        tasks = [asyncio.ensure_future(ask(request)) for request in requests]
        try:
            return list(await asyncio.gather(*tasks))
        finally:
            for task in tasks:
                task.cancel()

    def _ask(self, request: Request, deadline: float) -> Any:
        attempts = self._attempts(deadline)
        turn = next(attempts)
        while True:
            time.sleep(turn.pause)
            outcome = self._outcome(request, turn.seconds)
            try:
                turn = attempts.send(outcome)
            except StopIteration as done:
                return done.value

    async def _aask(self, request: Request, deadline: float) -> Any:
        attempts = self._attempts(deadline)
        turn = next(attempts)
        while True:
            await asyncio.sleep(turn.pause)
            outcome = await self._aoutcome(request, turn.seconds)
            try:
                turn = attempts.send(outcome)
            except StopIteration as done:
                return done.value

    def _outcome(self, request: Request, seconds: float) -> Answer | NoAnswer:
        try:
            return self.transport.send(request, seconds)
        except NoAnswer as failure:
            return failure
        except Exception as error:  # noqa: BLE001 - whatever it is, its message may hold the text
            broken = self._broken(error)
        raise broken

    async def _aoutcome(self, request: Request, seconds: float) -> Answer | NoAnswer:
        try:
            return await self.transport.asend(request, seconds)
        except NoAnswer as failure:
            return failure
        except Exception as error:  # noqa: BLE001 - whatever it is, its message may hold the text
            broken = self._broken(error)
        raise broken

    def _broken(self, error: Exception) -> ScannerError:
        return ScannerError(f"asking {self.name} failed with {type(error).__name__}.")

    def _attempts(self, deadline: float) -> _Attempts:
        """Yield each turn, take its outcome, and return what was answered."""
        pause = 0.0
        for number in range(self._retries + 1):
            left = deadline - self._clock() - pause
            if left <= 0:
                break
            outcome = yield _Turn(pause, left)
            if isinstance(outcome, Answer) and outcome.status not in _AGAIN:
                return self._read(outcome)
            pause = self._pause(outcome, number)
        else:
            raise ScannerError(self._gave_up(outcome))
        if number:
            raise ScannerError(f"{self._gave_up(outcome)} There is no time left to try again.")
        raise ScannerError(f"{self.name} was not asked: there was no time left.")

    def _pause(self, outcome: Answer | NoAnswer, number: int) -> float:
        if isinstance(outcome, Answer):
            asked = retry_after(outcome.headers)
            if asked is not None:
                return asked
        growing: float = min(_LONGEST_PAUSE, _FIRST_PAUSE * 2**number)
        return growing * (1 + self._random()) / 2

    def _gave_up(self, outcome: Answer | NoAnswer) -> str:
        if isinstance(outcome, NoAnswer):
            return f"{self.name} did not answer ({outcome}); the time for a scan is {self._timeout:g} s."
        if outcome.status == 429:
            return f"{self.name} allows no more requests for now (429)."
        return f"{self.name} failed (status {outcome.status})."

    def _read(self, answer: Answer) -> Any:
        if not 200 <= answer.status < 300:
            raise ScannerError(self._refused(answer.status))
        try:
            return json.loads(answer.body)
        except (ValueError, RecursionError):
            pass
        raise ScannerError(f"{self.name} answered what is no JSON.")

    def _refused(self, status: int) -> str:
        match status:
            case 401 | 403:
                return f"{self.name} refused the key (status {status}): {self._key}."
            case 404:
                return f"{self.name} is not at this address (status 404): check the URL and the names in it."
            case 413:
                return f"{self.name} does not take a text as long as this one (status 413)."
            case _ if 300 <= status < 400:
                return (
                    f"{self.name} sent us elsewhere (status {status}), which is not followed: check the URL."
                )
            case _:
                return f"{self.name} did not take the request (status {status})."


def retry_after(headers: Mapping[str, str], now: datetime | None = None) -> float | None:
    """Read how many seconds to wait: Azure's milliseconds, or the seconds or date of RFC 9110, 10.2.3."""
    for name in ("retry-after-ms", "x-ms-retry-after-ms"):
        if (milliseconds := _number(headers.get(name))) is not None:
            return milliseconds / 1000
    value = headers.get("retry-after")
    if value is None or (seconds := _number(value)) is not None:
        return None if value is None else seconds
    try:
        date = parsedate_to_datetime(value)
    except ValueError:
        return None
    date = date if date.tzinfo else date.replace(tzinfo=UTC)
    return max(0.0, (date - (now or datetime.now(UTC))).total_seconds())


def _number(value: str | None) -> float | None:
    try:
        number = float(value or "")
    except ValueError:
        return None
    return number if math.isfinite(number) and number >= 0 else None


def _well_formed(value: Any) -> Any:
    if isinstance(value, str):
        return value.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    if isinstance(value, Mapping):
        return {key: _well_formed(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_well_formed(item) for item in value]
    return value
