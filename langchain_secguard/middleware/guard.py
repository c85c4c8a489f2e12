"""Middleware for ``create_agent`` that guards what goes to the model and the tools, and what comes back."""

from collections.abc import Awaitable, Callable, Generator, Sequence
from typing import Any, NamedTuple, TypeAlias

from langchain_core.messages import AIMessage, BaseMessage, RemoveMessage, ToolMessage
from langchain_core.runnables import RunnableConfig

from langchain_secguard.guard import Guard
from langchain_secguard.guard.call import Passage
from langchain_secguard.guard.refusals import asked
from langchain_secguard.middleware.framework import (
    AgentMiddleware,
    Command,
    ExtendedModelResponse,
    ModelRequest,
    ModelResponse,
    Runtime,
    ToolCallRequest,
    get_config,
    hook_config,
)
from langchain_secguard.middleware.late import replaced, with_messages, withdrawn
from langchain_secguard.middleware.passed import GuardedState, Made, new_messages, opened
from langchain_secguard.middleware.told import retold, told
from langchain_secguard.plan import acarry_out, carry_out


class _Check(NamedTuple):
    """Ask for a check of what ``prompt`` was answered with, or of a prompt."""

    guard: Guard
    value: Any
    prompt: str | None = None


_Plan: TypeAlias = Generator[Any, Any, Any]


