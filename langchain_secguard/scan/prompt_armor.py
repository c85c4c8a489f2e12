"""PromptArmor's analysis of what goes into a model and what comes out.

The interface is that of https://promptarmor.readme.io/reference/v1analyzeinput and of published clients of
it: ``POST /v1/analyze/input`` and ``/v1/analyze/output``. The rest of the reference is behind a log-in, and
the description of ``/v1/analyze/output`` is taken from those clients alone.
"""

import re
import uuid
from collections.abc import Callable, Mapping, Sequence
from typing import Any, ClassVar, Literal

from pydantic import BaseModel, SecretStr, StrictBool

from langchain_secguard.scan.base import ScanResult, Sees
from langchain_secguard.scan.hosted import HostedScanner, http_transport, secret_of
from langchain_secguard.scan.service import Request, Service

_SAAS = "https://api.aidr.promptarmor.com"
_KEY = "PROMPTARMOR_API_KEY"
_SESSION = re.compile(r"[\x21-\x7e]{1,200}")


class _Finding(BaseModel):
    detection: StrictBool


class _Verdict(BaseModel):
    detection: StrictBool
    info: Mapping[str, _Finding | None] | None = None


class PromptArmorScanner(HostedScanner):
    """Scan by PromptArmor: indirect injections, exfiltration by links, hidden text, secrets.

    A detection refuses the text with a risk of 1: the service tells no degrees. ``details`` has 1 or 0 for
    each of its detectors: ``Jailbreak``, ``HiddenText``, ``MarkdownImage``, ``Secrets``, ...

    Args:
        api_key: The key; by default, that of the environment variable ``PROMPTARMOR_API_KEY``.
        direction: What a text is that is scanned without a prompt: ``"input"`` or ``"output"`` of a model. A
            text with its prompt is an output.
        source: Where texts come from, such as ``"email"``, for the service's own rules.
        destination: Where texts go, such as ``"user"``.
        session_id: Names a conversation for the service's search for anomalies, or gives the name when
            called. By default each scan has a random one.
        base_url: Another address of the service.
        name: The scanner's name.
        sees: The form of the text that is sent where both exist.
        timeout: Seconds that a scan takes at most, further attempts included.
        retries: How many times a request is tried again that was throttled or failed.

    Raises:
        ImportError: httpx is not installed.
        ValueError: There is no key, or the URL cannot be read.
    """

    engine: ClassVar[str] = "PromptArmor"

    def __init__(  # noqa: PLR0913 - the options of the service
        self,
        *,
        api_key: SecretStr | str | None = None,
        direction: Literal["input", "output"] = "input",
        source: str | None = None,
        destination: str | None = None,
        session_id: str | Callable[[], str] | None = None,
        base_url: str = _SAAS,
        name: str = "PromptArmor",
        sees: Sees = "placeholders",
        timeout: float = 10.0,
        retries: int = 2,
    ) -> None:
        if direction not in ("input", "output"):
            raise ValueError('direction is "input" or "output"')
        key = secret_of(api_key, _KEY)
        if key is None:
            raise ValueError(f"PromptArmor needs a key: set {_KEY}, or pass api_key=")
        transport = http_transport("PromptArmorScanner", "prompt-armor")(
            base_url, secrets=lambda: {"PromptArmor-Auth": f"Bearer {key.get_secret_value()}"}
        )
        service = Service(
            transport,
            name=self.engine,
            key=f"check {_KEY}, or what was passed as api_key=",
            timeout=timeout,
            retries=retries,
        )
        super().__init__(service, name=name, sees=sees)
        self._direction = direction
        self._session_id = session_id
        self._fixed = {"source": source, "destination": destination}

    def _requests(self, text: str, prompt: str | None) -> Sequence[Request]:
        direction = "output" if prompt is not None else self._direction
        return [
            Request(
                path=f"/v1/analyze/{direction}",
                body={"content": text, **self._fixed},
                headers={"PromptArmor-Session-ID": self._session()},
            )
        ]

    def _session(self) -> str:
        given = self._session_id() if callable(self._session_id) else self._session_id
        session_id = given or str(uuid.uuid4())
        if not _SESSION.fullmatch(session_id):
            raise ValueError("a session id has 1 to 200 characters of ASCII, and no spaces")
        return session_id

    def _result(self, text: str, answers: Sequence[Any]) -> ScanResult:
        verdict = self._read(_Verdict, answers[0])
        details = {name: float(one.detection) for name, one in (verdict.info or {}).items() if one}
        return ScanResult(
            name=self.name,
            text=text,
            valid=not verdict.detection,
            risk_score=float(verdict.detection),
            details=details,
        )
