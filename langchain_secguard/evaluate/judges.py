"""Scanners of every make as one thing: a function from a text to a risk and a verdict."""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias
from uuid import UUID

from langchain_core.callbacks import BaseCallbackHandler
from langchain_core.runnables import Runnable, RunnableConfig, ensure_config
from langchain_core.runnables.config import merge_configs

from langchain_secguard.config import names_vault
from langchain_secguard.errors import BlockedError, ScannerError
from langchain_secguard.events import BLOCKED, SCANNED
from langchain_secguard.vault import Vault


@dataclass(frozen=True, slots=True)
class Judgement:
    """Say how risky a text is, from 0 to 1, and whether the engine itself would let it pass.

    ``valid`` is ``None`` for an engine that gives a risk and leaves the verdict to a threshold.
    """

    risk: float
    valid: bool | None = None


Judge: TypeAlias = Callable[[str], Judgement]


def judge_of(scanner: Any) -> Judge:
    """Make a :data:`Judge` of a scanner.

    Args:
        scanner: A Runnable (see :class:`ChainJudge`); or an object whose ``scan(text)``, or a function whose
            result, is a number from 0 to 1, an object with ``risk_score`` and ``valid``, a bool (true: may
            pass), or LLM Guard's tuple of text, validity and risk. A negative risk, which LLM Guard gives
            where it found nothing, is 0.

    Raises:
        TypeError: It is none of these.
    """
    if isinstance(scanner, Runnable):
        return ChainJudge(scanner)
    call = getattr(scanner, "scan", scanner)
    if not callable(call):
        raise TypeError(f"{type(scanner).__name__} is no Runnable, has no scan(text), and cannot be called")
    name = getattr(scanner, "__name__", type(scanner).__name__)
    return lambda text: _judgement(name, _called(name, call, text))


class ChainJudge:
    """Judge a text by what a chain does with it: whether it refuses, and what its scanners say meanwhile.

    A chain that raises ``BlockedError``, or in which a scanner finds the text invalid (as it says in its
    event, also where it only watches), refuses. The risk is the highest that a scanner or a policy reported.
    The chain's answer is thrown away.

    Args:
        chain: Takes a text.
        config: Its config. Where that names no vault, each text has a vault of its own.
    """

    def __init__(self, chain: Runnable[Any, Any], config: RunnableConfig | None = None) -> None:
        self._chain = chain
        self._config = config

    def __call__(self, text: str) -> Judgement:
        """Run the chain.

        Raises:
            ScannerError: The chain failed otherwise than by refusing.
        """
        ears = _Ears()
        config = merge_configs(self._config, {"callbacks": [ears]})
        if not names_vault(ensure_config(config)):
            config = merge_configs(config, {"configurable": {"vault": Vault()}})
        try:
            self._chain.invoke(text, config)
        except BlockedError as error:
            ears.hear(error.scores)
            return ears.judgement(refused=True)
        except Exception as error:  # noqa: BLE001 - whatever it is, its message may hold the text
            failure = ScannerError(f"the chain failed with {type(error).__name__}. Run it alone to see why.")
        else:
            return ears.judgement(refused=False)
        raise failure


class _Ears(BaseCallbackHandler):
    """Hear what scanners and policies report while a chain runs."""

    run_inline = True

    def __init__(self) -> None:
        self._risks: list[float] = []
        self._refused = False

    def on_custom_event(self, name: str, data: Any, *, run_id: UUID, **kwargs: Any) -> None:  # noqa: ARG002
        """Note a scan or a refusal."""
        if name == SCANNED:
            self._risks.append(float(data["risk"]))
            self._refused |= not data["valid"]
        elif name == BLOCKED:
            self.hear(data["scores"])
            self._refused = True

    def hear(self, scores: Mapping[str, float]) -> None:
        """Note the scores of a refusal."""
        self._risks += scores.values()

    def judgement(self, *, refused: bool) -> Judgement:
        """Sum up; a refusal without a score has risk 1."""
        refused = refused or self._refused
        return Judgement(_risk("the chain", max(self._risks, default=float(refused))), not refused)


def _called(name: str, call: Callable[[str], Any], text: str) -> Any:
    try:
        return call(text)
    except Exception as error:  # noqa: BLE001 - whatever it is, its message may hold the text
        failure = error if isinstance(error, ScannerError) else _failed(name, error)
    raise failure


def _failed(name: str, error: Exception) -> ScannerError:
    return ScannerError(f"{name} failed with {type(error).__name__}. Run it alone to see why.")


def _judgement(name: str, given: Any) -> Judgement:
    if isinstance(given, bool):
        return Judgement(float(not given), given)
    if isinstance(given, tuple) and len(given) == 3:
        return Judgement(_risk(name, given[2]), bool(given[1]))
    if hasattr(given, "risk_score"):
        return Judgement(_risk(name, given.risk_score), bool(given.valid))
    return Judgement(_risk(name, given))


def _risk(name: str, given: Any) -> float:
    try:
        risk = float(given)
    except (TypeError, ValueError):
        risk = math.nan
    if not risk <= 1:
        raise ScannerError(f"{name} gave a {type(given).__name__} that is no risk between 0 and 1")
    return max(risk, 0.0)
