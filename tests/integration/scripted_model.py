"""A chat model that answers as a test says, calls tools, and remembers what it was sent."""

import json
from collections.abc import Callable, Iterator, Sequence
from typing import Any, TypeAlias

from langchain_core.callbacks import CallbackManagerForLLMRun
from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage, AIMessageChunk, BaseMessage, ToolCall
from langchain_core.messages.tool import tool_call_chunk
from langchain_core.outputs import ChatGeneration, ChatGenerationChunk, ChatResult
from langchain_core.runnables import Runnable
from langchain_core.utils.function_calling import convert_to_openai_tool
from pydantic import Field

Answer: TypeAlias = str | AIMessage
Script: TypeAlias = Callable[[list[BaseMessage]], Answer]


def call(name: str, /, **args: Any) -> AIMessage:
    """Answer with one tool call."""
    return calls((name, args))


def calls(*made: tuple[str, dict[str, Any]]) -> AIMessage:
    """Answer with tool calls."""
    return AIMessage(
        "",
        tool_calls=[
            ToolCall(name=name, args=args, id=f"call-{name}-{n}") for n, (name, args) in enumerate(made)
        ],
    )


class ScriptedModel(BaseChatModel):
    """Give the answers of a script.

    Args:
        script: The answers in turn, or a function from what was sent to the answer.
        size: Characters in each piece of a stream.
    """

    script: Sequence[Answer] | Script
    size: int = 3
    sent: list[list[BaseMessage]] = Field(default_factory=list)
    bound: list[dict[str, Any]] = Field(default_factory=list)

    @property
    def _llm_type(self) -> str:
        return "scripted"

    def bind_tools(self, tools: Sequence[Any], **kwargs: Any) -> Runnable[Any, Any]:
        return self.bind(tools=[convert_to_openai_tool(tool) for tool in tools], **kwargs)

    def saw(self, text: str) -> bool:
        """Tell whether a text stood anywhere in what was sent: contents, calls, tools, options."""
        return text in repr(self.sent) or text in repr(self.bound)

    def last(self) -> str:
        """Return the text of the last message that was sent."""
        return self.sent[-1][-1].text

    def _answer(self, messages: list[BaseMessage], kwargs: dict[str, Any]) -> AIMessage:
        number = len(self.sent)
        self.sent.append(list(messages))
        self.bound.append(kwargs)
        answer = self.script(messages) if callable(self.script) else self.script[number]
        message = AIMessage(answer) if isinstance(answer, str) else answer
        return message.model_copy(update={"id": None})

    def _generate(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: CallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> ChatResult:
        return ChatResult(generations=[ChatGeneration(message=self._answer(messages, kwargs))])

    def _stream(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: CallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> Iterator[ChatGenerationChunk]:
        for message in self._pieces(self._answer(messages, kwargs)):
            chunk = ChatGenerationChunk(message=message)
            if run_manager:
                run_manager.on_llm_new_token(message.text, chunk=chunk)
            yield chunk

    def _pieces(self, answer: AIMessage) -> Iterator[AIMessageChunk]:
        for piece in self._cut(answer.text):
            yield AIMessageChunk(content=piece)
        for index, made in enumerate(answer.tool_calls):
            head = tool_call_chunk(name=made["name"], args="", id=made["id"], index=index)
            yield AIMessageChunk(content="", tool_call_chunks=[head])
            for piece in self._cut(json.dumps(made["args"], ensure_ascii=False)):
                yield AIMessageChunk(content="", tool_call_chunks=[tool_call_chunk(args=piece, index=index)])

    def _cut(self, text: str) -> Iterator[str]:
        for start in range(0, len(text), self.size):
            yield text[start : start + self.size]
