"""The connections of a vault store in Redis: a script is run, with and without blocking, or cannot be."""

import asyncio
import hashlib
import importlib
import threading
import weakref
from collections.abc import AsyncGenerator, Callable, Sequence
from typing import Any, TypeAlias

from langchain_secguard.errors import VaultUnavailableError

Arguments: TypeAlias = Sequence[str | bytes | int]
_UNAVAILABLE = (
    "Redis failed with {name}; nothing was sent. Is the server up, reachable, writable and not full, and are "
    "the user and the password right?"
)


class ScriptRunner:
    """Run one script on a server, named by its hash, and sent whole only where the server does not know it.

    Args:
        server: A URL; or a client or a pool of redis-py, of either kind, or a cluster's client.
        script: The source of the script.
        timeout: Seconds after which a connection or an answer is given up, for a URL.
        cluster: A URL names a node of a cluster.

    Raises:
        ImportError: redis-py is not installed.
        ValueError: The URL cannot be read.
        TypeError: ``server`` is none of these.
    """

    def __init__(self, server: Any, script: str, *, timeout: float, cluster: bool) -> None:
        self._redis = _load()
        self._script = script
        self._sha = hashlib.sha1(script.encode(), usedforsecurity=False).hexdigest()
        self._timeout = timeout
        self._cluster = cluster
        self._lock = threading.Lock()
        self._loops: weakref.WeakKeyDictionary[asyncio.AbstractEventLoop, Any] = weakref.WeakKeyDictionary()
        self._leases: weakref.WeakKeyDictionary[asyncio.AbstractEventLoop, AsyncGenerator[Any, None]] = (
            weakref.WeakKeyDictionary()
        )
        self._url, self._client, self._async_client = self._understand(server)

    def run(self, keys: Sequence[str], arguments: Arguments) -> Any:
        """Run the script.

        Raises:
            VaultUnavailableError: The server did not carry it out, for whatever reason.
        """
        client = self._blocking()
        try:
            return self._execute(client, keys, arguments)
        except Exception as error:  # noqa: BLE001 - its message may hold what was sent, or a password
            failure = _unavailable(error)
        raise failure

    async def arun(self, keys: Sequence[str], arguments: Arguments) -> Any:
        """Do what :meth:`run` does, without blocking the event loop."""
        if self._url is None and self._async_client is None:
            return await asyncio.to_thread(self.run, keys, arguments)
        try:
            client = self._async_client or await self._of_loop()
            return await self._aexecute(client, keys, arguments)
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
        loop = asyncio.get_running_loop()
        self._loops.pop(loop, None)
        lease = self._leases.pop(loop, None)
        if lease is not None:
            await lease.aclose()

    def _execute(self, client: Any, keys: Sequence[str], arguments: Arguments) -> Any:
        try:
            return client.execute_command(*self._call(self._sha, keys, arguments), NEVER_DECODE=True)
        except self._redis.exceptions.NoScriptError:
            call = self._call(self._script, keys, arguments)
        return client.execute_command(*call, NEVER_DECODE=True)

    async def _aexecute(self, client: Any, keys: Sequence[str], arguments: Arguments) -> Any:
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

    async def _of_loop(self) -> Any:
        """Return the client of the running event loop; it is closed when the loop ends."""
        loop = asyncio.get_running_loop()
        client = self._loops.get(loop)
        if client is None:
            lease = self._lease()
            client = await anext(lease)
            self._loops[loop], self._leases[loop] = client, lease
        return client

    async def _lease(self) -> AsyncGenerator[Any, None]:
        """Hold a client as long as its loop: a loop that shuts down closes what generates in it."""
        client = self._connect(self._redis.asyncio)
        try:
            yield client
        finally:
            await client.aclose()

    def _connect(self, package: Any) -> Any:
        """Make a client that tries once more only where a connection turns out to be gone."""
        retry = importlib.import_module(f"{package.__name__}.retry").Retry(
            self._redis.backoff.NoBackoff(), 1, supported_errors=(self._redis.exceptions.ConnectionError,)
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


def _unavailable(error: Exception) -> VaultUnavailableError:
    return VaultUnavailableError(_UNAVAILABLE.format(name=type(error).__name__))
