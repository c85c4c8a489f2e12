"""Presidio's own parts: an analyzer that needs no model, and a way to run any analyzer quietly.

This is the one module that imports Presidio, and with it spaCy; it is loaded when a detector is made.
"""

import logging
import re
import threading
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from functools import cache
from typing import Any

import tldextract
from presidio_analyzer import AnalyzerEngine, BatchAnalyzerEngine, RecognizerResult
from presidio_analyzer.nlp_engine import NlpArtifacts, NlpEngine
from presidio_analyzer.predefined_recognizers import EmailRecognizer, PhoneRecognizer, SpacyRecognizer
from presidio_analyzer.recognizer_registry import RecognizerRegistry, RecognizerRegistryProvider
from spacy.tokens import Doc
from spacy.util import get_lang_class
from spacy.vocab import Vocab

from langchain_secguard.errors import DetectorError

_TOKEN = re.compile(r"\w+|[^\w ]| +")
_VALID_PHONE = 0.6
_BATCH = 32
_lock = threading.Lock()
_analyzers: dict[tuple[str, ...], Any] = {}


def analyze(
    analyzer: Any, texts: Sequence[str], language: str, **options: Any
) -> list[list[RecognizerResult]]:
    """Return Presidio's results for each text, while Presidio's loggers keep silent.

    Raises:
        DetectorError: Presidio logged an error and went on without what it would have found.
    """
    with silenced():
        batches = BatchAnalyzerEngine(analyzer_engine=analyzer)
        results: list[list[RecognizerResult]] = batches.analyze_iterator(
            texts, language, batch_size=_BATCH, **options
        )
    return results


@contextmanager
def silenced() -> Iterator[None]:
    """Keep Presidio's loggers silent.

    Raises:
        DetectorError: Presidio logged an error and went on without what it would have found.
    """
    _watch()
    failures: list[str] = []
    token = _failures.set(failures)
    try:
        yield
    finally:
        _failures.reset(token)
    if failures:
        raise DetectorError(
            f"a recognizer of Presidio gave up ({', '.join(sorted(set(failures)))}); nothing was sent. "
            "Run the analyzer alone, with its logging on, to see why."
        )


def pattern_analyzer(languages: Sequence[str]) -> Any:
    """Return Presidio's pattern recognizers for ``languages``, without any model: one for the process.

    Raises:
        ValueError: spaCy does not know a language.
    """
    key = tuple(sorted(set(languages)))
    with _lock:
        if key not in _analyzers:
            engine = WordEngine(key)
            _analyzers[key] = AnalyzerEngine(
                registry=_registry(key), nlp_engine=engine, supported_languages=list(key)
            )
        return _analyzers[key]


def _registry(languages: Sequence[str]) -> RecognizerRegistry:
    """Return Presidio's default recognizers, without the one that needs a model."""
    provider = RecognizerRegistryProvider(registry_configuration={"supported_languages": list(languages)})
    registry = provider.create_recognizer_registry()
    registry.recognizers = [
        without_network(recognizer)
        for recognizer in registry.recognizers
        if not isinstance(recognizer, SpacyRecognizer)
    ]
    for recognizer in registry.recognizers:
        if isinstance(recognizer, PhoneRecognizer):
            recognizer.SCORE = _VALID_PHONE
    return registry


def without_network(recognizer: Any) -> Any:
    """Return one that finds the same and asks nobody for a list of public suffixes."""
    if not isinstance(recognizer, EmailRecognizer):
        return recognizer
    return OfflineEmailRecognizer(
        patterns=recognizer.patterns,
        context=recognizer.context,
        supported_language=recognizer.supported_language,
    )


class OfflineEmailRecognizer(EmailRecognizer):  # type: ignore[misc]
    """Know the public suffixes from the list that comes with tldextract, and never ask the network for it."""

    _extract = staticmethod(tldextract.TLDExtract(cache_dir=None, suffix_list_urls=()))

    def validate_result(self, pattern_text: str) -> bool:
        """Tell whether the address ends in a public suffix."""
        return bool(self._extract(pattern_text).fqdn)


class WordEngine(NlpEngine):  # type: ignore[misc]
    """Give Presidio words, for the context that raises a score, but no lemmas and no entities.

    Each text gets a vocabulary of its own: spaCy's would remember every word that the process ever met.
    """

    def __init__(self, languages: Sequence[str]) -> None:
        self._stop_words = {language: _stop_words(language) for language in languages}

    def load(self) -> None:
        """Do nothing: there is no model."""

    def is_loaded(self) -> bool:
        """Say yes."""
        return True

    def process_text(self, text: str, language: str) -> NlpArtifacts:
        """Cut a text into words."""
        tokens = list(_TOKEN.finditer(text))
        words = [token[0] for token in tokens]
        return NlpArtifacts(
            entities=[],
            tokens=Doc(Vocab(), words=words, spaces=[False] * len(words)),
            tokens_indices=[token.start() for token in tokens],
            lemmas=[word.lower() for word in words],
            nlp_engine=self,
            language=language,
        )

    def process_batch(
        self, texts: Iterable[str], language: str, **_options: Any
    ) -> Iterator[tuple[str, NlpArtifacts]]:
        """Cut each text into words."""
        return ((text, self.process_text(text, language)) for text in texts)

    def is_stopword(self, word: str, language: str) -> bool:
        """Tell whether a word is too common to say anything."""
        return word in self._stop_words[language]

    def is_punct(self, word: str, language: str) -> bool:  # noqa: ARG002 - Presidio's signature
        """Tell whether there is no letter or digit in a word."""
        return not word[:1].isalnum()

    def get_supported_entities(self) -> list[str]:
        """Name no entities."""
        return []

    def get_supported_languages(self) -> list[str]:
        """Name the languages."""
        return list(self._stop_words)


@cache
def _stop_words(language: str) -> frozenset[str]:
    try:
        return frozenset(get_lang_class(language).Defaults.stop_words)
    except ImportError:
        raise ValueError(
            f"Presidio without a model knows the languages of spaCy, and {language!r} is none of them: "
            "pass an AnalyzerEngine of your own"
        ) from None


_failures: ContextVar[list[str] | None] = ContextVar("presidio_failures", default=None)
"""What went wrong in the analysis that this thread or task is at; ``None`` outside of any."""


class _Watch(logging.Filter):
    """Drop what Presidio logs of a text that we read, since it may quote it, and note what it swallowed."""

    def filter(self, record: logging.LogRecord) -> bool:
        failures = _failures.get()
        if failures is None:
            return True
        if record.exc_info and record.exc_info[0] is not None:
            failures.append(record.exc_info[0].__name__)
        return False


@cache
def _watch() -> None:
    for name in ("presidio-analyzer", "decision_process"):
        logging.getLogger(name).addFilter(_Watch())
