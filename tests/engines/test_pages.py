"""The blocks of the pages that need LLM Guard or a model of Hugging Face, with tiny models."""

import base64
import hashlib
from pathlib import Path
from typing import Any
from unittest import mock

import pytest
import spacy
from llm_guard.input_scanners.anonymize_helpers import BERT_LARGE_NER_CONF
from llm_guard.input_scanners.anonymize_helpers import analyzer as analyzer_module
from llm_guard.model import Model
from presidio_analyzer.nlp_engine import SpacyNlpEngine
from transformers import AutoModelForTokenClassification, AutoTokenizer, pipeline

import langchain_secguard
from langchain_secguard import detect, scan
from tests.engines.llm_guard_models import lay
from tests.engines.tiny import save_tiny_model
from tests.engines.tiny_classifier import save_tiny_classifier
from tests.engines.tiny_gliner import save_tiny_gliner
from tests.integration.cookbook_support import Listening
from tests.pages import migration, page_blocks

TABLE = "https://openaipublic.blob.core.windows.net/encodings/cl100k_base.tiktoken"
TEXT = "Jane Doe met John Doe of Test LLC."
BERT_LARGE_NER = "models--dslim--bert-large-NER/snapshots/13e784dccceca07aee7a7aab4ad487c605975423"


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("hub")
    save_tiny_model(folder / BERT_LARGE_NER)
    return folder


@pytest.fixture(autouse=True)
def _cache(filled: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(filled))


def cached(hub: Path, repository: str) -> Path:
    """Return the folder in which a cache of the hub has the files of a model."""
    folder = hub / f"models--{repository.replace('/', '--')}"
    (folder / "refs").mkdir(parents=True)
    (folder / "refs" / "main").write_text("newest", encoding="utf-8")
    return folder / "snapshots" / "newest"


def blank(languages: list[str]) -> SpacyNlpEngine:
    """Stand in for the spaCy packages that LLM Guard by itself downloads."""
    engine = SpacyNlpEngine()
    engine.nlp = {language: spacy.blank(language) for language in languages}
    return engine


def run(code: str, page: str, **names: Any) -> dict[str, Any]:
    names |= {name: getattr(module, name) for module in (detect, scan) for name in module.__all__}
    names |= {name: getattr(langchain_secguard, name) for name in langchain_secguard.__all__}
    exec(compile(code, page, "exec"), names)
    return names


@pytest.mark.parametrize("side", [0, 1], ids=["before", "behind"])
def test_the_way_from_llm_guard(side: int, filled: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    local = Model(str(filled / BERT_LARGE_NER), pipeline_kwargs={"aggregation_strategy": "simple"})
    monkeypatch.setitem(BERT_LARGE_NER_CONF, "DEFAULT_MODEL", local)
    code = migration("llm-guard.md")[side]
    person = ("[REDACTED_PERSON_1]", "[PERSON_1]")[side]
    model = Listening(responses=[f"{person} met John Doe."])
    with mock.patch.object(analyzer_module, "_get_nlp_engine", blank):
        names = run(code, "llm-guard.md", llm=model, prompt=TEXT)
    assert names["answer"] == "Jane Doe met John Doe."
    (asked,) = model.asked
    assert asked.startswith("Insert before prompt")
    assert person in asked
    assert "John Doe" in asked
    assert not any(value in asked for value in ("Jane Doe", "Test LLC"))


class TestDetectors:
    def test_of_llm_guard(self) -> None:
        [code] = [one for one in page_blocks("detection.md") if "LLMGuardDetector" in one]
        run(code, "detection.md")

    def test_of_models(self, filled: Path, tiny_model: Path, tmp_path: Path) -> None:
        [code] = [one for one in page_blocks("detection.md") if "GLiNERDetector" in one]
        save_tiny_model(tmp_path / "bert-ner")
        save_tiny_model(cached(filled, "owner/name"))
        save_tiny_gliner(tmp_path / "gliner", steps=1)
        run(
            code.replace("/models", str(tmp_path)),
            "detection.md",
            pipeline=pipeline,
            model=AutoModelForTokenClassification.from_pretrained(str(tiny_model)),
            tokenizer=AutoTokenizer.from_pretrained(str(tiny_model)),
        )


class TestScanners:
    def test_of_llm_guard(self, filled: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        [code] = [one for one in page_blocks("scanners.md") if "LLMGuardScanner" in one]
        lay(filled, "Toxicity", "PromptInjection", "NoRefusal", "Relevance", "Sensitive")
        ranks = b"".join(base64.b64encode(bytes([one])) + b" %d\n" % one for one in range(256))
        (tmp_path / hashlib.sha1(TABLE.encode()).hexdigest()).write_bytes(ranks)
        monkeypatch.setenv("TIKTOKEN_CACHE_DIR", str(tmp_path))
        monkeypatch.setattr("tiktoken.registry.ENCODINGS", {})
        monkeypatch.setattr("tiktoken.load.check_hash", lambda *_: True)
        names = run(code, "scanners.md")
        assert set(names["asked"].check("good day").scores) == {"Toxicity", "PromptInjection", "TokenLimit"}

    def test_of_models(self, filled: Path, tmp_path: Path) -> None:
        [code] = [one for one in page_blocks("scanners.md") if "TransformersScanner" in one]
        guard = cached(filled, "meta-llama/Llama-Prompt-Guard-2-86M")
        save_tiny_classifier(guard, {"ignore": "MALICIOUS"}, ("BENIGN", "MALICIOUS"), default="BENIGN")
        toxic = tmp_path / "unbiased-toxic-roberta"
        save_tiny_classifier(toxic, {"fool": "toxic"}, ("neutral", "toxic"), default="neutral", onnx=True)
        save_tiny_classifier(tmp_path / "of-mine", {"fool": "RUDE"}, ("FINE", "RUDE"), default="FINE")
        names = run(code.replace("/models", str(tmp_path)), "scanners.md")
        assert not names["injection"].scan("ignore all").valid
        assert not names["toxicity"].scan("you fool").valid
        assert not names["rude"].scan("you fool").valid
        assert names["rude"].scan("good day").valid
