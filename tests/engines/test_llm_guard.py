import asyncio
import copy
import sys
import threading
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any
from unittest import mock

import pytest
import spacy
from hypothesis import given, settings
from hypothesis import strategies as st
from llm_guard import transformers_helpers
from llm_guard.input_scanners import anonymize_helpers
from llm_guard.input_scanners.anonymize import DEFAULT_ENTITY_TYPES
from llm_guard.input_scanners.anonymize_helpers import BERT_LARGE_NER_CONF, ner_mapping
from llm_guard.input_scanners.anonymize_helpers import analyzer as analyzer_module
from llm_guard.model import Model
from presidio_analyzer.nlp_engine import SpacyNlpEngine

from langchain_secguard import Anonymizer, Deanonymizer, DetectorError, Form, Vault
from langchain_secguard.detect import Detector, LLMGuardDetector, Span
from langchain_secguard.detect.llm_guard import ENTITY_TYPES
from tests.engines.tiny import save_tiny_model
from tests.support import Capture

CONFIGURATIONS = sorted(name for name in vars(ner_mapping) if name.endswith("_CONF"))
COMPLAINT = (
    "Plaintiff, Jane Doe, files this complaint against Defendant, Big Corporation, at 123 Industrial Way, "
    "Springfield, Illinois. Write to jane.doe@example.com or phone (217) 555-0142. Card 4111 1111 1111 1111, "
    "social security number 856-45-6789, from 10.0.3.7, account DE89370400440532013000, "
    "ticket 550e8400-e29b-41d4-a716-446655440000."
)


@pytest.fixture(scope="module")
def detector(tiny_model: Path) -> LLMGuardDetector:
    return LLMGuardDetector(recognizer_conf="BERT_LARGE_NER_CONF", model_path=tiny_model)


def found(detector: Detector, text: str, sure: float = 0.5) -> list[tuple[str, str]]:
    [spans] = detector.detect([text])
    return [(text[one.start : one.end], one.entity_type) for one in spans if one.score >= sure]


