"""Open 127.0.0.1, and nothing else, for the tests marked `loopback`."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

from tests.servers import PostgresServer, RedisCluster, RedisServer

if TYPE_CHECKING:
    from langfuse import Langfuse

    from tests.integration.langfuse_server import LangfuseServer

# What would send a client of a local server elsewhere, or report its calls to a third party.
_REDIRECTIONS = (
    *(f"{scheme}_proxy" for scheme in ("http", "https", "all")),
    *(f"{scheme}_PROXY" for scheme in ("HTTP", "HTTPS", "ALL")),
    *(f"OPENAI_{name}" for name in ("API_BASE", "BASE_URL", "PROXY", "ORG_ID", "ORGANIZATION")),
    *(f"{owner}_{name}" for owner in ("LANGSMITH", "LANGCHAIN") for name in ("TRACING", "TRACING_V2")),
    "LANGSMITH_GATEWAY",
)


def pytest_itemcollected(item: pytest.Item) -> None:
    """Let a loopback test connect to 127.0.0.1; pytest-socket refuses every other host."""
    if item.get_closest_marker("loopback") and not item.get_closest_marker("allow_hosts"):
        item.add_marker(pytest.mark.allow_hosts(["127.0.0.1"]))


@pytest.fixture(autouse=True)
def _no_redirections(monkeypatch: pytest.MonkeyPatch) -> None:
    """Hide the developer's own proxy, OpenAI and tracing settings from the tests."""
    for name in _REDIRECTIONS:
        monkeypatch.delenv(name, raising=False)


@pytest.fixture(scope="session")
def redis_server() -> Iterator[RedisServer]:
    """Run one Redis server for all tests that change nothing of it but keys."""
    with RedisServer() as server:
        yield server


@pytest.fixture(scope="session")
def redis_cluster() -> Iterator[RedisCluster]:
    """Run one cluster of three Redis servers."""
    with RedisCluster() as cluster:
        yield cluster


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[PostgresServer]:
    """Run one PostgreSQL server for all tests that change nothing of it but tables."""
    with PostgresServer() as server:
        yield server


@pytest.fixture(scope="module")
def langfuse_running() -> "Iterator[tuple[LangfuseServer, Langfuse]]":
    """Run a server that stands for Langfuse, and a client of it, for all tests of a module."""
    from tests.integration.langfuse_server import LangfuseServer  # noqa: PLC0415 - for those tests alone
    from tests.integration.langfuse_support import plain_client  # noqa: PLC0415

    with LangfuseServer() as server, plain_client(server) as client:
        yield server, client


@pytest.fixture
def langfuse(langfuse_running: "tuple[LangfuseServer, Langfuse]") -> "LangfuseServer":
    """Return the server of the module, which has seen nothing yet."""
    langfuse_running[0].clear()
    return langfuse_running[0]
