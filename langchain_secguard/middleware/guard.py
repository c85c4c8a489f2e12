"""Middleware for ``create_agent`` that guards what goes to the model and the tools, and what comes back."""

from collections.abc import Awaitable, Callable, Sequence
from typing import Any

from langchain_core.messages import AIMessage, BaseMessage, HumanMessage, RemoveMessage, ToolMessage

from langchain_secguard.guard import Guard
from langchain_secguard.guard.call import Passage
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
        prompts: Guards the messages that are new in a run; not those that the state holds already.
        answers: Guards each message of the model, its tool calls as well.
        tool_calls: Guards the arguments of each tool call.
        tool_results: Guards what each tool gives: an instruction hidden in a page, for instance.

    Raises:
        ValueError: Nothing is guarded.
    """

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

    @hook_config(can_jump_to=["end"])
    def before_agent(self, state: Any, runtime: Runtime[Any]) -> dict[str, Any] | None:  # noqa: ARG002
        """Guard what is new in the state."""
        new = _new(state["messages"])
        if self._prompts is None or not new:
            return None
        return _update(new, self._prompts.check(new, get_config(), kind="message"))

    @hook_config(can_jump_to=["end"])
    async def abefore_agent(self, state: Any, runtime: Runtime[Any]) -> dict[str, Any] | None:  # noqa: ARG002
        """Do what :meth:`before_agent` does, without blocking the event loop."""
        new = _new(state["messages"])
        if self._prompts is None or not new:
            return None
        return _update(new, await self._prompts.acheck(new, get_config(), kind="message"))

    def wrap_model_call(
        self, request: ModelRequest[Any], handler: Callable[[ModelRequest[Any]], ModelResponse[Any]]
    ) -> ModelResponse[Any] | ExtendedModelResponse[Any]:
        """Guard what the model answers."""
        response = handler(request)
        message = _answer(response)
        if self._answers is None or message is None:
            return response
        asked = _asked(request.messages)
        return _answered(response, self._answers.check(message, get_config(), prompt=asked, kind="message"))

    async def awrap_model_call(
        self,
        request: ModelRequest[Any],
        handler: Callable[[ModelRequest[Any]], Awaitable[ModelResponse[Any]]],
    ) -> ModelResponse[Any] | ExtendedModelResponse[Any]:
        """Do what :meth:`wrap_model_call` does, without blocking the event loop."""
        response = await handler(request)
        message = _answer(response)
        if self._answers is None or message is None:
            return response
        asked = _asked(request.messages)
        passage = await self._answers.acheck(message, get_config(), prompt=asked, kind="message")
        return _answered(response, passage)

    def wrap_tool_call(
        self, request: ToolCallRequest, handler: Callable[[ToolCallRequest], ToolMessage | Command[Any]]
    ) -> ToolMessage | Command[Any]:
        """Guard the arguments of a tool, and what it gives."""
        config, call = request.runtime.config, request.tool_call
        if self._calls is not None:
            passage = self._calls.check(call["args"], config, kind="text")
            if passage.refused:
                return _refused_call(call, passage)
            request = request.override(tool_call={**call, "args": passage.value})
        result = handler(request)
        messages = _told(result)
        if self._results is None or not messages:
            return result
        return _retold(
            result, [_result(one, self._results.check(one, config, kind="text")) for one in messages]
        )

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
                return _refused_call(call, passage)
            request = request.override(tool_call={**call, "args": passage.value})
        result = await handler(request)
        messages = _told(result)
        if self._results is None or not messages:
            return result
        new = [_result(one, await self._results.acheck(one, config, kind="text")) for one in messages]
        return _retold(result, new)


def _new(messages: Sequence[BaseMessage]) -> list[BaseMessage]:
    """Return the messages behind the last one of the model."""
    last = max((number for number, one in enumerate(messages) if isinstance(one, AIMessage)), default=-1)
    return list(messages[last + 1 :])


def _update(messages: Sequence[BaseMessage], passage: Passage) -> dict[str, Any] | None:
    if passage.refused:
        removed = [RemoveMessage(id=one.id) for one in messages if one.id]
        return {"messages": [*removed, _as_message(passage.value)], "jump_to": "end"}
    changed = [new for old, new in zip(messages, passage.value, strict=True) if new is not old]
    return {"messages": changed} if changed else None


def _asked(messages: Sequence[BaseMessage]) -> str | None:
    return next((str(one.text) for one in reversed(messages) if isinstance(one, HumanMessage)), None)


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


def _refused_call(call: Any, passage: Passage) -> ToolMessage:
    return ToolMessage(_as_text(passage.value), name=call["name"], tool_call_id=call["id"], status="error")


def _told(result: Any) -> list[ToolMessage]:
    """Return the messages in what a tool gave."""
    if isinstance(result, Command):
        update = result.update if isinstance(result.update, dict) else {}
        result = update.get("messages")
    listed = result if isinstance(result, list) else [result]
    return [one for one in listed if isinstance(one, ToolMessage)]


def _result(message: ToolMessage, passage: Passage) -> ToolMessage:
    if not passage.refused:
        read: ToolMessage = passage.value
        return read
    return message.model_copy(
        update={"content": _as_text(passage.value), "artifact": None, "status": "error"}
    )


def _retold(result: Any, messages: Sequence[ToolMessage]) -> ToolMessage | Command[Any]:
    """Put messages in the place of those in what a tool gave."""
    new = iter(messages)
    if isinstance(result, Command):
        listed = result.update["messages"]  # type: ignore[index]
        update = {**result.update, "messages": _replaced(listed, new)}  # type: ignore[dict-item]
        return Command(graph=result.graph, update=update, resume=result.resume, goto=result.goto)
    told: ToolMessage = _replaced(result, new)
    return told


def _replaced(listed: Any, new: Any) -> Any:
    if isinstance(listed, list):
        return [next(new) if isinstance(one, ToolMessage) else one for one in listed]
    return next(new)


def _as_message(value: Any) -> AIMessage:
    if isinstance(value, BaseMessage):
        return value if isinstance(value, AIMessage) else AIMessage(str(value.text))
    if isinstance(value, dict) and value.get("messages"):
        return _as_message(value["messages"][-1])
    return AIMessage(_as_text(value))


def _as_text(value: Any) -> str:
    return str(value.text) if isinstance(value, BaseMessage) else str(value)
