"""A detector from LLM Guard: the recognizers, patterns and models of its ``Anonymize`` scanner.

See https://protectai.github.io/llm-guard/input_scanners/anonymize/ and the page on detection in the
documentation.
"""

import asyncio
import os
import sys
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType
from typing import Any

from langchain_secguard.detect.base import Span, Uniting
from langchain_secguard.detect.calling import guarded
from langchain_secguard.detect.presidio import PresidioDetector
from langchain_secguard.detect.windowed import well_formed
from langchain_secguard.errors import DetectorError

ENTITY_TYPES: Mapping[str, str] = MappingProxyType(
    {
        "BTC_ADDRESS": "CRYPTO",
        "CREDIT_CARD_RE": "CREDIT_CARD",
        "DATE_RE": "DATE_TIME",
        "EMAIL_ADDRESS_RE": "EMAIL_ADDRESS",
        "PHONE_NUMBER_WITH_EXT": "PHONE_NUMBER",
        "PHONE_NUMBER_ZH": "PHONE_NUMBER",
        "PO_BOX_RE": "LOCATION",
        "TIME_RE": "DATE_TIME",
        "URL_RE": "URL",
        "US_SSN_RE": "US_SSN",
    }
)
"""The entity types of LLM Guard's groups of patterns that have a name of their own."""


class LLMGuardDetector(Uniting):
    """Find what LLM Guard's ``Anonymize`` finds: by Presidio's recognizers, its own patterns and its models.

    The model is loaded here, by LLM Guard's own code, and once for the process, however many detectors and
    threads there are. It is taken from a folder or from this machine's Hugging Face cache; nothing but it is
    ever downloaded. It runs on a GPU where PyTorch sees one.

    Unlike LLM Guard, this reads quote characters as they are, texts of any length, and whole words.

    Args:
        recognizer_conf: One of LLM Guard's configurations, such as ``BERT_LARGE_NER_CONF``, or its name, or
            one of your own, or the folder of a model with labels like theirs. By default
            ``DEBERTA_AI4PRIVACY_v2_CONF``, as in LLM Guard; the data of that model has a licence that
            forbids commercial use.
        model_path: The folder with the files of the configuration's model, instead of the cache.
        entity_types: Look for these alone, by Presidio's names or LLM Guard's; by default for what LLM Guard
            looks for by default and for whatever the model finds.
        threshold: Drop what is less sure than this. An ``Anonymizer`` drops by its own threshold, too.
        language: ``"en"`` or ``"zh"``.
        regex_patterns: Groups of patterns in LLM Guard's form, instead of its own.
        use_onnx: Run the model with ONNX Runtime.
        download: Whether a model that is not on this machine may be downloaded.

    Raises:
        DetectorError: The model is not there, or cannot be loaded; the message tells where to put it.
        ImportError: LLM Guard is not installed, or what ``use_onnx`` needs is not.
        ValueError: A name, a language or an entity type is unknown.
    """

    def __init__(
        self,
        *,
        recognizer_conf: str | os.PathLike[str] | Mapping[str, Any] | None = None,
        model_path: str | os.PathLike[str] | None = None,
        entity_types: Collection[str] | None = None,
        threshold: float = 0.0,
        language: str = "en",
        regex_patterns: Sequence[Mapping[str, Any]] | None = None,
        use_onnx: bool = False,
        download: bool = True,
    ) -> None:
        if not 0 <= threshold <= 1:
            raise ValueError("threshold is a number from 0 to 1")
        engine = _engine()
        if language not in engine.LANGUAGES:
            raise ValueError(f"LLM Guard reads {', '.join(engine.LANGUAGES)}; not {language!r}")
        conf = _configuration(engine, recognizer_conf, model_path)
        analyzer = engine.pattern_analyzer(language, regex_patterns)
        known = set(analyzer.get_supported_entities(language))
        self._tagger = engine.load(conf, use_onnx=use_onnx, language=language, download=download)
        meanings = _meanings(conf, self._tagger.labels)
        self._types = _wanted_types(meanings, entity_types)
        wanted = engine.DEFAULT_ENTITIES & known if entity_types is None else _asked(known, entity_types)
        self._check(entity_types, known, meanings)
        self._patterns = (
            PresidioDetector(analyzer, language=language, entity_types=wanted) if wanted else None
        )
        self._threshold = threshold
        self._key = (
            id(self._tagger),
            id(analyzer),
            tuple(sorted(wanted)),
            tuple(sorted(self._types.items())),
            threshold,
        )
        self._name = _name(conf, recognizer_conf)

    def __repr__(self) -> str:
        return f"LLMGuardDetector({self._name}, threshold={self._threshold})"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, LLMGuardDetector) and self._key == other._key

    def __hash__(self) -> int:
        return hash(self._key)

    @guarded
    def detect(self, texts: Sequence[str]) -> list[list[Span]]:
        """Find the spans of each text, sorted; the model's may overlap those of patterns.

        Raises:
            DetectorError: The engine failed; the error names no text.
        """
        texts = [well_formed(text) for text in texts]
        patterns = self._patterns.detect(texts) if self._patterns else [[] for _ in texts]
        named = self._tagger.tag(texts, self._types.get) if self._types else [[] for _ in texts]
        return [self._merged([*one, *other]) for one, other in zip(patterns, named, strict=True)]

    async def adetect(self, texts: Sequence[str]) -> list[list[Span]]:
        """Do what :meth:`detect` does, in a worker thread."""
        return await asyncio.to_thread(self.detect, texts)

    def _merged(self, spans: Sequence[Span]) -> list[Span]:
        """Give each stretch and type once, at its best score."""
        scores: dict[tuple[int, int, str], float] = {}
        for span in spans:
            key = (span.start, span.end, ENTITY_TYPES.get(span.entity_type, span.entity_type))
            scores[key] = max(scores.get(key, 0.0), span.score)
        return sorted(Span(*key, score) for key, score in scores.items() if score >= self._threshold)

    @staticmethod
    def _check(entity_types: Collection[str] | None, known: set[str], meanings: Mapping[str, str]) -> None:
        names = {*known, *meanings, *meanings.values()}
        names.update(ENTITY_TYPES[name] for name in names & set(ENTITY_TYPES))
        if unknown := sorted(set(entity_types or ()) - names):
            raise ValueError(
                f"LLM Guard does not look for {', '.join(unknown)}; it knows {', '.join(sorted(names))}"
            )


