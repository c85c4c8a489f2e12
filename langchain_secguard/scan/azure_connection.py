"""The connection to an Azure AI Content Safety resource, and what its scanners share."""

from collections.abc import Mapping
from typing import Any, ClassVar

from pydantic import SecretStr

from langchain_secguard.scan.base import ScanResult, Sees
from langchain_secguard.scan.hosted import HostedScanner, secret_of, variable
from langchain_secguard.scan.service import Request, Service, Transport

STABLE, PREVIEW = "2024-09-01", "2024-09-15-preview"
"""Versions of the service's interface."""

_ENDPOINTS = ("CONTENT_SAFETY_ENDPOINT", "AZURE_CONTENT_SAFETY_ENDPOINT")
_KEYS = ("CONTENT_SAFETY_KEY", "AZURE_CONTENT_SAFETY_KEY")


class AzureConnection:
    """Connect to one Content Safety resource; any number of scanners share its connections.

    Args:
        endpoint: The resource's address, such as ``https://name.cognitiveservices.azure.com``; by default,
            that of ``CONTENT_SAFETY_ENDPOINT`` or ``AZURE_CONTENT_SAFETY_ENDPOINT``, environment variables.
        key: One of the resource's keys, or a credential of ``azure-identity`` for Microsoft Entra ID; by
            default, the key in ``CONTENT_SAFETY_KEY`` or ``AZURE_CONTENT_SAFETY_KEY``.
        timeout: Seconds that a scan takes at most, further attempts included.
        retries: How many times a request is tried again that was throttled or failed.

    Raises:
        ImportError: Azure's SDK is not installed.
        ValueError: There is no endpoint or no key.
    """

    def __init__(
        self,
        endpoint: str | None = None,
        *,
        key: SecretStr | str | Any = None,
        timeout: float = 10.0,
        retries: int = 2,
    ) -> None:
        address = endpoint or variable(*_ENDPOINTS)
        if not address or not address.startswith(("https://", "http://")):
            raise ValueError(
                "Azure AI Content Safety needs the address of a resource: set CONTENT_SAFETY_ENDPOINT, "
                'or pass endpoint="https://name.cognitiveservices.azure.com"'
            )
        credential = secret_of(key, *_KEYS) if key is None or isinstance(key, str) else key
        if credential is None:
            raise ValueError("Azure AI Content Safety needs a key: set CONTENT_SAFETY_KEY, or pass key=")
        self._address = address
        self.service = Service(
            _transport(address.rstrip("/"), credential),
            name="Azure AI Content Safety",
            key="check CONTENT_SAFETY_KEY, or what was passed as key=",
            timeout=timeout,
            retries=retries,
        )

    def __repr__(self) -> str:
        return f"AzureConnection({self._address!r})"


class AzureScanner(HostedScanner):
    """Hold what the four scanners share."""

    engine: ClassVar[str] = "Azure AI Content Safety"

    def __init__(
        self,
        connection: AzureConnection | None,
        *,
        endpoint: str | None,
        key: Any,
        timeout: float,
        name: str,
        sees: Sees,
    ) -> None:
        if connection is None:
            connection = AzureConnection(endpoint, key=key, timeout=timeout)
        elif endpoint is not None or key is not None:
            raise ValueError("give a connection, or an endpoint and a key, not both")
        super().__init__(connection.service, name=name, sees=sees)

    def flagged(self, text: str, detected: Mapping[str, bool]) -> ScanResult:
        """Conclude from what was detected; the service tells no degrees."""
        details = {name: float(one) for name, one in detected.items()}
        risk = max(details.values())
        return ScanResult(name=self.name, text=text, valid=risk == 0, risk_score=risk, details=details)


def post(operation: str, body: Mapping[str, Any], *, version: str = STABLE) -> Request:
    """Ask for an operation, in a version of the interface."""
    return Request(path=f"/{operation}?api-version={version}", body=body)


def _transport(endpoint: str, credential: Any) -> Transport:
    try:
        from langchain_secguard.scan.azure_client import AzureTransport  # noqa: PLC0415 - may not be installed
    except ImportError as error:
        raise ImportError(
            'AzureConnection needs azure-ai-contentsafety: pip install "langchain-secguard[azure]"'
        ) from error
    return AzureTransport(endpoint, credential)
