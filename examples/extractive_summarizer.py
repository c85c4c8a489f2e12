"""A small chat model that needs no network: it answers with the sentences of its prompt that tell most."""

import re
from collections import Counter
from collections.abc import Iterator
from typing import Any

from langchain_core.callbacks import CallbackManagerForLLMRun
from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage, AIMessageChunk, BaseMessage
from langchain_core.outputs import ChatGeneration, ChatGenerationChunk, ChatResult

_SENTENCE = re.compile(r"(?<=[.!?])\s+(?=[A-Z\[])|\n{2,}")
_ABBREVIATION = re.compile(r"\b(?:Mr|Mrs|Ms|Dr|No|St|Inc|Corp|v|vs|[A-Z])\.$")
_WORD = re.compile(r"\[?\w+\]?")
_COMMON = frozenset(
    {
        "a", "an", "and", "are", "as", "at", "be", "been", "by", "for", "from", "had", "has", "have", "he",
        "her", "his", "in", "is", "it", "its", "of", "on", "or", "she", "that", "the", "their", "they",
        "this", "to", "was", "were", "which", "who", "will", "with",
    }
)  # fmt: skip


class ExtractiveSummarizer(BaseChatModel):
    """Answer the last message with its ``sentences`` most telling sentences, in their order.

    A sentence tells much when its words are frequent in the text (H. P. Luhn, 1958).
    """

    sentences: int = 3
    model_name: str = "extractive-summarizer"

    @property
    def _llm_type(self) -> str:
        return "extractive-summarizer"

    def _generate(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,  # noqa: ARG002 - the interface is LangChain's
        run_manager: CallbackManagerForLLMRun | None = None,  # noqa: ARG002
        **kwargs: Any,  # noqa: ARG002
    ) -> ChatResult:
        return ChatResult(generations=[ChatGeneration(message=AIMessage(self.summarize(messages[-1].text)))])

    def _stream(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,  # noqa: ARG002
        run_manager: CallbackManagerForLLMRun | None = None,
        **kwargs: Any,  # noqa: ARG002
    ) -> Iterator[ChatGenerationChunk]:
        # Pieces of four characters, as a tokenizer makes them: placeholders arrive in parts.
        for piece in re.findall(r".{1,4}", self.summarize(messages[-1].text), re.DOTALL):
            chunk = ChatGenerationChunk(message=AIMessageChunk(content=piece))
            if run_manager:
                run_manager.on_llm_new_token(piece, chunk=chunk)
            yield chunk

    def summarize(self, text: str) -> str:
        """Choose the sentences of ``text`` that tell most."""
        sentences = _split(text)
        frequency = Counter(word for word in map(str.lower, _WORD.findall(text)) if word not in _COMMON)

        def weight(sentence: str) -> float:
            words = {word for word in map(str.lower, _WORD.findall(sentence)) if word not in _COMMON}
            return sum(frequency[word] for word in words) / (len(words) + 5)

        best = sorted(sentences, key=weight, reverse=True)[: self.sentences]
        return " ".join(sentence for sentence in sentences if sentence in best)


def _split(text: str) -> list[str]:
    sentences: list[str] = []
    for part in _SENTENCE.split(text):
        sentence = " ".join(part.split())
        if sentences and _ABBREVIATION.search(sentences[-1]):
            sentences[-1] += f" {sentence}"
        elif sentence:
            sentences.append(sentence)
    return sentences
