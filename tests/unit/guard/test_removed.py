"""What was taken out of a text is told by whole words, also of a long text."""

import pytest

from langchain_secguard.guard.removed import removed


@pytest.mark.parametrize(
    ("text", "new", "told"),
    [
        ("My key is k-1, yes.", "My key is ****** yes.", {"k-1,": "******"}),
        ("Ask Jane Doe or Ann.", "Ask [A] or [B]", {"Jane Doe": "[A]", "Ann.": "[B]"}),
        ("a secret b", "a b", {"secret": "[REDACTED]"}),
        ("a secret b", "", {"a secret b": "[REDACTED]"}),
        ("a b", "a new b", {}),
        ("the same", "the same", {}),
        ("", "new", {}),
    ],
)
def test_words_that_are_gone_are_told_with_what_stands_there(
    text: str, new: str, told: dict[str, str]
) -> None:
    assert removed(text, new) == told


@pytest.mark.parametrize("vocabulary", [1, 7, 10_000])
def test_every_secret_of_a_long_text_is_among_what_is_told(vocabulary: int) -> None:
    words = [f"word{number * 7919 % vocabulary}" for number in range(20_000)]
    secrets = {number: f"secret{number}" for number in range(0, 20_000, 400)}
    text = " ".join(secrets.get(number, word) for number, word in enumerate(words))
    new = " ".join("***" if number in secrets else word for number, word in enumerate(words))
    told = " ".join(removed(text, new))
    assert all(secret in told.split(" ") for secret in secrets.values())


def test_a_long_text_that_is_written_anew_is_told_whole() -> None:
    text = " ".join(f"old{number % 50}" for number in range(5_000))
    assert removed(text, " ".join(["new"] * 5_000)).keys() == {text}
