"""Langfuse's handler for LangChain: the right tree in every mode, scored checks, no personal data."""

import threading
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Literal
from uuid import UUID

from langchain_core.messages import BaseMessage
from opentelemetry.context import attach, get_current

from langchain_secguard.detect.base import Detector
from langchain_secguard.sight import sight_of
from langchain_secguard.tracing import checks
from langchain_secguard.tracing.checks import EVENTS, Check
from langchain_secguard.tracing.langfuse.client import configured, mask_of, one_of, provider_of
from langchain_secguard.tracing.langfuse.context import context_of, is_ambient, place_child, place_root
from langchain_secguard.tracing.langfuse.finisher import FINISHER, flush_with
from langchain_secguard.tracing.langfuse.opening import ChildOpener, RootOpener, trace_attributes
from langchain_secguard.tracing.langfuse.runs import GUARDRAIL, Opening, Run, Tree, Trees
from langchain_secguard.tracing.langfuse.scoring import Scorer
from langchain_secguard.tracing.langfuse.sender import Sender
from langchain_secguard.tracing.langfuse.traces import Talks, talk_of
from langchain_secguard.tracing.masking.mask import Mask
from langchain_secguard.tracing.quiet import quiet, safely

try:
    from langfuse import propagate_attributes
    from langfuse.langchain import CallbackHandler
    from langfuse.types import TraceContext
except ModuleNotFoundError as error:
    raise ImportError(
        "Langfuse's SDK 4 also needs langchain to trace chains: pip install langchain, or pip install "
        '"langfuse>=5"'
    ) from error

_STEPS = frozenset({"Anonymizer", "Deanonymizer", "Guard"})
_LOST = "This run did not end, or its end was not heard."


