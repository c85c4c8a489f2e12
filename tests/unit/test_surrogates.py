import random
import re
import sys
from typing import Any

import pytest

from langchain_secguard.detect import EmbeddedDetector
from langchain_secguard.surrogates import CANDIDATES, Surrogates
from langchain_secguard.vault.phrases import phrase_keys

TYPES = [
    ("PERSON", "Jane Doe"), ("PERSON", "Jane"), ("PERSON", "JANE DOE"), ("ORGANIZATION", "Acme Inc"),
    ("LOCATION", "Paris"), ("LOCATION", "12 Main Street"), ("EMAIL_ADDRESS", "jane@x.com"),
    ("PHONE_NUMBER", "+1 212 555 0000"), ("CREDIT_CARD", "4111 1111 1111 1111"),
    ("IBAN_CODE", "DE89370400440532013000"), ("US_SSN", "123-45-6789"), ("IP_ADDRESS", "10.0.0.1"),
    ("IP_ADDRESS", "fe80::1"), ("URL", "https://x.com/a"), ("DATE_TIME", "3 May 1980"),
    ("UUID", "123e4567-e89b-12d3-a456-426614174000"), ("CRYPTO", "1BoatSLRHtKNngkdXEeobR76b53LETtpyT"),
    ("ID_NUMBER", "AB-123456"), ("SECRET", "sk-abc123"), ("ANY_TYPE", "x1y2"),
]  # fmt: skip


@pytest.fixture(scope="module")
def surrogates() -> Surrogates:
    return Surrogates(seed=7)


class TestCandidates:
    @pytest.mark.parametrize(("entity_type", "value"), TYPES)
    def test_are_several_different_fakes(self, surrogates: Surrogates, entity_type: str, value: str) -> None:
        fakes = surrogates.candidates(entity_type, value, [value])
        assert 1 < len(fakes) <= CANDIDATES
        assert len(set(fakes)) == len(fakes)

    @pytest.mark.parametrize(("entity_type", "value"), TYPES)
    def test_can_be_found_again_in_a_text(self, surrogates: Surrogates, entity_type: str, value: str) -> None:
        for fake in surrogates.candidates(entity_type, value, [value]):
            assert re.fullmatch(r"\w(?:.*\w)?", fake)
            assert phrase_keys(fake)

    @pytest.mark.parametrize(("entity_type", "value"), TYPES)
    def test_never_stand_in_the_texts(self, entity_type: str, value: str) -> None:
        fakes = Surrogates(seed=3).candidates(entity_type, value, [])
        text = f"x {fakes[0].upper()} y"
        again = Surrogates(seed=3).candidates(entity_type, value, [text, value])
        assert fakes[0] not in again
        assert value.casefold() not in {fake.casefold() for fake in again}

    @pytest.mark.parametrize(
        ("entity_type", "value", "pattern"),
        [
            ("EMAIL_ADDRESS", "a@b.c", r"[\w.]+@example\.(?:org|com|net)"),
            ("PHONE_NUMBER", "1", r"[2-9]\d\d-555-01\d\d"),
            ("US_SSN", "1", r"666-\d\d-\d{4}"),
            ("IP_ADDRESS", "10.0.0.1", r"(?:192\.0\.2|198\.51\.100|203\.0\.113)\.\d{1,3}"),
            ("IP_ADDRESS", "::1", r"2001:db8::[0-9a-f]+:[0-9a-f]+"),
            ("URL", "https://x.com", r"https://example\.org/[\w-]+"),
            ("ID_NUMBER", "AB-123456", r"[A-Z]{2}-\d{6}"),
            ("PERSON", "Jane", r"[\w'-]+"),
        ],
    )
    def test_come_from_ranges_that_are_nobodys(
        self, surrogates: Surrogates, entity_type: str, value: str, pattern: str
    ) -> None:
        for fake in surrogates.candidates(entity_type, value, []):
            assert re.fullmatch(pattern, fake), fake

    def test_are_in_capitals_for_a_name_in_capitals(self, surrogates: Surrogates) -> None:
        assert all(fake.isupper() for fake in surrogates.candidates("PERSON", "JANE DOE", []))

    def test_are_found_by_the_detector_under_their_own_type(self, surrogates: Surrogates) -> None:
        detector = EmbeddedDetector(entity_types=["EMAIL_ADDRESS"], names=False)
        fakes = surrogates.candidates("EMAIL_ADDRESS", "jane@x.com", [])
        found = detector.detect([f"write to {fake} now" for fake in fakes])
        assert [[span.entity_type for span in spans] for spans in found] == [["EMAIL_ADDRESS"]] * len(fakes)

    def test_can_be_repeated_with_a_seed_alone(self) -> None:
        def made(seed: int | None) -> Any:
            return Surrogates(seed=seed).candidates("PERSON", "Jane Doe", [])

        assert made(1) == made(1)
        assert made(1) != made(2)
        assert made(None) != made(None)

    def test_do_not_touch_the_process_random(self) -> None:
        state = random.getstate()
        Surrogates().candidates("PERSON", "Jane Doe", [])
        assert random.getstate() == state

    @pytest.mark.parametrize(
        ("locale", "value"), [("zh_CN", "王小明"), ("ja_JP", "山田太郎"), ("ko_KR", "김철수")]
    )
    def test_are_none_in_a_script_in_which_they_would_not_be_found_again(
        self, locale: str, value: str
    ) -> None:
        assert Surrogates(locale, seed=1).candidates("PERSON", value, []) == ()

    def test_are_no_numbers_that_an_answer_holds_by_chance(self, surrogates: Surrogates) -> None:
        assert surrogates.candidates("ID_NUMBER", "1987", []) == ()
        assert surrogates.candidates("ID_NUMBER", "198712", [])

    def test_are_no_real_cities(self) -> None:
        fakes = Surrogates("es_ES", seed=1).candidates("LOCATION", "Paris", [])
        assert all("-" in fake for fake in fakes)


class TestSurrogates:
    def test_names_the_extra_when_faker_is_missing(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setitem(sys.modules, "faker", None)
        with pytest.raises(ImportError, match=re.escape("langchain-secguard[surrogates]")):
            Surrogates()

    def test_takes_a_locale(self) -> None:
        assert Surrogates("de_DE", seed=1).candidates("LOCATION", "Paris", [])
