import pytest
from hypothesis import given
from hypothesis import strategies as st

from langchain_secguard.scan import TokenLimitScanner
from langchain_secguard.scan.embedded.tokens import estimated_tokens


class TestEstimate:
    @pytest.mark.parametrize(
        ("text", "tokens"),
        [
            ("", 0),
            ("hello", 1),
            ("hello world", 2),
            ("internationalization", 4),
            ("2023-07-15", 6),
            ("你好", 4),
        ],
    )
    def test_of_a_text(self, text: str, tokens: int) -> None:
        assert estimated_tokens(text) == tokens

    @given(st.text())
    def test_is_at_most_its_bytes(self, text: str) -> None:
        assert 0 <= estimated_tokens(text) <= len(text.encode("utf-8", "replace"))


class TestLimit:
    def test_refuses_what_is_longer(self) -> None:
        scanner = TokenLimitScanner(3)
        assert scanner.scan("one two three").valid
        assert scanner.scan("one two three four").risk_score == 1.0
        assert not scanner.scan("one two three four").valid

    def test_cuts_behind_a_whole_word(self) -> None:
        result = TokenLimitScanner(3, cut=True).scan("one two three four")
        assert (result.text.rstrip(), result.valid) == ("one two three", True)
        assert TokenLimitScanner(3, cut=True).scan("one two").text == "one two"

    @pytest.mark.parametrize("tokenizer", [str.split, lambda text: len(text.split())])
    def test_counts_with_any_tokenizer(self, tokenizer: object) -> None:
        scanner = TokenLimitScanner(2, tokenizer=tokenizer, cut=True)  # type: ignore[arg-type]
        assert scanner.scan("internationalization of a page").text.strip() == "internationalization of"

    def test_a_limit_is_at_least_one(self) -> None:
        with pytest.raises(ValueError, match="limit"):
            TokenLimitScanner(0)

    @given(st.text(), st.integers(1, 20))
    def test_what_is_cut_fits_and_begins_the_text(self, text: str, limit: int) -> None:
        result = TokenLimitScanner(limit, cut=True).scan(text)
        assert text.startswith(result.text)
        assert estimated_tokens(result.text) <= limit
