"""Servers that tests start for themselves, on free ports of 127.0.0.1, in temporary folders."""

from tests.servers.app import AppServer
from tests.servers.postgres import PostgresServer
from tests.servers.process import LocalServer, find_program, free_port
from tests.servers.proxy import StallProxy
from tests.servers.redis import RedisCluster, RedisServer

__all__ = [
    "AppServer",
    "LocalServer",
    "PostgresServer",
    "RedisCluster",
    "RedisServer",
    "StallProxy",
    "find_program",
    "free_port",
]
