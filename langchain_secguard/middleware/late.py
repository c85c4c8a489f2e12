"""Messages that come into a run while it is under way: by a command, a person's answer, other middleware."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from langchain_core.messages import AIMessage, BaseMessage, RemoveMessage, ToolMessage

from langchain_secguard.middleware.framework import (
    Command,
    ExtendedModelResponse,
    ModelRequest,
)


def withdrawn(state: Mapping[str, Any], messages: Sequence[BaseMessage], refusal: str) -> list[BaseMessage]:
    """Return what takes messages out of the state.

    Tool calls and what answers them stay, as providers want them in pairs, with the refusal for a text.
    """
    kept = {one.id for one in state.get("messages") or () if one.id}
    return [_emptied(one, refusal) for one in messages if one.id in kept]


def replaced(
    request: ModelRequest[Any], messages: Sequence[BaseMessage], passed: Sequence[BaseMessage]
) -> tuple[ModelRequest[Any], list[BaseMessage]]:
    """Put what messages became into a request; return it, and what is to be written to the state."""
    new = {id(old): one for old, one in zip(messages, passed, strict=True) if one is not old}
    if not new:
        return request, []
    sent: Any = [new.get(id(one), one) for one in request.messages]
    kept = {one.id for one in request.state.get("messages") or () if one.id}
    return request.override(messages=sent), [one for one in new.values() if one.id in kept]


def with_messages(response: Any, messages: Sequence[BaseMessage]) -> Any:
    """Let a response write messages to the state besides its own."""
    if not messages:
        return response
    if not isinstance(response, ExtendedModelResponse):
        response = ExtendedModelResponse(response, None)
    command = response.command or Command()
    update: Any = dict(command.update or {})
    update["messages"] = [*messages, *(update.get("messages") or ())]
    return ExtendedModelResponse(response.model_response, replace(command, update=update))


def _emptied(message: BaseMessage, text: str) -> BaseMessage:
    update: dict[str, Any] = {"content": text, "additional_kwargs": {}}
    if isinstance(message, ToolMessage):
        return message.model_copy(update={**update, "artifact": None, "status": "error"})
    if isinstance(message, AIMessage) and message.tool_calls:
        calls = [{**call, "args": {}} for call in message.tool_calls]
        return message.model_copy(update={**update, "tool_calls": calls, "invalid_tool_calls": []})
    return RemoveMessage(id=str(message.id))
