import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from langchain_secguard.detect.base import Span
from langchain_secguard.detect.names import find_names
from langchain_secguard.detect.tokens import tokenize


def found(text: str, cut: float = 0.5) -> list[tuple[str, str]]:
    [spans] = find_names([text])
    return [(text[span.start : span.end], span.entity_type) for span in spans if span.score >= cut]


COMPLAINT = (
    "Plaintiff, Jane Doe, by and through her attorneys, files this complaint against Defendant, "
    "Big Corporation"
)
NAMES = [
    (
        COMPLAINT,
        [("Jane Doe", "PERSON"), ("Big Corporation", "ORGANIZATION")],
    ),
    ("My name is John Smith and I live in Berlin.", [("John Smith", "PERSON"), ("Berlin", "LOCATION")]),
    ("Dear Ms. O'Brien,", [("O'Brien", "PERSON")]),
    ("hi this is maria lopez from accounting", [("maria lopez", "PERSON")]),
    ("Will Smith called me.", [("Will Smith", "PERSON")]),
    ("JOHN Q. PUBLIC, being duly sworn, testified", [("JOHN Q. PUBLIC", "PERSON")]),
    ("Name: Nguyễn Văn An", [("Nguyễn Văn An", "PERSON")]),
    ("Email from Priya Raghunathan to Bob", [("Priya Raghunathan", "PERSON"), ("Bob", "PERSON")]),
    ("Jane Q. Doe-Smith Jr. was not there.", [("Jane Q. Doe-Smith Jr.", "PERSON")]),
    ("We spoke to Ludwig van der Berg's lawyer.", [("Ludwig van der Berg", "PERSON")]),
    ("Judge Okonkwo asked Dr. Lindqvist to leave.", [("Okonkwo", "PERSON"), ("Lindqvist", "PERSON")]),
    (
        "MR. ABERNATHY: The plaintiff calls Dwayne Kowalczyk.",
        [("ABERNATHY", "PERSON"), ("Dwayne Kowalczyk", "PERSON")],
    ),
    (
        "She was treated at St. Mary's Hospital in Boston.",
        [("St. Mary's Hospital", "ORGANIZATION"), ("Boston", "LOCATION")],
    ),
    ('{"name": "Aisha Bello", "active": true}', [("Aisha Bello", "PERSON")]),
    ("Thanks,\nTomasz", [("Tomasz", "PERSON")]),
    (
        "The office is at 123 Industrial Way, Springfield, Illinois 62701.",
        [("123 Industrial Way, Springfield, Illinois 62701", "LOCATION")],
    ),
]

NO_NAMES = [
    "The quick brown fox jumps over the lazy dog.",
    "May I help you?",
    "Please summarize the following text in three bullet points.",
    "The Court finds that Plaintiff failed to state a claim.",
    "def main(): return None",
    "You are a helpful assistant.",
    "Summarize the transcript. Keep every placeholder such as [PERSON_1] as it is.",
    "Dear [PERSON_1],\n[ORGANIZATION_2] is in [LOCATION_3]. Regards, [REDACTED_PERSON_4]",
    "THE COURT: Overruled. You may answer the question.",
    "Q. What happened next?\nA. I don't remember, Your Honor.",
    "The Lessee shall pay the Lessor the Security Deposit under Section 4.",
    "Dear Sir or Madam,",
    "SELECT id, name FROM orders WHERE status = 'open';",
    "# Getting Started\n\nRun the following command to install the package.",
    "2024-05-01 12:00:03 INFO Server started on port 8080",
    "class RunnableLambda(Runnable):\n    def invoke(self, input: Input) -> Output:",
    "will it rain tomorrow, and may i bill you in march?",
]


@pytest.mark.parametrize(("text", "expected"), NAMES)
def test_names_are_found_whole_and_without_titles(text: str, expected: list[tuple[str, str]]) -> None:
    assert found(text) == expected


@pytest.mark.parametrize("text", NO_NAMES)
def test_text_without_names_is_left_alone(text: str) -> None:
    assert found(text) == []


def test_a_placeholder_is_never_marked_at_any_score() -> None:
    text = "Mr. [PERSON_1] met [PERSON_23] of [ORGANIZATION_1], and [REDACTED_PERSON_4]."
    assert found(text, cut=0.0) == []


def test_a_name_is_found_again_where_only_a_part_of_it_stands() -> None:
    text = "We met Bartholomew Quigley on Monday.\nAfter lunch everyone, Quigley included, went home."
    assert [name for name, _ in found(text)] == ["Bartholomew Quigley", "Quigley"]


