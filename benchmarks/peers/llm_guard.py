"""Run LLM Guard 0.3.16's own detection and restoring code, offline and at its best speed.

Set up (Python 3.11; a virtual environment of its own, because LLM Guard pins transformers and presidio):

    python3.11 -m venv .venv-benchmark
    .venv-benchmark/bin/pip install -r benchmarks/requirements-llm-guard.txt
    .venv-benchmark/bin/pip install -e . -c benchmarks/constraints.txt
    .venv-benchmark/bin/python -m benchmarks.peers.llm_guard

Run it with `-m` from the repository's root: as a script, this file would be the `llm_guard` that it imports.

What is done so that LLM Guard runs without a network, and what that changes:

1. `Anonymize.__init__` downloads a transformer. Its loader is replaced while the scanner is built, and what
   it returns is a recognizer that no entity type asks for: only the pattern recognizers run, LLM Guard's and
   Presidio's. Everything else of the scanner is its own, from its registry to how it settles overlaps.
2. `_get_nlp_engine` downloads `en_core_web_sm` and `zh_core_web_sm`. A `SpacyNlpEngine` with blank pipelines
   takes their place: the same tokenizer, but no tagger, parser or entity recognizer, so analysis is faster
   here than it is in use. A blank pipeline has no lemmas, and context words ("phone", "account") would never
   raise a score, so a token's lower case stands in for its lemma.
3. `tldextract`, which Presidio asks about every e-mail address, downloads the public suffix list at its first
   use and waits for its timeout when it cannot. It is told to use the snapshot that comes with it, and no
   cache folder.
4. LLM Guard logs each vault entry that `Deanonymize` tries at debug level, and structlog prints that by
   default. `configure_logger("ERROR")` drops the lines, but structlog still binds a new logger for each. Here
   it drops everything below CRITICAL and keeps the bound loggers, which has to be configured before the first
   line is logged.
5. `Anonymize` appends to the list of entity types that it is given, so it gets a copy, and with an empty list
   it takes its defaults.
6. NLTK and tiktoken data are asked for by other scanners only; nothing here touches them.
"""

import logging
import re
import statistics
import time
from collections.abc import Callable, Sequence
from typing import Any, Literal
from unittest import mock

import spacy  # type: ignore[import-not-found, unused-ignore]
import structlog  # type: ignore[import-not-found, unused-ignore]
import tldextract.tldextract  # type: ignore[import-not-found, unused-ignore]
from llm_guard.input_scanners import Anonymize  # type: ignore[import-not-found, unused-ignore]
from llm_guard.input_scanners import anonymize as anonymize_module
from llm_guard.input_scanners.anonymize_helpers import (  # type: ignore[import-not-found, unused-ignore]
    analyzer as analyzer_module,
)
from llm_guard.output_scanners import Deanonymize  # type: ignore[import-not-found, unused-ignore]
from llm_guard.util import configure_logger  # type: ignore[import-not-found, unused-ignore]
from llm_guard.vault import Vault  # type: ignore[import-not-found, unused-ignore]
from presidio_analyzer import (  # type: ignore[import-not-found, unused-ignore]
    EntityRecognizer,
    Pattern,
    PatternRecognizer,
    RecognizerResult,
)
from presidio_analyzer.nlp_engine import (  # type: ignore[import-not-found, unused-ignore]
    SpacyNlpEngine,
)

Strategy = Literal["exact", "case_insensitive", "fuzzy", "combined_exact_fuzzy"]


