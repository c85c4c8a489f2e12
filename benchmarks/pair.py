"""What the pair itself costs, detection aside, beside the same chain with steps that do nothing."""

import itertools
from collections.abc import Iterator, Sequence
from typing import Any

from langchain_core.messages import AIMessage, BaseMessage, HumanMessage
from langchain_core.runnables import Runnable, RunnableConfig, RunnableLambda

from benchmarks.clock import Action, side_by_side
from benchmarks.report import Row, at_most_more
from benchmarks.stand_ins import Precomputed
from benchmarks.texts import names, spans_of, sprinkled
from langchain_secguard import Anonymizer, Deanonymizer

_NAMES = 10
_TEXTS = 4_000
_LIMIT = 0.3e-3
_CONFIG: RunnableConfig = {"configurable": {"vault_id": "pair"}}


def measure() -> Iterator[Row]:
    """Invoke chains with 1 KB in which ten names are hidden and restored."""
    source = names(1)
    people = [list(itertools.islice(source, _NAMES)) for _ in range(_TEXTS)]
    texts = [sprinkled(some, 1_000) for some in people]
    spans = {text: spans_of(text, some) for text, some in zip(texts, people, strict=True)}
    plain = RunnableLambda(_nothing) | RunnableLambda(_answer) | RunnableLambda(_nothing)
    for what, invoked in (("new text each time", texts), ("the same text again", texts[:1])):
        pair = Anonymizer(detector=Precomputed(spans)) | RunnableLambda(_answer) | Deanonymizer()
        ours, base = side_by_side(_invoke(pair, invoked), _invoke(plain, invoked))
        yield at_most_more(f"the pair's own cost, 1 KB with ten names, {what}", ours, base, _LIMIT)


def _invoke(chain: Runnable[Any, Any], texts: Sequence[str]) -> Action:
    messages = itertools.cycle([[HumanMessage(text)] for text in texts])
    return lambda: chain.invoke(next(messages), _CONFIG)


def _nothing(value: Any) -> Any:
    return value


def _answer(messages: list[BaseMessage]) -> AIMessage:
    return AIMessage(messages[-1].content)
