import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from langchain_secguard.urls import UrlTracker

INSIDE = [
    "https://", "http://x.com", "https://x.com/", "https://x.com/?a=", "HTTPS://X.COM/", "ftp://x",
    "git+ssh://x",
    "see https://x.com/a", "(https://x.com/a", "[x](https://x.com/a", "**https://x.com/a",
    "foohttps://x.com/",
    "www.", "www.x.com", "WWW.x.com/?q=", "(www.x.com/", "mailto:", "mailto:a@x.com?body=", "tel:+1", "sms:1",
    "data:text/html,", "javascript:x(", "//x.com/", "(//x.com/?", "x.com/", "x.com?q=", "x.com#",
    "a.b.c.co.uk/x",
    "x.com:8080/", "sub-domain.x.io/?a", "[x](", "![x](", "[x](/path?q=", "![x](a(b)c", "[x](y) [z](",
    "[x](y)[z](",
    "](", "[x](foo(bar)", "x.com/a,", "https://x.com/a.", "https://x.com/a]b", "https://x.com/{a}",
    "https://x.com/'a",
    "https:", "http:/", "https:\\\\x.com\\", "https:/1.2.3.4/", "//", "\\\\host\\share\\", "vbscript:",
    '<img src="https://x.com/?q= ', "<img src='https://x.com/\n", '<img src="//', "<img src=//",
    '<img src="/\\x',
    '<img src="h\tttps:/\t/x/', '<img src="&#104;ttps&#58;', '<img src = " //x/?a=', '<a href=//x?"',
    "url(//", "url('https://x.com/ a", 'content="0;url=//', '<x y="https://x.com/ ', "[x]: //", '[x]: https://x?"',
    "[x]: <https://x.com/ ", "[x](<https://x.com/ ", '[x](https://x.com/"', "[x](https://x.com/<a>",
    "[x](https://x.com/`a", "[x](a\\)b", "[x](\n//x",
    "https://x.com/a)b", "\u00e9xemple.com/", "https://x.com/" + "a" * 10_000,
]  # fmt: skip

OUTSIDE = [
    "", "hello", "a.b", "e.g.", "x.com", "x.com ", "https://x.com/ ", "https://x.com/\n",
    "https://x.com/\t", 'https://x.com/"', "https://x.com/>", "https://x.com/<", "https://x.com/`",
    "https://x.com/\u00a0", "https://x.com/\u2028", "[x](https://x.com/) and ", "[x](y)", "![x](y)",
    "[x](a(b)c)", "[x] (",
    "(", "[x]", "a/b", "and/or", "1/2", "10:30", "note: ", "key:value", "x?", "#tag", "C++/", "www",
    "e-mail:",
    "a // b", "x//y", '<a href="', "<a href=", '<form action="by ', "src=", '<img src="//x.com/">',
    "[x](<//x>)",
    '<a href="https://x.com">', "<a href='//x'>", "[x]: <", "[x]: ", "\\", "\\n\\n", 'print("Total: ', "url(",
    '{"u":"https://x.com","n":"', "fetch('https://x.com', ", "[x](//x) (", "src=10.0.0.1:443 ", "a=b&c=",
]  # fmt: skip


def fed(*pieces: str) -> UrlTracker:
    tracker = UrlTracker()
    for piece in pieces:
        tracker.feed(piece)
    return tracker


