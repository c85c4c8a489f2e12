"""LLM Guard's own parts: its recognizers, patterns, configurations and models, loaded by its own code.

It is loaded when a detector is made. See
https://github.com/protectai/llm-guard/tree/v0.3.16/llm_guard/input_scanners/anonymize_helpers.
"""

import copy
import logging
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import structlog
from llm_guard import transformers_helpers, util
from llm_guard.input_scanners.anonymize import ALL_SUPPORTED_LANGUAGES, DEFAULT_ENTITY_TYPES
from llm_guard.input_scanners.anonymize_helpers import (
    analyzer,
    get_regex_patterns,
    get_transformers_recognizer,
    ner_mapping,
    regex_patterns,
    transformers_recognizer,
)
from llm_guard.model import Model
from presidio_analyzer import AnalyzerEngine, RecognizerRegistry
from presidio_analyzer.context_aware_enhancers import LemmaContextAwareEnhancer

from langchain_secguard.detect.hub import find, onnx_files, tokenizer_files, torch_files
from langchain_secguard.detect.presidio_engine import WordEngine, without_network
from langchain_secguard.detect.tagging import Tagger
from langchain_secguard.errors import DetectorError

LANGUAGES: tuple[str, ...] = tuple(ALL_SUPPORTED_LANGUAGES)
DEFAULT_ENTITIES: frozenset[str] = frozenset(DEFAULT_ENTITY_TYPES)

_lock = threading.RLock()
_taggers: dict[tuple[str, ...], Tagger] = {}
_analyzers: dict[str, AnalyzerEngine] = {}


def configurations() -> dict[str, Mapping[str, Any]]:
    """Return LLM Guard's configurations by name."""
    return {name: value for name, value in vars(ner_mapping).items() if name.endswith("_CONF")}


def configuration_for(folder: str) -> Mapping[str, Any]:
    """Return a configuration for a model in a folder: labels mean what they mean in LLM Guard's own."""
    known = configurations().values()
    meanings = {label: name for conf in known for label, name in conf["MODEL_TO_PRESIDIO_MAPPING"].items()}
    return {
        "DEFAULT_MODEL": Model(
            path=folder,
            onnx_path=folder,
            onnx_subfolder="onnx",
            tokenizer_kwargs={"model_input_names": ["input_ids", "attention_mask"]},
        ),
        "MODEL_TO_PRESIDIO_MAPPING": meanings,
        "LABELS_TO_IGNORE": sorted({label for conf in known for label in conf["LABELS_TO_IGNORE"]}),
    }


def pattern_analyzer(language: str, patterns: Sequence[Mapping[str, Any]] | None) -> AnalyzerEngine:
    """Return LLM Guard's analyzer without its model, which needs no spaCy package and no suffix list."""
    if patterns is not None:
        return _analyzer(language, patterns)
    with _lock:
        if language not in _analyzers:
            _analyzers[language] = _analyzer(language, None)
        return _analyzers[language]


def load(conf: Mapping[str, Any], *, use_onnx: bool, language: str, download: bool) -> Tagger:
    """Load the model of a configuration as LLM Guard does, once for the process.

    Raises:
        DetectorError: Its files are not there, or are no model for token classification.
        ImportError: ``use_onnx`` needs a package that is not installed.
    """
    if use_onnx:
        _require_onnx()
    local = _local(conf["DEFAULT_MODEL"], use_onnx=use_onnx, download=download)
    key = (repr(local), str(use_onnx))
    with _lock:
        if key not in _taggers:
            _taggers[key] = _tagger({**conf, "DEFAULT_MODEL": local}, use_onnx=use_onnx, language=language)
        return _taggers[key]


def _tagger(conf: Mapping[str, Any], *, use_onnx: bool, language: str) -> Tagger:
    try:
        with _quiet():
            recognizer = get_transformers_recognizer(
                recognizer_conf=conf, use_onnx=use_onnx, supported_language=language
            )
    except Exception as error:
        raise DetectorError(
            f"LLM Guard could not load the model in {conf['DEFAULT_MODEL'].path} ({type(error).__name__}): "
            "its files are damaged, or made for other versions of the libraries."
        ) from error
    return Tagger(recognizer.pipeline.model, recognizer.pipeline.tokenizer)


