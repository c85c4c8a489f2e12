from langchain_secguard.detect import Span
from langchain_secguard.evaluate import Example
from langchain_secguard.evaluate.misses import CONTEXT, line, worst_misses

TEXT = "Jane Mary Doe met Bob and Eve in Rome."
EXAMPLE = Example(
    "1",
    TEXT,
    (Span(0, 13, "PERSON"), Span(18, 21, "PERSON"), Span(26, 29, "PERSON"), Span(33, 37, "LOCATION")),
    where="data.jsonl:1",
)


def test_come_worst_first() -> None:
    found = [[Span(0, 4, "PERSON"), Span(33, 37, "PERSON")]]
    misses = worst_misses([EXAMPLE], found, 9)
    assert [(miss.value, miss.shown, miss.words) for miss in misses] == [
        ("Bob", 1, 1), ("Eve", 1, 1), ("Jane Mary Doe", 2, 3),
    ]  # fmt: skip


def test_are_as_many_as_wanted() -> None:
    assert [miss.value for miss in worst_misses([EXAMPLE], [[]], 1)] == ["Jane Mary Doe"]


def test_keep_text_out_of_their_repr() -> None:
    assert "Bob" not in repr(worst_misses([EXAMPLE], [[]], 9))


def test_are_shown_with_what_stands_around_them() -> None:
    lines = [line(miss) for miss in worst_misses([EXAMPLE], [[Span(0, 4, "PERSON")]], 9)]
    assert lines[0] == "data.jsonl:1  PERSON, missed:  Jane Mary Doe met >>>Bob<<< and Eve in Rome."
    assert lines[-1].startswith("data.jsonl:1  PERSON, 2 of 3 words in sight:  >>>Jane Mary Doe<<<")


def test_obey_nothing_that_the_text_tells_the_terminal() -> None:
    text = "\x1b]0;x\x07 Eve\n\u202e" + "y" * 99
    (miss,) = worst_misses([Example("1", text, (Span(7, 10, "PERSON"),))], [[]], 1)
    shown = line(miss)
    assert shown.isprintable()
    assert r"\x1b]0;x\x07 >>>Eve<<<\n\u202e" in shown
    assert shown.endswith("y" * (CONTEXT - 2))