class TestFinds:
    def test_names_by_the_model_and_the_rest_by_patterns(self, detector: LLMGuardDetector) -> None:
        assert found(detector, COMPLAINT) == [
            ("Jane Doe", "PERSON"),
            ("Big Corporation", "ORGANIZATION"),
            ("Springfield", "LOCATION"),
            ("Illinois", "LOCATION"),
            ("jane.doe@example.com", "EMAIL_ADDRESS"),
            ("(217) 555-0142", "PHONE_NUMBER"),
            ("4111 1111 1111 1111", "CREDIT_CARD"),
            ("856-45-6789", "US_SSN"),
            ("10.0.3.7", "IP_ADDRESS"),
            ("DE89370400440532013000", "IBAN_CODE"),
            ("370400440532013", "CREDIT_CARD"),  # its pattern for cards looks inside of longer numbers
            ("550e8400-e29b-41d4-a716-446655440000", "UUID"),
        ]

    def test_nothing_in_nothing(self, detector: LLMGuardDetector) -> None:
        assert detector.detect([]) == []
        assert detector.detect(["", " \n", "nothing"]) == [[], [], []]

    def test_quotes_where_they_stand(self, tiny_model: Path) -> None:
        patterns = [{"name": "QUOTED", "expressions": [r"'[a-z]+'"], "score": 0.9}]
        detector = LLMGuardDetector(
            recognizer_conf=tiny_model, regex_patterns=patterns, entity_types=["QUOTED"]
        )
        assert found(detector, "Jane's 'word'") == [("'word'", "QUOTED")]

    def test_nothing_below_its_threshold(self, tiny_model: Path) -> None:
        text = "Jane Doe, or 446655440000"
        assert ("446655440000", "US_BANK_NUMBER") in found(
            LLMGuardDetector(recognizer_conf=tiny_model), text, 0
        )
        sure = LLMGuardDetector(recognizer_conf=tiny_model, threshold=0.5)
        assert found(sure, text, 0) == [("Jane Doe", "PERSON")]

    @pytest.mark.parametrize(
        ("entity_types", "expected"),
        [
            (["PERSON"], {"PERSON"}),
            (["PER", "LOC"], {"PERSON", "LOCATION"}),
            (["US_SSN"], {"US_SSN"}),
            (["CREDIT_CARD_RE"], {"CREDIT_CARD"}),
            (["URL_RE", "TIME_RE"], {"URL"}),
            (["DATE_TIME"], {"DATE_TIME"}),
        ],
    )
    def test_only_what_was_asked_for(
        self, tiny_model: Path, entity_types: list[str], expected: set[str]
    ) -> None:
        asked = list(entity_types)
        detector = LLMGuardDetector(recognizer_conf=tiny_model, entity_types=entity_types)
        assert {name for _, name in found(detector, COMPLAINT + " On July 15, 2023.")} == expected
        assert entity_types == asked

    def test_patterns_of_the_users_own(self, tiny_model: Path) -> None:
        patterns = [{"name": "docket", "expressions": [r"\b\d{2}-cv-\d{5}\b"], "score": 0.9}]
        before = copy.deepcopy(patterns)
        detector = LLMGuardDetector(
            recognizer_conf=tiny_model, regex_patterns=patterns, entity_types=["DOCKET", "PERSON"]
        )
        assert found(detector, "Jane in 21-cv-01234") == [("Jane", "PERSON"), ("21-cv-01234", "DOCKET")]
        assert patterns == before

    def test_chinese_where_it_is_the_language(self, tiny_model: Path) -> None:
        detector = LLMGuardDetector(recognizer_conf=tiny_model, language="zh", entity_types=["PHONE_NUMBER"])
        assert found(detector, "\u7535\u8bdd13011112222\u3002") == [("13011112222", "PHONE_NUMBER")]

    async def test_the_same_when_awaited(self, detector: LLMGuardDetector) -> None:
        assert await detector.adetect([COMPLAINT, ""]) == detector.detect([COMPLAINT, ""])

    async def test_while_the_event_loop_goes_on(self, detector: LLMGuardDetector) -> None:
        ticks = 0
        task = asyncio.ensure_future(detector.adetect([COMPLAINT] * 50))
        while not task.done():
            await asyncio.sleep(0.001)
            ticks += 1
        assert ticks > 2


