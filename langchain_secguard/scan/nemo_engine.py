"""NeMo Guardrails' own parts: rails that run without a conversation, and quietly.

This is the one module that imports NeMo Guardrails; it is loaded when a scanner is made.
"""

import logging
import os
from collections.abc import Callable, Mapping
from contextvars import ContextVar
from typing import Any, Literal, NamedTuple

from langchain_core.language_models import BaseChatModel
from nemoguardrails import LLMRails, RailsConfig

Rails = Literal["input", "output", "retrieval"]

_PACKAGE = "nemoguardrails"
_SILENT: ContextVar[bool] = ContextVar("nemo_silent", default=False)


class Checked(NamedTuple):
    """Tell what rails made of a text: the text they would go on with, and which of them ran and stopped."""

    text: str
    ran: tuple[str, ...]
    stopped: tuple[str, ...]


class Engine:
    """Run the rails of one kind on one text at a time, any number at once.

    A conversation is never kept: ``LLMRails`` is given a state of its own for each call, so it puts nothing
    into its cache of conversations, and nothing that a call does is read from the instance afterwards.
    """

    def __init__(
        self,
        config: "RailsConfig | str | os.PathLike[str]",
        rails: Rails,
        llm: Any,
        actions: Mapping[str, Callable[..., Any]],
    ) -> None:
        os.environ.setdefault("NEMO_GUARDRAILS_NO_USAGE_STATS", "1")  # rails report their use when made
        self._rails = rails
        self._engine = LLMRails(_config(config, rails), llm=_llm(llm))
        for name, action in actions.items():
            self._engine.register_action(action, name)
        _silence()

    async def check(self, text: str, prompt: str | None) -> Checked:
        """Run the rails on ``text``; an answer's prompt is what the rails see as the user's message."""
        _silence()
        token = _SILENT.set(True)
        try:
            response = await self._engine.generate_async(
                messages=self._messages(text, prompt), options=self._options(), state={}
            )
        finally:
            _SILENT.reset(token)
        return self._checked(response)

    def _messages(self, text: str, prompt: str | None) -> list[dict[str, Any]]:
        match self._rails:
            case "input":
                return [{"role": "user", "content": text}]
            case "output":
                return [{"role": "user", "content": prompt or ""}, {"role": "assistant", "content": text}]
            case _:
                context = {"relevant_chunks": text, "relevant_chunks_sep": [text]}
                return [{"role": "context", "content": context}, {"role": "user", "content": prompt or ""}]

    def _options(self) -> dict[str, Any]:
        options: dict[str, Any] = {
            "rails": ["output" if self._rails == "output" else "input"],
            "log": {"activated_rails": True},
        }
        if self._rails == "retrieval":
            options["output_vars"] = ["relevant_chunks"]
        return options

    def _checked(self, response: Any) -> Checked:
        message = response.response[-1]
        activated = [one for one in response.log.activated_rails if one.type in ("input", "output")]
        stopped = tuple(one.name for one in activated if one.stop)
        if message["role"] == "exception" and not stopped:
            stopped = tuple(one.name for one in activated[-1:])
        text = message["content"]
        if self._rails == "retrieval":
            text = (response.output_data or {}).get("relevant_chunks")
        return Checked(text if isinstance(text, str) else "", tuple(one.name for one in activated), stopped)


def _config(config: "RailsConfig | str | os.PathLike[str]", rails: Rails) -> RailsConfig:
    """Copy a configuration, which ``LLMRails`` changes, with nothing but the rails of one kind.

    The rails for retrieved texts run where those for the input do: otherwise the library runs them within a
    dialog alone, before it asks the model for an answer.
    """
    given = config if isinstance(config, RailsConfig) else RailsConfig.from_path(os.fspath(config))
    if given.colang_version != "1.0":
        raise ValueError("rails are checked alone with Colang 1.0; this configuration is of another version")
    flows = getattr(given.rails, rails).flows
    if not flows:
        raise ValueError(f"the configuration has no {rails} rails: name flows at rails.{rails}.flows")
    copied = given.model_copy(deep=True)
    if rails == "retrieval":
        copied.rails.input.flows = list(flows)
        copied.rails.input.parallel = False
        copied.rails.retrieval.flows = []
    return copied


def _llm(llm: Any) -> Any:
    if not isinstance(llm, BaseChatModel):
        return llm
    from nemoguardrails.integrations.langchain.llm_adapter import (  # noqa: PLC0415 - for a model of LangChain
        LangChainLLMAdapter,
    )

    return LangChainLLMAdapter(llm)


class _Quiet(logging.Filter):
    """Drop what the library logs of a text that we check: events, prompts, and errors that quote it."""

    def filter(self, record: logging.LogRecord) -> bool:  # noqa: ARG002 - whatever it says
        return not _SILENT.get()


_quiet = _Quiet()


def _silence() -> None:
    """Let every logger of the library be quiet; modules that were loaded since have new ones."""
    for name in [name for name in logging.root.manager.loggerDict if name.partition(".")[0] == _PACKAGE]:
        logging.getLogger(name).addFilter(_quiet)  # adds it once
