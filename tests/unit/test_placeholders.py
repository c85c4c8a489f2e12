import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from langchain_secguard.placeholders import (
    Form,
    Placeholder,
    PlaceholderStream,
    Ref,
    entity_type_name,
    find_forged,
    split_placeholders,
    variant_code,
)

KEY = b"0123456789abcdef"
OTHER_KEY = b"fedcba9876543210"
PERSON_1 = Ref("PERSON", 1)

FRAGMENTS = [
    "[PERSON_1]", "PERSON_1", "\\[PERSON\\_1\\]", "&#91;PERSON_1&#93;", "&lbrack;PERSON&lowbar;1&rbrack;",
    "[", "]", "\\", "\\\\", "_", "&", "#", "&#", "&#9", "&#x", "&#91;", "&#x5B;", "&#93;", "&rsqb;",
    "&#95;", ";",
    "PERSON", "person", "Person", "EMAIL_ADDRESS", "EMAIL ADDRESS", "REDACTED", "REDACTED_", "P", "Z9",
    "A" * 24,
    "1", "12", "0", "01", "123456789", "b", "B", "cd", "1b", "[PERSON_1b]", "PERSON_1b",
    "QKXMZ", "_QKXMZ", "qkxmz", "'s", "\u2019s", "s", "'", "-", "\u2011",
    " ", "  ", "\u00a0", "\n", "\t", "x", "\u00e9", "\u05e9", "\u202e", "\ud83d", "(", ")", ".", ",", "see",
]  # fmt: skip

nasty = st.lists(st.one_of(st.sampled_from(FRAGMENTS), st.text(max_size=2)), max_size=9).map("".join)


def refs(text: str) -> list[Ref]:
    return [part.ref for part in split_placeholders(text) if isinstance(part, Placeholder)]


def named(part: Placeholder) -> str:
    return f"{part.ref.entity_type}_{part.ref.number}{part.ref.variant}"


def joined(parts: list[str | Placeholder]) -> list[str | Placeholder]:
    """Join neighbouring strings, so that what was cut differently compares as equal."""
    whole: list[str | Placeholder] = []
    for part in parts:
        last = whole[-1] if whole else None
        if isinstance(part, str) and isinstance(last, str):
            whole[-1] = last + part
        elif part:
            whole.append(part)
    return whole


def spelled(parts: list[str | Placeholder]) -> str:
    return "".join(part if isinstance(part, str) else part.text for part in parts)


def streamed(pieces: list[str]) -> list[str | Placeholder]:
    stream = PlaceholderStream()
    parts = [part for piece in pieces for part in stream.feed(piece)]
    return joined([*parts, *stream.flush()])


def held(text: str) -> str:
    """Return what a stream holds back after ``text``."""
    return text[len(spelled(PlaceholderStream().feed(text))) :]