class TestLongTexts:
    def test_of_a_megabyte(self, detector: LLMGuardDetector) -> None:
        filler = "and so it went on day by day with nothing to be told " * 6_000
        text = f"{filler} Jane Doe {filler} jane@example.com {filler} Jane Doe "
        text += filler[: 1_000_000 - len(text)]
        assert len(text) == 1_000_000
        assert found(detector, text) == [
            ("Jane Doe", "PERSON"),
            ("jane@example.com", "EMAIL_ADDRESS"),
            ("Jane Doe", "PERSON"),
        ]

    @pytest.mark.parametrize("character", ["a", "1", "@", ".", "[", "\u6771", "\ud800"])
    def test_without_a_break(self, tiny_model: Path, character: str) -> None:
        detector = LLMGuardDetector(recognizer_conf=tiny_model)
        [spans] = detector.detect([character * 20_000])
        assert all(0 <= one.start < one.end <= 20_000 for one in spans)

    def test_whose_patterns_stand_at_a_cut(self, detector: LLMGuardDetector) -> None:
        for shift in range(9_480, 9_510, 3):
            text = "a " * (shift // 2) + "4111 1111 1111 1111 " + "b " * 2_000
            assert found(detector, text) == [("4111 1111 1111 1111", "CREDIT_CARD")]


class TestAnyText:
    @given(
        st.lists(
            st.one_of(st.text(), st.text("Jane Doe'\ud800\n@.1"), st.sampled_from([COMPLAINT])), max_size=4
        )
    )
    @settings(deadline=None, max_examples=60)
    def test_has_its_spans_within_it_and_sorted(self, texts: list[str]) -> None:
        detector = LLMGuardDetector(recognizer_conf=str(HELD[0]))
        for text, spans in zip(texts, detector.detect(texts), strict=True):
            assert spans == sorted(spans)
            assert all(0 <= one.start < one.end <= len(text) and 0 <= one.score <= 1 for one in spans)
            assert len({(one.start, one.end, one.entity_type) for one in spans}) == len(spans)

    @pytest.fixture(autouse=True)
    def _hold(self, tiny_model: Path) -> None:
        HELD[:] = [tiny_model]


HELD: list[Path] = []


def llm_guards_own(folder: Path, text: str) -> list[tuple[int, int, str]]:
    """Return what LLM Guard's analyzer finds by itself, with a blank spaCy pipeline for the missing one."""

    def blank(languages: list[str]) -> SpacyNlpEngine:
        engine = SpacyNlpEngine()
        engine.nlp = {language: spacy.blank(language) for language in languages}
        return engine

    conf: Any = {
        **BERT_LARGE_NER_CONF,
        "DEFAULT_MODEL": Model(str(folder), pipeline_kwargs={"aggregation_strategy": "simple"}),
    }
    recognizer = anonymize_helpers.get_transformers_recognizer(recognizer_conf=conf)
    with mock.patch.object(analyzer_module, "_get_nlp_engine", blank):
        analyzer = anonymize_helpers.get_analyzer(
            recognizer, anonymize_helpers.get_regex_patterns(), [], ["en", "zh"]
        )
    for one in analyzer.registry.recognizers:
        if type(one).__name__ == "EmailRecognizer":
            one.validate_result = lambda _: True
    entities = [*DEFAULT_ENTITY_TYPES, "LOCATION", "ORGANIZATION"]
    results = analyzer.analyze(text=text, language="en", entities=entities, score_threshold=0.5)
    return [(one.start, one.end, ENTITY_TYPES.get(one.entity_type, one.entity_type)) for one in results]


@pytest.mark.parametrize(
    "text", [COMPLAINT, "Call 212-555-5555 or 4111111111111111", "Jane Jane, 1.2.3.4: O Neil", "UUID none"]
)
def test_whatever_llm_guard_finds_is_found(tiny_model: Path, detector: LLMGuardDetector, text: str) -> None:
    [spans] = detector.detect([text])
    marked = {one.entity_type: set[int]() for one in spans}
    for one in spans:
        marked[one.entity_type].update(range(one.start, one.end))
    for start, end, entity_type in llm_guards_own(tiny_model, text):
        assert marked.get(entity_type, set()) >= set(range(start, end)), entity_type


class TestConfigurations:
    @pytest.mark.parametrize("name", CONFIGURATIONS)
    @pytest.mark.parametrize("use_onnx", [False, True], ids=["torch", "onnx"])
    def test_work_by_name_from_a_folder(self, tmp_path: Path, name: str, use_onnx: bool) -> None:
        conf: Mapping[str, Any] = getattr(ner_mapping, name)
        meanings = conf["MODEL_TO_PRESIDIO_MAPPING"]
        words = {f"word{place}": f"B-{label}" for place, label in enumerate(sorted(meanings))}
        folder = save_tiny_model(tmp_path, words, ["O", *words.values()], onnx=use_onnx)
        detector = LLMGuardDetector(
            recognizer_conf=name,
            model_path=folder,
            use_onnx=use_onnx,
            language="zh" if "_ZH_" in name else "en",
        )
        for word, label in words.items():
            meant = meanings[label[2:]]
            assert found(detector, f"so {word}, yes") == ([] if meant == "O" else [(word, meant)])

    @pytest.mark.parametrize("use_onnx", [False, True], ids=["torch", "onnx"])
    def test_work_by_name_from_the_cache(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, use_onnx: bool
    ) -> None:
        revision = BERT_LARGE_NER_CONF["DEFAULT_MODEL"].revision
        save_tiny_model(tmp_path / f"models--dslim--bert-large-NER/snapshots/{revision}", onnx=use_onnx)
        monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path))
        detector = LLMGuardDetector(recognizer_conf=BERT_LARGE_NER_CONF, use_onnx=use_onnx)
        assert found(detector, "Jane Doe") == [("Jane Doe", "PERSON")]

    def test_are_left_as_they_were(self, tiny_model: Path) -> None:
        conf = copy.deepcopy(BERT_LARGE_NER_CONF)
        detector = LLMGuardDetector(recognizer_conf=conf, model_path=tiny_model)
        detector.detect([COMPLAINT])
        assert conf == BERT_LARGE_NER_CONF
        assert "ignore_labels" not in conf["DEFAULT_MODEL"].pipeline_kwargs

    def test_of_the_users_own_name_a_folder(self, tiny_model: Path) -> None:
        conf: Any = {
            **BERT_LARGE_NER_CONF,
            "DEFAULT_MODEL": Model(str(tiny_model), onnx_path=str(tiny_model / "onnx")),
            "MODEL_TO_PRESIDIO_MAPPING": {"PER": "WITNESS", "LOC": "O", "ORG": "O", "MISC": "O"},
        }
        for use_onnx in (False, True):
            detector = LLMGuardDetector(recognizer_conf=conf, use_onnx=use_onnx)
            assert found(detector, "Jane in Springfield") == [("Jane", "WITNESS")]

    def test_may_be_a_folder_alone(self, tiny_model: Path) -> None:
        for folder in (tiny_model, str(tiny_model)):
            assert found(LLMGuardDetector(recognizer_conf=folder), "Jane") == [("Jane", "PERSON")]
        detector = LLMGuardDetector(recognizer_conf=tiny_model, use_onnx=True)
        assert found(detector, "Jane") == [("Jane", "PERSON")]


