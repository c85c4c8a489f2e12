"""Lakera Guard: https://docs.lakera.ai/api-reference/api/endpoints/guard (``POST /v2/guard``)."""

import re
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Literal

from pydantic import BaseModel, SecretStr, StrictBool

from langchain_secguard.scan.base import ScanResult, Sees
from langchain_secguard.scan.hosted import HostedScanner, http_transport, secret_of
from langchain_secguard.scan.service import Request, Service

_SAAS = "https://api.lakera.ai"
_KEY = "LAKERA_GUARD_API_KEY"


class _Detector(BaseModel):
    detector_type: str
    detected: StrictBool


class _Verdict(BaseModel):
    flagged: StrictBool
    breakdown: list[_Detector] | None = None


class LakeraGuardScanner(HostedScanner):
    """Scan by Lakera Guard: which detectors run, and what is flagged, is its project's policy.

    A flagged text is refused with a risk of 1: the service tells no degrees. ``details`` has 1 or 0 for each
    type of detector (``prompt_attack``, ``pii/email``, ``moderated_content/hate``, ...), the worst of those
    of one type. An answer is sent behind its prompt, where that is known, so that the whole exchange is
    judged; it is flagged if either is. A request holds at most 1 MB.

    Args:
        api_key: The key; by default, that of the environment variable ``LAKERA_GUARD_API_KEY``. A service of
            your own needs none.
        project_id: The project, and so the policy; the account's default policy by default.
        region: Where texts are processed: ``"eu-west-1"``, ``"us-east-1"``, ...; the nearest by default.
        base_url: The address of a service of your own, such as ``http://lakera.internal:8000``.
        role: Who wrote the texts that are scanned without a prompt: ``"user"``, ``"assistant"``,
            ``"system"`` or ``"tool"``.
        metadata: Tags for Lakera's dashboard; they are sent with each text, so they must name nobody.
        name: The scanner's name.
        sees: The form of the text that is sent where both exist.
        timeout: Seconds that a scan takes at most, further attempts included.
        retries: How many times a request is tried again that was throttled or failed.

    Raises:
        ImportError: httpx is not installed.
        ValueError: There is no key, the URL cannot be read, or both a region and a URL are given.
    """

    engine: ClassVar[str] = "Lakera Guard"

    def __init__(  # noqa: PLR0913 - the options of the service
        self,
        *,
        api_key: SecretStr | str | None = None,
        project_id: str | None = None,
        region: str | None = None,
        base_url: str | None = None,
        role: Literal["user", "assistant", "system", "tool"] = "user",
        metadata: Mapping[str, str] | None = None,
        name: str = "LakeraGuard",
        sees: Sees = "placeholders",
        timeout: float = 10.0,
        retries: int = 2,
    ) -> None:
        if role not in ("user", "assistant", "system", "tool"):
            raise ValueError('role is "user", "assistant", "system" or "tool"')
        key = secret_of(api_key, _KEY)
        if key is None and base_url is None:
            raise ValueError(f"Lakera Guard needs a key: set {_KEY}, or pass api_key=")
        transport = http_transport("LakeraGuardScanner", "lakera")(
            _address(region, base_url),
            secrets=lambda: {"Authorization": f"Bearer {key.get_secret_value()}"} if key else {},
        )
        service = Service(
            transport,
            name=self.engine,
            key=f"check {_KEY}, or what was passed as api_key=",
            timeout=timeout,
            retries=retries,
        )
        super().__init__(service, name=name, sees=sees)
        self._role = role
        self._fixed = {
            "breakdown": True,
            **({"project_id": project_id} if project_id else {}),
            **({"metadata": dict(metadata)} if metadata else {}),
        }

    def _requests(self, text: str, prompt: str | None) -> Sequence[Request]:
        messages = [{"role": self._role, "content": text}]
        if prompt is not None:
            asked = [{"role": "user", "content": prompt}] if prompt.strip() else []
            messages = [*asked, {"role": "assistant", "content": text}]
        return [Request(path="/v2/guard", body={"messages": messages, **self._fixed})]

    def _result(self, text: str, answers: Sequence[Any]) -> ScanResult:
        verdict = self._read(_Verdict, answers[0])
        details: dict[str, float] = {}
        for one in verdict.breakdown or ():
            details[one.detector_type] = max(details.get(one.detector_type, 0.0), float(one.detected))
        return ScanResult(
            name=self.name,
            text=text,
            valid=not verdict.flagged,
            risk_score=float(verdict.flagged),
            details=details,
        )


def _address(region: str | None, base_url: str | None) -> str:
    if base_url is not None and region is not None:
        raise ValueError("give a region of Lakera's, or the base_url of a service of your own, not both")
    if region is not None and not re.fullmatch(r"[a-z]+(-[a-z0-9]+)*", region):
        raise ValueError('a region of Lakera looks like "eu-west-1"')
    if base_url is not None:
        return base_url  # an empty one is an error, and no reason to send texts elsewhere
    return _SAAS if region is None else f"https://{region}.api.lakera.ai"