def pattern_analyzer(entity_types: Sequence[str]) -> Callable[[str], list[tuple[int, int, str]]]:
    """Return LLM Guard's detection by patterns: from a text to (start, end, entity type), in order.

    The spans are those that `Anonymize.scan` would replace at its default threshold of 0.5.
    """
    scanner = pattern_scanner(Vault(), entity_types)

    def analyze(text: str) -> list[tuple[int, int, str]]:
        # The four steps of Anonymize.scan before it replaces anything.
        results = scanner._analyzer.analyze(  # noqa: SLF001
            text=Anonymize.remove_single_quotes(text),
            language=scanner._language,  # noqa: SLF001
            entities=scanner._entity_types,  # noqa: SLF001
            allow_list=scanner._allowed_names,  # noqa: SLF001
            score_threshold=scanner._threshold,  # noqa: SLF001
        )
        settled = scanner._remove_conflicts_and_get_text_manipulation_data(results)  # noqa: SLF001
        merged = scanner._merge_entities_with_whitespace_between(text, settled)  # noqa: SLF001
        return sorted((result.start, result.end, result.entity_type) for result in merged)

    return analyze


def anonymizer(
    entity_types: Sequence[str], entries: list[tuple[str, str]] | None = None
) -> Callable[[str], str]:
    """Return LLM Guard's `Anonymize` scanner with patterns only: from a text to its anonymized form.

    `entries` is the vault's own list of (placeholder, value), to which the scanner appends.
    """
    scanner = pattern_scanner(Vault(entries), entity_types)

    def anonymize(text: str) -> str:
        return str(scanner.scan(text)[0])

    return anonymize


def deanonymizer(entries: Sequence[tuple[str, str]], *, strategy: Strategy = "exact") -> Callable[[str], str]:
    """Return LLM Guard's `Deanonymize` scanner over a vault that holds these (placeholder, value) entries.

    Unless :func:`silence` or :func:`silence_as_told` is called first, it prints each entry at each call.
    """
    scanner = Deanonymize(Vault(list(entries)), matching_strategy=strategy)

    def deanonymize(text: str) -> str:
        return str(scanner.scan("", text)[0])

    return deanonymize


def silence() -> None:
    """Switch the logging of LLM Guard and of Presidio off, at the least cost for each call."""
    structlog.configure(
        wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL),
        cache_logger_on_first_use=True,
    )
    logging.getLogger("presidio-analyzer").setLevel(logging.CRITICAL)


def silence_as_told() -> None:
    """Switch the logging of LLM Guard off in its own way. This comes before :func:`silence`, or never."""
    configure_logger("ERROR")


def recognizer_of(patterns: Sequence[tuple[str, str]]) -> Callable[..., Any]:
    """Return what takes the place of the transformer's loader: a recognizer of (regex, entity type)."""

    def load(**_options: object) -> Any:
        return _Regexes([(re.compile(regex), kind) for regex, kind in patterns])

    return load


class _Regexes(EntityRecognizer):  # type: ignore[misc, unused-ignore]
    """Recognize several entity types by regular expressions, as they stand."""

    def __init__(self, patterns: Sequence[tuple[re.Pattern[str], str]]) -> None:
        self._patterns = patterns
        super().__init__(supported_entities=sorted({kind for _, kind in patterns}), name="regexes")

    def load(self) -> None:
        """Load nothing."""

    def analyze(self, text: str, entities: list[str], nlp_artifacts: object = None) -> list[Any]:
        del nlp_artifacts
        return [
            RecognizerResult(kind, *match.span(), score=1.0)
            for pattern, kind in self._patterns
            if kind in entities
            for match in pattern.finditer(text)
        ]


def _idle_recognizer(**_options: object) -> Any:
    never = Pattern(name="never", regex=r"(?!)", score=0.0)
    return PatternRecognizer(supported_entity="NEVER_ASKED_FOR", patterns=[never])


def pattern_scanner(
    vault: Any, entity_types: Sequence[str], *, recognizers: Callable[..., Any] = _idle_recognizer
) -> Any:
    """Return LLM Guard's `Anonymize` over its own ``vault``, with what is made in its transformer's place."""
    silence()
    _stay_offline()
    with (
        mock.patch.object(anonymize_module, "get_transformers_recognizer", recognizers),
        mock.patch.object(analyzer_module, "_get_nlp_engine", _blank_nlp_engine),
    ):
        return Anonymize(vault, entity_types=list(entity_types))