class LangfuseHandler(CallbackHandler):
    """Trace a chain in Langfuse without personal data, and score every check in it.

    It takes the place of Langfuse's ``CallbackHandler``; one handler serves any number of threads, tasks and
    users at once. What was hidden in a run is written as its placeholders everywhere in the trace, and what
    the detector finds besides as a label; ids of users and sessions that hold a value become pseudonyms.
    Texts are masked in a thread of their own when the outermost run has ended, so a chain waits neither for
    that nor for the server.

    Example:
        .. code-block:: python

            config = {"callbacks": [LangfuseHandler()], "metadata": {"langfuse_user_id": "u-17"}}
            chain.invoke(text, config | {"configurable": {"vault_id": "case-42"}})

    Args:
        public_key: Names the client, where a process has several.
        trace_context: Puts every outermost run into this trace: ``{"trace_id": ..., "parent_span_id": ...}``,
            in lower-case hexadecimal.
        mask: What masks; that of the client by default.
        detector: What finds personal data beside the values of the vaults, for a mask of the handler's own.
        score_names: Other names for scores: ``{"BanTopics.risk": "input-violence"}``.
        raw: Dangerous: send texts as they are.

    Raises:
        ValueError: More than one of ``mask``, ``detector`` and ``raw`` is given.
    """

    run_inline = True  # in the task of the run itself: what is ambient there is what its code sees

    def __init__(
        self,
        *,
        public_key: str | None = None,
        trace_context: TraceContext | None = None,
        mask: Mask | None = None,
        detector: Detector | None = None,
        score_names: Mapping[str, str] | None = None,
        raw: bool = False,
    ) -> None:
        one_of(mask, detector, raw=raw)
        configured(lambda: self._connect(public_key, trace_context))
        self._client: Any = self._langfuse_client
        self._mask = None if raw else mask or mask_of(self._client, detector)
        self._scorer = Scorer(self._client, self._mask, score_names or {})
        self._trees = Trees()
        self._talks = Talks()
        self._here = threading.local()
        provider = provider_of(self._client)
        self._is_on = provider is not None
        self._send = Sender(self._mask, provider)
        flush_with(provider)

    def _connect(self, public_key: str | None, trace_context: TraceContext | None) -> "LangfuseHandler":
        super().__init__(public_key=public_key, trace_context=trace_context)
        return self

    def flush(self) -> None:
        """Send all that has ended, and wait until the server has it."""
        FINISHER.drain()
        self._client.flush()

    # What LangChain calls when a run starts.

    def on_chain_start(self, serialized: Any, inputs: Any, **about: Any) -> None:
        """Start the observation of a chain."""
        self._start("chain", super().on_chain_start, serialized, inputs, **about)

    def on_llm_start(self, serialized: Any, prompts: Any, **about: Any) -> None:
        """Start the generation of a model that completes text."""
        self._start("llm", super().on_llm_start, serialized, list(prompts), **about)

    def on_chat_model_start(self, serialized: Any, messages: Any, **about: Any) -> None:
        """Start the generation of a chat model."""
        self._start("llm", super().on_chat_model_start, serialized, messages, **about)

    def on_tool_start(self, serialized: Any, input_str: str, **about: Any) -> None:
        """Start the observation of a tool."""
        self._start("tool", super().on_tool_start, serialized, input_str, **about)

    def on_retriever_start(self, serialized: Any, query: str, **about: Any) -> None:
        """Start the observation of a retriever."""
        self._start("retriever", super().on_retriever_start, serialized, query, **about)

    # What it calls when one ends.

    def on_chain_end(self, outputs: Any, **about: Any) -> None:
        """End the observation of a chain."""
        self._end(super().on_chain_end, outputs, **about)

    def on_chain_error(self, error: BaseException, **about: Any) -> None:
        """End the observation of a chain that failed."""
        self._end(super().on_chain_error, error, **about)

    def on_llm_end(self, response: Any, **about: Any) -> None:
        """End a generation."""
        self._end(super().on_llm_end, response, **about)

    def on_llm_error(self, error: BaseException, **about: Any) -> None:
        """End a generation that failed."""
        self._end(super().on_llm_error, error, **about)

    def on_tool_end(self, output: Any, **about: Any) -> None:
        """End the observation of a tool."""
        self._end(super().on_tool_end, output, **about)

    def on_tool_error(self, error: BaseException, **about: Any) -> None:
        """End the observation of a tool that failed."""
        self._end(super().on_tool_error, error, **about)

    def on_retriever_end(self, documents: Any, **about: Any) -> None:
        """End the observation of a retriever."""
        self._end(super().on_retriever_end, documents, **about)

    def on_retriever_error(self, error: BaseException, **about: Any) -> None:
        """End the observation of a retriever that failed."""
        self._end(super().on_retriever_error, error, **about)

    # And meanwhile.

    def on_llm_new_token(self, token: Any, *, run_id: UUID, **about: Any) -> None:  # noqa: ARG002
        """Note when the first token came."""
        run = self._trees.runs.get(run_id)
        if run is not None and "completion_start_time" not in run.fields:
            run.update(completion_start_time=datetime.now(tz=UTC))

    def on_custom_event(self, name: str, data: Any, *, run_id: UUID, **about: Any) -> None:  # noqa: ARG002
        """Hear what a check says: learn the values it saw, mark its observation, and score it."""
        run = self._trees.late(run_id) if name in EVENTS else None
        if run is None or not isinstance(data, Mapping):
            return
        with safely("An event of a check was not traced: %s."):
            self._learn([run])
            self._judge(run, checks.read(name, data, run.kind))

    def _learn(self, runs: Sequence[Run]) -> None:
        """Keep what steps saw, also of streams that are still open."""
        for run in runs:
            sight = sight_of(run.run_id)
            if sight is not None:
                run.tree.learn(sight)
                self._talks.learn(run.tree.talk, sight)

    def _judge(self, run: Run, check: Check) -> None:
        self._scorer.judge(run, check)
        if run.tree.root.ended:  # a stream that was closed early
            self._scorer.sum_up(run.tree)
            FINISHER.put(run.tree, self._send)

    def _start(self, kind: str, start: Callable[..., Any], *what: Any, **about: Any) -> None:
        """Let Langfuse's handler start an observation where it belongs, and stay there."""
        run_id: UUID = about["run_id"]
        if not self._is_on or run_id in self._trees.runs:
            return
        current = get_current()
        with safely("A run is not traced: starting it failed with %s."):
            parent = self._trees.runs.get(about.get("parent_run_id"))  # type: ignore[arg-type]
            place = place_child(parent, current) if parent else place_root(run_id, self._trees.runs, current)
            attach(place[0])
            self._here.opening = Opening(run_id, kind, parent, place[1])
            about["parent_run_id"] = parent.run_id if parent else None
            with quiet():
                self._start_in_trace(start, *what, **about)
        run = self._trees.runs.get(run_id)
        attach(run.context if run is not None else current)
        if run is not None and run.parent is None:
            self._go_on(run.tree, talk_of(about.get("metadata")))

    def _go_on(self, tree: Tree, talk: str | None) -> None:
        """Remember what was seen in earlier runs of a conversation."""
        tree.talk = talk
        for sight in self._talks.sights(talk):
            tree.learn(sight)

    def _start_in_trace(self, start: Callable[..., Any], *what: Any, **about: Any) -> None:
        """Name user, session and tags for all observations of a root; for chains Langfuse's handler does."""
        opening: Opening = self._here.opening
        if opening.kind == "chain" or opening.parent is not None:
            start(*what, **about)
            # What it propagates is in run.context now; later it would no longer be the innermost to undo.
            self._exit_propagation_context(opening.run_id)
            return
        given = self._parse_langfuse_trace_attributes(metadata=about.get("metadata"), tags=about.get("tags"))
        with propagate_attributes(**given):
            start(*what, **about)

    def _end(self, end: Callable[..., Any], what: Any, **about: Any) -> None:
        """Let Langfuse's handler end an observation, and see that it does."""
        run = self._trees.runs.get(about["run_id"])
        if run is None or run.ended:
            return
        about["parent_run_id"] = run.parent.run_id if run.parent else None
        with safely("The end of a run is not traced: %s."), quiet():
            end(what, **about)
        self._detach_observation(run.run_id)
        self._close(run.end())

    def _close(self, run: Run) -> None:
        if run is run.tree.root:
            with safely("A trace has no verdict: %s."):
                self._learn(run.tree.open_runs())
                self._scorer.sum_up(run.tree)
        if self._trees.close(run):
            FINISHER.put(run.tree, self._send)

    def _give_up(self, tree: Tree) -> None:
        """Send a tree whose root was never heard to end."""
        for run in reversed(tree.open_runs()):
            self._runs.pop(run.run_id, None)
            self._close(run.update(level="WARNING", status_message=_LOST).end())

    # What Langfuse's handler calls on itself.

    def _get_parent_observation(self, parent_run_id: UUID | None) -> Any:
        opener = RootOpener if parent_run_id is None else ChildOpener
        return opener(self._client, self._here.opening)

    def _attach_observation(self, run_id: UUID, observation: Any) -> None:
        run: Run = observation
        run.context = context_of(run, get_current())
        self._runs[run_id] = observation
        for tree in self._trees.add(run):
            self._give_up(tree)

    def _detach_observation(self, run_id: UUID) -> Any:
        run: Any = self._runs.pop(run_id, None)
        if run is not None and is_ambient(run, get_current()):
            attach(run.resume)
        return run

    def _parse_langfuse_trace_attributes(
        self, *, metadata: dict[str, Any] | None, tags: list[str] | None
    ) -> dict[str, Any]:
        given = super()._parse_langfuse_trace_attributes(metadata=metadata, tags=tags)
        return trace_attributes(given, self._mask)

    def _get_observation_type_from_serialized(
        self, serialized: dict[str, Any] | None, callback_type: str, **about: Any
    ) -> Any:
        if callback_type == "chain" and about.get("name") in _STEPS:
            return GUARDRAIL
        return super()._get_observation_type_from_serialized(serialized, callback_type, **about)

    def _get_error_level_and_status_message(
        self, error: BaseException
    ) -> tuple[Literal["DEFAULT", "ERROR"], str]:
        try:
            level, message = super()._get_error_level_and_status_message(error)
        except Exception:  # noqa: BLE001 - an error that cannot be written is named
            return "ERROR", type(error).__name__
        return level, message or type(error).__name__

    def _convert_message_to_dict(self, message: BaseMessage) -> dict[str, Any]:
        try:
            return super()._convert_message_to_dict(message)
        except ValueError:  # a kind of message that Langfuse's handler does not know
            return {"role": message.type, "content": message.content}