class TestForm:
    @pytest.mark.parametrize(
        ("form", "spelling"),
        [
            (Form(), "[PERSON_1]"),
            (Form(style="brackets"), "[PERSON_1]"),
            (Form(style="llm_guard"), "[REDACTED_PERSON_1]"),
        ],
    )
    def test_writes_its_style(self, form: Form, spelling: str) -> None:
        assert form.mint(PERSON_1, "v") == spelling

    @pytest.mark.parametrize("style", ["brackets", "llm_guard"])
    @pytest.mark.parametrize("key", [None, KEY])
    @pytest.mark.parametrize(
        "ref",
        [
            PERSON_1,
            Ref("EMAIL_ADDRESS", 999_999_999),
            Ref("A1_B2_C3_D4_E5", 12),
            Ref("PERSON", 1, "b"),
            Ref("A1_B2_C3_D4_E5", 999_999_999, "zz"),
        ],
    )
    def test_reads_what_it_writes(self, style: str, key: bytes | None, ref: Ref) -> None:
        form = Form(style=style, check_key=key)  # type: ignore[arg-type]
        spelling = form.mint(ref, "case 42")
        (placeholder,) = split_placeholders(spelling)
        assert isinstance(placeholder, Placeholder)
        assert placeholder.ref == ref
        assert placeholder.text == spelling
        assert placeholder.canonical
        assert form.accepts(placeholder, "case 42")

    def test_adds_five_letters_with_a_check_key(self) -> None:
        assert re.fullmatch(r"\[PERSON_1_[A-Z]{5}\]", Form(check_key=KEY).mint(PERSON_1, "v"))

    def test_puts_the_variant_before_the_check(self) -> None:
        ref = Ref("PERSON", 1, "b")
        assert re.fullmatch(r"\[PERSON_1b_[A-Z]{5}\]", Form(check_key=KEY).mint(ref, "v"))

    def test_check_depends_on_key_vault_type_number_and_variant(self) -> None:
        minted = {
            Form(check_key=key).mint(Ref(name, number, variant), vault)[-6:-1]
            for key in (KEY, OTHER_KEY)
            for vault in ("v", "w")
            for name in ("PERSON", "PERSONS")
            for number in (1, 2)
            for variant in ("", "b")
        }
        assert len(minted) == 32

    def test_check_survives_lower_case_and_lost_brackets(self) -> None:
        form = Form(check_key=KEY)
        spelling = form.mint(PERSON_1, "v")
        for bent in (spelling.lower(), spelling[1:-1], spelling.replace("_", "\\_")):
            (placeholder,) = split_placeholders(bent)
            assert isinstance(placeholder, Placeholder)
            assert form.accepts(placeholder, "v"), bent

    @pytest.mark.parametrize(
        "text",
        [
            "[PERSON_1]",
            "PERSON_1",
            "[person 1]",
            "[PERSON_1_BBBBB]",
            "[PERSON_2_{check}]",
            "[PERSONS_1_{check}]",
            "[PERSON_1b_{check}]",
        ],
    )
    def test_refuses_a_missing_or_wrong_check(self, text: str) -> None:
        form = Form(check_key=KEY)
        text = text.format(check=form.mint(PERSON_1, "v")[-6:-1])
        (placeholder,) = split_placeholders(text)
        assert isinstance(placeholder, Placeholder)
        assert not form.accepts(placeholder, "v")

    def test_refuses_a_placeholder_of_another_vault_by_its_check(self) -> None:
        form = Form(check_key=KEY)
        (placeholder,) = split_placeholders(form.mint(PERSON_1, "v"))
        assert isinstance(placeholder, Placeholder)
        assert not form.accepts(placeholder, "w")

    def test_refuses_a_check_where_it_writes_none(self) -> None:
        (placeholder,) = split_placeholders(Form(check_key=KEY).mint(PERSON_1, "v"))
        assert isinstance(placeholder, Placeholder)
        assert not Form().accepts(placeholder, "v")

    def test_works_with_any_vault_id(self) -> None:
        form = Form(check_key=KEY)
        assert form.mint(PERSON_1, "\ud83d\0\n") != form.mint(PERSON_1, "\ud83d\0")

    def test_refuses_an_unknown_style(self) -> None:
        with pytest.raises(ValueError, match="'brackets' or 'llm_guard'"):
            Form(style="angle")  # type: ignore[arg-type]

    @pytest.mark.parametrize("key", [b"", b"short", b"x" * 15])
    def test_refuses_a_short_key(self, key: bytes) -> None:
        with pytest.raises(ValueError, match="16 bytes"):
            Form(check_key=key)

    def test_repr_holds_no_key(self) -> None:
        assert "0123456789" not in repr(Form(check_key=KEY))

    def test_is_equal_and_hashes_by_its_options(self) -> None:
        assert Form() == Form(style="brackets")
        assert len({Form(), Form(style="brackets"), Form(style="llm_guard"), Form(check_key=KEY)}) == 3


