"""What the embedded scanners promise of the tables in ``benchmarks/data``."""

from collections import Counter

import pytest

from benchmarks.cases import Case, cases, prompt_of_leaks, rate, wilson
from langchain_secguard.scan import (
    InvisibleTextScanner,
    LinkExfiltrationScanner,
    PromptInjectionScanner,
    Scanner,
    SecretsScanner,
    SystemPromptLeakScanner,
)

TABLES = ("attacks", "harmless", "links", "invisible", "secrets", "leaks", "topics", "competitors")


def rates(scanner: Scanner, held: list[Case]) -> tuple[float, float]:
    """Return the parts of the held-out texts that are caught, and that are refused without reason."""
    refused = Counter(
        case.bad for case in held if case.split == "held_out" and not scanner.scan(case.text).valid
    )
    total = Counter(case.bad for case in held if case.split == "held_out")
    return refused[True] / total[True], refused[False] / total[False]


@pytest.mark.parametrize("table", TABLES)
def test_a_table_is_halved_by_the_number_of_its_texts(table: str) -> None:
    held = cases(table, bad=None if table not in ("attacks", "harmless") else table == "attacks")
    assert len({case.id for case in held}) == len({case.text for case in held}) == len(held)
    assert all((case.split == "tune") == (int(case.id[-2:]) % 2 == 1) for case in held)
    assert all(case.text and "<|>" not in case.text for case in held)


def test_injections_of_the_tables_are_caught_with_few_false_alarms() -> None:
    caught, alarms = rates(
        PromptInjectionScanner(), [*cases("attacks", bad=True), *cases("harmless", bad=False)]
    )
    assert caught >= 0.6
    assert alarms <= 0.02


@pytest.mark.parametrize(
    ("scanner", "table", "least", "most"),
    [
        (LinkExfiltrationScanner(allowed_hosts=["example.com", "shop.example"]), "links", 0.9, 0.05),
        (InvisibleTextScanner(remove=False), "invisible", 0.85, 0.0),
        (SystemPromptLeakScanner(prompt_of_leaks()[0], canaries=[prompt_of_leaks()[1]]), "leaks", 0.8, 0.0),
        (SecretsScanner(redact=False), "secrets", 0.8, 0.16),
    ],
)
def test_so_do_the_others(scanner: Scanner, table: str, least: float, most: float) -> None:
    caught, alarms = rates(scanner, cases(table))
    assert caught >= least
    assert alarms <= most


def test_an_interval_holds_its_rate() -> None:
    assert wilson(0, 0) == (0.0, 1.0)
    low, high = wilson(5, 10)
    assert 0.23 < low < 0.24
    assert 0.76 < high < 0.77
    assert wilson(0, 10)[0] == 0
    assert wilson(10, 10)[1] == 1
    assert rate(1, 4) == "25.0% (1 of 4; 5% to 70%)"
    assert rate(0, 0) == "none"
