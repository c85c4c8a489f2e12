import sys

import pytest

from langchain_secguard.detect import LLMGuardDetector
from langchain_secguard.detect.llm_guard import ENTITY_TYPES
from langchain_secguard.find import STANDARD_TYPES


def test_without_llm_guard_the_error_names_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "llm_guard", None)
    monkeypatch.delitem(sys.modules, "langchain_secguard.detect.llm_guard_engine", raising=False)
    with pytest.raises(ImportError, match=r'pip install "langchain-secguard\[llm-guard\]"'):
        LLMGuardDetector(recognizer_conf="BERT_LARGE_NER_CONF")


def test_where_llm_guard_does_not_run_the_error_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "llm_guard", None)
    monkeypatch.delitem(sys.modules, "langchain_secguard.detect.llm_guard_engine", raising=False)
    monkeypatch.setattr(sys, "version_info", (3, 13, 0))
    with pytest.raises(ImportError, match=r"needs LLM Guard on Python 3\.12 or older"):
        LLMGuardDetector()


@pytest.mark.parametrize("threshold", [-0.1, 1.1, float("nan")])
def test_a_threshold_out_of_range_is_refused(threshold: float) -> None:
    with pytest.raises(ValueError, match="from 0 to 1"):
        LLMGuardDetector(threshold=threshold)


def test_the_names_of_its_patterns_mean_types_that_others_find() -> None:
    assert set(ENTITY_TYPES.values()) <= STANDARD_TYPES
