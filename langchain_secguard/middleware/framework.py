"""What the middleware takes from LangChain and LangGraph; no other module imports them."""

from collections.abc import Sequence
from typing import Any

try:
    from langchain.agents.middleware import AgentMiddleware, ModelRequest, ModelResponse, ToolCallRequest
    from langchain.agents.middleware.types import (
        AgentState,
        ExtendedModelResponse,
        ModelCallResult,
        PrivateStateAttr,
        hook_config,
    )
    from langgraph.config import get_config
    from langgraph.errors import GraphBubbleUp, GraphInterrupt, ParentCommand
    from langgraph.pregel.protocol import PregelProtocol
    from langgraph.runtime import Runtime
    from langgraph.types import Command, Overwrite, Send, StateSnapshot, StateUpdate
except ModuleNotFoundError as error:
    raise ImportError(
        'The middleware needs langchain 1.x: pip install "langchain-secguard[agents]"'
    ) from error

__all__ = [
    "AgentMiddleware",
    "AgentState",
    "Command",
    "ExtendedModelResponse",
    "GraphBubbleUp",
    "GraphInterrupt",
    "ModelCallResult",
    "ModelRequest",
    "ModelResponse",
    "Overwrite",
    "ParentCommand",
    "PregelProtocol",
    "PrivateStateAttr",
    "Runtime",
    "Send",
    "StateSnapshot",
    "StateUpdate",
    "ToolCallRequest",
    "get_config",
    "hook_config",
    "invalid_resume",
    "writes_of",
]


def invalid_resume(error: BaseException) -> bool:
    """Tell whether a person's answer to an interrupt does not have the shape that was asked for."""
    return getattr(error, "_langgraph_invalid_resume", False) is True


def writes_of(command: Command[Any]) -> Sequence[tuple[str, Any]]:
    """List what a command writes, channel by channel, whatever form its update has."""
    return command._update_as_tuples()  # noqa: SLF001 - there is no public way to it