class TestVariantCode:
    def test_begins_with_none_and_goes_on_with_letters(self) -> None:
        assert [variant_code(position) for position in (0, 1, 2, 21, 22, 23, 43)] == [
            "", "b", "c", "z", "bb", "bc", "cb",
        ]  # fmt: skip

    def test_gives_each_position_a_code_of_its_own_until_they_run_out(self) -> None:
        codes = [code for position in range(1_000) if (code := variant_code(position)) is not None]
        assert len(codes) == len(set(codes)) == 1 + 21 + 21 * 21
        assert [variant_code(len(codes)), variant_code(10_000)] == [None, None]

    def test_is_read_back_from_every_form(self) -> None:
        for position in range(463):
            ref = Ref("PERSON", 7, variant_code(position) or "")
            assert refs(Form().mint(ref, "v")) == refs(Form(check_key=KEY).mint(ref, "v")) == [ref]


class TestEntityTypeName:
    @pytest.mark.parametrize(
        ("label", "name"),
        [
            ("PERSON", "PERSON"),
            ("person", "PERSON"),
            ("Given name", "GIVEN_NAME"),
            ("given-name", "GIVEN_NAME"),
            ("B-PER", "B_PER"),
            ("__US_SSN__", "US_SSN"),
            ("a1", "A1"),
        ],
    )
    def test_writes_a_label_as_words_in_upper_case(self, label: str, name: str) -> None:
        assert entity_type_name(label) == name

    @pytest.mark.parametrize(
        "label",
        ["", " ", "_", "1", "1ST", "\u00e9", "A" * 25, "A_B_C_D_E_F", "REDACTED_PERSON", "redacted person"],
    )
    def test_refuses_a_label_that_no_placeholder_can_carry(self, label: str) -> None:
        with pytest.raises(ValueError, match="entity type"):
            entity_type_name(label)

    @settings(deadline=None, max_examples=200)
    @given(st.text(max_size=30))
    def test_gives_a_name_that_can_be_read_back_or_refuses(self, label: str) -> None:
        try:
            name = entity_type_name(label)
        except ValueError:
            return
        assert entity_type_name(name) == name
        assert refs(Form().mint(Ref(name, 7), "v")) == [Ref(name, 7)]
        assert refs(Form(style="llm_guard").mint(Ref(name, 7), "v")) == [Ref(name, 7)]


