"""A cache of the hub with a tiny model for each that LLM Guard's scanners name by default."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from llm_guard.input_scanners import (
    ban_code,
    ban_competitors,
    ban_topics,
    code,
    gibberish,
    language,
    prompt_injection,
    toxicity,
)
from llm_guard.input_scanners.anonymize_helpers import DEBERTA_AI4PRIVACY_v2_CONF
from llm_guard.model import Model
from llm_guard.output_scanners import bias, malicious_urls, no_refusal, relevance

from tests.engines.tiny import save_tiny_model
from tests.engines.tiny_classifier import export_embedder, save_tiny_classifier


@dataclass(frozen=True)
class Tiny:
    """Say what a tiny model knows."""

    model: Model
    words: Mapping[str, str]
    labels: Sequence[str]
    default: str | None
    kind: str = "classifier"


MODELS = {
    "BanCode": Tiny(ban_code.MODEL_SM, {"import": "CODE"}, ("NL", "CODE"), "NL"),
    "BanCompetitors": Tiny(ban_competitors.MODEL_V1, {}, (), None, "names"),
    "BanTopics": Tiny(
        ban_topics.MODEL_ROBERTA_BASE_C_V2,
        {"war": "entailment", "crimes": "entailment"},
        ("entailment", "not_entailment"),
        "not_entailment",
    ),
    "Bias": Tiny(bias.DEFAULT_MODEL, {"they": "BIASED"}, ("NEUTRAL", "BIASED"), "NEUTRAL"),
    "Code": Tiny(code.DEFAULT_MODEL, {"def": "Python", "func": "Go"}, ("Python", "Go", "Java"), None),
    "FactualConsistency": Tiny(
        ban_topics.MODEL_DEBERTA_BASE_V2,
        {"indeed": "entailment"},
        ("entailment", "not_entailment"),
        "not_entailment",
    ),
    "Gibberish": Tiny(
        gibberish.DEFAULT_MODEL,
        {"xyzzy": "noise"},
        ("clean", "noise", "word salad", "mild gibberish"),
        "clean",
    ),
    "Language": Tiny(language.DEFAULT_MODEL, {"bonjour": "fr", "hola": "es"}, ("en", "fr", "es"), "en"),
    "MaliciousURLs": Tiny(
        malicious_urls.DEFAULT_MODEL,
        {"phish": "phishing"},
        ("benign", "defacement", "malware", "phishing"),
        "benign",
    ),
    "NoRefusal": Tiny(no_refusal.DEFAULT_MODEL, {"sorry": "REJECTION"}, ("NORMAL", "REJECTION"), "NORMAL"),
    "PromptInjection": Tiny(
        prompt_injection.V2_MODEL, {"ignore": "INJECTION"}, ("SAFE", "INJECTION"), "SAFE"
    ),
    "Relevance": Tiny(
        relevance.MODEL_EN_BGE_BASE,
        {"court": "law", "judge": "law", "goal": "sport"},
        ("law", "sport"),
        None,
        "meanings",
    ),
    "Sensitive": Tiny(
        DEBERTA_AI4PRIVACY_v2_CONF["DEFAULT_MODEL"],
        {"Jane": "B-FIRSTNAME"},
        ("O", "B-FIRSTNAME"),
        None,
        "names",
    ),
    "Toxicity": Tiny(
        toxicity.DEFAULT_MODEL,
        {"fool": "insult", "damn": "obscene", "he": "male"},
        ("toxicity", "insult", "obscene", "male"),
        None,
    ),
}
"""A tiny model for each kind of scanner that has one; LanguageSame has that of Language."""


def lay(cache: Path, *kinds: str, onnx: bool = False) -> None:
    """Lay the models of ``kinds``, or of all, into a cache of the hub, as a download would."""
    for kind in kinds or MODELS:
        tiny = MODELS[kind]
        folder = _snapshot(cache, tiny.model.path, tiny.model.revision)
        _save(folder, tiny, onnx=onnx)
        if onnx:
            target = _snapshot(cache, tiny.model.onnx_path or "", tiny.model.onnx_revision)
            target = target / tiny.model.onnx_subfolder
            target.mkdir(parents=True, exist_ok=True)
            for file in (folder / "onnx").iterdir():
                (target / file.name).write_bytes(file.read_bytes())


def _save(folder: Path, tiny: Tiny, *, onnx: bool) -> None:
    if tiny.kind == "names":
        if tiny.words:
            save_tiny_model(folder, tiny.words, tiny.labels, onnx=onnx)
        else:
            save_tiny_model(folder, onnx=onnx)
        return
    meanings = tiny.kind == "meanings"
    save_tiny_classifier(
        folder, tiny.words, tiny.labels, default=tiny.default, positions=514, onnx=onnx and not meanings
    )
    if onnx and meanings:
        export_embedder(folder, folder / "onnx")


def _snapshot(cache: Path, repository: str, revision: str | None) -> Path:
    return cache / f"models--{repository.replace('/', '--')}" / "snapshots" / (revision or "main")


def in_folder(cache: Path, kind: str) -> Model:
    """Return the model of a kind of scanner as one that a user has in a folder."""
    model = MODELS[kind].model
    return replace(model, path=str(_snapshot(cache, model.path, model.revision)))
