import asyncio
from collections.abc import Sequence
from functools import partial

import pytest

from langchain_secguard import Anonymizer, Policy, Vault
from langchain_secguard.detect import (
    Detector,
    EmbeddedDetector,
    FunctionDetector,
    Span,
    UnionDetector,
    resolve,
)
from langchain_secguard.errors import DetectorError
from tests.support import FailingDetector, LexiconDetector, WrongDetector, error_texts, holds

TEXT = "Jane Doe of Acme"
JANE, DOE, ACME = Span(0, 8, "PERSON"), Span(5, 8, "PERSON"), Span(12, 16, "ORGANIZATION")
PEOPLE = LexiconDetector({"Jane Doe": "PERSON"})
FIRMS = LexiconDetector({"Acme": "ORGANIZATION"})


def firms(text: str) -> list[tuple[int, int, str]]:
    return [(12, 16, "ORGANIZATION")]


class TestMembers:
    def test_are_united_by_the_operator(self) -> None:
        embedded = EmbeddedDetector(names=False)
        assert (embedded | PEOPLE).members == (embedded, PEOPLE)
        assert (PEOPLE | embedded).members == (PEOPLE, embedded)

    def test_may_be_functions(self) -> None:
        embedded = EmbeddedDetector()
        assert (embedded | firms).members == (embedded, FunctionDetector(firms))
        assert (firms | embedded).members == (FunctionDetector(firms), embedded)

    def test_of_a_union_in_a_union_are_its_own(self) -> None:
        embedded = EmbeddedDetector()
        assert ((embedded | PEOPLE) | (FIRMS | FunctionDetector(firms))).members == (
            embedded,
            PEOPLE,
            FIRMS,
            FunctionDetector(firms),
        )

    def test_that_are_equal_are_kept_once(self) -> None:
        union = EmbeddedDetector() | PEOPLE | EmbeddedDetector() | PEOPLE
        assert union.members == (EmbeddedDetector(), PEOPLE)
        assert len((EmbeddedDetector() | EmbeddedDetector(names=False)).members) == 2

    def test_make_two_unions_equal(self) -> None:
        assert EmbeddedDetector() | PEOPLE == EmbeddedDetector() | PEOPLE
        assert len({EmbeddedDetector() | PEOPLE, EmbeddedDetector() | PEOPLE}) == 1

    def test_are_shown(self) -> None:
        assert repr(EmbeddedDetector() | firms) == (
            "EmbeddedDetector(entity_types=None, names=True) | FunctionDetector(firms)"
        )

    @pytest.mark.parametrize("nonsense", [None, "PERSON", EmbeddedDetector, 3])
    def test_are_detectors(self, nonsense: object) -> None:
        with pytest.raises(TypeError):
            EmbeddedDetector() | nonsense
        with pytest.raises(TypeError):
            nonsense | EmbeddedDetector()
        with pytest.raises(TypeError, match="a detector has detect"):
            UnionDetector(nonsense)  # type: ignore[arg-type]

    def test_are_needed(self) -> None:
        with pytest.raises(ValueError, match="needs a detector"):
            UnionDetector()


class TestFinding:
    UNION = UnionDetector(PEOPLE, FIRMS, LexiconDetector({"Doe": "PERSON"}))

    def test_hands_on_what_each_member_finds(self) -> None:
        assert self.UNION.detect([TEXT, "", "Acme"]) == [
            [JANE, DOE, ACME],
            [],
            [Span(0, 4, "ORGANIZATION")],
        ]

    async def test_finds_the_same_when_awaited(self) -> None:
        assert await self.UNION.adetect([TEXT, "", "Acme"]) == self.UNION.detect([TEXT, "", "Acme"])

    def test_says_once_what_two_say(self) -> None:
        assert UnionDetector(PEOPLE, LexiconDetector({"Jane Doe": "PERSON"})).detect([TEXT]) == [[JANE]]

    def test_reads_no_texts(self) -> None:
        assert self.UNION.detect([]) == []

    def test_is_a_detector(self) -> None:
        assert isinstance(self.UNION, Detector)

    async def test_awaits_its_members_at_the_same_time(self) -> None:
        both = asyncio.Barrier(2)

        async def meets(text: str) -> list[tuple[int, int, str]]:
            async with asyncio.timeout(10):
                await both.wait()
            return []

        async def meets_too(text: str) -> list[tuple[int, int, str]]:
            return await meets(text)

        assert await UnionDetector(meets, meets_too).adetect([TEXT]) == [[]]


