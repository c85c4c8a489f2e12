"""A long chat: what its hundredth turn costs, beside its second, for as much new text."""

import itertools
import time
from collections.abc import Iterator, Sequence

from langchain_core.messages import AIMessage, BaseMessage, HumanMessage

from benchmarks.clock import Timing, timing
from benchmarks.report import Row, at_most
from benchmarks.stand_ins import Paced, embedded
from benchmarks.texts import names, sprinkled
from langchain_secguard import Anonymizer, Vault
from langchain_secguard.detect import Detector

_LATE = 100
_SAMPLES = 15
_NAMES = 3


def measure() -> Iterator[Row]:
    """Hold chats in which each turn brings an answer and a question of 1 KB, with names not heard before."""
    detectors: list[tuple[str, Detector | None]] = [
        ("a detector of 20 µs a word", Paced()),
        ("embedded detector", embedded()),
    ]
    for name, detector in detectors:
        if detector is not None:
            early, late = _compare(detector)
            yield at_most(f"turn 100 of a chat against turn 2, {name}", late, early, 1.5)


def _compare(detector: Detector) -> tuple[Timing, Timing]:
    """Time second turns of new chats, and a long chat's turns from the hundredth on, one by one."""
    long = _Chat(detector, 0)
    for _ in range(_LATE - 1):
        long.turn()
    early: list[float] = []
    late: list[float] = []
    for seed in range(1, _SAMPLES + 1):
        new = _Chat(detector, seed)
        new.turn()
        early.append(new.turn())
        late.append(long.turn())
    return timing(early), timing(late)


class _Chat:
    """One chat, with a vault of its own."""

    def __init__(self, detector: Detector, seed: int) -> None:
        self._step = Anonymizer(detector=detector, vault=Vault())
        self._turns = _turns(seed)
        self._heard: list[BaseMessage] = []

    def turn(self) -> float:
        """Hide all messages with those of the next turn, and return the processor time in seconds."""
        self._heard += next(self._turns)
        start = time.thread_time()
        self._step.invoke(list(self._heard))
        return time.thread_time() - start


def _turns(seed: int) -> Iterator[Sequence[BaseMessage]]:
    source = names(seed)
    for number in itertools.count(1):
        answer, question = (sprinkled(list(itertools.islice(source, _NAMES)), 1_000) for _ in range(2))
        yield AIMessage(f"Answer {number}. {answer}"), HumanMessage(f"Question {number}. {question}")