class TestUrlTracker:
    @pytest.mark.parametrize("text", INSIDE)
    def test_refuses_inside_a_url(self, text: str) -> None:
        assert fed(text).refuses("PERSON")

    @pytest.mark.parametrize("text", OUTSIDE)
    def test_allows_outside_of_a_url(self, text: str) -> None:
        assert not fed(text).refuses("PERSON")

    @pytest.mark.parametrize("text", [*INSIDE[:-1], *OUTSIDE])
    def test_says_the_same_however_the_text_is_cut(self, text: str) -> None:
        expected = fed(text).refuses("PERSON")
        assert fed(*text).refuses("PERSON") == expected
        for cut in range(len(text) + 1):
            assert fed(text[:cut], text[cut:]).refuses("PERSON") == expected

    @pytest.mark.parametrize("text", [text for text in INSIDE if not re.search(r"[\[=<(]", text)])
    @pytest.mark.parametrize("end", [" ", "\n", "\t", "\r", "\u00a0", '"', "<", ">", "`", " and "])
    def test_white_space_and_quotes_end_a_url(self, text: str, end: str) -> None:
        assert not fed(text, end).refuses("PERSON")
        assert not fed(text + end).refuses("PERSON")

    @pytest.mark.parametrize("end", ['"', "'", "<", ">", "`", "\\)", "(a)"])
    @pytest.mark.parametrize("text", ["[x](", "[x](https://x.com/?q=", "![x](//x/"])
    def test_a_parenthesis_or_white_space_alone_ends_the_target_of_a_link(self, text: str, end: str) -> None:
        assert fed(text + end).refuses("PERSON") or text + end == "[x](<"
        assert not fed(text + end + " ").refuses("PERSON") or end == "<"

    def test_a_value_alone_may_be_an_attribute(self) -> None:
        tracker = fed('<a href="')
        assert not tracker.refuses("PERSON")
        tracker.skip("PERSON")
        tracker.feed(" ")
        assert not tracker.refuses("PERSON")

    def test_what_follows_a_url_in_an_attribute_belongs_to_it(self) -> None:
        tracker = fed('<a href="')
        assert not tracker.refuses("URL")
        tracker.skip("URL")
        assert tracker.refuses("PERSON")
        tracker.feed('">')
        assert not tracker.refuses("PERSON")

    @pytest.mark.parametrize("text", ["[x](", "![x](", "see [x]("])
    def test_allows_a_url_as_the_whole_target_of_a_link(self, text: str) -> None:
        assert not fed(text).refuses("URL")
        assert fed(text, "https://x.com/").refuses("URL")

    @pytest.mark.parametrize("text", ["https://x.com/?u=", "www.", "x.com/"])
    def test_refuses_a_url_inside_another(self, text: str) -> None:
        assert fed(text).refuses("URL")

    def test_counts_a_value_as_a_letter(self) -> None:
        tracker = fed("https://")
        tracker.skip("PERSON")
        assert tracker.refuses("PERSON")
        tracker = fed("")
        tracker.skip("PERSON")
        tracker.feed(".com/")
        assert tracker.refuses("PERSON")

    def test_what_follows_a_url_at_once_belongs_to_it(self) -> None:
        tracker = fed("see ")
        tracker.skip("URL")
        assert tracker.refuses("PERSON")
        tracker.feed("?q=")
        assert tracker.refuses("PERSON")
        tracker.feed(" ")
        assert not tracker.refuses("PERSON")

    def test_a_value_of_another_type_opens_nothing(self) -> None:
        tracker = fed("see ")
        tracker.skip("PERSON")
        assert not tracker.refuses("PERSON")

    @pytest.mark.parametrize(("beginning", "end"), [("x = ' ", " "), ("[x]: ", '"')])
    def test_who_asks_in_the_midst_of_a_beginning_is_answered_by_what_has_come(
        self, beginning: str, end: str
    ) -> None:
        asked, unasked = fed(beginning), fed(beginning)
        assert not asked.refuses("PERSON")
        for tracker in (asked, unasked):
            tracker.skip("PERSON")
            tracker.feed("https://x.com/")
        assert asked.refuses("PERSON")
        asked.feed(end)
        unasked.feed(end)
        assert not asked.refuses("PERSON")
        assert unasked.refuses("PERSON")

    @settings(deadline=None, max_examples=300)
    @given(
        st.lists(
            st.sampled_from([*INSIDE[:-1], *OUTSIDE, ")", "(", ".", "/", ":", "\n", "w", "x"]), max_size=5
        )
    )
    def test_says_the_same_of_any_text_however_it_is_cut(self, pieces: list[str]) -> None:
        text = "".join(pieces)
        assert fed(*pieces).refuses("PERSON") == fed(*text).refuses("PERSON") == fed(text).refuses("PERSON")

    @settings(deadline=None, max_examples=300)
    @given(st.text(max_size=10), st.sampled_from([" ", "\n", '"', ">"]), st.sampled_from(INSIDE[:-1]))
    def test_sees_a_url_behind_any_text(self, before: str, gap: str, url: str) -> None:
        assert fed(before + gap + url).refuses("PERSON")

    def test_time_grows_with_the_length_of_an_adversarial_run(self) -> None:
        for unit in ("](", "[x](y)", "(", "a.", "www.", "a://", "//", "x.com", ":", "-"):
            tracker = fed(unit * (20_000 // len(unit)))
            tracker.refuses("PERSON")


class TestDepth:
    @pytest.mark.parametrize(
        ("text", "depth"),
        [
            ("https://x.com", 13),
            ("(https://x.com", 13),
            ("[x](https://x.com", 13),
            ("[x](y)https://x.com", 13),
            ("[x](a(b)", 4),
            ("(www.x.com", 9),
            ("a,x.com/", 6),
            ('<a href = " //x y', 5),
            ("x='https://x", 9),
            ("[x](< //x y", 5),
        ],
    )
    def test_gives_where_the_open_url_begins(self, text: str, depth: int) -> None:
        assert fed(text).depth == fed(*text).depth == depth


class TestEnd:
    @pytest.mark.parametrize(
        ("before", "text", "end"),
        [
            ("https://", "x.com a", 5),
            ("https://", "x.com", 5),
            ("https://", 'x.com">', 5),
            ("https://", "x\n", 1),
            ("[x](", 'x"(a) b', 5),
            ("[x](a(", 'b)")c', 3),
            ("[x](//", "a\\))", 3),
            ("[x](<//", "a b>)", 3),
            ('src="//', 'a b">', 3),
            ("src='//", "a \"b'>", 4),
            ("src=//", 'a"b>', 3),
            ("url(//", "a b", 1),
        ],
    )
    def test_gives_where_the_url_ends(self, before: str, text: str, end: int) -> None:
        tracker = fed(before)
        assert tracker.refuses("PERSON")
        assert tracker.end(text, 0) == end