READ = [
    # canonical
    ("[PERSON_1]", Ref("PERSON", 1)),
    ("[EMAIL_ADDRESS_12]", Ref("EMAIL_ADDRESS", 12)),
    ("[PERSON_999999999]", Ref("PERSON", 999_999_999)),
    ("[REDACTED_PERSON_1]", Ref("PERSON", 1)),
    ("[REDACTED_EMAIL_ADDRESS_1]", Ref("EMAIL_ADDRESS", 1)),
    ("[P1_2]", Ref("P1", 2)),
    # case
    ("[person_1]", Ref("PERSON", 1)),
    ("[Person_1]", Ref("PERSON", 1)),
    ("[pErSoN_1]", Ref("PERSON", 1)),
    ("[redacted_person_1]", Ref("PERSON", 1)),
    # white space
    ("[PERSON 1]", Ref("PERSON", 1)),
    ("[PERSON  1]", Ref("PERSON", 1)),
    ("[PERSON\u00a01]", Ref("PERSON", 1)),
    ("[Email Address 1]", Ref("EMAIL_ADDRESS", 1)),
    ("[email\u00a0address\u00a01]", Ref("EMAIL_ADDRESS", 1)),
    ("[ PERSON_1 ]", Ref("PERSON", 1)),
    ("[PERSON_1 ]", Ref("PERSON", 1)),
    ("[REDACTED PERSON 1]", Ref("PERSON", 1)),
    # hyphens
    ("[PERSON-1]", Ref("PERSON", 1)),
    ("[PERSON\u20101]", Ref("PERSON", 1)),
    ("[PERSON\u20111]", Ref("PERSON", 1)),
    ("[EMAIL_ADDRESS-1]", Ref("EMAIL_ADDRESS", 1)),
    # Markdown escapes
    ("\\[PERSON\\_1\\]", Ref("PERSON", 1)),
    ("\\[PERSON_1\\]", Ref("PERSON", 1)),
    ("[PERSON\\_1]", Ref("PERSON", 1)),
    ("[EMAIL\\_ADDRESS\\_1]", Ref("EMAIL_ADDRESS", 1)),
    ("\\\\[PERSON\\\\_1\\\\]", Ref("PERSON", 1)),
    ("\\[person 1\\]", Ref("PERSON", 1)),
    # HTML escapes
    ("&#91;PERSON_1&#93;", Ref("PERSON", 1)),
    ("&#x5B;PERSON_1&#x5D;", Ref("PERSON", 1)),
    ("&#x5b;PERSON_1&#x5d;", Ref("PERSON", 1)),
    ("&#X5B;PERSON_1&#X5D;", Ref("PERSON", 1)),
    ("&lbrack;PERSON_1&rbrack;", Ref("PERSON", 1)),
    ("&lsqb;PERSON_1&rsqb;", Ref("PERSON", 1)),
    ("[PERSON&#95;1]", Ref("PERSON", 1)),
    ("[PERSON&#x5F;1]", Ref("PERSON", 1)),
    ("&lsqb;EMAIL&lowbar;ADDRESS&lowbar;1&rsqb;", Ref("EMAIL_ADDRESS", 1)),
    # lost brackets
    ("PERSON_1", Ref("PERSON", 1)),
    ("EMAIL_ADDRESS_1", Ref("EMAIL_ADDRESS", 1)),
    ("REDACTED_PERSON_1", Ref("PERSON", 1)),
    ("PERSON\\_1", Ref("PERSON", 1)),
    ("EMAIL\\_ADDRESS\\_1", Ref("EMAIL_ADDRESS", 1)),
    # a possessive inside
    ("[PERSON_1's]", Ref("PERSON", 1)),
    ("[PERSON_1\u2019s]", Ref("PERSON", 1)),
    ("[Person 1's]", Ref("PERSON", 1)),
    # variants
    ("[PERSON_1b]", Ref("PERSON", 1, "b")),
    ("[PERSON_12cd]", Ref("PERSON", 12, "cd")),
    ("[EMAIL_ADDRESS_1z]", Ref("EMAIL_ADDRESS", 1, "z")),
    ("[REDACTED_PERSON_1b]", Ref("PERSON", 1, "b")),
    ("[P1_2b]", Ref("P1", 2, "b")),
    ("[PERSON_1B]", Ref("PERSON", 1, "b")),
    ("[PERSON_1Cd]", Ref("PERSON", 1, "cd")),
    ("[person 1b]", Ref("PERSON", 1, "b")),
    ("[Person 1B]", Ref("PERSON", 1, "b")),
    ("[ PERSON-1b ]", Ref("PERSON", 1, "b")),
    ("\\[PERSON\\_1b\\]", Ref("PERSON", 1, "b")),
    ("&#91;PERSON&#95;1b&#93;", Ref("PERSON", 1, "b")),
    ("&lsqb;email&lowbar;address&lowbar;1BC&rsqb;", Ref("EMAIL_ADDRESS", 1, "bc")),
    ("PERSON_1b", Ref("PERSON", 1, "b")),
    ("PERSON_1B", Ref("PERSON", 1, "b")),
    ("PERSON_1Bc", Ref("PERSON", 1, "bc")),
    ("EMAIL\\_ADDRESS\\_1b", Ref("EMAIL_ADDRESS", 1, "b")),
    ("[PERSON_1b's]", Ref("PERSON", 1, "b")),
    ("[Person 1b\u2019s]", Ref("PERSON", 1, "b")),
]  # fmt: skip

