"""Azure AI Content Safety: https://learn.microsoft.com/azure/ai-services/content-safety/.

Four scanners over one connection: harm categories and block lists, attacks on the model (Prompt Shields),
protected material, and groundedness. Their limits are those of
https://learn.microsoft.com/azure/ai-services/content-safety/overview#input-requirements; longer texts are cut
into windows that overlap, and the worst of them counts.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal

from pydantic import BaseModel, Field, SecretStr, StrictBool

from langchain_secguard.errors import ScannerError
from langchain_secguard.scan.azure_connection import PREVIEW, AzureConnection, AzureScanner, post
from langchain_secguard.scan.base import ScanResult, Sees
from langchain_secguard.scan.hosted import pieces
from langchain_secguard.scan.named import checked_threshold
from langchain_secguard.scan.service import Request

_CATEGORIES = ("Hate", "SelfHarm", "Sexual", "Violence")
_WORST = 7
_ANALYZED, _SHIELDED, _GROUNDED, _SOURCES, _OVERLAP = 10_000, 10_000, 7_500, 55_000, 500
_PROTECTED, _PROTECTED_LEAST, _PROTECTED_OVERLAP = 1_000, 110, 200


class _Severity(BaseModel):
    category: str
    severity: int = Field(ge=0, le=_WORST)


class _Hit(BaseModel):
    blocklist_name: str = Field(alias="blocklistName")


class _Analysis(BaseModel):
    categories: list[_Severity] = Field(alias="categoriesAnalysis")
    hits: list[_Hit] = Field(alias="blocklistsMatch", default=[])


class AzureContentSafetyScanner(AzureScanner):
    """Scan for hate, self-harm, sexual content and violence, each with a severity, and by block lists.

    The risk is the highest severity divided by 7, or 1 for a hit of a block list; ``details`` has it for each
    category, and for each list that was hit (``blocklist/<name>``).

    Args:
        connection: The resource, where several scanners share its connections.
        endpoint: Otherwise, the resource's address, as :class:`AzureConnection` takes it.
        key: Otherwise, its key or a credential, as :class:`AzureConnection` takes it.
        timeout: Otherwise, the seconds that a scan takes at most.
        categories: The severity, from 1 to 7, from which a text is refused, by category. The service's own
            steps are 2 (low), 4 (medium) and 6 (high).
        blocklists: Names of block lists of the resource.
        halt_on_blocklist_hit: Do not analyze a text further that hits a block list.
        name: The scanner's name.
        sees: The form of the text that is sent where both exist.

    Raises:
        ValueError: A category is unknown, a severity is not from 1 to 7, or there is nothing to look for.
    """

    def __init__(  # noqa: PLR0913 - the options of the service
        self,
        connection: AzureConnection | None = None,
        *,
        endpoint: str | None = None,
        key: SecretStr | str | Any = None,
        timeout: float = 10.0,
        categories: Mapping[str, int] | None = None,
        blocklists: Sequence[str] = (),
        halt_on_blocklist_hit: bool = False,
        name: str = "AzureContentSafety",
        sees: Sees = "placeholders",
    ) -> None:
        self._limits = dict(categories) if categories is not None else dict.fromkeys(_CATEGORIES, 2)
        if unknown := sorted(set(self._limits) - set(_CATEGORIES)):
            raise ValueError(f"there is no category {', '.join(unknown)}; there are {', '.join(_CATEGORIES)}")
        if not all(1 <= limit <= _WORST for limit in self._limits.values()):
            raise ValueError("a severity is a number from 1 to 7")
        if isinstance(blocklists, str):
            raise ValueError("blocklists is a list of names")  # noqa: TRY004 - as all wrong options
        if not self._limits and not blocklists:
            raise ValueError("there is nothing to look for: name a category or a block list")
        self._blocklists = list(blocklists)
        self._halts = halt_on_blocklist_hit
        super().__init__(connection, endpoint=endpoint, key=key, timeout=timeout, name=name, sees=sees)

    def _requests(self, text: str, prompt: str | None) -> Sequence[Request]:  # noqa: ARG002 - judges texts alone
        fixed = {
            "categories": list(self._limits) or [_CATEGORIES[0]],  # an empty list would mean all of them
            "blocklistNames": self._blocklists,
            "haltOnBlocklistHit": self._halts,
            "outputType": "EightSeverityLevels",
        }
        return [
            post("text:analyze", {"text": piece, **fixed})
            for piece in pieces(text, size=_ANALYZED, overlap=_OVERLAP)
        ]

    def _result(self, text: str, answers: Sequence[Any]) -> ScanResult:
        severities = dict.fromkeys(self._limits, 0)
        lists: set[str] = set()
        for analysis in (self._read(_Analysis, answer) for answer in answers):
            found = {one.category: one.severity for one in analysis.categories}
            hits = {hit.blocklist_name for hit in analysis.hits}
            if not set(severities) <= set(found) and not (self._halts and hits):
                raise ScannerError(f"{self.engine} left out a category; the text counts as refused.")
            severities = {name: max(worst, found.get(name, 0)) for name, worst in severities.items()}
            lists |= hits
        details = {name: severity / _WORST for name, severity in severities.items()}
        details |= {f"blocklist/{name}": 1.0 for name in sorted(lists)}
        return ScanResult(
            name=self.name,
            text=text,
            valid=not lists and all(severities[name] < limit for name, limit in self._limits.items()),
            risk_score=max(details.values(), default=0.0),
            details=details,
        )


class _Attack(BaseModel):
    detected: StrictBool = Field(alias="attackDetected")


class _Shield(BaseModel):
    prompt: _Attack | None = Field(alias="userPromptAnalysis", default=None)
    documents: list[_Attack] | None = Field(alias="documentsAnalysis", default=None)


class AzurePromptShieldScanner(AzureScanner):
    """Scan for attacks on the model (Prompt Shields): a user's, and those hidden in documents.

    An attack refuses the text with a risk of 1: the service tells no degrees. ``details`` has 1 or 0 for
    ``user_prompt`` and for ``document``.

    Args:
        connection: The resource, where several scanners share its connections.
        endpoint: Otherwise, the resource's address, as :class:`AzureConnection` takes it.
        key: Otherwise, its key or a credential, as :class:`AzureConnection` takes it.
        timeout: Otherwise, the seconds that a scan takes at most.
        looks_for: Read each text as a ``"user_prompt"``, as a ``"document"`` (retrieved context, a tool's
            result, an e-mail), or as ``"both"``, in one request.
        name: The scanner's name.
        sees: The form of the text that is sent where both exist.

    Raises:
        ValueError: ``looks_for`` is none of these.
    """

    def __init__(
        self,
        connection: AzureConnection | None = None,
        *,
        endpoint: str | None = None,
        key: SecretStr | str | Any = None,
        timeout: float = 10.0,
        looks_for: Literal["user_prompt", "document", "both"] = "both",
        name: str = "AzurePromptShield",
        sees: Sees = "placeholders",
    ) -> None:
        if looks_for not in ("user_prompt", "document", "both"):
            raise ValueError('looks_for is "user_prompt", "document" or "both"')
        self._as_prompt, self._as_document = looks_for != "document", looks_for != "user_prompt"
        super().__init__(connection, endpoint=endpoint, key=key, timeout=timeout, name=name, sees=sees)

    def _requests(self, text: str, prompt: str | None) -> Sequence[Request]:  # noqa: ARG002 - judges texts alone
        return [
            post(
                "text:shieldPrompt",
                {
                    "userPrompt": piece if self._as_prompt else "",
                    "documents": [piece] if self._as_document else [],
                },
            )
            for piece in pieces(text, size=_SHIELDED, overlap=_OVERLAP)
        ]

    def _result(self, text: str, answers: Sequence[Any]) -> ScanResult:
        shields = [self._read(_Shield, answer) for answer in answers]
        detected: dict[str, bool] = {}
        if self._as_prompt:
            detected["user_prompt"] = max(self._of(shield.prompt) for shield in shields)
        if self._as_document:
            detected["document"] = max(
                self._of(one) for shield in shields for one in shield.documents or (None,)
            )
        return self.flagged(text, detected)

    def _of(self, attack: _Attack | None) -> bool:
        if attack is None:
            raise ScannerError(f"{self.engine} left out an analysis; the text counts as refused.")
        return attack.detected


class _Detection(BaseModel):
    detected: StrictBool


class _Protected(BaseModel):
    analysis: _Detection = Field(alias="protectedMaterialAnalysis")


class AzureProtectedMaterialScanner(AzureScanner):
    """Scan answers for known texts: song lyrics, articles, recipes, selected web content (English alone).

    A detection refuses the text with a risk of 1. A text of less than 110 characters is not asked about: the
    service does not take it.

    Args:
        connection: The resource, where several scanners share its connections.
        endpoint: Otherwise, the resource's address, as :class:`AzureConnection` takes it.
        key: Otherwise, its key or a credential, as :class:`AzureConnection` takes it.
        timeout: Otherwise, the seconds that a scan takes at most.
        name: The scanner's name.
        sees: The form of the text that is sent where both exist.
    """

    def __init__(
        self,
        connection: AzureConnection | None = None,
        *,
        endpoint: str | None = None,
        key: SecretStr | str | Any = None,
        timeout: float = 10.0,
        name: str = "AzureProtectedMaterial",
        sees: Sees = "placeholders",
    ) -> None:
        super().__init__(connection, endpoint=endpoint, key=key, timeout=timeout, name=name, sees=sees)

    def _requests(self, text: str, prompt: str | None) -> Sequence[Request]:  # noqa: ARG002 - judges texts alone
        if len(text) < _PROTECTED_LEAST:
            return []
        cuts = pieces(text, size=_PROTECTED, overlap=_PROTECTED_OVERLAP)
        return [post("text:detectProtectedMaterial", {"text": piece}) for piece in cuts]

    def _result(self, text: str, answers: Sequence[Any]) -> ScanResult:
        found = [self._read(_Protected, answer).analysis.detected for answer in answers]
        return self.flagged(text, {"protected_material": any(found)})


class _Grounding(BaseModel):
    detected: StrictBool = Field(alias="ungroundedDetected")
    share: float = Field(alias="ungroundedPercentage", ge=0, le=1)


class AzureGroundednessScanner(AzureScanner):
    """Scan answers for what their sources do not say; this part of the service is a preview.

    The risk is the share of the answer that is not grounded, from 0 to 1.

    Args:
        connection: The resource, where several scanners share its connections.
        endpoint: Otherwise, the resource's address, as :class:`AzureConnection` takes it.
        key: Otherwise, its key or a credential, as :class:`AzureConnection` takes it.
        timeout: Otherwise, the seconds that a scan takes at most.
        sources: Returns what an answer may rest on, given its prompt; the prompt itself by default, which
            holds what was retrieved. At most 55,000 characters.
        task: ``"Summarization"``; or ``"QnA"``, which sends the prompt as the question too, of at most 7,500
            characters.
        domain: ``"Generic"`` or ``"Medical"``.
        threshold: The share from which an answer is refused.
        name: The scanner's name.
        sees: The form of the text that is sent where both exist.

    Raises:
        ValueError: ``threshold`` is not from 0 to 1.
    """

    def __init__(  # noqa: PLR0913 - the options of the service
        self,
        connection: AzureConnection | None = None,
        *,
        endpoint: str | None = None,
        key: SecretStr | str | Any = None,
        timeout: float = 10.0,
        sources: Callable[[str], Sequence[str]] | None = None,
        task: Literal["Summarization", "QnA"] = "Summarization",
        domain: Literal["Generic", "Medical"] = "Generic",
        threshold: float = 0.5,
        name: str = "AzureGroundedness",
        sees: Sees = "placeholders",
    ) -> None:
        if task not in ("Summarization", "QnA") or domain not in ("Generic", "Medical"):
            raise ValueError('task is "Summarization" or "QnA", domain is "Generic" or "Medical"')
        self._sources = sources
        self._task = task
        self._domain = domain
        self._threshold = checked_threshold(threshold)
        super().__init__(connection, endpoint=endpoint, key=key, timeout=timeout, name=name, sees=sees)

    def _requests(self, text: str, prompt: str | None) -> Sequence[Request]:
        if prompt is None:
            raise ScannerError(f"{self.name} needs the prompt of an answer: use it as an output guard.")
        sources = [one for one in (self._sources(prompt) if self._sources else [prompt]) if one.strip()]
        if not sources or sum(map(len, sources)) > _SOURCES:
            raise ScannerError(f"{self.name} takes sources of 1 to {_SOURCES} characters in all.")
        fixed: dict[str, Any] = {
            "domain": self._domain,
            "task": self._task,
            "groundingSources": sources,
            "reasoning": False,
        }
        if self._task == "QnA":
            if len(prompt) > _GROUNDED:
                raise ScannerError(f"{self.name} takes a question of at most {_GROUNDED} characters.")
            fixed["qna"] = {"query": prompt}
        return [
            post("text:detectGroundedness", {"text": piece, **fixed}, version=PREVIEW)
            for piece in pieces(text, size=_GROUNDED, overlap=_OVERLAP)
        ]

    def _result(self, text: str, answers: Sequence[Any]) -> ScanResult:
        found = [self._read(_Grounding, answer) for answer in answers]
        risk = max(one.share for one in found)
        refused = any(one.detected and one.share >= self._threshold for one in found)
        return ScanResult(
            name=self.name, text=text, valid=not refused, risk_score=risk, details={"ungrounded": risk}
        )
