"""A long chat: what its hundredth turn costs, beside its second, for as much new text."""

import itertools
import time
from collections.abc import Iterator, Sequence

from langchain_core.messages import AIMessage, BaseMessage, HumanMessage
from langchain_core.runnables import RunnableConfig

from benchmarks.clock import timing
from benchmarks.report import Row, at_most
from benchmarks.stand_ins import best_detector
from benchmarks.texts import names, sprinkled
from langchain_secguard import Anonymizer
from langchain_secguard.detect import Detector

_EARLY, _LATE = 2, 100
_CHATS = 7
_NAMES = 3


def measure() -> Iterator[Row]:
    """Hold several chats, each turn with a question and an answer of 1 KB and names not heard before."""
    detector, name = best_detector()
    chats = [_hold(detector, seed) for seed in range(_CHATS)]
    early = timing([times[_EARLY - 1] for times in chats])
    late = timing([times[_LATE - 1] for times in chats])
    yield at_most(f"turn 100 of a chat against turn 2 ({name})", late, early, 1.5)


def _hold(detector: Detector, seed: int) -> list[float]:
    """Return the seconds that each turn took."""
    step = Anonymizer(detector=detector)
    config: RunnableConfig = {"configurable": {"vault_id": f"chat-{seed}"}}
    heard: list[BaseMessage] = []
    times: list[float] = []
    for turn in _turns(seed):
        heard += turn
        start = time.perf_counter()
        step.invoke(list(heard), config)
        times.append(time.perf_counter() - start)
    return times


def _turns(seed: int) -> Iterator[Sequence[BaseMessage]]:
    source = names(seed)
    for number in range(_LATE):
        answer, question = (sprinkled(list(itertools.islice(source, _NAMES)), 1_000) for _ in range(2))
        yield AIMessage(f"Answer {number}. {answer}"), HumanMessage(f"Question {number}. {question}")
