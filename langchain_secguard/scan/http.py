"""The way to a service over httpx: https://www.python-httpx.org.

This is the one module that imports httpx. It honours the usual variables for proxies and certificates, keeps
connections open between calls, and follows no redirect, which could take the key elsewhere.
"""

import asyncio
import ssl
import time
from collections.abc import Callable, Mapping
from functools import cache, partial

import httpx

from langchain_secguard.scan.clients import PerLoop, PerProcess
from langchain_secguard.scan.service import MAX_BODY, Answer, NoAnswer, Request


@cache
def _tls() -> ssl.SSLContext:
    """Read the certificates once, and not within an event loop: it takes some milliseconds."""
    return httpx.create_ssl_context()


class HttpxTransport:
    """Post JSON to paths below ``base_url``.

    Args:
        base_url: Where the service is, such as ``https://api.example.com``.
        secrets: Returns the headers that hold a key; nothing else keeps them.

    Raises:
        ValueError: ``base_url`` is no URL of a web service.
    """

    def __init__(self, base_url: str, *, secrets: Callable[[], Mapping[str, str]] = dict) -> None:
        self._url = _checked(base_url)
        self._secrets = secrets
        self._client = PerProcess(lambda: httpx.Client(verify=_tls()))
        self._clients = PerLoop(partial(httpx.AsyncClient, verify=_tls()), httpx.AsyncClient.aclose)

    def __repr__(self) -> str:
        return f"HttpxTransport({self._url!r})"

    def send(self, request: Request, seconds: float) -> Answer:
        """Post a request from this thread; httpx's clients serve many at once."""
        until = time.monotonic() + seconds
        body = bytearray()
        try:
            with self._client.get().stream(
                "POST",
                self._address(request),
                content=request.encoded(),
                headers=self._headers(request),
                timeout=seconds,
            ) as response:
                for part in response.iter_bytes():
                    _append(body, part)
                    if time.monotonic() > until:
                        raise NoAnswer("ReadTimeout")
                return _answer(response, body)
        except httpx.HTTPError as error:
            raise NoAnswer(type(error).__name__) from None

    async def asend(self, request: Request, seconds: float) -> Answer:
        """Post a request from this event loop, which has connections of its own."""
        client = await self._clients.get()
        body = bytearray()
        try:
            async with (
                asyncio.timeout(seconds),
                client.stream(
                    "POST",
                    self._address(request),
                    content=request.encoded(),
                    headers=self._headers(request),
                    timeout=seconds,
                ) as response,
            ):
                async for part in response.aiter_bytes():
                    _append(body, part)
                return _answer(response, body)
        except (httpx.HTTPError, TimeoutError) as error:
            raise NoAnswer(type(error).__name__) from None

    def close(self) -> None:
        """Close the connections of blocking calls; a later call opens others."""
        self._client.close()

    async def aclose(self) -> None:
        """Close the connections of this event loop; a later call opens others."""
        await self._clients.aclose()

    def _address(self, request: Request) -> str:
        return f"{self._url}/{request.path.lstrip('/')}"

    def _headers(self, request: Request) -> dict[str, str]:
        return {"Content-Type": "application/json", **request.headers, **self._secrets()}


def _append(body: bytearray, part: bytes) -> None:
    body += part
    if len(body) > MAX_BODY:
        raise NoAnswer("an answer that is too long")


def _answer(response: httpx.Response, body: bytearray) -> Answer:
    headers = {name.lower(): value for name, value in response.headers.items()}
    return Answer(status=response.status_code, headers=headers, body=bytes(body))


def _checked(base_url: str) -> str:
    try:
        url = httpx.URL(base_url)
    except (httpx.InvalidURL, TypeError):
        url = httpx.URL("")
    if url.scheme not in ("http", "https") or not url.host or url.userinfo:
        raise ValueError("the URL of the service cannot be read; one looks like https://api.example.com")
    return base_url.rstrip("/")
