"""Presidio's own code, driven with analyzers that need no download."""

import builtins
import gc
import logging
import subprocess
import sys
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
import spacy
from presidio_analyzer import (
    AnalyzerEngine,
    EntityRecognizer,
    Pattern,
    PatternRecognizer,
    RecognizerRegistry,
    RecognizerResult,
)
from presidio_analyzer.nlp_engine import SpacyNlpEngine

from langchain_secguard import Anonymizer, Vault
from langchain_secguard.detect import EmbeddedDetector, PresidioDetector, Span, presidio
from langchain_secguard.errors import DetectorError
from tests.support import Capture, error_texts, holds

TEXT = (
    "Jane Doe (jane.doe@example.com, phone 212-555-1234) paid with 4111 1111 1111 1111; "
    "IBAN DE89370400440532013000, SSN 856-45-6789."
)


def found(detector: PresidioDetector, text: str = TEXT) -> set[tuple[str, str]]:
    (spans,) = detector.detect([text])
    return {(span.entity_type, text[span.start : span.end]) for span in spans}


@spacy.Language.component("lower_case_lemmas")  # type: ignore[untyped-decorator, unused-ignore]
def lower_case_lemmas(doc: Any) -> Any:
    for token in doc:
        token.lemma_ = token.lower_
    return doc


def blank_engine(*languages: str, named: Sequence[str] = ()) -> SpacyNlpEngine:
    """Make spaCy pipelines that know ``named`` as persons, as a trained model would, and nothing else."""
    engine = SpacyNlpEngine()
    engine.nlp = {}
    for language in languages:
        pipeline = spacy.blank(language)
        pipeline.add_pipe("lower_case_lemmas")
        ruler = pipeline.add_pipe("entity_ruler")
        ruler.add_patterns([{"label": "PERSON", "pattern": name} for name in named])
        engine.nlp[language] = pipeline
    return engine


def users_analyzer(*languages: str, **options: Any) -> AnalyzerEngine:
    """Make an analyzer as a user would: badges, and persons that its model knows."""
    registry = RecognizerRegistry(supported_languages=list(languages))
    for language in languages:
        badge = Pattern("badge", r"\bB-[0-9]{6}\b", 0.4)
        registry.add_recognizer(
            PatternRecognizer(
                "BADGE", patterns=[badge], context=["badge", "ausweis"], supported_language=language
            )
        )
    engine = blank_engine(*languages, named=["Jane Doe", "José"])
    registry.add_nlp_recognizer(engine)
    return AnalyzerEngine(
        registry=registry, nlp_engine=engine, supported_languages=list(languages), **options
    )


class Recognizer(EntityRecognizer):  # type: ignore[misc]
    """Call a function of the test."""

    def __init__(self, analyze: Any, language: str = "en") -> None:
        super().__init__(supported_entities=["CODE"], supported_language=language, name="test")
        self._analyze = analyze

    def load(self) -> None:
        pass

    def analyze(self, text: str, entities: list[str], nlp_artifacts: Any) -> list[RecognizerResult]:
        result: list[RecognizerResult] = self._analyze(text)
        return result


class TestWithoutAnAnalyzer:
    def test_finds_what_patterns_find(self) -> None:
        assert found(PresidioDetector()) >= {
            ("EMAIL_ADDRESS", "jane.doe@example.com"),
            ("PHONE_NUMBER", "212-555-1234"),
            ("CREDIT_CARD", "4111 1111 1111 1111"),
            ("IBAN_CODE", "DE89370400440532013000"),
            ("US_SSN", "856-45-6789"),
        }

    def test_hears_the_words_before_a_number(self) -> None:
        (spans,) = PresidioDetector(entity_types=["US_SSN"]).detect(["ssn 856-45-6789"])
        (alone,) = PresidioDetector(entity_types=["US_SSN"]).detect(["so 856-45-6789"])
        assert [span.score for span in spans] == [0.85]
        assert [span.score for span in alone] == [0.5]

    def test_is_surer_of_a_phone_number_than_presidio(self) -> None:
        anonymizer = Anonymizer(detector=PresidioDetector(), vault=Vault())
        assert anonymizer.invoke("so 212-555-1234 is") == "so [PHONE_NUMBER_1] is"

    def test_makes_one_analyzer_for_the_process(self) -> None:
        with ThreadPoolExecutor(8) as pool:
            detectors = list(pool.map(lambda _: PresidioDetector(language=["es", "en"]), range(8)))
        assert len({id(detector._analyzer) for detector in detectors}) == 1

    def test_never_asks_the_network(self) -> None:
        code = (
            "import socket\n"
            "def refuse(*args, **options): raise SystemExit('asked the network')\n"
            "socket.socket.connect = socket.getaddrinfo = refuse\n"
            "from langchain_secguard.detect import PresidioDetector\n"
            "(spans,) = PresidioDetector().detect(['Write to jane.doe@example.com, from www.example.com'])\n"
            "assert any(span.entity_type == 'EMAIL_ADDRESS' for span in spans)\n"
        )
        done = subprocess.run(
            [sys.executable, "-c", code], check=False, capture_output=True, text=True, timeout=120
        )
        assert (done.returncode, done.stderr) == (0, "")

    def test_remembers_no_word_of_a_text(self) -> None:
        detector = PresidioDetector()
        detector.detect(["Zyxwvutsrq called"])
        vocabularies = [one for one in _objects("Vocab") if "Zyxwvutsrq" in one.strings]
        assert vocabularies == []

    def test_refuses_a_language_that_nobody_knows(self) -> None:
        with pytest.raises(ValueError, match="'tlh' is none of them"):
            PresidioDetector(language="tlh")


