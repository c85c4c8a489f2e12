"""NeMo Guardrails: https://docs.nvidia.com/nemo/guardrails/, in this process or on its server."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any, ClassVar, Literal

from pydantic import BaseModel, SecretStr

from langchain_secguard.errors import ScannerError
from langchain_secguard.scan.asking import AskingScanner
from langchain_secguard.scan.base import ScanResult, Sees
from langchain_secguard.scan.hosted import HostedScanner, http_transport, secret_of
from langchain_secguard.scan.portal import Portal
from langchain_secguard.scan.service import Request, Service

_ENGINE = "NeMo Guardrails"


class NeMoGuardrailsScanner(AskingScanner):
    """Scan by the rails of a configuration of NeMo Guardrails, in this process.

    The rails run alone, without a dialog and without asking the main model for an answer. A rail that stops
    refuses the text with a risk of 1; ``details`` has 1 or 0 for each rail that ran. A rail that changes the
    text (masking, for instance) refuses it, too, unless the scanner may sanitize: then the changed text goes
    on, with a risk of 1 as well, which is that of the text that was found.

    They run in a thread and an event loop of the scanner's own, so that an action that blocks holds up no
    one else; what they would log of a text is not logged, and no conversation is kept. The library's usage
    statistics are turned off, unless ``NEMO_GUARDRAILS_NO_USAGE_STATS=0`` is set.

    Args:
        config: A ``RailsConfig``, which is not changed, or the path of a folder with one. Colang 1.0.
        rails: Which of its rails: for the ``"input"``, for the ``"output"``, or for ``"retrieval"``, which
            read the text as what was retrieved.
        llm: The chat model that rails such as ``self check input`` ask; by default, the configuration's.
        actions: Actions of your own that the rails call, by name.
        sanitizes: A rail may change the text, and the changed text goes on.
        timeout: Seconds that a scan takes at most.
        name: The scanner's name; by default, ``NeMoInput``, ``NeMoOutput`` or ``NeMoRetrieval``.
        sees: The form of the text that it is shown where both exist: rails ask models.

    Raises:
        ImportError: NeMo Guardrails is not installed.
        ValueError: The configuration has no such rails, or is of Colang 2.
    """

    engine: str = _ENGINE
    whom = "the rails"

    def __init__(
        self,
        config: Any,
        *,
        rails: Literal["input", "output", "retrieval"] = "input",
        llm: Any = None,
        actions: Mapping[str, Callable[..., Any]] | None = None,
        sanitizes: bool = False,
        timeout: float = 30.0,
        name: str | None = None,
        sees: Sees = "placeholders",
    ) -> None:
        _check_rails(rails, ("input", "output", "retrieval"))
        super().__init__(name=name or f"NeMo{rails.capitalize()}", sees=sees, timeout=timeout)
        self._portal = Portal(f"secguard-{self._name}")
        self._engine = self._portal.run(partial(_made, _engine(), config, rails, llm, actions or {}))
        self.sanitizes = sanitizes

    def _ask(self, text: str, prompt: str | None) -> Any:
        return self._portal.run(partial(self._check, text, prompt))

    async def _aask(self, text: str, prompt: str | None) -> Any:
        return await self._portal.arun(partial(self._check, text, prompt))

    async def _check(self, text: str, prompt: str | None) -> Any:
        async with asyncio.timeout(self._timeout):
            return await self._engine.check(text, prompt)

    def _result(self, text: str, said: Any) -> ScanResult:
        if not said.ran:
            raise ScannerError(f"{self._name} ran none of its rails; the text counts as refused.")
        return _conclude(self, text, said.text, {name: float(name in said.stopped) for name in said.ran})


class _RailStatus(BaseModel):
    status: Literal["success", "blocked"]


class _Verdict(BaseModel):
    """Hold what ``/v1/checks`` of the library's server answers, or the checks of the microservice."""

    status: Literal["passed", "modified", "blocked", "success"]
    content: str | None = None
    rail: str | None = None
    rails_status: Mapping[str, _RailStatus] | None = None