class TestFailure:
    @pytest.mark.parametrize(
        ("member", "message"),
        [
            (FailingDetector(), "FailingDetector failed with RuntimeError"),
            (WrongDetector(lambda texts: []), "WrongDetector gave 0 lists"),
            (WrongDetector(lambda texts: [[Span(0, 99, "PERSON")] for _ in texts]), "WrongDetector marked"),
            (FunctionDetector(lambda text: {}[text]), "lambda"),
        ],
    )
    async def test_of_one_member_fails_all_and_names_it(self, member: Detector, message: str) -> None:
        for union in (UnionDetector(PEOPLE, member), UnionDetector(member, PEOPLE)):
            with pytest.raises(DetectorError, match=message) as raised:
                union.detect([TEXT])
            with pytest.raises(DetectorError, match=message) as awaited:
                await union.adetect([TEXT])
            for error in (raised.value, awaited.value):
                assert not any(holds(text, "Jane Doe") for text in error_texts(error))

    async def test_ends_the_members_that_are_still_reading(self) -> None:
        ended: list[bool] = []

        async def waits(text: str) -> list[tuple[int, int, str]]:
            try:
                await asyncio.sleep(60)
            finally:
                ended.append(True)
            return []

        with pytest.raises(DetectorError):
            await UnionDetector(waits, FailingDetector()).adetect([TEXT])
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        assert ended == [True]

    def test_stops_the_chain(self) -> None:
        with pytest.raises(DetectorError, match="FailingDetector failed"):
            Anonymizer(detector=EmbeddedDetector() | FailingDetector(), vault=Vault()).invoke(TEXT)


OVERLAPS: list[tuple[str, Sequence[Span], Sequence[Span]]] = [
    ("apart", [JANE, ACME], [JANE, ACME]),
    ("side by side", [Span(0, 4, "PERSON"), Span(4, 8, "CODE")], [Span(0, 4, "PERSON"), Span(4, 8, "CODE")]),
    (
        "one within the other",
        [Span(5, 8, "CODE", 1.0), Span(0, 8, "PERSON", 0.6)],
        [Span(0, 8, "PERSON", 0.6)],
    ),
    (
        "the same, of two types",
        [Span(0, 8, "CODE", 0.7), Span(0, 8, "PERSON", 0.9)],
        [Span(0, 8, "PERSON", 0.9)],
    ),
    (
        "halfway",
        [Span(0, 8, "PERSON"), Span(5, 16, "ORGANIZATION")],
        [Span(0, 5, "PERSON"), Span(5, 16, "ORGANIZATION")],
    ),
    (
        "one across two",
        [Span(0, 4, "PERSON"), Span(2, 14, "ORGANIZATION"), Span(12, 16, "CODE")],
        [Span(0, 2, "PERSON"), Span(2, 14, "ORGANIZATION"), Span(14, 16, "CODE")],
    ),
    (
        "halfway, as long",
        [Span(0, 6, "PERSON"), Span(3, 9, "CODE")],
        [Span(0, 6, "PERSON"), Span(6, 9, "CODE")],
    ),
]
"""What two detectors mark, and what is hidden; docs/detection.md has the same table."""


def always(span: Span, texts: Sequence[str]) -> list[list[Span]]:
    return [[span] for _ in texts]


class TestOverlaps:
    @pytest.mark.parametrize(
        ("spans", "settled"), [row[1:] for row in OVERLAPS], ids=[row[0] for row in OVERLAPS]
    )
    @pytest.mark.parametrize("swapped", [False, True])
    def test_are_settled_whoever_said_what(
        self, spans: Sequence[Span], settled: Sequence[Span], swapped: bool
    ) -> None:
        parts = [WrongDetector(partial(always, span)) for span in spans]
        (found,) = UnionDetector(*(reversed(parts) if swapped else parts)).detect([TEXT])
        assert resolve(found) == list(settled)

    def test_hide_for_good_what_either_says_must_not_come_back(self) -> None:
        union = UnionDetector(
            LexiconDetector({"Jane Doe": "PERSON"}), LexiconDetector({"Doe of Acme": "SECRET"})
        )
        anonymizer = Anonymizer(detector=union, policies={"SECRET": Policy("redact")}, vault=Vault())
        assert anonymizer.invoke(TEXT) == "[SECRET]"