class TestAnAnalyzerOfTheUsers:
    def test_finds_with_its_recognizers_and_its_model(self) -> None:
        detector = PresidioDetector(users_analyzer("en"))
        assert found(detector, "Jane Doe, badge B-123456") == {("PERSON", "Jane Doe"), ("BADGE", "B-123456")}

    @pytest.mark.parametrize(
        ("text", "score"), [("badge B-123456", 0.75), ("so B-123456", 0.4)], ids=["context", "none"]
    )
    def test_gives_its_scores(self, text: str, score: float) -> None:
        (spans,) = PresidioDetector(users_analyzer("en")).detect([text])
        assert [span.score for span in spans] == [score]

    def test_hears_a_context_that_is_not_in_the_text(self) -> None:
        (spans,) = PresidioDetector(users_analyzer("en"), context=["Badge"]).detect(["so B-123456"])
        assert [span.score for span in spans] == [0.75]

    def test_drops_what_is_below_the_threshold(self) -> None:
        detector = PresidioDetector(users_analyzer("en"), threshold=0.5)
        assert found(detector, "Jane Doe: B-123456") == {("PERSON", "Jane Doe")}

    def test_looks_for_the_entity_types_asked_for(self) -> None:
        detector = PresidioDetector(users_analyzer("en"), entity_types={"BADGE"})
        assert found(detector, "Jane Doe, badge B-123456") == {("BADGE", "B-123456")}

    def test_leaves_out_what_is_allowed(self) -> None:
        exact = PresidioDetector(users_analyzer("en"), allow_list=["Jane Doe"])
        by_pattern = PresidioDetector(users_analyzer("en"), allow_list=["B-1.*"], allow_list_match="regex")
        text = "Jane Doe, badge B-123456"
        assert found(exact, text) == {("BADGE", "B-123456")}
        assert found(by_pattern, text) == {("PERSON", "Jane Doe")}

    def test_takes_recognizers_besides_and_leaves_the_analyzer_alone(self) -> None:
        analyzer = users_analyzer("en")
        count = len(analyzer.registry.recognizers)
        more = Recognizer(lambda text: [RecognizerResult("CODE", 0, 4, 3.0)])
        (spans,) = PresidioDetector(analyzer, recognizers=[more]).detect(["Jane"])
        assert spans == [Span(0, 4, "CODE", 1.0)]
        assert len(analyzer.registry.recognizers) == count

    def test_reads_each_language(self) -> None:
        analyzer = users_analyzer("en", "de")
        text = "José, Ausweis B-123456"
        both = PresidioDetector(analyzer, language=["en", "de"])
        assert found(both, text) == {("PERSON", "José"), ("BADGE", "B-123456")}
        assert both.detect([text]) == PresidioDetector(analyzer, language="de").detect([text])

    def test_looks_for_a_type_in_the_languages_that_know_it(self) -> None:
        german = Recognizer(lambda text: [RecognizerResult("CODE", 0, 4, 1.0)], language="de")
        detector = PresidioDetector(
            users_analyzer("en", "de"), language=["en", "de"], recognizers=[german], entity_types=["CODE"]
        )
        assert found(detector, "José") == {("CODE", "José")}

    def test_hides_in_a_chain(self) -> None:
        detector = EmbeddedDetector() | PresidioDetector(users_analyzer("en"), context=["badge"])
        assert Anonymizer(detector=detector, vault=Vault()).invoke("Ask Robert Alvarez, B-123456.") == (
            "Ask [PERSON_1], [BADGE_1]."
        )


class TestConstruction:
    @pytest.mark.parametrize(
        ("options", "message"),
        [
            ({"language": "de"}, "the analyzer reads en; not de"),
            ({"language": []}, "not no language at all"),
            ({"entity_types": ["BADGES"]}, "does not find BADGES; it finds .*BADGE, "),
            ({"threshold": 1.5}, "from 0 to 1"),
            ({"allow_list_match": "fuzzy"}, "exact"),
            ({"recognizers": [Recognizer(None, language="de")]}, "test is a recognizer for 'de'"),
        ],
    )
    def test_refuses_what_presidio_would_pass_over(self, options: dict[str, Any], message: str) -> None:
        with pytest.raises(ValueError, match=message):
            PresidioDetector(users_analyzer("en"), **options)

    def test_names_what_to_install(self, monkeypatch: pytest.MonkeyPatch) -> None:
        real = builtins.__import__

        def without_presidio(name: str, *args: Any) -> Any:
            if name.startswith("presidio_analyzer"):
                raise ImportError(name)
            return real(name, *args)

        monkeypatch.delitem(sys.modules, "langchain_secguard.detect.presidio_engine", raising=False)
        monkeypatch.delattr("langchain_secguard.detect.presidio_engine", raising=False)
        monkeypatch.setattr(builtins, "__import__", without_presidio)
        with pytest.raises(ImportError, match=r'pip install "langchain-secguard\[presidio\]"'):
            PresidioDetector()

    def test_shows_no_allowed_name(self) -> None:
        detector = PresidioDetector(users_analyzer("en"), allow_list=["Jane Doe"], entity_types=["PERSON"])
        assert repr(detector) == "PresidioDetector(language=('en',), entity_types=['PERSON'])"


