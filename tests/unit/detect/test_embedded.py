"""The detector that comes with the package: patterns and names together."""

from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from langchain_secguard import Anonymizer, Vault
from langchain_secguard.detect import EmbeddedDetector, Span, embedded
from langchain_secguard.find import STANDARD_TYPES

COMPLAINT = (
    "Plaintiff, Jane Doe, by and through her attorneys, files this complaint against Defendant, "
    "Big Corporation.\nOn July 15, 2023, at 123 Industrial Way, Springfield, Illinois 62701, she was hurt. "
    "Write to jane.doe@example.com,\ncall (217) 555-0142; "
    "SSN 219-09-9999; card 4111 1111 1111 1111; from 203.0.113.42."
)


def found(text: str, **options: object) -> set[tuple[str, str]]:
    (spans,) = EmbeddedDetector(**options).detect([text])  # type: ignore[arg-type]
    return {(span.entity_type, text[span.start : span.end]) for span in spans if span.score >= 0.5}


def test_a_complaint_is_found_whole() -> None:
    assert found(COMPLAINT) >= {
        ("PERSON", "Jane Doe"),
        ("ORGANIZATION", "Big Corporation"),
        ("DATE_TIME", "July 15, 2023"),
        ("LOCATION", "123 Industrial Way, Springfield, Illinois 62701"),
        ("EMAIL_ADDRESS", "jane.doe@example.com"),
        ("PHONE_NUMBER", "(217) 555-0142"),
        ("US_SSN", "219-09-9999"),
        ("CREDIT_CARD", "4111 1111 1111 1111"),
        ("IP_ADDRESS", "203.0.113.42"),
    }


def test_a_bent_placeholder_of_any_of_its_types_counts_as_one() -> None:
    assert EmbeddedDetector.ENTITY_TYPES <= STANDARD_TYPES


def test_only_the_types_asked_for_are_found() -> None:
    assert {name for name, _ in found(COMPLAINT, entity_types=["US_SSN", "PERSON"])} == {"US_SSN", "PERSON"}
    assert not {name for name, _ in found(COMPLAINT, names=False)} & {"PERSON", "ORGANIZATION"}


def test_a_number_is_not_another_type_because_its_own_was_not_asked_for() -> None:
    assert found("card 4111 1111 1111 1111", entity_types=["PHONE_NUMBER"]) == set()


def test_what_stands_in_a_url_is_reported_beside_it() -> None:
    types = {name for name, _ in found("see https://example.com/?mail=jane.doe@example.com today")}
    assert types == {"URL", "EMAIL_ADDRESS"}


def test_an_unknown_type_is_refused() -> None:
    with pytest.raises(ValueError, match="PERSONS"):
        EmbeddedDetector(entity_types=["PERSONS"])


def test_a_faint_name_does_not_take_the_place_of_a_pattern(monkeypatch: pytest.MonkeyPatch) -> None:
    text = "Write to jane.doe@example.com now"
    faint = [Span(0, len(text), "PERSON", 0.2)]
    monkeypatch.setattr(embedded, "find_names", lambda texts: [faint for _ in texts])
    assert ("EMAIL_ADDRESS", "jane.doe@example.com") in found(text)
    assert Anonymizer(vault=Vault()).invoke(text) == "Write to [EMAIL_ADDRESS_1] now"


async def test_async_detection_agrees() -> None:
    detector = EmbeddedDetector()
    assert await detector.adetect([COMPLAINT, ""]) == detector.detect([COMPLAINT, ""])


@given(
    st.lists(
        st.one_of(st.text(max_size=60), st.sampled_from([COMPLAINT, "https://x.com/?a=jane@x.com"])),
        max_size=3,
    )
)
@settings(deadline=None, max_examples=30)
def test_spans_are_sorted_within_the_text_and_disjoint_in_their_kind(texts: list[str]) -> None:
    for text, spans in zip(texts, EmbeddedDetector().detect(texts), strict=True):
        assert spans == sorted(spans)
        assert all(0 <= span.start < span.end <= len(text) and 0 <= span.score <= 1 for span in spans)
        patterns = [span for (spans,) in [EmbeddedDetector(names=False).detect([text])] for span in spans]
        names = [span for span in spans if span not in patterns]
        for kind in (names, [span for span in patterns if span.entity_type != "URL"]):
            assert all(before.end <= after.start for before, after in pairwise(kind))