def _local(model: Model, *, use_onnx: bool, download: bool) -> Model:
    """Copy a model's description, so that it names folders of this machine and nobody else is asked."""
    offline = {"local_files_only": True}
    copied = replace(
        model,
        revision=None,
        onnx_revision=None,
        kwargs={**model.kwargs, **offline},
        pipeline_kwargs=dict(model.pipeline_kwargs),
        tokenizer_kwargs={**model.tokenizer_kwargs, **offline},
    )
    if not use_onnx:
        folder = find(torch_files(model.path, model.revision, model.subfolder), download=download)
        return replace(copied, path=str(folder))
    if not model.onnx_path:
        raise DetectorError(f"the configuration of {model.path} names no ONNX model: set its onnx_path")
    folder = find(tokenizer_files(model.path, model.revision), download=download)
    onnx, subfolder = _onnx_folder(model, download=download)
    return replace(copied, path=str(folder), onnx_path=str(onnx), onnx_subfolder=subfolder)


def _onnx_folder(model: Model, *, download: bool) -> tuple[Path, str]:
    """Find the ONNX model: in a folder of the user's, where the configuration says, or where it is usual."""
    places = dict.fromkeys((model.onnx_subfolder, "", "onnx"))
    there = [place for place in places if (Path(model.onnx_path) / place / model.onnx_filename).is_file()]
    subfolder = there[0] if there else model.onnx_subfolder
    files = onnx_files(model.onnx_path, model.onnx_revision, subfolder, model.onnx_filename)
    return find(files, download=download), subfolder


def _require_onnx() -> None:
    try:
        import optimum.onnxruntime  # noqa: F401, PLC0415 - optional, and slow to import
    except ImportError as error:
        raise ImportError('use_onnx needs: pip install "langchain-secguard[llm-guard-onnx]"') from error


def _analyzer(language: str, patterns: Sequence[Mapping[str, Any]] | None) -> AnalyzerEngine:
    """Do what LLM Guard's ``get_analyzer`` does, with an engine that cuts words where it runs spaCy."""
    languages = list(LANGUAGES)
    words = WordEngine(languages)
    registry = RecognizerRegistry(supported_languages=languages)
    with _quiet():
        groups = get_regex_patterns(copy.deepcopy(list(patterns)) if patterns is not None else None)
        registry.load_predefined_recognizers(nlp_engine=words)
        registry = analyzer._add_recognizers(registry, groups, [], languages)  # noqa: SLF001
    registry.remove_recognizer("SpacyRecognizer")
    registry.recognizers = [
        without_network(recognizer)
        for recognizer in registry.recognizers
        if recognizer.supported_language == language
    ]
    return AnalyzerEngine(
        nlp_engine=words,
        registry=registry,
        supported_languages=languages,
        context_aware_enhancer=LemmaContextAwareEnhancer(
            context_similarity_factor=0.35, min_score_with_context_similarity=0.4
        ),
    )


@contextmanager
def _quiet() -> Iterator[None]:
    """Keep what LLM Guard says while it loads off standard output, where structlog prints unless configured.

    What it says is which patterns and which model it loads. Only one thread at a time is in here.
    """
    modules = (util, transformers_helpers, transformers_recognizer, regex_patterns)
    with _lock:
        loggers = [module.LOGGER for module in modules]
        for module in modules:
            module.LOGGER = _ERRORS_ALONE
        try:
            yield
        finally:
            for module, logger in zip(modules, loggers, strict=True):
                module.LOGGER = logger


_ERRORS_ALONE = structlog.wrap_logger(
    structlog.PrintLogger(), wrapper_class=structlog.make_filtering_bound_logger(logging.ERROR)
)
