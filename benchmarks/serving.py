"""What serving costs, and whether it holds: many users at once, two workers of uvicorn, a Redis server.

Users, workers and Redis share the machine, so the rates are those of all together. Each user has names
of its own, and speaks through LangServe's client, by ``ainvoke`` and ``astream`` in turn, each over a new
connection.
"""

import asyncio
import json
import random
import re
import statistics
import tempfile
import time
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Any

from benchmarks.report import Row, duration
from benchmarks.texts import names
from tests.servers import AppServer, RedisServer

_USERS = 100
_NAMES = 5
_MINUTE = 60.0
_BARE = 20.0
_ALONE = 6.0
_PLACEHOLDER = re.compile(r"\[PERSON_\d+[a-z]*\]")
_WORDS = "met and wrote to them about what had been left open in the morning, which nobody could say much of"


@dataclass(slots=True)
class Load:
    """Hold what some users did in some seconds."""

    seconds: float
    times: list[float] = field(default_factory=list)
    wrong: int = 0
    failed: int = 0

    def __str__(self) -> str:
        median, p99 = statistics.median(self.times), statistics.quantiles(self.times, n=100)[98]
        rate = len(self.times) / self.seconds
        return f"{rate:,.0f} answers/s, median {duration(median)}, p99 {duration(p99)}"


def measure() -> Iterator[Row]:
    """Measure the pair behind HTTP beside its model alone."""
    with RedisServer() as redis, tempfile.TemporaryDirectory() as folder:
        seen = Path(folder) / "seen"
        environment = {"SECGUARD_REDIS_URL": redis.url, "SERVE_SEEN": str(seen)}
        with AppServer("benchmarks.serving_app:create", workers=2, environment=environment) as server:
            asyncio.run(_load(server.url, "pair", 4, 3.0, first=900))  # warm
            alone = [asyncio.run(_load(server.url, kind, 1, _ALONE, first=800)) for kind in ("bare", "pair")]
            seen.write_text("")
            pair = asyncio.run(_load(server.url, "pair", _USERS, _MINUTE))
            observed = [json.loads(line) for line in seen.read_text(encoding="utf-8").splitlines()]
            bare = asyncio.run(_load(server.url, "bare", _USERS, _BARE))
    yield Row("one user, the model alone", str(alone[0]))
    yield Row("one user, with the pair", str(alone[1]))
    yield Row(f"{_USERS} users, the model alone, {_BARE:.0f} s", str(bare))
    yield Row(f"{_USERS} users, with the pair, {_MINUTE:.0f} s", str(pair))
    yield _answers(pair)
    yield _placeholders(observed)


async def _load(url: str, kind: str, users: int, seconds: float, *, first: int = 0) -> Load:
    """Let users speak as fast as they are answered."""
    load = Load(seconds)
    source = names(7)
    own = [list(islice(source, _NAMES)) for _ in range(first + users)][first:]
    everybody = {name for named in own for name in named}
    end = time.perf_counter() + seconds
    speaking = (_speak(url, kind, first + place, own[place], everybody, end, load) for place in range(users))
    await asyncio.gather(*speaking)
    return load


async def _speak(
    url: str, kind: str, user: int, own: list[str], everybody: set[str], end: float, load: Load
) -> None:
    import httpx  # noqa: PLC0415 - what serving needs is not in every environment of the benchmarks
    from langserve import RemoteRunnable  # noqa: PLC0415

    chance = random.Random(user)
    others = everybody.difference(own)
    chain: Any = RemoteRunnable(
        f"{url}/{kind}",
        headers={"authorization": f"Bearer user-{user}"},
        verify=False,
        client_kwargs={"limits": httpx.Limits(max_keepalive_connections=0), "trust_env": False},
        timeout=30,
    )
    calls = 0
    while time.perf_counter() < end:
        one, other = chance.sample(own, 2)
        text = f"#{user} Mr. {one} and Ms. {other} {_WORDS}."
        begun = time.perf_counter()
        calls += 1
        try:
            if calls % 2:
                answer = (await chain.ainvoke(text)).content
            else:
                answer = "".join([chunk.content async for chunk in chain.astream(text)])
        except httpx.HTTPError:
            load.failed += 1
            continue
        load.times.append(time.perf_counter() - begun)
        load.wrong += answer != f"I saw: {text}" or any(name in answer for name in others)
    await chain.async_client.aclose()


def _answers(load: Load) -> Row:
    count = len(load.times)
    return Row(
        "answers that are not word for word the user's own, or hold another's name, or failed",
        f"{load.wrong} and {load.failed} of {count:,}",
        "none",
        met=not load.wrong and not load.failed,
    )


def _placeholders(observed: list[tuple[int, str]]) -> Row:
    """Say whether a user's five names had five placeholders, in both workers."""
    shown: defaultdict[str, set[str]] = defaultdict(set)
    workers: defaultdict[str, set[int]] = defaultdict(set)
    raw = 0
    for pid, text in observed:
        user = text.split(" ", 1)[0]
        found = _PLACEHOLDER.findall(text)
        shown[user].update(found)
        workers[user].add(pid)
        raw += len(found) < 2
    stable = sum(len(placeholders) <= _NAMES for placeholders in shown.values())
    both = sum(len(pids) == 2 for pids in workers.values())
    return Row(
        "users whose placeholders stayed the same",
        f"{stable} of {len(shown)}, {both} of them served by both workers; "
        f"{raw:,} of {len(observed):,} texts held a name that the detector did not find",
        "all",
        met=stable == len(shown),
    )