PLAIN = [
    "", " ", "[", "]", "[]", "[ ]", "[1]", "[_1]", "[PERSON]", "[PERSON_]", "[PERSON_0]", "[PERSON_01]",
    "[PERSON_00]", "[PERSON_1234567890]", "[PERSON_-1]", "[PERSON_x]", "[PERSON1]", "[PERSON\n1]",
    "[PERSON\t1]",
    "[PERSON   1]", "[PERSON _1]", "[EMAIL-ADDRESS-1]", "[1PERSON_1]", "[PERSON_\u0661]", "[PERSON_\u00b9]",
    "[P\u00c9RSON_1]", "\uff3bPERSON\u20001\uff3d", "person_1", "Person_1", "PERSON 1", "PERSON-1", "PERSON1",
    "xPERSON_1", "_PERSON_1", "5PERSON_1", "\u00e9PERSON_1", "PERSON_1xyz", "PERSON_1_", "PERSON_1\u00e9",
    "PERSON_01",
    "PERSON_0", "PERSON_1234567890", "PERSON_1_QKXM", "PERSON_1sx", "PERSON_1xs_", "PERSON_1S",
    "PERSON_1b1", "[PERSON_1bcd]", "[PERSON_b1]",
    "[PERSON_b]", "PERSON_1_b", "person_1b", "Person_1b", "PERSON 1b", "PERSON_1b\u00e9", "PERSON_1b_QKXM",
    "A[1]", "x[0][1]", "&#91;", "&#91;1&#93;",
    "[" + "A" * 25 + "_1]", "[A_B_C_D_E_F_G_1]",
]  # fmt: skip


