from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from langchain_secguard.detect.patterns import PATTERN_TYPES, find_patterns

# A value, its type, and a text around it, in which {} stands for the value.
FOUND = [
    ("EMAIL_ADDRESS", "jane.doe+x@example.co.uk", "write to <{}>."),
    ("EMAIL_ADDRESS", "jörg@müller.example", '{{"mail":"{}"}}'),
    ("PHONE_NUMBER", "(555) 123-4567", "call {}."),
    ("PHONE_NUMBER", "555-0142", "at {},"),
    ("PHONE_NUMBER", "555\u2011123\u20114567", "call {}"),
    ("PHONE_NUMBER", "+44 20 7946 0958", "[{}]"),
    ("PHONE_NUMBER", "1-800-555-0199 ext. 12", "dial {}"),
    ("CREDIT_CARD", "4111 1111 1111 1111", "card {}."),
    ("CREDIT_CARD", "378282246310005", "{},"),
    ("IBAN_CODE", "GB82 WEST 1234 5698 7654 32", "IBAN {}."),
    ("IBAN_CODE", "DE89370400440532013000", '"{}"'),
    ("US_SSN", "123-45-6789", "SSN: {}."),
    ("US_SSN", "123456789", '"ssn": "{}"'),
    ("US_ITIN", "912-70-1234", "{}"),
    ("US_PASSPORT", "123456789", "passport number {}"),
    ("US_DRIVER_LICENSE", "D1234567", "driver's license {},"),
    ("US_BANK_NUMBER", "12345678901", "account number {}"),
    ("US_BANK_NUMBER", "021000021", "routing number: {}"),
    ("US_LICENSE_PLATE", "7ABC123", "license plate {}"),
    ("MEDICAL_LICENSE", "AB1234563", "DEA {}"),
    ("IP_ADDRESS", "192.168.1.10", "at {}:8080"),
    ("IP_ADDRESS", "2001:db8::ff00:42:8329", "[{}]"),
    ("IP_ADDRESS", "fe80::1ff:fe23:4567:890a%eth0", "{}"),
    ("MAC_ADDRESS", "00:1A:2B:3C:4D:5E", "{}."),
    ("UUID", "123e4567-e89b-12d3-a456-426614174000", "id {}"),
    ("URL", "https://example.com/a_(b)?c=1#d", "(see {})."),
    ("URL", "www.example.org/x", "[a]({})"),
    ("CRYPTO", "1A1zP1eP5QGefi2DMPTfTL5SLmv7DivfNa", "to {}."),
    ("CRYPTO", "bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t4", "{}"),
    ("CRYPTO", "0x52908400098527886E0F7030069857D2E4169EE7", "{}"),
    ("SECRET", "AKIAIOSFODNN7EXAMPLE", "{}."),
    ("SECRET", "sk-proj-abcdEFGH1234567890abcd", "'{}'"),
    ("SECRET", "hunter2!", "password: {}"),
    ("SECRET", "abcd1234efgh5678", 'api_key="{}"'),
    ("SECRET", "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----", "{} ."),
    ("ID_NUMBER", "2:23-cv-01234-ABC", "Case No. {}."),
    ("ID_NUMBER", "12345/67", "(no. {})"),
    ("ID_NUMBER", "22-1234", "docket {},"),
    ("ID_NUMBER", "00123456", "MRN {}"),
    ("ID_NUMBER", "PX-99281", "policy number {}."),
    ("ID_NUMBER", "E12345", "employee ID {}"),
    ("LOCATION", "123 Industrial Way, Springfield, Illinois 62701", "at {}."),
    ("LOCATION", "123 Industrial Way\nSpringfield, IL 62701-1234", "{}\n"),
    ("LOCATION", "4 Privet Drive", "at {},"),
    ("LOCATION", "P.O. Box 123, Springfield, IL 62701", "{}."),
    ("LOCATION", "10 Downing Street, London SW1A 2AA", "{}."),
    ("LOCATION", "Hauptstraße 12, 10115 Berlin", "{}."),
    ("LOCATION", "12 rue de la Paix, 75002 Paris", "{}."),
    ("DATE_TIME", "July 15, 2023", "on or about {}."),
]
HARMLESS = [
    "version 1.2.3 and v1.2.3.4",
    "section 1.2.3.4 of the act",
    "It costs $1,234,567.89, or 12,345 euros.",
    "[PERSON_1] wrote to [EMAIL_ADDRESS_2] and [REDACTED_PERSON_1]",
    "GPT-4, COVID-19, ISO-8859-1, UTF-8 and SHA-256",
    "xs[::2] and std::vector and a[1::3]",
    "a 1920x1080 picture, 16:9, 3.14159, 100%",
    '{"a": 1, "b": [2, 3], "c": null}',
    "May I go? You may want to march on.",
    "for five years and two weeks",
    "the password is correct, and the key = value",
    "import os.path; logging.info(x)",
    "4111 1111 1111 1112",
    "pick 5 miles down the road and 30 minutes later",
]


@pytest.mark.parametrize(("entity_type", "value", "around"), FOUND)
def test_a_value_is_found_with_exact_bounds(entity_type: str, value: str, around: str) -> None:
    text = around.format(value)
    found = [
        (text[span.start : span.end], span.entity_type) for span in find_patterns(text) if span.score >= 0.5
    ]
    assert (value, entity_type) in found


@pytest.mark.parametrize("text", HARMLESS)
def test_what_only_looks_alike_is_left_alone(text: str) -> None:
    assert [text[span.start : span.end] for span in find_patterns(text) if span.score >= 0.5] == []


def test_what_a_url_holds_is_reported_beside_it() -> None:
    assert [span.entity_type for span in find_patterns("https://example.com/?to=jane@example.org")] == [
        "URL",
        "EMAIL_ADDRESS",
    ]


def test_a_card_does_not_become_something_else_when_cards_are_not_asked_for() -> None:
    assert find_patterns("4111 1111 1111 1111", ["PHONE_NUMBER", "ID_NUMBER"]) == []


def test_an_invisible_character_inside_a_value_is_part_of_it() -> None:
    (span,) = find_patterns("jane\u200b@example.com")
    assert (span.start, span.end) == (0, 17)


@given(st.text() | st.text("0123456789-/.@:+ ()#aAé\u200b\n\\"))
def test_spans_are_sorted_disjoint_and_within_the_text(text: str) -> None:
    spans = find_patterns(text)
    assert spans == sorted(spans)
    assert all(0 <= span.start < span.end <= len(text) and 0 < span.score <= 1 for span in spans)
    assert {span.entity_type for span in spans} <= PATTERN_TYPES
    others = [span for span in spans if span.entity_type != "URL"]
    assert all(left.end <= right.start for left, right in pairwise(others))


@pytest.mark.parametrize(
    "unit", ["a", "1", "-", ".", "@", " ", "a.", "a@", "1 ", "1 and ", "1 Main ", "::", "\\n1"]
)
def test_a_long_run_of_one_unit_is_read_to_its_end(unit: str) -> None:
    find_patterns(unit * (20_000 // len(unit)))
