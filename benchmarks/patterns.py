"""Detection by patterns, against LLM Guard's analyzer with the same entity types."""

from collections.abc import Iterator

from benchmarks.clock import side_by_side
from benchmarks.report import Row, at_least
from benchmarks.texts import dense, prose, sprinkled
from langchain_secguard.detect.patterns import find_patterns

_TYPES = ("CREDIT_CARD", "CRYPTO", "EMAIL_ADDRESS", "IBAN_CODE", "IP_ADDRESS", "PHONE_NUMBER", "US_SSN")
_OURS = (*_TYPES, "UUID", "US_BANK_NUMBER")
_NUMBERS = ("12", "on page 7", "in 1998", "$1,250", "3.5 per cent", "May 3, 2001", "No. 22", "40")
# LLM Guard's own patterns for these types carry names of their own.
_THEIRS = (*_OURS, "CREDIT_CARD_RE", "EMAIL_ADDRESS_RE", "US_SSN_RE")


def measure() -> Iterator[Row]:
    """Compare prose, with and without numbers in it, and text that is dense with entities.

    Numbers cost most: each has to be told from all that it is not. Prose with them has the target of prose.
    """
    from benchmarks.peers import llm_guard  # noqa: PLC0415 - it loads torch

    analyze = llm_guard.pattern_analyzer(_THEIRS)
    for name, text, factor in (
        ("1 KB of prose", prose(1_000), 5),
        ("1 KB of prose with eight numbers", sprinkled(_NUMBERS, 1_000), 5),
        ("10 KB dense with entities", dense(10_000), 20),
    ):
        found, expected = find_patterns(text, _OURS), analyze(text)
        ours, theirs = side_by_side(
            lambda text=text: find_patterns(text, _OURS),  # type: ignore[misc]
            lambda text=text: analyze(text),  # type: ignore[misc]
            seconds=4,
        )
        counts = f"{len(found)} found, theirs {len(expected)}"
        yield at_least(f"patterns in {name} ({counts})", ours, theirs, factor)
