"""Restoring an answer, against the size of the vault and against LLM Guard."""

from collections.abc import Callable, Iterator

from langchain_core.runnables import RunnableConfig

from benchmarks.clock import side_by_side
from benchmarks.report import Row, at_least, at_most, duration
from benchmarks.texts import sprinkled
from langchain_secguard import Deanonymizer, Vault, placeholders
from langchain_secguard.vault import Entity

_SIZE = 5_000
_PLACEHOLDERS = (25, 50)


def measure() -> Iterator[Row]:
    """Compare whole answers, in both of LLM Guard's quiet ways, and ours in vaults of all sizes."""
    from benchmarks.peers import llm_guard  # noqa: PLC0415 - it loads torch

    ours = _restore(_vault(10_000))
    theirs = llm_guard.deanonymizer(
        [(f"[REDACTED_PERSON_{number}]", _value(number)) for number in range(1, 10_001)]
    )
    for how, silence in (
        ('logging set to "ERROR"', llm_guard.silence_as_told),
        ("logging off at its quickest", llm_guard.silence),
    ):
        silence()
        for count in _PLACEHOLDERS:
            answer = _answer(10_000, count)
            if ours(answer) != theirs(answer):
                raise RuntimeError("the two sides restored different texts")
            mine, peers = side_by_side(
                lambda answer=answer: ours(answer),  # type: ignore[misc]
                lambda answer=answer: theirs(answer),  # type: ignore[misc]
            )
            subject = f"restore 5 KB, {count} placeholders, 10,000 entries; LLM Guard's {how}"
            yield at_least(subject, mine, peers, 100)
    yield from _growth()
    yield _linked()


def _growth() -> Iterator[Row]:
    small, large = _restore(_vault(10)), _restore(_vault(100_000))
    count = _PLACEHOLDERS[0]
    few, many = _answer(10, count), _answer(100_000, count)
    base, grown = side_by_side(lambda: small(few), lambda: large(many), seconds=4)
    yield at_most("restore 5 KB, 100,000 entries against 10", grown, base, 1.2)
    small, few = _restore(_vault(count)), _answer(count, count)  # as many spellings on both sides
    base, grown = side_by_side(_afresh(small, few), _afresh(large, many), seconds=4)
    yield at_most(f"the same against {count}, when no placeholder was read before", grown, base, 1.2)


def _linked() -> Row:
    """Restore where each place must be looked at as a browser would; there is no target."""
    restore = _restore(_vault(99))
    lines = [
        f"- [a{number}](https://example.com/{number}): (see [REDACTED_PERSON_{number}])"
        for number in range(1, 100)
    ]
    answer = "\n".join(lines).ljust(9_000, ".")
    (taken,) = side_by_side(lambda: restore(answer))
    return Row("restore 9 KB of links with 99 placeholders", duration(taken.best))


def _afresh(restore: Callable[[str], str], answer: str) -> Callable[[], str]:
    """Restore as if no spelling of a placeholder had been met in this process."""

    def run() -> str:
        placeholders._read.cache_clear()  # noqa: SLF001 - there is no other way to forget
        return restore(answer)

    return run


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


def _answer(entries: int, count: int) -> str:
    """Write an answer that names ``count`` values from all over the vault."""
    numbers = [index * entries // count + 1 for index in range(count)]
    return sprinkled([f"[REDACTED_PERSON_{number}]" for number in numbers], _SIZE)
