import html
import json
from urllib.parse import quote, quote_plus

import pytest
from hypothesis import given
from hypothesis import strategies as st

from langchain_secguard.spellings import plainest, spellings


def texts(text: str) -> list[str]:
    return [spelling.text for spelling in spellings(text)]


@pytest.mark.parametrize(
    ("text", "reading"),
    [
        (r"a\nb", "a\nb"),
        (r"\u00e9", "é"),
        (r"\ud83d\udc69", "👩"),
        (r"\U0001f469", "👩"),
        (r"\xe9", "é"),
        (r"say \"hi\"", 'say "hi"'),
        (r"say \\\"hi\\\"", 'say "hi"'),
        ("Jane%20Doe", "Jane Doe"),
        ("Jane+Doe", "Jane Doe"),
        ("%D7%A9%D7%A8", "שר"),
        ("%e9", "é"),
        ("%2B1%20555", "+1 555"),
        ("Jane%2520Doe", "Jane Doe"),
        ("a &amp; b", "a & b"),
        ("&#74;ane", "Jane"),
        ("&#x4A;ane", "Jane"),
        ("Ja\u200bne", "Jane"),
        ("\uff2a\uff41\uff4e\uff45", "Jane"),
        (r"Jane%20O\u0027Neill", "Jane O'Neill"),
    ],
)
def test_reads(text: str, reading: str) -> None:
    assert reading in texts(text)


@pytest.mark.parametrize("text", ["plain text", "50% off", "a + b", "AT&T", "C:", "é 王"])
def test_most_texts_have_no_other(text: str) -> None:
    assert texts(text) == [text]
    assert plainest(text).text == text


def test_undoes_all_escapes_for_a_detector() -> None:
    assert plainest(json.dumps(quote_plus(html.escape("Jane & 'Doe'")))).text == "\"Jane & 'Doe'\""


@pytest.mark.parametrize(
    "encode",
    [lambda text: json.dumps(text)[1:-1], lambda text: quote(text, safe=""), quote_plus, html.escape],
)
def test_leads_back_to_what_was_read(encode: object) -> None:
    value = 'Jo"é 👩\n'
    text = f"x {encode(value)} y"  # type: ignore[operator]
    spelling = next(one for one in spellings(text) if value in one.text)
    start = spelling.text.index(value)
    first, last = spelling.origin(start, start + len(value))
    assert text[first:last] == encode(value)  # type: ignore[operator]


@given(st.text(alphabet='\\u0n"%2B+&amp;#x;é\u200b\ud83dab1', max_size=40))
def test_offsets_rise_and_stay_in_the_text(text: str) -> None:
    for spelling in [*spellings(text), plainest(text)]:
        offsets = [spelling.origin(i, i)[0] for i in range(len(spelling.text) + 1)]
        assert offsets == sorted(offsets)
        assert offsets[-1] == len(text)
    assert len(spellings(text)) <= 12