def _asked(names: Collection[str], entity_types: Collection[str]) -> set[str]:
    """Choose those of an engine's names that were asked for, by that name or by the entity type."""
    return {name for name in names if not {name, ENTITY_TYPES.get(name, name)}.isdisjoint(entity_types)}


def _meanings(conf: Mapping[str, Any], labels: Collection[str]) -> dict[str, str]:
    """Say what the model's labels mean, but for those that mean nothing; one without a meaning is its own.

    Raises:
        DetectorError: The labels are those of a model that was never trained to find anything.
    """
    if all(label.startswith("LABEL_") for label in labels) and not set(labels) & set(
        conf["MODEL_TO_PRESIDIO_MAPPING"]
    ):
        raise DetectorError("the model has no names for its labels: it is none for finding entities")
    mapped = {label: conf["MODEL_TO_PRESIDIO_MAPPING"].get(label, label) for label in labels}
    ignored = {"O", *conf.get("LABELS_TO_IGNORE", ())}
    return {label: name for label, name in mapped.items() if ignored.isdisjoint((label, name))}


def _wanted_types(meanings: Mapping[str, str], entity_types: Collection[str] | None) -> dict[str, str]:
    """Choose the model's labels that were asked for: from label to entity type."""
    if entity_types is None:
        return dict(meanings)
    return {label: name for label, name in meanings.items() if not {label, name}.isdisjoint(entity_types)}


def _configuration(
    engine: Any,
    recognizer_conf: str | os.PathLike[str] | Mapping[str, Any] | None,
    model_path: str | os.PathLike[str] | None,
) -> Mapping[str, Any]:
    """Return the configuration that is meant, without a change to the one that was given."""
    known: dict[str, Mapping[str, Any]] = engine.configurations()
    if recognizer_conf is None:
        conf = known["DEBERTA_AI4PRIVACY_v2_CONF"]
    elif isinstance(recognizer_conf, Mapping):
        conf = recognizer_conf
    elif (name := os.fspath(recognizer_conf)) in known:
        conf = known[name]
    elif Path(name).is_dir():
        conf = engine.configuration_for(name)
    else:
        raise ValueError(
            "recognizer_conf is neither a folder nor the name of a configuration of LLM Guard; "
            f"these are {', '.join(sorted(known))}"
        )
    if model_path is None:
        return conf
    folder = os.fspath(model_path)
    if not Path(folder).is_dir():
        raise DetectorError(f"there is no folder {folder}: put the model's files there, or name another")
    return {**conf, "DEFAULT_MODEL": replace(conf["DEFAULT_MODEL"], path=folder, onnx_path=folder)}


def _name(conf: Mapping[str, Any], recognizer_conf: object) -> str:
    return recognizer_conf if isinstance(recognizer_conf, str) else str(conf["DEFAULT_MODEL"].path)


def _engine() -> Any:
    try:
        from langchain_secguard.detect import llm_guard_engine  # noqa: PLC0415 - LLM Guard may not be installed
    except ImportError as error:
        version = " on Python 3.12 or older" if sys.version_info >= (3, 13) else ""
        raise ImportError(
            f'LLMGuardDetector needs LLM Guard{version}: pip install "langchain-secguard[llm-guard]"'
        ) from error
    return llm_guard_engine