class GuardMiddleware(AgentMiddleware[Any, Any, Any]):
    """Scan an agent's prompts, tool calls, tool results and answers, and refuse what may not pass.

    What is done with a refused text is its guard's ``on_fail``. ``"raise"`` ends the run with a
    :class:`~langchain_secguard.BlockedError`. A refusal text, or what a Runnable gives, stands in its place:

    - of a prompt, it is the agent's answer; the model is not called, and the prompt is taken out of the
      state, so that no later turn sends it;
    - of an answer, it takes the answer's place before that enters the state, and the agent ends;
    - of a tool call, the model is told it as an error of the tool, which is not called;
    - of a tool's result, the model is told it in the result's place.

    Name it before :class:`AnonymizeMiddleware`: then scanners see placeholders, as the model does, and
    nothing that is refused is hidden first. Tokens that stream (``stream_mode="messages"``) leave the model
    before its answer can be judged; to hold them, put a guard around the model that the agent is given.

    Args:
        prompts: Guards the messages that are new in a run, whoever they say has written them; not those that
            a run of the thread let pass, or made. Without a checkpointer, all are new. What comes in while a
            run is under way is guarded before the model is sent it: what a person says to an interrupt, what
            a ``Command`` writes, and what other middleware adds.
        answers: Guards each message of the model, its tool calls as well.
        tool_calls: Guards the arguments of each tool call.
        tool_results: Guards the messages that each tool gives: an instruction hidden in a page, for instance.
            What else a tool writes into the state with a ``Command`` is not read.

    Raises:
        ValueError: Nothing is guarded.
    """

    state_schema = GuardedState

    def __init__(
        self,
        *,
        prompts: Guard | None = None,
        answers: Guard | None = None,
        tool_calls: Guard | None = None,
        tool_results: Guard | None = None,
    ) -> None:
        super().__init__()
        if not any((prompts, answers, tool_calls, tool_results)):
            raise ValueError("name a guard: of prompts, answers, tool_calls or tool_results")
        self._prompts = prompts
        self._answers = answers
        self._calls = tool_calls
        self._results = tool_results
        self._made = Made()

    @hook_config(can_jump_to=["end"])
    def before_agent(self, state: Any, runtime: Runtime[Any]) -> dict[str, Any] | None:  # noqa: ARG002
        """Guard what is new in the state."""
        if self._prompts is None:
            return None
        new = new_messages(state)
        if not new:
            return opened(state, new)
        return _update(state, new, self._prompts.check(new, get_config(), kind="message"))

    @hook_config(can_jump_to=["end"])
    async def abefore_agent(self, state: Any, runtime: Runtime[Any]) -> dict[str, Any] | None:  # noqa: ARG002
        """Do what :meth:`before_agent` does, without blocking the event loop."""
        if self._prompts is None:
            return None
        new = new_messages(state)
        if not new:
            return opened(state, new)
        return _update(state, new, await self._prompts.acheck(new, get_config(), kind="message"))

    def after_agent(self, state: Any, runtime: Runtime[Any]) -> dict[str, Any] | None:  # noqa: ARG002
        """Note what is in the state, so that it is not guarded again."""
        return None if self._prompts is None else self._made.closed(state, get_config())

    async def aafter_agent(self, state: Any, runtime: Runtime[Any]) -> dict[str, Any] | None:
        """Do what :meth:`after_agent` does."""
        return self.after_agent(state, runtime)

    def wrap_model_call(
        self, request: ModelRequest[Any], handler: Callable[[ModelRequest[Any]], ModelResponse[Any]]
    ) -> ModelResponse[Any] | ExtendedModelResponse[Any]:
        """Guard what came into the state while the run was under way, and what the model answers."""
        config = get_config()

        def perform(ask: ModelRequest[Any] | _Check) -> Any:
            if not isinstance(ask, _Check):
                return handler(ask)
            return ask.guard.check(ask.value, config, prompt=ask.prompt, kind="message")

        answered: ModelResponse[Any] | ExtendedModelResponse[Any]
        answered = carry_out(self._model_call(request, config), perform)
        return answered

    async def awrap_model_call(
        self,
        request: ModelRequest[Any],
        handler: Callable[[ModelRequest[Any]], Awaitable[ModelResponse[Any]]],
    ) -> ModelResponse[Any] | ExtendedModelResponse[Any]:
        """Do what :meth:`wrap_model_call` does, without blocking the event loop."""
        config = get_config()

        async def perform(ask: ModelRequest[Any] | _Check) -> Any:
            if not isinstance(ask, _Check):
                return await handler(ask)
            return await ask.guard.acheck(ask.value, config, prompt=ask.prompt, kind="message")

        answered: ModelResponse[Any] | ExtendedModelResponse[Any]
        answered = await acarry_out(self._model_call(request, config), perform)
        return answered

    def _model_call(self, request: ModelRequest[Any], config: RunnableConfig) -> _Plan:
        """Plan a call of the model; what is asked for is a check, or the model's answer to a request."""
        written: list[BaseMessage] = []
        new = self._made.others(request.messages, request.state, config) if self._prompts is not None else []
        if self._prompts is not None and new:
            passage = yield _Check(self._prompts, new)
            if passage.refused:
                answer = _as_message(passage.value)
                written = withdrawn(request.state, new, str(answer.text))
                self._made.note([answer, *written], config)
                return with_messages(ModelResponse([answer]), written)
            self._made.note(passage.value, config)
            request, written = replaced(request, new, passage.value)
        response = yield request
        if self._answers is not None:
            response = yield from self._judged(self._answers, response, asked(request.messages))
        if self._prompts is not None:
            self._made.note(_response(response).result, config)
        return with_messages(response, written)

    def _judged(self, guard: Guard, response: Any, prompt: str | None) -> _Plan:
        """Plan the check of an answer."""
        message = _answer(response)
        if message is None:
            return response
        passage = yield _Check(guard, message, prompt)
        if not _is_rewritten(response, passage, message):
            return _answered(response, passage)
        form = yield _Check(guard, _form(response), prompt)
        return _formed(response, passage, form)

    def wrap_tool_call(
        self, request: ToolCallRequest, handler: Callable[[ToolCallRequest], ToolMessage | Command[Any]]
    ) -> ToolMessage | Command[Any]:
        """Guard the arguments of a tool, and what it gives."""
        config, call = request.runtime.config, request.tool_call
        if self._calls is not None:
            passage = self._calls.check(call["args"], config, kind="text")
            if passage.refused:
                told_so = _refused_call(call, passage)
                return self._given(told_so, [told_so], config)
            request = request.override(tool_call={**call, "args": passage.value})
        result = handler(request)
        messages = told(result)
        if self._results is None or not messages:
            return self._given(result, messages, config)
        new = [_result(one, self._results.check(one, config, kind="text")) for one in messages]
        return self._given(retold(result, iter(new)), new, config)

    async def awrap_tool_call(
        self,
        request: ToolCallRequest,
        handler: Callable[[ToolCallRequest], Awaitable[ToolMessage | Command[Any]]],
    ) -> ToolMessage | Command[Any]:
        """Do what :meth:`wrap_tool_call` does, without blocking the event loop."""
        config, call = request.runtime.config, request.tool_call
        if self._calls is not None:
            passage = await self._calls.acheck(call["args"], config, kind="text")
            if passage.refused:
                told_so = _refused_call(call, passage)
                return self._given(told_so, [told_so], config)
            request = request.override(tool_call={**call, "args": passage.value})
        result = await handler(request)
        messages = told(result)
        if self._results is None or not messages:
            return self._given(result, messages, config)
        new = [_result(one, await self._results.acheck(one, config, kind="text")) for one in messages]
        return self._given(retold(result, iter(new)), new, config)

    def _given(
        self, result: Any, messages: Sequence[BaseMessage], config: RunnableConfig
    ) -> ToolMessage | Command[Any]:
        """Note what a tool made."""
        if self._prompts is not None:
            self._made.note(messages, config)
        given: ToolMessage | Command[Any] = result
        return given


