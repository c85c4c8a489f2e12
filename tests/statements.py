"""Overhear which statements a store in SQL carries out."""

from collections.abc import Callable, Generator
from typing import Any

from langchain_secguard.vault import SQLVaultStore
from langchain_secguard.vault.sql.statements import Answer, Statement


def overhear(store: SQLVaultStore, hear: Callable[[Statement], object]) -> None:
    """Tell ``hear`` of each statement of the blocking methods of ``store``, before it is carried out."""
    run = store._engines.run

    def run_heard(make: Callable[[], Generator[Statement, Answer, Any]]) -> Any:
        return run(lambda: _heard(make(), hear))

    store._engines.run = run_heard  # type: ignore[method-assign]


def _heard(
    work: Generator[Statement, Answer, Any], hear: Callable[[Statement], object]
) -> Generator[Statement, Answer, Any]:
    try:
        statement = next(work)
        while True:
            hear(statement)
            statement = work.send((yield statement))
    except StopIteration as stop:
        return stop.value