class TestOneModel:
    def test_serves_all_detectors(self, tiny_model: Path, tmp_path: Path) -> None:
        folder = save_tiny_model(tmp_path)
        with mock.patch.object(
            transformers_helpers, "get_tokenizer", wraps=transformers_helpers.get_tokenizer
        ) as loads:
            start = threading.Barrier(16)

            def make(_: int) -> LLMGuardDetector:
                start.wait()
                return LLMGuardDetector(recognizer_conf="BERT_BASE_NER_CONF", model_path=folder)

            with ThreadPoolExecutor(16) as pool:
                detectors = list(pool.map(make, range(16)))
            LLMGuardDetector(recognizer_conf="BERT_BASE_NER_CONF", model_path=folder, entity_types=["PERSON"])
        assert loads.call_count == 1
        assert len(set(detectors)) == 1

    def test_serves_sixteen_threads(self, detector: LLMGuardDetector) -> None:
        texts = [f"{'x ' * count}Jane Doe, {COMPLAINT[count:]}" for count in range(48)]
        alone = [found(detector, text) for text in texts]
        with ThreadPoolExecutor(16) as pool:
            assert list(pool.map(lambda text: found(detector, text), texts)) == alone

    def test_is_another_for_other_files(self, tiny_model: Path, tmp_path: Path) -> None:
        one = LLMGuardDetector(recognizer_conf=tiny_model)
        other = LLMGuardDetector(recognizer_conf=save_tiny_model(tmp_path))
        assert one != other
        assert one == LLMGuardDetector(recognizer_conf=tiny_model)