class TestSplitPlaceholders:
    @pytest.mark.parametrize(("text", "ref"), READ)
    def test_reads_a_bent_spelling_whole(self, text: str, ref: Ref) -> None:
        (placeholder,) = split_placeholders(text)
        assert isinstance(placeholder, Placeholder)
        assert placeholder.ref == ref
        assert placeholder.text == text
        assert not placeholder.refused

    @pytest.mark.parametrize(("text", "ref"), READ)
    @pytest.mark.parametrize(
        ("before", "after"),
        [
            (" ", " "),
            ("(", ")"),
            ("**", "**"),
            ("`", "`"),
            ('"', '"'),
            ("\n", "\n"),
            ("<", ">"),
            ("/", "/"),
            (", ", "."),
        ],
    )
    def test_reads_it_in_a_sentence(self, before: str, after: str, text: str, ref: Ref) -> None:
        parts = split_placeholders(before + text + after)
        assert [part if isinstance(part, str) else part.ref for part in parts] == [
            before,
            ref,
            after,
        ]

    @pytest.mark.parametrize("text", PLAIN)
    def test_leaves_what_is_none(self, text: str) -> None:
        assert split_placeholders(text) == ([text] if text else [])

    @pytest.mark.parametrize(
        ("text", "expected"),
        [
            ("[PERSON_1]'s", ["PERSON_1", "'s"]),
            ("[PERSON_1]s", ["PERSON_1", "s"]),
            ("PERSON_1's", ["PERSON_1", "'s"]),
            ("PERSON_1s", ["PERSON_1", "s"]),
            ("PERSON_1.5", ["PERSON_1", ".5"]),
            ("[PERSON_1b]'s", ["PERSON_1b", "'s"]),
            ("PERSON_1b's", ["PERSON_1b", "'s"]),
            ("PERSON_1bs", ["PERSON_1b", "s"]),
            ("[PERSON_1s]", ["[", "PERSON_1", "s]"]),
            ("[PERSON_1]b", ["PERSON_1", "b"]),
            ("[PERSON_1b and", ["[", "PERSON_1b", " and"]),
            ("[PERSON_1[PERSON_1b]", ["[", "PERSON_1", "PERSON_1b"]),
            ("[PERSON_1b_QKXMZ", ["[", "PERSON_1b"]),
            ("[see PERSON_1]", ["[see ", "PERSON_1", "]"]),
            ("[PERSON_1 and", ["[", "PERSON_1", " and"]),
            ("[PERSON_1[PERSON_2]", ["[", "PERSON_1", "PERSON_2"]),
            ("[PERSON_1's", ["[", "PERSON_1", "'s"]),
            ("[PERSON_1_QKXMZ", ["[", "PERSON_1"]),
            ("[[PERSON_1]", ["[", "PERSON_1"]),
            ("[see PERSON_1", ["[see ", "PERSON_1"]),
            ("PERSON_1]", ["PERSON_1", "]"]),
            ("[[PERSON_1]]", ["[", "PERSON_1", "]"]),
            ("[PERSON_1][PERSON_2]", ["PERSON_1", "PERSON_2"]),
            ("[PERSON_1]PERSON_2", ["PERSON_1", "PERSON_2"]),
            ("PERSON_1[PERSON_2]", ["PERSON_1", "PERSON_2"]),
            ("[PERSON_1](https://x.com)", ["PERSON_1", "(https://x.com)"]),
            ("\\[PERSON_1]", ["\\", "PERSON_1"]),
            ("[PERSON_1 and PERSON_2]", ["[", "PERSON_1", " and ", "PERSON_2", "]"]),
            ("&amp;#91;PERSON_1&amp;#93;", ["&amp;#91;", "PERSON_1", "&amp;#93;"]),
            ("x[PERSON_1]x", ["x", "PERSON_1", "x"]),
        ],
    )
    def test_keeps_what_stands_around(self, text: str, expected: list[str]) -> None:
        parts = split_placeholders(text)
        assert [part if isinstance(part, str) else named(part) for part in parts] == expected

    @pytest.mark.parametrize(
        "text",
        [
            "[PERSON_1",
            "Dear [PERSON_12",
            "[ PERSON_1",
            "\\[PERSON\\_1",
            "&#91;PERSON_1",
            "&lsqb;PERSON_1",
            "[PERSON_1b",
            "Dear [PERSON_1bc",
            "[PERSON_1B",
        ],
    )
    def test_leaves_a_number_that_may_be_cut_off_at_the_end(self, text: str) -> None:
        assert split_placeholders(text) == [text]
        stream = PlaceholderStream()
        assert "".join(map(str, [*stream.feed(text), *stream.flush()])) == text

    @pytest.mark.parametrize("number", [1, 2, 11, 12, 21, 111, 121])
    def test_reads_the_whole_number_or_none(self, number: int) -> None:
        for text in (
            f"[PERSON_{number}]",
            f"PERSON_{number}",
            f"[person {number}]",
            f"\\[PERSON\\_{number}\\]",
        ):
            assert refs(text) == [Ref("PERSON", number)]

    @pytest.mark.parametrize(
        ("text", "entity_type"),
        [
            ("[xPERSON_1]", "XPERSON"),
            ("[A PERSON 1]", "A_PERSON"),
            ("[UNREDACTED_PERSON_1]", "UNREDACTED_PERSON"),
            ("[REDACTED_REDACTED_PERSON_1]", "REDACTED_PERSON"),
        ],
    )
    def test_names_the_type_as_it_stands(self, text: str, entity_type: str) -> None:
        assert refs(text) == [Ref(entity_type, 1)]

    @pytest.mark.parametrize(
        ("text", "tail"), [("[PERSON_1]", ""), ("[PERSON_1's]", "'s"), ("[PERSON_1\u2019s]", "\u2019s")]
    )
    def test_keeps_the_possessive_inside_the_brackets(self, text: str, tail: str) -> None:
        (placeholder,) = split_placeholders(text)
        assert isinstance(placeholder, Placeholder)
        assert placeholder.tail == tail

    @pytest.mark.parametrize(("text", "ref"), READ)
    def test_calls_canonical_only_what_a_form_writes(self, text: str, ref: Ref) -> None:
        (placeholder,) = split_placeholders(text)
        assert isinstance(placeholder, Placeholder)
        written = {Form().mint(ref, "v"), Form(style="llm_guard").mint(ref, "v")}
        assert placeholder.canonical == (text in written)

    @settings(deadline=None, max_examples=300)
    @given(nasty)
    def test_loses_no_character(self, text: str) -> None:
        assert spelled(split_placeholders(text)) == text

    @settings(deadline=None, max_examples=300)
    @given(nasty)
    def test_finds_a_canonical_placeholder_behind_any_text(self, text: str) -> None:
        parts = split_placeholders(text + " [PERSON_77]")
        assert isinstance(parts[-1], Placeholder)
        assert parts[-1].text == "[PERSON_77]"

    @settings(deadline=None, max_examples=300)
    @given(nasty)
    def test_reads_no_number_and_no_word_that_the_spelling_does_not_hold(self, text: str) -> None:
        for part in split_placeholders(text):
            if isinstance(part, Placeholder):
                letters = re.sub(r"&(?:#\w+|\w+);", " ", part.text)
                last = f"{part.ref.number}{part.ref.variant}"
                assert last in re.findall(r"[0-9]+[a-z]{0,2}", letters.lower())
                words = re.findall(r"[A-Z0-9]+", letters.upper())
                assert [w for w in part.ref.entity_type.split("_") if w not in words] == []