def test_reads_text_that_utf8_cannot_hold() -> None:
    detector = PresidioDetector(users_analyzer("en"))
    assert found(detector, "\ud81e Jane Doe") == {("PERSON", "Jane Doe")}
    assert ("EMAIL_ADDRESS", "j@x.com") in found(PresidioDetector(), "\ud81e j@x.com")


class TestLongTexts:
    def test_are_read_whole(self) -> None:
        text = ("Nothing is here. " * 30 + "Jane Doe has badge B-123456. ") * 40
        (spans,) = PresidioDetector(users_analyzer("en")).detect([text])
        assert [text[span.start : span.end] for span in spans] == ["Jane Doe", "B-123456"] * 40

    @pytest.mark.parametrize("place", range(-12, 3))
    def test_lose_nothing_at_a_cut(self, place: int) -> None:
        detector = PresidioDetector(users_analyzer("en"))
        for cut in (presidio._SIZE, presidio._SIZE - presidio._OVERLAP):
            text = "." * (cut + place) + " Jane Doe " + "." * 20_000
            start = cut + place + 1
            assert detector.detect([text]) == [[Span(start, start + 8, "PERSON", 0.85)]]

    def test_do_not_mix_with_others_in_the_batch(self) -> None:
        long = "." * 12_000 + " Jane Doe"
        detector = PresidioDetector(users_analyzer("en"))
        batch = detector.detect(["Jane Doe", long, "", "B-123456"])
        assert batch == [
            spans for text in ("Jane Doe", long, "", "B-123456") for spans in detector.detect([text])
        ]


class TestSecrecy:
    def test_no_log_holds_a_value(self) -> None:
        detector = PresidioDetector(users_analyzer("en", log_decision_process=True))
        with Capture() as capture:
            found(detector, "Jane Doe, badge B-123456")
            found(PresidioDetector(), TEXT)
        assert not any(capture.holds(value) for value in ("Jane Doe", "B-123456", "4111", "badge"))

    def test_presidio_may_log_what_others_let_it_read(self, caplog: pytest.LogCaptureFixture) -> None:
        analyzer = users_analyzer("en", log_decision_process=True)
        PresidioDetector(analyzer).detect(["Jane Doe"])
        with caplog.at_level(logging.INFO, "decision_process"):
            analyzer.analyze("Jane Doe", "en")
        assert "Jane Doe" in caplog.text

    def test_an_error_names_no_text(self) -> None:
        def fails(text: str) -> list[RecognizerResult]:
            raise RuntimeError(f"cannot read {text}")

        detector = PresidioDetector(users_analyzer("en"), recognizers=[Recognizer(fails)])
        with pytest.raises(DetectorError, match="PresidioDetector failed with RuntimeError") as raised:
            detector.detect([TEXT])
        assert not any(holds(text, "Jane Doe") for text in error_texts(raised.value))

    def test_an_error_that_presidio_passes_over_is_raised(self) -> None:
        def gives_up(text: str) -> list[RecognizerResult]:
            try:
                raise TimeoutError(text)  # noqa: TRY301 - as Presidio's recognizers do
            except TimeoutError:
                logging.getLogger("presidio-analyzer").warning("timed out on %s", text, exc_info=True)
            return []

        detector = PresidioDetector(users_analyzer("en"), recognizers=[Recognizer(gives_up)])
        with pytest.raises(DetectorError, match=r"gave up \(TimeoutError\)") as raised:
            detector.detect([TEXT])
        assert not any(holds(text, "Jane Doe") for text in error_texts(raised.value))


class TestConcurrency:
    async def test_agrees_when_awaited(self) -> None:
        detector = PresidioDetector()
        assert await detector.adetect([TEXT, ""]) == detector.detect([TEXT, ""])

    @pytest.mark.parametrize("analyzer", [None, users_analyzer("en")], ids=["patterns", "users"])
    def test_agrees_in_sixteen_threads(self, analyzer: AnalyzerEngine | None) -> None:
        detector = PresidioDetector(analyzer)
        texts = [f"Jane Doe {number}, jane{number}@example.com, badge B-{number:06}" for number in range(64)]
        expected = [detector.detect([text]) for text in texts]
        with ThreadPoolExecutor(16) as pool:
            assert list(pool.map(lambda text: detector.detect([text]), texts)) == expected


def _objects(name: str) -> list[Any]:
    return [one for one in gc.get_objects() if type(one).__name__ == name]
