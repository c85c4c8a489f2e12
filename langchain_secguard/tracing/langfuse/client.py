"""Langfuse's client, with exports that are masked."""

import base64
import hmac
import os
import weakref
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, TypeVar

from langchain_secguard.detect.base import Detector
from langchain_secguard.tracing.masking.mask import Mask
from langchain_secguard.tracing.quiet import log, quiet

try:
    import httpx
    from langfuse import Langfuse
    from langfuse import __version__ as _version
    from opentelemetry.exporter.otlp.proto.http import Compression
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
except ModuleNotFoundError as error:
    raise ImportError(
        'Traces in Langfuse need its SDK: pip install "langchain-secguard[langfuse]"'
    ) from error

from langchain_secguard.tracing.langfuse.export import MaskingExporter, MaskingTransport

T = TypeVar("T")

_CLOUD = "https://cloud.langfuse.com"
_TIMEOUT = 5

_masks: weakref.WeakKeyDictionary[Any, Mask] = weakref.WeakKeyDictionary()
_announced = False


def langfuse_client(
    *,
    public_key: str | None = None,
    secret_key: str | None = None,
    base_url: str | None = None,
    mask: Mask | None = None,
    detector: Detector | None = None,
    raw: bool = False,
    **options: Any,
) -> Langfuse:
    """Make a Langfuse client that masks all that is traced: spans of any origin, scores, and no media.

    A :class:`LangfuseHandler` masks its own spans with any client. This one masks the others as well: of
    ``@observe``, of other instrumentation, of code of your own. The client is found by Langfuse's
    ``get_client`` like any other. Spans of a trace in which runs are open wait for them, so that what a later
    step finds is masked in all of it; base64 images and files are not uploaded.

    What code of yours writes to the project besides is sent as it is: datasets and their items, prompts,
    comments; so are ids that it gives to scores, versions and the names of usage counts.

    Args:
        public_key: The project's; ``LANGFUSE_PUBLIC_KEY`` by default.
        secret_key: ``LANGFUSE_SECRET_KEY`` by default.
        base_url: The server; ``LANGFUSE_BASE_URL`` by default.
        mask: What masks.
        detector: What finds personal data beside the values of the vaults, for a mask of the client's own.
        raw: Dangerous: send texts as they are.
        options: What ``langfuse.Langfuse`` takes.

    Raises:
        ValueError: A client of this public key exists already, and does not mask; or both ``mask`` and
            ``detector`` are given, or one of them beside ``raw``.
    """
    one_of(mask, detector, raw=raw)
    public_key = public_key or os.environ.get("LANGFUSE_PUBLIC_KEY")
    secret_key = secret_key or os.environ.get("LANGFUSE_SECRET_KEY")
    base_url = base_url or os.environ.get("LANGFUSE_BASE_URL") or os.environ.get("LANGFUSE_HOST") or _CLOUD
    keys: dict[str, Any] = {"public_key": public_key, "secret_key": secret_key, "base_url": base_url}
    if raw or not (public_key and secret_key):
        return configured(lambda: Langfuse(**keys, **options))
    mask = mask or Mask(detector=detector, pseudonym_key=_pseudonym_key(secret_key))
    exporter = options.pop("span_exporter", None) or _exporter(public_key, secret_key, base_url, options)
    given = options.pop("httpx_client", None)
    connect = partial(_http_client, dict(options)) if given is None else lambda: given
    client = Langfuse(
        **keys,
        **options,
        span_exporter=MaskingExporter(exporter, mask),
        httpx_client=httpx.Client(transport=MaskingTransport(connect, mask), timeout=_timeout(options)),
    )
    resources = resources_of(client)
    if not isinstance(getattr(resources, "span_exporter", None), MaskingExporter):
        raise ValueError(  # noqa: TRY004 - it is the order of calls that is wrong
            "A Langfuse client of this public key exists already, and does not mask what it sends; "
            "call langfuse_client(...) before anything else makes a client, or give another public key."
        )
    _masks.setdefault(resources, mask)
    return client


def one_of(mask: Mask | None, detector: Detector | None, *, raw: bool) -> None:
    """Refuse options that contradict each other."""
    if sum((mask is not None, detector is not None, raw)) > 1:
        raise ValueError(
            "Give one of mask, detector and raw: a mask has its detector, and raw masks nothing."
        )


def configured(make: Callable[[], T]) -> T:
    """Make a client, and say once what to set if it has no keys; Langfuse says so each time."""
    global _announced  # noqa: PLW0603 - once for the process
    with quiet(drop=True):
        made = make()
    if not _announced and provider_of(getattr(made, "_langfuse_client", made)) is None:
        _announced = True
        log.warning(
            "Langfuse is not configured, so no trace is sent: set LANGFUSE_PUBLIC_KEY, LANGFUSE_SECRET_KEY "
            "and LANGFUSE_BASE_URL, or call langfuse_client(...) first. With several clients in the process, "
            "name one: LangfuseHandler(public_key=...)."
        )
    return made


def mask_of(client: Langfuse, detector: Detector | None) -> Mask:
    """Return the mask of a client, shared by all its handlers; with a detector, one of its own."""
    resources = resources_of(client)
    key = _pseudonym_key(getattr(resources, "secret_key", None) or "")
    if detector is not None or resources is None:
        return Mask(detector=detector, pseudonym_key=key)
    mask = _masks.get(resources)
    if mask is None:
        mask = _masks.setdefault(resources, Mask(pseudonym_key=key))
        mask.text("Jane Doe")  # loads the detector's model now, and not in an event loop
    return mask


def resources_of(client: object) -> Any:
    """Return what all clients of one public key share; ``None`` of a client without keys."""
    return getattr(client, "_resources", None)


def provider_of(client: object) -> Any:
    """Return the tracer provider of a client; ``None`` if it sends nothing."""
    return getattr(resources_of(client), "tracer_provider", None)


def _pseudonym_key(secret_key: str) -> bytes:
    return hmac.digest(secret_key.encode(), b"langchain-secguard pseudonyms", "sha256")


def _exporter(
    public_key: str, secret_key: str, base_url: str, options: Mapping[str, Any]
) -> OTLPSpanExporter:
    """Build the exporter that the SDK would: https://langfuse.com/integrations/native/opentelemetry."""
    basic = base64.b64encode(f"{public_key}:{secret_key}".encode()).decode()
    path = os.environ.get("LANGFUSE_OTEL_TRACES_EXPORT_PATH", "api/public/otel/v1/traces")
    modern = int(_version.split(".")[0]) >= 5
    return OTLPSpanExporter(
        endpoint=f"{base_url.rstrip('/')}/{path}",
        headers={
            "Authorization": f"Basic {basic}",
            "x-langfuse-sdk-name": "python",
            "x-langfuse-sdk-version": _version,
            "x-langfuse-public-key": public_key,
            **({"x-langfuse-ingestion-version": "4"} if modern else {}),
            **(options.get("additional_headers") or {}),
        },
        timeout=_timeout(options),
        compression=Compression.NoCompression
        if options.get("otel_compression") == "none"
        else Compression.Gzip,
    )


def _http_client(options: Mapping[str, Any]) -> httpx.Client:
    return httpx.Client(timeout=_timeout(options), headers=options.get("additional_headers") or {})


def _timeout(options: Mapping[str, Any]) -> int:
    return options.get("timeout") or int(os.environ.get("LANGFUSE_TIMEOUT", _TIMEOUT))