class NeMoGuardrailsServerScanner(HostedScanner):
    """Scan by a server of NeMo Guardrails: that of the library, or the microservice of the NeMo platform.

    A text that is blocked is refused with a risk of 1, and so is one that a rail changed, unless the scanner
    may sanitize. Rails for retrieved texts are run by neither server.

    Args:
        base_url: The server's address, such as ``http://localhost:8000``.
        config_id: The configuration to use; the server's default one by default.
        rails: Which of its rails: for the ``"input"`` or for the ``"output"``.
        model: The main model, which some rails ask; by default, the configuration's own. The microservice
            needs its name.
        path: Where the server checks: ``/v1/checks`` (the library), ``/v1/guardrail/checks`` (the
            microservice), ``/apis/guardrails/v2/workspaces/<workspace>/checks`` (the platform).
        api_key: Sent as a bearer token; by default, that of the environment variable
            ``NEMO_GUARDRAILS_API_KEY``, if there is one.
        sanitizes: A rail may change the text, and the changed text goes on.
        name: The scanner's name; by default, ``NeMoInput`` or ``NeMoOutput``.
        sees: The form of the text that is sent where both exist.
        timeout: Seconds that a scan takes at most, further attempts included.
        retries: How many times a request is tried again that was throttled or failed.

    Raises:
        ImportError: httpx is not installed.
        ValueError: The URL cannot be read.
    """

    engine: ClassVar[str] = _ENGINE

    def __init__(  # noqa: PLR0913 - the options of the service
        self,
        base_url: str,
        *,
        config_id: str | None = None,
        rails: Literal["input", "output"] = "input",
        model: str = "",
        path: str = "/v1/checks",
        api_key: SecretStr | str | None = None,
        sanitizes: bool = False,
        name: str | None = None,
        sees: Sees = "placeholders",
        timeout: float = 30.0,
        retries: int = 2,
    ) -> None:
        _check_rails(rails, ("input", "output"))
        key = secret_of(api_key, "NEMO_GUARDRAILS_API_KEY")
        transport = http_transport("NeMoGuardrailsServerScanner", "nemo")(
            base_url,
            secrets=lambda: {"Authorization": f"Bearer {key.get_secret_value()}"} if key else {},
        )
        service = Service(
            transport,
            name="the server of NeMo Guardrails",
            key="check NEMO_GUARDRAILS_API_KEY, or what was passed as api_key=",
            timeout=timeout,
            retries=retries,
        )
        super().__init__(service, name=name or f"NeMo{rails.capitalize()}", sees=sees)
        self.sanitizes = sanitizes
        self._path = path
        self._rails = rails
        self._model = model
        self._config = {"config_id": config_id} if config_id else {}

    def _requests(self, text: str, prompt: str | None) -> Sequence[Request]:
        guardrails: dict[str, Any] = dict(self._config)
        if self._path.endswith("/v1/checks"):
            guardrails["rail_types"] = [self._rails]
        messages = [{"role": "user", "content": text}]
        if self._rails == "output":
            messages = [
                {"role": "user", "content": prompt or ""},
                {"role": "assistant", "content": text},
            ]
        body = {"model": self._model, "messages": messages, "guardrails": guardrails}
        return [Request(path=self._path, body=body)]

    def _result(self, text: str, answers: Sequence[Any]) -> ScanResult:
        verdict = self._read(_Verdict, answers[0])
        rails = {name: float(one.status == "blocked") for name, one in (verdict.rails_status or {}).items()}
        if verdict.status == "blocked":
            return _conclude(self, text, None, rails | {verdict.rail or "blocked": 1.0})
        if verdict.status == "modified" and verdict.content is None:
            return _conclude(self, text, None, rails | {"modified": 1.0})
        return _conclude(self, text, verdict.content if verdict.status == "modified" else text, rails)


def _conclude(
    scanner: NeMoGuardrailsScanner | NeMoGuardrailsServerScanner,
    text: str,
    left: str | None,
    rails: Mapping[str, float],
) -> ScanResult:
    """Say what it means that rails left this of a text, and which of them stopped."""
    stopped = max(rails.values(), default=0.0)
    if stopped or left is None:
        return ScanResult(name=scanner.name, text=text, valid=False, risk_score=1.0, details=rails)
    if left == text:
        return ScanResult(name=scanner.name, text=text, valid=True, details=rails)
    return ScanResult(
        name=scanner.name,
        text=left if scanner.sanitizes else text,
        valid=scanner.sanitizes,
        risk_score=1.0,
        details={**rails, "modified": 1.0},
    )


def _check_rails(rails: str, allowed: Sequence[str]) -> None:
    if rails not in allowed:
        raise ValueError(f"rails is one of {', '.join(allowed)}")


async def _made(engine: Callable[..., Any], *arguments: Any) -> Any:
    """Make the engine within its loop: the library would make another, and leave it open."""
    return engine(*arguments)


def _engine() -> Callable[..., Any]:
    try:
        from langchain_secguard.scan.nemo_engine import Engine  # noqa: PLC0415 - may not be installed
    except ImportError as error:
        raise ImportError(
            'NeMoGuardrailsScanner needs NeMo Guardrails: pip install "langchain-secguard[nemo]"'
        ) from error
    return Engine