class TestRefuses:
    def test_a_name_that_is_none(self) -> None:
        with pytest.raises(ValueError, match="BERT_LARGE_NER_CONF"):
            LLMGuardDetector(recognizer_conf="BERT_HUGE_NER_CONF")

    def test_a_language_that_llm_guard_does_not_read(self) -> None:
        with pytest.raises(ValueError, match="en, zh; not 'de'"):
            LLMGuardDetector(language="de")

    def test_a_threshold_that_is_none(self) -> None:
        with pytest.raises(ValueError, match="from 0 to 1"):
            LLMGuardDetector(threshold=5)

    def test_an_entity_type_that_nothing_finds(self, tiny_model: Path) -> None:
        with pytest.raises(ValueError, match=r"does not look for PERSONS; it knows .*PERSON"):
            LLMGuardDetector(recognizer_conf=tiny_model, entity_types=["PERSONS"])

    def test_a_model_that_is_not_here(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path))
        with pytest.raises(DetectorError, match=r"hf download dslim/bert-large-NER .*model_path="):
            LLMGuardDetector(recognizer_conf="BERT_LARGE_NER_CONF", download=False)

    @pytest.mark.parametrize("use_onnx", [False, True], ids=["torch", "onnx"])
    def test_a_folder_that_lacks_files(self, tmp_path: Path, use_onnx: bool) -> None:
        with pytest.raises(DetectorError, match=r"has no config\.json"):
            LLMGuardDetector(recognizer_conf="BERT_LARGE_NER_CONF", model_path=tmp_path, use_onnx=use_onnx)
        with pytest.raises(DetectorError, match="there is no folder"):
            LLMGuardDetector(recognizer_conf="BERT_LARGE_NER_CONF", model_path=tmp_path / "nowhere")

    def test_files_that_are_damaged(self, tmp_path: Path) -> None:
        folder = save_tiny_model(tmp_path)
        (folder / "model.safetensors").write_bytes(b"nothing")
        with pytest.raises(DetectorError, match="could not load the model"):
            LLMGuardDetector(recognizer_conf=folder)

    def test_a_model_that_was_not_trained_to_find_anything(self, tmp_path: Path) -> None:
        folder = save_tiny_model(tmp_path, {}, ["LABEL_0", "LABEL_1"])
        with pytest.raises(DetectorError, match="no names for its labels"):
            LLMGuardDetector(recognizer_conf=folder)

    def test_onnx_without_its_package(self, tiny_model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setitem(sys.modules, "optimum.onnxruntime", None)
        with pytest.raises(ImportError, match=r'pip install "langchain-secguard\[llm-guard-onnx\]"'):
            LLMGuardDetector(recognizer_conf=tiny_model, use_onnx=True)


class TestSaysNothing:
    def test_of_a_text_that_it_reads(self, tiny_model: Path, tmp_path: Path) -> None:
        with Capture() as capture:
            detector = LLMGuardDetector(recognizer_conf=save_tiny_model(tmp_path))
            detector.detect([COMPLAINT, "XX00 1234, IBAN GB33BUKB20201555555555 ::"])
            capture.add(detector)
        for value in ("Jane", "4111", "856-45", "GB33", "550e8400", "example.com"):
            assert not capture.holds(value)

    def test_on_standard_output(self, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
        LLMGuardDetector(recognizer_conf=save_tiny_model(tmp_path), regex_patterns=[]).detect([COMPLAINT])
        assert capsys.readouterr().out == ""

    def test_of_a_text_on_which_it_fails(self, tiny_model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        detector = LLMGuardDetector(recognizer_conf=tiny_model)

        def fail(*_: Any) -> Any:
            raise RuntimeError("cannot read Jane Doe")

        monkeypatch.setattr(type(detector._tagger), "_read", fail)
        with Capture() as capture, pytest.raises(DetectorError, match="RuntimeError") as caught:
            detector.detect(["Jane Doe"])
        capture.add(caught.value)
        assert not capture.holds("Jane")


class TestWithThePair:
    def test_reads_the_example_as_llm_guards_users_write_it(self, tiny_model: Path) -> None:
        conf: Any = {**BERT_LARGE_NER_CONF, "DEFAULT_MODEL": Model(str(tiny_model))}
        vault = Vault()
        anonymizer = Anonymizer(
            detector=LLMGuardDetector(recognizer_conf=conf),
            hidden_names=["Test LLC"],
            allowed_names=["John Doe"],
            preamble="Insert before prompt",
            form=Form(style="llm_guard"),
            vault=vault,
        )
        text = "Jane Doe of Big Corporation and test LLC met John Doe in Springfield."
        hidden = anonymizer.invoke(text)
        assert hidden.endswith(
            "[REDACTED_PERSON_1] of [REDACTED_ORGANIZATION_1] and [REDACTED_CUSTOM_1] met John Doe "
            "in [REDACTED_LOCATION_1]."
        )
        assert hidden.startswith("Insert before prompt")
        answer = hidden.removeprefix("Insert before prompt").lstrip()
        assert Deanonymizer(vault=vault, form=Form(style="llm_guard")).invoke(answer) == text

    def test_unites_with_other_detectors(self, tiny_model: Path) -> None:
        both = LLMGuardDetector(recognizer_conf=tiny_model) | (lambda text: [Span(0, 3, "CODE")])
        assert ("xyz", "CODE") in found(both, "xyz Jane")
        assert ("Jane", "PERSON") in found(both, "xyz Jane")