@pytest.mark.parametrize(
    "text",
    [
        "",
        " ",
        "\n\n",
        ".",
        "\u2019",
        "\ud800",
        "[",
        "😀",
        "\u202e\u0000",
        "\U0001d50d\U0001d52c",
        "ﷺ",
        "e\u0301",
    ],
)
def test_odd_texts_are_no_trouble(text: str) -> None:
    assert find_names([text]) == [[]] or all(span.end <= len(text) for span in find_names([text])[0])


def test_no_texts_give_no_spans() -> None:
    assert find_names([]) == []


def sound(text: str, spans: list[Span]) -> bool:
    inside = all(0 <= span.start < span.end <= len(text) and 0 <= span.score <= 1 for span in spans)
    apart = all(one.end <= other.start for one, other in pairwise(spans))
    clean = all(text[span.start : span.end].strip() == text[span.start : span.end] for span in spans)
    return inside and apart and clean


def test_parts_of_one_hyphenated_name_make_one_span() -> None:
    text = "Ask Anna-Maria Smith-Jones-Kowalski."
    assert found(text) == [("Anna-Maria Smith-Jones-Kowalski", "PERSON")]


def test_persons_with_a_sign_between_them_are_two() -> None:
    assert found("To: Samuel Oyelaran; Beth Lindqvist") == [
        ("Samuel Oyelaran", "PERSON"),
        ("Beth Lindqvist", "PERSON"),
    ]


PIECES = st.sampled_from(
    [
        "Jane",
        "-Doe",
        "Smith-",
        "Doe",
        "Mr.",
        "John's",
        "Acme LLC",
        "\n",
        "\n\n",
        "-",
        ".",
        "\u2019s",
        "[PERSON_1]",
        "يوسف",
        "王伟",
        "Jr.",
        "(",
        "\ud83d",
        "12",
    ]
)


@settings(max_examples=150, deadline=None)
@given(
    st.one_of(
        st.text(st.characters(), max_size=80),
        st.lists(PIECES, max_size=12).map(" ".join),
        st.lists(PIECES).map("".join),
    )
)
def test_spans_are_sorted_disjoint_and_within_any_text(text: str) -> None:
    [spans] = find_names([text])
    assert spans == sorted(spans)
    assert sound(text, spans)


@settings(max_examples=100, deadline=None)
@given(st.text(st.characters(), max_size=60))
def test_tokens_cover_all_but_white_space(text: str) -> None:
    tokens = tokenize(text)
    assert "".join(tokens.words) == "".join(
        char for char in text if not char.isspace() or char in "".join(tokens.words)
    )
    assert [text[start:end] for start, end in zip(tokens.starts, tokens.ends, strict=True)] == tokens.words


def test_a_batch_gives_what_each_text_gives_alone() -> None:
    texts = [text for text, _ in NAMES] + NO_NAMES
    alone = [find_names([text])[0] for text in texts]
    together = find_names(texts)
    for one, other in zip(alone, together, strict=True):
        assert [(span.start, span.end, span.entity_type) for span in one] == [
            (span.start, span.end, span.entity_type) for span in other
        ]
        assert [span.score for span in one] == pytest.approx([span.score for span in other], abs=0.01)


def test_many_threads_get_the_same_answer() -> None:
    texts = [text for text, _ in NAMES]
    expected = find_names(texts)
    with ThreadPoolExecutor(16) as pool:
        assert all(answer == expected for answer in pool.map(lambda _: find_names(texts), range(64)))


def test_a_megabyte_is_read_to_its_end() -> None:
    sentence = "The witness, Jane Doe, said that she had seen nothing of the kind. "
    text = sentence * (1_000_000 // len(sentence))
    [spans] = find_names([text])
    assert sum(text[span.start : span.end] == "Jane Doe" for span in spans) == text.count("Jane Doe")


@pytest.mark.parametrize("unit", ["a", "A.", "[", "[A_", "\n", "a.b@", "A-", "'", "0", "\u0301", "Mr. "])
def test_a_long_run_of_one_thing_is_no_trap(unit: str) -> None:
    text = unit * 5_000
    [spans] = find_names([text])
    assert sound(text, spans)


def test_importing_the_package_loads_neither_numpy_nor_the_model() -> None:
    code = "import sys, langchain_secguard.detect.names; sys.exit('numpy' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