def _update(state: Any, messages: Sequence[BaseMessage], passage: Passage) -> dict[str, Any]:
    if passage.refused:
        removed = [RemoveMessage(id=one.id) for one in messages if one.id]
        answer = _as_message(passage.value)
        return {"messages": [*removed, answer], "jump_to": "end", **opened(state, [answer])}
    changed = [new for old, new in zip(messages, passage.value, strict=True) if new is not old]
    return ({"messages": changed} if changed else {}) | opened(state, passage.value)


def _response(response: Any) -> ModelResponse[Any]:
    if isinstance(response, ExtendedModelResponse):
        return response.model_response
    return ModelResponse([response]) if isinstance(response, BaseMessage) else response


def _answer(response: Any) -> AIMessage | None:
    return next((one for one in _response(response).result if isinstance(one, AIMessage)), None)


def _answered(response: Any, passage: Passage) -> ModelResponse[Any] | ExtendedModelResponse[Any]:
    inner = _response(response)
    if passage.refused:
        new: ModelResponse[Any] = ModelResponse([_as_message(passage.value)])
    else:
        result = [passage.value if isinstance(one, AIMessage) else one for one in inner.result]
        new = ModelResponse(result, inner.structured_response)
    return (
        ExtendedModelResponse(new, response.command) if isinstance(response, ExtendedModelResponse) else new
    )


def _is_rewritten(response: Any, passage: Passage, message: AIMessage) -> bool:
    """Tell whether a structured answer was sanitized: what was made of it before then has to be, too."""
    is_same = passage.refused or passage.value is message
    return not is_same and _response(response).structured_response is not None


def _form(response: Any) -> list[Any]:
    """Return what was made of a structured answer: the object, and the messages that tell of it."""
    inner = _response(response)
    return [inner.structured_response, *(one for one in inner.result if not isinstance(one, AIMessage))]


def _formed(
    response: Any, passage: Passage, form: Passage
) -> ModelResponse[Any] | ExtendedModelResponse[Any]:
    if form.refused:
        return _answered(response, form)
    inner, (made, *told) = _response(response), form.value
    rest = iter(told)
    result = [one if isinstance(one, AIMessage) else next(rest) for one in inner.result]
    new: ModelResponse[Any] = ModelResponse(result, made)
    if isinstance(response, ExtendedModelResponse):
        return _answered(ExtendedModelResponse(new, response.command), passage)
    return _answered(new, passage)


def _refused_call(call: Any, passage: Passage) -> ToolMessage:
    return ToolMessage(_as_text(passage.value), name=call["name"], tool_call_id=call["id"], status="error")


def _result(message: BaseMessage, passage: Passage) -> BaseMessage:
    if not passage.refused:
        read: BaseMessage = passage.value
        return read
    update: dict[str, Any] = {"content": _as_text(passage.value), "additional_kwargs": {}}
    if isinstance(message, ToolMessage):
        update |= {"artifact": None, "status": "error"}
    if isinstance(message, AIMessage):
        update |= {"tool_calls": [], "invalid_tool_calls": []}
    return message.model_copy(update=update)


def _as_message(value: Any) -> AIMessage:
    if isinstance(value, BaseMessage):
        return value if isinstance(value, AIMessage) else AIMessage(str(value.text))
    if isinstance(value, dict) and value.get("messages"):
        return _as_message(value["messages"][-1])
    return AIMessage(_as_text(value))


def _as_text(value: Any) -> str:
    return str(value.text) if isinstance(value, BaseMessage) else str(value)