class TestFindForged:
    TYPES = frozenset({"PERSON", "EMAIL_ADDRESS"})

    @pytest.mark.parametrize(("text", "ref"), READ)
    def test_finds_every_spelling_of_a_known_type(self, text: str, ref: Ref) -> None:
        assert find_forged(f"a {text} b", {ref.entity_type}) == [(2, 2 + len(text))]

    @pytest.mark.parametrize("text", ["[QUX_1]", "[REDACTED_QUX_1]", "[QUX_1_QKXMZ]"])
    def test_finds_the_canonical_spelling_of_any_type(self, text: str) -> None:
        assert find_forged(text, self.TYPES) == [(0, len(text))]

    @pytest.mark.parametrize(
        "text", ["[Exhibit 4]", "UTF_8", "[see 1]", "SHA_256", "[page-3]", "", "a b", "[PERSON]"]
    )
    def test_leaves_a_bent_spelling_of_another_type(self, text: str) -> None:
        assert find_forged(text, self.TYPES) == []

    @pytest.mark.parametrize(
        "text", ["person_1", "PERSON_1", "[PERSON 1]", "&#91;PERSON-1&#93;", "\\[PERSON-1\\]"]
    )
    def test_misses_nothing_that_restoring_reads(self, text: str) -> None:
        assert bool(find_forged(text, self.TYPES)) == bool(refs(text))

    @settings(deadline=None, max_examples=300)
    @given(nasty)
    def test_finds_all_that_splitting_reads_when_its_type_is_known(self, text: str) -> None:
        read, position = [], 0
        for part in split_placeholders(text):
            length = len(part if isinstance(part, str) else part.text)
            if isinstance(part, Placeholder):
                read.append((position, position + length))
            position += length
        types = {ref.entity_type for ref in refs(text)}
        assert find_forged(text, types) == read


