"""The way to Azure AI Content Safety: the client of ``azure-ai-contentsafety``, its pipeline and credentials.

This is the one module that imports Azure's SDK; it is loaded when a connection is made. What the SDK of this
service has no method for is sent through the same pipeline. Trying again is left to
:class:`~langchain_secguard.scan.service.Service`: Azure's own policy sleeps as long as a server asks for.
"""

import asyncio
import inspect
from functools import partial
from typing import Any

from azure.ai.contentsafety import ContentSafetyClient
from azure.ai.contentsafety.aio import ContentSafetyClient as AsyncContentSafetyClient
from azure.core.credentials import AzureKeyCredential
from azure.core.exceptions import AzureError, ClientAuthenticationError, DecodeError
from azure.core.rest import HttpRequest
from pydantic import SecretStr

from langchain_secguard.scan.clients import PerLoop, PerProcess
from langchain_secguard.scan.service import Answer, NoAnswer, Request
from langchain_secguard.scan.threads import to_thread

# A redirect would be given the key; a body must never be logged, whatever the environment says.
_OPTIONS = {"retry_total": 0, "permit_redirects": False, "logging_enable": False}
_REFUSED = Answer(status=401)


class AzureTransport:
    """Post JSON to the service, from threads and from event loops.

    Args:
        endpoint: The resource's address, such as ``https://name.cognitiveservices.azure.com``.
        credential: A key, or a credential of ``azure-identity``: a blocking one, which serves async calls
            from a worker thread, or one of ``azure.identity.aio``, which serves async calls alone.
    """

    def __init__(self, endpoint: str, credential: Any) -> None:
        self._endpoint = endpoint
        self._credential = (
            AzureKeyCredential(credential.get_secret_value())
            if isinstance(credential, SecretStr)
            else credential
        )
        self._is_async_alone = inspect.iscoroutinefunction(getattr(self._credential, "get_token", None))
        self._is_key = isinstance(self._credential, AzureKeyCredential)
        made: dict[str, Any] = {"endpoint": endpoint, "credential": self._credential, **_OPTIONS}
        self._client: PerProcess[Any] = PerProcess(partial(ContentSafetyClient, **made))
        self._clients: PerLoop[Any] = PerLoop(
            partial(AsyncContentSafetyClient, **made), lambda client: client.close()
        )

    def __repr__(self) -> str:
        return f"AzureTransport({self._endpoint!r})"

    def send(self, request: Request, seconds: float) -> Answer:
        """Post a request from this thread."""
        if self._is_async_alone:
            raise NoAnswer("the credential is one for async calls: use ainvoke or astream")
        try:
            response = self._client.get().send_request(
                _sent(request), connection_timeout=seconds, read_timeout=seconds
            )
        except ClientAuthenticationError:
            return _REFUSED
        except DecodeError as error:
            return Answer(status=error.status_code or 200)
        except AzureError as error:
            raise NoAnswer(type(error).__name__) from None
        return _answer(response)

    async def asend(self, request: Request, seconds: float) -> Answer:
        """Post a request from this event loop, or from a worker thread where the credential is blocking."""
        if not (self._is_key or self._is_async_alone):
            return await to_thread(self.send, request, seconds)
        client = await self._clients.get()
        try:
            async with asyncio.timeout(seconds):
                response = await client.send_request(
                    _sent(request), connection_timeout=seconds, read_timeout=seconds
                )
        except ClientAuthenticationError:
            return _REFUSED
        except DecodeError as error:
            return Answer(status=error.status_code or 200)
        except (AzureError, TimeoutError) as error:
            raise NoAnswer(type(error).__name__) from None
        return _answer(response)

    def close(self) -> None:
        """Close the connections of blocking calls; a later call opens others."""
        self._client.close()

    async def aclose(self) -> None:
        """Close the connections of this event loop; a later call opens others."""
        await self._clients.aclose()


def _sent(request: Request) -> HttpRequest:
    return HttpRequest(
        "POST",
        request.path,
        content=request.encoded(),
        headers={"Content-Type": "application/json", **request.headers},
    )


def _answer(response: Any) -> Answer:
    headers = {name.lower(): value for name, value in response.headers.items()}
    return Answer(status=response.status_code, headers=headers, body=response.content)
