from collections.abc import Sequence

import numpy as np
import pytest

from langchain_secguard.detect import Span
from langchain_secguard.detect.calling import acall, call, checked, guarded
from langchain_secguard.errors import DetectorError
from tests.support import FailingDetector, LexiconDetector, error_texts, holds

SECRET = "Jane Doe"


def test_gives_what_the_detector_gives() -> None:
    assert call(LexiconDetector({SECRET: "PERSON"}), [SECRET, ""]) == [[Span(0, 8, "PERSON")], []]


async def test_gives_the_same_without_blocking() -> None:
    assert await acall(LexiconDetector({SECRET: "PERSON"}), [SECRET]) == [[Span(0, 8, "PERSON")]]


class Quoting:
    """Raise an error of ours from one that holds the text."""

    def detect(self, texts: Sequence[str]) -> list[list[Span]]:
        known: dict[str, list[Span]] = {}
        try:
            return [known[text] for text in texts]
        except KeyError as error:
            raise DetectorError("no answer") from error

    async def adetect(self, texts: Sequence[str]) -> list[list[Span]]:
        return self.detect(texts)


class TestFailure:
    def test_names_the_detector_and_no_text(self) -> None:
        with pytest.raises(DetectorError, match="FailingDetector failed with RuntimeError") as raised:
            call(FailingDetector(), [SECRET])
        assert not any(holds(text, SECRET) for text in error_texts(raised.value))

    async def test_names_no_text_either_when_it_is_async(self) -> None:
        with pytest.raises(DetectorError, match="FailingDetector failed with RuntimeError") as raised:
            await acall(FailingDetector(), [SECRET])
        assert not any(holds(text, SECRET) for text in error_texts(raised.value))

    def test_stays_what_it_is_if_it_is_ours(self) -> None:
        with pytest.raises(DetectorError, match=r"^Other: "):
            call(FailingDetector(lambda text: DetectorError("Other: no model")), [""])

    def test_forgets_what_it_arose_from_if_it_is_ours(self) -> None:
        with pytest.raises(DetectorError, match="no answer") as raised:
            call(Quoting(), [SECRET])
        assert not any(holds(text, SECRET) for text in error_texts(raised.value))


class TestCheck:
    @pytest.mark.parametrize(
        ("detected", "message"),
        [
            ([], "gave 0 lists for 1 texts"),
            (None, "no list of spans"),
            ([[(0, 1, "PERSON")]], "no list of spans"),
            ([[Span(0, 9, "PERSON")]], "characters 0 to 9 of a text of 8"),
            ([[Span(-1, 2, "PERSON")]], "characters -1 to 2"),
            ([[Span(3, 2, "PERSON")]], "characters 3 to 2"),
            ([[Span(0.0, 2.0, "PERSON")]], "no list of spans"),  # type: ignore[arg-type]
            ([[Span(0, 2, "!")]], "no list of spans"),
            ([[Span(0, 2, "PERSON", "sure")]], "no list of spans"),  # type: ignore[arg-type]
        ],
    )
    def test_refuses_what_is_no_list_of_spans_of_the_text(self, detected: object, message: str) -> None:
        with pytest.raises(DetectorError, match=f"^str .*{message}") as raised:
            checked("a detector of this class", [SECRET], detected)  # type: ignore[arg-type]
        assert not any(holds(text, SECRET) for text in error_texts(raised.value))

    def test_writes_labels_as_entity_types_and_scores_as_numbers(self) -> None:
        spans = [Span(0, 2, "phone number", 1), Span(0, 2, "PERSON", 0.5)]
        assert checked(None, [SECRET], [spans]) == [
            [Span(0, 2, "PHONE_NUMBER", 1.0), Span(0, 2, "PERSON", 0.5)]
        ]

    def test_makes_whole_numbers_of_a_library_those_of_python(self) -> None:
        [[span]] = checked(None, [SECRET], [[Span(np.int64(0), np.int32(4), "PERSON", np.float32(1))]])  # type: ignore[arg-type]
        assert [type(part) for part in (span.start, span.end, span.score)] == [int, int, float]


class Careless:
    @guarded
    def detect(self, texts: Sequence[str]) -> list[list[Span]]:
        raise KeyError(*texts)


def test_a_guarded_method_names_no_text() -> None:
    with pytest.raises(DetectorError, match="Careless failed with KeyError") as raised:
        Careless().detect([SECRET])
    assert not any(holds(text, SECRET) for text in error_texts(raised.value))