class TestPlaceholderStream:
    @pytest.mark.parametrize(("text", "ref"), READ)
    @pytest.mark.parametrize(("before", "after"), [("", ""), ("Dear ", ", hi"), ("x\\", "\\"), ("[", "]")])
    def test_reads_a_spelling_cut_anywhere(self, before: str, after: str, text: str, ref: Ref) -> None:
        text = before + text + after
        whole = joined(split_placeholders(text))
        for cut in range(len(text) + 1):
            assert streamed([text[:cut], text[cut:]]) == whole
        assert streamed(list(text)) == whole

    @settings(deadline=None, max_examples=300)
    @given(nasty)
    def test_two_pieces_cut_at_every_offset_give_what_the_whole_gives(self, text: str) -> None:
        whole = joined(split_placeholders(text))
        for cut in range(len(text) + 1):
            assert streamed([text[:cut], text[cut:]]) == whole

    @settings(deadline=None, max_examples=300)
    @given(nasty)
    def test_single_characters_give_what_the_whole_gives(self, text: str) -> None:
        assert streamed(list(text)) == joined(split_placeholders(text))

    @settings(deadline=None, max_examples=300)
    @given(st.lists(nasty, max_size=4))
    def test_any_pieces_give_what_the_whole_gives(self, pieces: list[str]) -> None:
        assert streamed(pieces) == joined(split_placeholders("".join(pieces)))

    @settings(deadline=None, max_examples=300)
    @given(nasty)
    def test_gives_at_every_moment_a_beginning_of_the_text(self, text: str) -> None:
        stream, given_ = PlaceholderStream(), ""
        for position, character in enumerate(text):
            given_ += spelled(stream.feed(character))
            assert text[: position + 1].startswith(given_)
        assert given_ + spelled(stream.flush()) == text

    @pytest.mark.parametrize(("text", "ref"), READ)
    def test_holds_every_beginning_of_a_spelling(self, text: str, ref: Ref) -> None:
        for cut in range(1, len(text)):
            assert held("see " + text[:cut]) == text[:cut]

    @pytest.mark.parametrize(
        "text",
        [
            "hello", "Hello world", "a_b", "x 1", "]", ")", "done.", "[1", "[_", "[ \n", "[see]",
            "[PERSON_1] ",
            "[PERSON_1]", "PERSON_1 ", "PERSON_1,", "PERSON ", "Person", "[a\n", "[\u00e9", "\\n", "\\x",
            "fish & ",
            "&amp;", "AT&T ", "R&D", "&x", "&#65", "&gt", "[A" + "A" * 24, "PERSON_1xyz", "PERSON_1sx",
            "PERSON_1bss", "[PERSON_1b] ", "PERSON_1b ",
            "[a b c d e f g h", "[x: ",
        ],
    )  # fmt: skip
    def test_holds_nothing_that_cannot_become_a_placeholder(self, text: str) -> None:
        kept = held(text)
        assert kept in ("", "D"), kept

    @settings(deadline=None, max_examples=300)
    @given(nasty)
    def test_holds_nothing_once_a_line_ends(self, text: str) -> None:
        assert held(text + "\n") == ""

    @settings(deadline=None, max_examples=200)
    @given(nasty, st.sampled_from(FRAGMENTS))
    def test_holds_no_more_than_the_longest_spelling(self, text: str, fragment: str) -> None:
        assert len(held(text + fragment * 100)) < 400

    def test_passes_plain_text_through_as_it_is(self) -> None:
        stream = PlaceholderStream()
        assert stream.passes("nothing here")
        assert stream.flush() == []

    def test_passes_nothing_while_something_is_held(self) -> None:
        stream = PlaceholderStream()
        assert stream.feed("[PERSON") == []
        assert not stream.passes("x")
        assert joined([*stream.feed("_1]"), *stream.flush()]) == split_placeholders("[PERSON_1]")

    def test_sees_the_last_character_of_what_was_passed(self) -> None:
        stream = PlaceholderStream()
        assert stream.passes("\u00e9")
        assert joined([*stream.feed("PERSON_1"), *stream.flush()]) == ["PERSON_1"]

    def test_starts_anew_after_a_flush(self) -> None:
        stream = PlaceholderStream()
        stream.feed("x")
        stream.flush()
        assert joined([*stream.feed("PERSON_1"), *stream.flush()]) == split_placeholders("PERSON_1")


LONG_RUNS = [
    "[" * 100_000, "\\" * 100_000, "&" * 100_000, "_" * 100_000, "A" * 100_000, "A_" * 50_000, "[A_" * 33_000,
    "[A " * 33_000, "&#91;" * 20_000, "&#91;A" * 16_000, "\\[A\\_" * 20_000, "1" * 100_000, "A_1" * 33_000,
    "[A_1" * 25_000, "[a b c d e " * 9_000, "A\\\\_" * 25_000, "[ " * 50_000, "[PERSON_1's" * 9_000,
    "&lbrack;A&lowbar;" * 6_000, "A_1b" * 25_000, "A_1b_" * 20_000, "[A_1bc " * 14_000, "A_1Bs" * 20_000,
    "[A_B_C_D_E_" * 9_000,
]  # fmt: skip


@pytest.mark.parametrize("text", LONG_RUNS)
def test_time_grows_with_the_length_of_an_adversarial_run(text: str) -> None:
    assert spelled(split_placeholders(text)) == text
    assert spelled(streamed([text])) == text
    assert spelled(streamed([text[at : at + 100] for at in range(0, len(text), 100)])) == text
    find_forged(text, {"A"})


def test_restoring_many_placeholders_keeps_each() -> None:
    text = " ".join(f"[PERSON_{number}]" for number in range(1, 5_001))
    assert refs(text) == [Ref("PERSON", number) for number in range(1, 5_001)]
