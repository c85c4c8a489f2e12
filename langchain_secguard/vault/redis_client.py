"""The connections of a vault store in Redis: a script is run, with and without blocking, or cannot be."""

import asyncio
import hashlib
import importlib
import threading
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

from langchain_secguard.errors import VaultUnavailableError

Arguments: TypeAlias = Sequence[str | bytes | int]
_SCANNED = 1_000
"""Keys that a server looks at before it answers."""

_UNAVAILABLE = (
    "Redis failed with {name}; nothing was sent. Is the server up, reachable, writable and not full, and are "
    "the user and the password right?"
)


@dataclass(frozen=True, slots=True)
class _Line:
    """Hold the client of one event loop, and the turns that its tasks take; ``lease`` ends with the loop."""

    client: Any
    turns: asyncio.Semaphore
    lease: AsyncGenerator[Any, None] | None = None


class ScriptRunner:
    """Run one script on a server, named by its hash, and sent whole only where the server does not know it.

    Args:
        server: A URL; or a client or a pool of redis-py, of either kind, or a cluster's client.
        script: The source of the script.
        timeout: Seconds after which a request is given up.
        connections: So many requests run at once, in the process or in an event loop; others wait.
        cluster: A URL names a node of a cluster.

    Raises:
        ImportError: redis-py is not installed.
        ValueError: The URL cannot be read.
        TypeError: ``server`` is none of these.
    """

    def __init__(self, server: Any, script: str, *, timeout: float, connections: int, cluster: bool) -> None:
        self._redis = _load()
        self._script = script
        self._sha = hashlib.sha1(script.encode(), usedforsecurity=False).hexdigest()
        self._timeout = timeout
        self._connections = connections
        self._cluster = cluster
        self._lock = threading.Lock()
        self._turns = threading.BoundedSemaphore(connections)
        self._lines: dict[asyncio.AbstractEventLoop, _Line] = {}
        self._url, self._client, self._async_client = self._understand(server)

    def run(self, keys: Sequence[str], arguments: Arguments) -> Any:
        """Run the script.

        Raises:
            VaultUnavailableError: The server did not carry it out, for whatever reason.
        """
        return self._in_turn(lambda client: self._execute(client, keys, arguments))

    async def arun(self, keys: Sequence[str], arguments: Arguments) -> Any:
        """Do what :meth:`run` does, without blocking the event loop."""
        if self._url is None and self._async_client is None:
            return await asyncio.to_thread(self.run, keys, arguments)
        return await self._ain_turn(lambda client: self._aexecute(client, keys, arguments))

    def fetch(self, key: str, fields: Sequence[bytes], ttl: int) -> Any:
        """Read fields of a hash at once; with a ``ttl``, in milliseconds, put off its expiry.

        Raises:
            VaultUnavailableError: The server did not carry it out, for whatever reason.
        """
        read = ("HMGET", key, *fields)
        if not ttl:
            return self._in_turn(lambda client: client.execute_command(*read, NEVER_DECODE=True))

        def work(client: Any) -> Any:
            return _queued(client.pipeline(transaction=False), read, ("PEXPIRE", key, ttl)).execute()[0]

        return self._in_turn(work)

    async def afetch(self, key: str, fields: Sequence[bytes], ttl: int) -> Any:
        """Do what :meth:`fetch` does, without blocking the event loop."""
        if self._url is None and self._async_client is None:
            return await asyncio.to_thread(self.fetch, key, fields, ttl)
        read = ("HMGET", key, *fields)

        async def work(client: Any) -> Any:
            await self._make_ready(client)
            if not ttl:
                return await client.execute_command(*read, NEVER_DECODE=True)
            pipeline = client.pipeline(transaction=False)
            return (await _queued(pipeline, read, ("PEXPIRE", key, ttl)).execute())[0]

        return await self._ain_turn(work)

    def scan(self, pattern: str) -> list[bytes]:
        """List the keys that match a pattern, on every node of a cluster; some may come twice.

        Raises:
            VaultUnavailableError: The server did not answer.
        """
        client = self._blocking()
        try:
            return [_to_bytes(name) for name in client.scan_iter(match=pattern, count=_SCANNED)]
        except Exception as error:  # noqa: BLE001 - its message may hold what was sent, or a password
            failure = _unavailable(error)
        raise failure

    async def ascan(self, pattern: str) -> list[bytes]:
        """Do what :meth:`scan` does, without blocking the event loop."""
        if self._url is None and self._async_client is None:
            return await asyncio.to_thread(self.scan, pattern)
        try:
            line = self._lines.get(asyncio.get_running_loop()) or await self._open_line()
            return [_to_bytes(name) async for name in line.client.scan_iter(match=pattern, count=_SCANNED)]
        except Exception as error:  # noqa: BLE001 - its message may hold what was sent, or a password
            failure = _unavailable(error)
        raise failure

    def close(self) -> None:
        """Close the connections that were opened for a URL; those of an event loop close with it."""
        if self._url is not None:
            with self._lock:
                client, self._client = self._client, None
            if client is not None:
                client.close()

    async def aclose(self) -> None:
        """Close the connections that were opened for a URL in this event loop."""
        line = self._lines.pop(asyncio.get_running_loop(), None)
        if line is not None and line.lease is not None:
            await line.lease.aclose()

    def _in_turn(self, work: Callable[[Any], Any]) -> Any:
        client = self._blocking()
        try:
            self._take_turn()
            try:
                return work(client)
            finally:
                self._turns.release()
        except Exception as error:  # noqa: BLE001 - its message may hold what was sent, or a password
            failure = _unavailable(error)
        raise failure

    def _take_turn(self) -> None:
        if not self._turns.acquire(timeout=self._timeout):
            raise TimeoutError

    async def _ain_turn(self, work: Callable[[Any], Awaitable[Any]]) -> Any:
        try:
            async with asyncio.timeout(self._timeout):
                line = self._lines.get(asyncio.get_running_loop()) or await self._open_line()
                async with line.turns:
                    return await work(line.client)
        except Exception as error:  # noqa: BLE001 - its message may hold what was sent, or a password
            failure = _unavailable(error)
        raise failure

    def _execute(self, client: Any, keys: Sequence[str], arguments: Arguments) -> Any:
        try:
            return client.execute_command(*self._call(self._sha, keys, arguments), NEVER_DECODE=True)
        except self._redis.exceptions.NoScriptError:
            call = self._call(self._script, keys, arguments)
            return client.execute_command(*call, NEVER_DECODE=True)

    async def _make_ready(self, client: Any) -> None:
        """Let a cluster's client find its nodes: many first commands at once would go to random ones."""
        if isinstance(client, self._redis.asyncio.RedisCluster):
            await client.initialize()

    async def _aexecute(self, client: Any, keys: Sequence[str], arguments: Arguments) -> Any:
        await self._make_ready(client)
        try:
            return await client.execute_command(*self._call(self._sha, keys, arguments), NEVER_DECODE=True)
        except self._redis.exceptions.NoScriptError:
            call = self._call(self._script, keys, arguments)
            return await client.execute_command(*call, NEVER_DECODE=True)

    def _call(self, script: str, keys: Sequence[str], arguments: Arguments) -> list[str | bytes | int]:
        return ["EVALSHA" if script is self._sha else "EVAL", script, len(keys), *keys, *arguments]

    def _understand(self, server: Any) -> tuple[str | None, Any, Any]:
        """Tell a URL from a blocking client and from an asyncio one."""
        redis, aio = self._redis, self._redis.asyncio
        if isinstance(server, str):
            _check(lambda: redis.connection.parse_url(server))
            return server, None, None
        if isinstance(server, aio.Redis | aio.RedisCluster):
            return None, None, server
        if isinstance(server, redis.Redis | redis.RedisCluster):
            return None, server, None
        if isinstance(server, aio.ConnectionPool):
            return None, None, aio.Redis(connection_pool=server)
        if isinstance(server, redis.ConnectionPool):
            return None, redis.Redis(connection_pool=server), None
        raise TypeError(
            f"{type(server).__name__} is no Redis server: give a URL such as redis://host:6379/0, "
            "or a client or a connection pool of redis-py"
        )

    def _blocking(self) -> Any:
        if self._client is not None:
            return self._client
        if self._url is None:
            raise TypeError("this store has an asyncio client: use its async methods, or give it a URL")
        with self._lock:
            if self._client is None:
                self._client = self._connect(self._redis)
            return self._client

    async def _open_line(self) -> _Line:
        """Connect for the running event loop: a client of asyncio is good in one loop alone."""
        loop = asyncio.get_running_loop()
        turns = asyncio.Semaphore(self._connections)
        if self._async_client is not None:
            line = _Line(self._async_client, turns)
        else:
            lease = self._lease()
            line = _Line(await anext(lease), turns, lease)
        for ended in [other for other in list(self._lines) if other.is_closed()]:
            self._lines.pop(ended, None)
        return self._lines.setdefault(loop, line)

    async def _lease(self) -> AsyncGenerator[Any, None]:
        """Hold a client as long as its loop: one that shuts down closes the generators that run in it."""
        client = self._connect(self._redis.asyncio)
        try:
            yield client
        finally:
            self._lines.pop(asyncio.get_running_loop(), None)
            await client.aclose()

    def _connect(self, package: Any) -> Any:
        """Make a client that tries again only where a connection turns out to be gone.

        In a cluster of asyncio that happens to every task at once, and more than once: redis-py closes all
        connections when one fails.
        """
        attempts = 3 if self._cluster and package is self._redis.asyncio else 1
        retry = importlib.import_module(f"{package.__name__}.retry").Retry(
            self._redis.backoff.NoBackoff(),
            attempts,
            supported_errors=(self._redis.exceptions.ConnectionError,),
        )
        make: Callable[..., Any] = (package.RedisCluster if self._cluster else package.Redis).from_url
        return make(
            self._url, socket_timeout=self._timeout, socket_connect_timeout=self._timeout, retry=retry
        )


def _load() -> Any:
    try:
        redis = importlib.import_module("redis")
        importlib.import_module("redis.asyncio")
    except ImportError as error:
        raise ImportError(
            'RedisVaultStore needs redis-py: pip install "langchain-secguard[redis]"'
        ) from error
    return redis


def _check(read_url: Callable[[], object]) -> None:
    """Read a URL; the error of redis-py's own may hold a piece of its password."""
    try:
        read_url()
    except Exception:  # noqa: BLE001 - see above
        failure = ValueError(
            "the URL of the server cannot be read; one looks like redis://user:password@host:6379/0, with "
            "special characters of the password percent-encoded"
        )
    else:
        return
    raise failure


def _queued(pipeline: Any, read: Sequence[object], then: Sequence[object]) -> Any:
    """Queue two commands that are sent at once."""
    pipeline.execute_command(*read, NEVER_DECODE=True)
    pipeline.execute_command(*then)
    return pipeline


def _to_bytes(name: str | bytes) -> bytes:
    """Return the name of a key, which a client may be told to decode."""
    return name.encode() if isinstance(name, str) else name


def _unavailable(error: Exception) -> VaultUnavailableError:
    return VaultUnavailableError(_UNAVAILABLE.format(name=type(error).__name__))
