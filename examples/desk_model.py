"""A model of a few rules that runs here: it calls the tools of a help desk, and tells what they gave."""

import re
from collections.abc import Iterator, Sequence
from typing import Any

from langchain_core.callbacks import CallbackManagerForLLMRun
from langchain_core.language_models import BaseChatModel
from langchain_core.messages import (
    AIMessage,
    AIMessageChunk,
    BaseMessage,
    HumanMessage,
    ToolCall,
    ToolMessage,
)
from langchain_core.outputs import ChatGeneration, ChatGenerationChunk, ChatResult
from langchain_core.runnables import Runnable
from pydantic import Field

_PLACEHOLDER = re.compile(r"\[([A-Z_]+)_[0-9]+[a-z]?\]")


class DeskModel(BaseChatModel):
    """Look up whoever writes, send the mail that is asked for, and say what was done.

    ``seen`` holds the text of every message that the model was sent.
    """

    seen: list[str] = Field(default_factory=list)

    @property
    def _llm_type(self) -> str:
        return "desk"

    def bind_tools(self, tools: Sequence[Any], **kwargs: Any) -> Runnable[Any, Any]:
        """Know the tools by their names."""
        return self.bind(names=[tool.name for tool in tools], **kwargs)

    def _generate(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,  # noqa: ARG002 - LangChain's signature
        run_manager: CallbackManagerForLLMRun | None = None,  # noqa: ARG002
        **kwargs: Any,  # noqa: ARG002
    ) -> ChatResult:
        self.seen += [str(message.text) for message in messages if str(message.text) not in self.seen]
        return ChatResult(generations=[ChatGeneration(message=_answer(messages))])

    def _stream(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: CallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> Iterator[ChatGenerationChunk]:
        message: Any = self._generate(messages, stop, run_manager, **kwargs).generations[0].message
        calls = [
            {"name": call["name"], "args": str(call["args"]).replace("'", '"'), "id": call["id"], "index": 0}
            for call in message.tool_calls
        ]
        words = re.findall(r"\S+\s*", message.text) or [""]
        for number, word in enumerate(words):
            last = number == len(words) - 1
            chunk = AIMessageChunk(content=word, tool_call_chunks=calls if last else [])
            yield ChatGenerationChunk(message=chunk)


def _answer(messages: Sequence[BaseMessage]) -> AIMessage:
    asked = max(number for number, one in enumerate(messages) if isinstance(one, HumanMessage))
    told = [one for one in messages[asked:] if isinstance(one, ToolMessage)]
    texts = " ".join(str(one.text) for one in messages)
    known: dict[str, str] = {}
    for match in _PLACEHOLDER.finditer(texts):
        known.setdefault(match[1], match[0])
    if not told and "PERSON" in known:  # placeholders are all that it knows people by
        return _call("look_up_customer", name=known["PERSON"])
    if len(told) == 1 and "EMAIL_ADDRESS" in known:
        return _call("send_mail", to=known["EMAIL_ADDRESS"], body=f"Dear {known['PERSON']}, {told[0].text}")
    if not told:
        return AIMessage("Who are you, please?")
    return AIMessage(f"Dear {known['PERSON']}, {told[0].text} {told[-1].text}")


def _call(name: str, /, **args: str) -> AIMessage:
    return AIMessage("", tool_calls=[ToolCall(name=name, args=args, id=f"call-{name}")])