def _stay_offline() -> None:
    tldextract.tldextract.TLD_EXTRACTOR = tldextract.TLDExtract(cache_dir=None, suffix_list_urls=())


def _blank_nlp_engine(languages: Sequence[str]) -> Any:
    engine = SpacyNlpEngine()
    engine.nlp = {language: spacy.blank(language) for language in languages}
    for pipeline in engine.nlp.values():
        pipeline.add_pipe("lower_case_lemmas")
    return engine


def _lower_case_lemmas(doc: Any) -> Any:
    for token in doc:
        token.lemma_ = token.lower_
    return doc


spacy.Language.component("lower_case_lemmas", func=_lower_case_lemmas)


_ENTITY_TYPES = (
    "CREDIT_CARD", "CRYPTO", "EMAIL_ADDRESS", "IBAN_CODE", "IP_ADDRESS", "PHONE_NUMBER", "US_SSN",
    "US_BANK_NUMBER", "CREDIT_CARD_RE", "UUID", "EMAIL_ADDRESS_RE", "US_SSN_RE",
)  # fmt: skip
_PROSE = (
    "The committee met again in the afternoon to go over what had been left open in the morning. Most of the "
    "members thought that the plan was sound, yet nobody could say who would carry it out, or how it was to "
    "be paid for. "
)
_DENSE = (
    "Write to jane.doe{n}@example.com or call +1 415-555-2{n:03d}, card 4111 1111 1111 1111, "
    "SSN 856-45-6{n:03d}, from 10.0.3.{n} to DE89370400440532013000, "
    "ticket 550e8400-e29b-41d4-a716-446655440{n:03d}. "
)


def _fill(part: str, size: int) -> str:
    parts = (part.format(n=number % 200) for number in range(size // len(part) + 2))
    return "".join(parts)[:size]


def _vault_and_answer(entry_count: int, size: int) -> tuple[list[tuple[str, str]], str]:
    entries = [(f"[REDACTED_PERSON_{n}]", f"Person Number{n}") for n in range(1, entry_count + 1)]
    used = [entries[index * entry_count // 50][0] for index in range(50)]
    padding = _fill(_PROSE, size // 50 - len("[REDACTED_PERSON_1234] "))
    return entries, "".join(f"{placeholder} {padding}" for placeholder in used)


def _milliseconds(function: Callable[[str], object], text: str) -> tuple[float, float]:
    """Measure calls for about a second after one to warm up: the median and the best."""
    function(text)
    times: list[float] = []
    while len(times) < 7 or (sum(times) < 1 and len(times) < 1000):
        start = time.perf_counter()
        function(text)
        times.append(time.perf_counter() - start)
    return statistics.median(times) * 1e3, min(times) * 1e3


def main() -> None:
    """Print what detection and restoring cost."""
    start = time.perf_counter()
    analyze = pattern_analyzer(_ENTITY_TYPES)
    print(f"analyzer built in {time.perf_counter() - start:.2f} s")
    print(f"{'milliseconds':<48}{'median':>10}{'best':>10}")

    def report(name: str, function: Callable[[str], object], text: str) -> None:
        median, best = _milliseconds(function, text)
        print(f"{name:<48}{median:>10.3f}{best:>10.3f}")

    for name, text in (
        ("detect in 1 KB of prose", _fill(_PROSE, 1_000)),
        ("detect in 1 KB dense with entities", _fill(_DENSE, 1_000)),
        ("detect in 10 KB dense with entities", _fill(_DENSE, 10_000)),
    ):
        report(f"{name} ({len(analyze(text))} found)", analyze, text)
    silence()
    for entry_count in (10, 100, 1_000, 10_000):
        entries, answer = _vault_and_answer(entry_count, 5_000)
        report(f"restore {len(answer)} characters of {entry_count} entries", deanonymizer(entries), answer)


if __name__ == "__main__":
    main()
