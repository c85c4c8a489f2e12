import pytest
from hypothesis import given
from hypothesis import strategies as st

from langchain_secguard.tracing.masking.known import Known


def found(value: str, text: str) -> list[str]:
    return [text[start:end] for start, end, stand_in in Known({value: "[X]"}).find(text) if stand_in == "[X]"]


@pytest.mark.parametrize(
    ("value", "text", "expected"),
    [
        ("Jane Doe", "I am Jane Doe.", "Jane Doe"),
        ("Jane Doe", "JANE DOE", "JANE DOE"),
        ("Jane Doe", "jane\n  doe", "jane\n  doe"),
        ("Jane Doe", "/users/jane_doe.pdf", "jane_doe"),
        ("Jane Doe", "jane.doe-7", "jane.doe"),
        ("Jane Doe", "@janedoe", "janedoe"),
        ("Jane Doe", "DOE, JANE", "DOE, JANE"),
        ("Jane Doe", "Jane **Doe**", "Jane **Doe"),
        ("Doe", "user_doe", "doe"),
        ("Will", "WILL", "WILL"),
        ("Straße", "STRASSE", "STRASSE"),
        ("Żółć", "ŻÓŁĆ", "ŻÓŁĆ"),
        ("e\u0301ve", "éve", "éve"),
        ("éve", "e\u0301ve", "e\u0301ve"),
        ("$1,000 (c)", "paid $1,000 (c)!", "$1,000 (c)"),
        ("$1,000 (c)", "paid 1 000 c", "1 000 c"),
        ("王伟", "我叫王伟。", "王伟"),
        ("+1 (555) 010-0142", "15550100142", "15550100142"),
        ("+1 (555) 010-0142", "1-555-010-0142", "1-555-010-0142"),
        ("555-010-0142", "+1 (555) 010 0142", "+1 (555) 010 0142"),
        ("4111 1111 1111 1111", "4111111111111111", "4111111111111111"),
        ("O'Neill", "o'neill", "o'neill"),
        ("👩‍👧", "x👩‍👧x", "👩‍👧"),
        ("****", "a ****!", "****"),
        ("Jane", "jane's", "jane"),
        ("Doe", "the Does", "Doe"),
        ("Jane Doe", "two Jane Does", "Jane Doe"),
        ("Jane Doe", "xJane Doerr", "Jane Doe"),
        ("Jane Doe", "xJANE DOErr", "JANE DOE"),
        ("jane@x.com", "mailto:jane@x.community", "jane@x.com"),
        ("Jane", "我是Jane说", "Jane"),
        ("Jane Doe", "我是jane_doe说", "jane_doe"),
    ],
)
def test_finds(value: str, text: str, expected: str) -> None:
    assert expected in found(value, text)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("Will", "goodwill, willing"),
        ("Ann", "Annapolis"),
        ("Jane Doe", "Jane met Doe"),
        ("Jane Doe", '"Jane", "Doe"'),
        ("Jane Doe", "{'Jane': 'Doe'}"),
        ("a b", "a+b, ab"),
        ("1 2 3", "123"),
        ("555-010-0142", "9995550100142999"),
        ("'", "it's"),
        ("", "nothing"),
        ("  ", "no  thing"),
    ],
)
def test_does_not_find(value: str, text: str) -> None:
    assert found(value, text) == []


def test_finds_the_longest_first_and_whatever_overlaps_it() -> None:
    known = Known({"Jane": "[A]", "Jane Doe": "[B]", "Doe Roe": "[C]"})
    assert [(one.start, one.end, one.stand_in) for one in known.find("Jane Doe Roe")] == [
        (0, 8, "[B]"),
        (5, 12, "[C]"),
    ]


def test_finds_many_values_as_it_finds_few() -> None:
    values = {f"Person {number:04}": f"[PERSON_{number}]" for number in range(1, 500)}
    text = "xPerson 0123x, person_0007, PERSON 0499."
    assert {one.stand_in for one in Known(values).find(text)} == {
        "[PERSON_123]",
        "[PERSON_7]",
        "[PERSON_499]",
    }


def test_knows_nothing() -> None:
    assert not Known({})
    assert Known({}).find("text") == []


@given(st.dictionaries(st.text(max_size=12), st.just("[X]"), max_size=5), st.text(max_size=40))
def test_marks_lie_in_the_text(values: dict[str, str], text: str) -> None:
    for start, end, _ in Known(values).find(text):
        assert 0 <= start < end <= len(text)


@given(st.text(alphabet="abcdefgh", min_size=3, max_size=8), st.text(alphabet="abc XY.,\n", max_size=20))
def test_a_word_is_found_between_any_others(word: str, around: str) -> None:
    text = f"{around} {word} {around}"
    assert word in found(word, text)
