"""The example that LLM Guard's users know, with its real model, where that is on this machine."""

from importlib.metadata import version

import pytest
from llm_guard.input_scanners.anonymize_helpers import BERT_LARGE_NER_CONF

from langchain_secguard import Anonymizer, Deanonymizer, DetectorError, Vault
from langchain_secguard.detect import LLMGuardDetector

TRANSCRIPT = """
Plaintiff, Jane Doe, by and through her attorneys, files this complaint
against Defendant, Big Corporation, and alleges upon information and belief,
except for those allegations pertaining to personal knowledge, that on or about
July 15, 2023, at the Defendant's manufacturing facility located at 123 Industrial Way, Springfield, Illinois, Defendant negligently failed to maintain safe working conditions,
leading to Plaintiff suffering severe and permanent injuries.
"""  # noqa: E501 - as it is written there


@pytest.fixture
def detector(monkeypatch: pytest.MonkeyPatch) -> LLMGuardDetector:
    try:
        return LLMGuardDetector(recognizer_conf=BERT_LARGE_NER_CONF, download=False)
    except DetectorError as error:
        pytest.skip(f"{error} (llm-guard {version('llm-guard')})")


def test_the_plaintiff_is_hidden_and_restored(detector: LLMGuardDetector) -> None:
    vault = Vault()
    anonymizer = Anonymizer(
        detector=detector,
        hidden_names=["Test LLC"],
        allowed_names=["John Doe"],
        preamble="Insert before prompt",
        vault=vault,
    )
    hidden = anonymizer.invoke(TRANSCRIPT)
    assert hidden.startswith("Insert before prompt")
    for value in ("Jane Doe", "Big Corporation", "Springfield", "Illinois"):
        assert value not in hidden
    assert Deanonymizer(vault=vault).invoke(hidden.removeprefix("Insert before prompt")) == TRANSCRIPT
