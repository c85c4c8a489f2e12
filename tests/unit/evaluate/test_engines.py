import pytest

from langchain_secguard.detect import EmbeddedDetector
from langchain_secguard.evaluate.engines import EngineError, detector_named, scanner_named
from tests.support import LexiconDetector

BOOKS = LexiconDetector({"Jane Doe": "PERSON"})


def make() -> LexiconDetector:
    return BOOKS


def fail() -> None:
    raise ImportError('no engine; pip install "engine"')


def risk(text: str) -> float:
    return float(len(text) > 3)


class Scanner:
    def scan(self, text: str) -> float:
        return risk(text)


HERE = __name__


class TestDetectors:
    @pytest.mark.parametrize(("name", "finds"), [("embedded", 2), ("patterns", 1)])
    def test_of_the_package_have_names(self, name: str, finds: int) -> None:
        detector = detector_named(name)
        assert isinstance(detector, EmbeddedDetector)
        types = {span.entity_type for span in detector.detect(["Mail Jane Doe at jane@example.com."])[0]}
        assert len(types) == finds

    @pytest.mark.parametrize("name", [f"{HERE}:make", f"{HERE}:BOOKS"])
    def test_come_from_a_factory_or_as_they_are(self, name: str) -> None:
        assert detector_named(name) is BOOKS

    def test_come_from_a_class(self) -> None:
        name = "langchain_secguard.detect:EmbeddedDetector"
        assert isinstance(detector_named(name), EmbeddedDetector)

    @pytest.mark.parametrize(
        ("name", "message"),
        [
            ("bert", "'bert' is not embedded, patterns, or module:factory"),
            ("nowhere.at_all:make", "nowhere.at_all cannot be imported"),
            (f"{HERE}:nothing", "has no nothing"),
            (f"{HERE}:fail", 'could not be made: ImportError: no engine; pip install "engine"'),
            (f"{HERE}:Scanner", "gives a Scanner, which has no detect"),
            (f"{HERE}:HERE", "gives a str, which has no detect"),
        ],
    )
    def test_that_cannot_be_had_say_why(self, name: str, message: str) -> None:
        with pytest.raises(EngineError, match=message):
            detector_named(name)


class TestScanners:
    def test_may_be_functions(self) -> None:
        assert scanner_named(f"{HERE}:risk") is risk

    def test_may_be_classes(self) -> None:
        assert isinstance(scanner_named(f"{HERE}:Scanner"), Scanner)

    def test_can_be_called(self) -> None:
        with pytest.raises(EngineError, match="HERE: str is no Runnable"):
            scanner_named(f"{HERE}:HERE")

    def test_have_a_module(self) -> None:
        with pytest.raises(EngineError, match="'risk' is not module:name"):
            scanner_named("risk")
