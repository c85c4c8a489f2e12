"""Restoring an answer, against the size of the vault and against LLM Guard."""

import itertools
from collections.abc import Callable, Iterator

from langchain_core.runnables import RunnableConfig

from benchmarks.clock import side_by_side
from benchmarks.report import Row, at_least, at_most
from benchmarks.texts import sprinkled
from langchain_secguard import Deanonymizer, Vault
from langchain_secguard.vault import Entity

_SIZE = 5_000
_PLACEHOLDERS = 50
_ANSWERS = 400  # together they hold more placeholders than any cache of spellings


def measure() -> Iterator[Row]:
    """Compare one whole answer, in both of LLM Guard's quiet ways, and ours in vaults of all sizes."""
    from benchmarks.peers import llm_guard  # noqa: PLC0415 - it loads torch

    entries = [(f"[REDACTED_PERSON_{number}]", _value(number)) for number in range(1, 10_001)]
    answer = _answer(10_000)
    ours = _restore(_vault(10_000))
    theirs = llm_guard.deanonymizer(entries)
    for how, silence in (
        ('logging set to "ERROR"', llm_guard.silence_as_told),
        ("logging off at its quickest", llm_guard.silence),
    ):
        silence()
        if ours(answer) != theirs(answer):
            raise RuntimeError("the two sides restored different texts")
        mine, peers = side_by_side(lambda: ours(answer), lambda: theirs(answer))
        yield at_least(f"restore 5 KB, 10,000 entries; LLM Guard's {how}", mine, peers, 100)
    yield from _growth()


def _growth() -> Iterator[Row]:
    small, large = _restore(_vault(10)), _restore(_vault(100_000))
    few, many = _answer(10), _answer(100_000)
    base, grown = side_by_side(lambda: small(few), lambda: large(many), seconds=3)
    yield at_most("restore 5 KB, 100,000 entries against 10", grown, base, 1.2)
    unseen = itertools.cycle([_answer(100_000, offset) for offset in range(_ANSWERS)])
    base, grown = side_by_side(lambda: small(few), lambda: large(next(unseen)), seconds=3)
    yield at_most("the same, each answer with other placeholders", grown, base, 1.2)


def _restore(vault: Vault) -> Callable[[str], str]:
    step = Deanonymizer(form="llm_guard")
    config: RunnableConfig = {"configurable": {"vault": vault}}
    return lambda text: str(step.invoke(text, config))


def _vault(size: int) -> Vault:
    vault = Vault()
    vault.assign([Entity("PERSON", _value(number)) for number in range(1, size + 1)])
    return vault


def _value(number: int) -> str:
    return f"Person Number{number}"


def _answer(entries: int, offset: int = 0) -> str:
    """Write an answer that names values from all over the vault."""
    numbers = [(index * entries // _PLACEHOLDERS + offset) % entries + 1 for index in range(_PLACEHOLDERS)]
    return sprinkled([f"[REDACTED_PERSON_{number}]" for number in numbers], _SIZE)
