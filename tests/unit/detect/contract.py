"""What every detector keeps to, as a test class that the tests of each detector inherit."""

from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from langchain_secguard import Anonymizer, Deanonymizer, Vault
from langchain_secguard.detect import Detector, Span, resolve
from langchain_secguard.policy import Policy
from langchain_secguard.settle import settle

KNOWN = (
    "Jane Doe", "Springfield", "Acme", "jane.doe@example.com", "4111 1111 1111 1111", "212-555-1234",
    "https://x.com/?a=jane@x.com", "DE89370400440532013000", "856-45-6789", "[PERSON_1]",
)  # fmt: skip
"""What some detector finds, and what may be cut by what stands around it."""

_INHERITED = [HealthCheck.function_scoped_fixture, HealthCheck.differing_executors]


def texts() -> st.SearchStrategy[str]:
    """Make texts of any Unicode, lone surrogates too, with things to find in them."""
    anything = st.text(st.characters(categories=None), max_size=20)
    return st.lists(st.one_of(st.sampled_from(KNOWN), anything), max_size=8).map("".join)


def places(spans: list[Span]) -> list[tuple[int, int, str]]:
    """Leave the scores out: they may differ in their last digits with what else is in a batch."""
    return [(span.start, span.end, span.entity_type) for span in spans]


class DetectorContract:
    """Inherit, and give a fixture ``detector``, a ``text`` and the ``value`` in it that it finds."""

    text = "On Monday Jane Doe paid."
    value = "Jane Doe"
    filler = f"and so it went on, {'x' * 300}, "

    def test_is_a_detector(self, detector: Detector) -> None:
        assert isinstance(detector, Detector)

    def test_finds_the_value(self, detector: Detector) -> None:
        (spans,) = detector.detect([self.text])
        assert self.value in {self.text[span.start : span.end] for span in spans}

    def test_shows_no_text(self, detector: Detector) -> None:
        detector.detect([self.text])
        assert self.value not in repr(detector)

    @given(batch=st.lists(texts(), max_size=3))
    @settings(deadline=None, max_examples=25, suppress_health_check=_INHERITED)
    def test_marks_within_the_text_and_is_settled_to_disjoint_spans(
        self, detector: Detector, batch: list[str]
    ) -> None:
        found = detector.detect(batch)
        assert len(found) == len(batch)
        for text, spans in zip(batch, found, strict=True):
            assert spans == sorted(spans)
            assert all(0 <= span.start < span.end <= len(text) for span in spans)
            assert all(0 <= span.score <= 1 for span in spans)
            for chosen in (resolve(spans), settle(text, spans, lambda _: Policy())):
                assert all(before.end <= after.start for before, after in pairwise(chosen))
                marked = {place for span in spans for place in range(span.start, span.end)}
                kept = {place for span in chosen for place in range(span.start, span.end)}
                assert all(text[place].isspace() for place in marked - kept)

    def test_reads_no_texts_and_empty_ones(self, detector: Detector) -> None:
        assert detector.detect([]) == []
        assert detector.detect(["", " ", "\n"]) == [[], [], []]

    def test_reads_a_megabyte(self, detector: Detector) -> None:
        before, after = self.filler * 1_550, self.filler * 1_550
        text = f"{before} {self.text} {after}"
        start = len(before) + 1 + self.text.index(self.value)
        (spans,) = detector.detect([text])
        assert len(text) >= 990_000
        assert (start, start + len(self.value)) in {(span.start, span.end) for span in spans}
        assert all(before.end <= after.start for before, after in pairwise(resolve(spans)))

    def test_reads_a_batch_as_it_reads_one_by_one(self, detector: Detector) -> None:
        batch = [self.text, "", f"so {self.text}", "nothing", self.text * 20]
        alone = [spans for text in batch for spans in detector.detect([text])]
        assert list(map(places, detector.detect(batch))) == list(map(places, alone))

    async def test_finds_the_same_when_awaited(self, detector: Detector) -> None:
        assert await detector.adetect([self.text, ""]) == detector.detect([self.text, ""])

    def test_serves_sixteen_threads_at_once(self, detector: Detector) -> None:
        batch = [f"{'so ' * (number % 5)}{self.text}" for number in range(48)]
        alone = [places(detector.detect([text])[0]) for text in batch]
        with ThreadPoolExecutor(16) as pool:
            found = list(pool.map(lambda text: places(detector.detect([text])[0]), batch))
        assert found == alone

    def test_brings_the_text_back_through_the_pair(self, detector: Detector) -> None:
        vault = Vault()
        hidden = Anonymizer(detector=detector, vault=vault, threshold=0).invoke(self.text)
        assert self.value not in hidden
        assert Deanonymizer(vault=vault).invoke(hidden) == self.text
