import pytest

from langchain_secguard.scan import BanCompetitorsScanner, BanSubstringsScanner, BanTopicsScanner


class TestSubstrings:
    @pytest.mark.parametrize(
        ("match", "text", "valid"),
        [
            ("word", "the Falcon  project", False),
            ("word", "the falcon\nproject is late", False),
            ("word", "falcon projects", True),
            ("substring", "falcon projects", False),
            ("word", "a falcon", True),
        ],
    )
    def test_are_refused(self, match: str, text: str, valid: bool) -> None:
        scanner = BanSubstringsScanner(["falcon project"], match=match)  # type: ignore[arg-type]
        result = scanner.scan(text)
        assert (result.valid, result.risk_score) == (valid, 0.0 if valid else 1.0)

    def test_can_be_taken_out(self) -> None:
        scanner = BanSubstringsScanner(["Falcon", "Falcon 9"], redact=True)
        result = scanner.scan("falcon 9 and FALCON")
        assert (result.text, result.valid, result.risk_score) == ("[REDACTED] and [REDACTED]", True, 1.0)
        assert scanner.sanitizes

    def test_all_of_them(self) -> None:
        scanner = BanSubstringsScanner(["red", "blue"], contains_all=True)
        assert scanner.scan("red").valid
        assert not scanner.scan("blue or red").valid

    def test_capitals(self) -> None:
        assert BanSubstringsScanner(["Apple"], case_sensitive=True).scan("an apple").valid

    @pytest.mark.parametrize(
        "text", ["pro\u200bject falcon", "\uff50\uff52oject falcon", "pr\u043eject f\u0430lcon"]
    )
    def test_are_seen_through_what_hides_them(self, text: str) -> None:
        assert not BanSubstringsScanner(["Project Falcon"]).scan(text).valid
        hidden = BanSubstringsScanner(["Project Falcon"], redact=True).scan(text)
        assert (hidden.text, hidden.valid) == (text, False)
        assert BanSubstringsScanner(["Project Falcon"], case_sensitive=True).scan(text).valid

    @pytest.mark.parametrize("substrings", [[], [""], ["a", " "]])
    def test_none_may_be_empty(self, substrings: list[str]) -> None:
        with pytest.raises(ValueError, match="empty"):
            BanSubstringsScanner(substrings)


class TestCompetitors:
    def test_are_whole_words(self) -> None:
        scanner = BanCompetitorsScanner(["Acme", "Foo & Sons"])
        assert scanner.name == "BanCompetitors"
        assert scanner.scan("Acmes and foo sons").valid
        assert not scanner.scan("ask foo & sons!").valid


TOPICS = {"violence": ["murder", "war crime*", "massacre"], "drugs": ["cocaine"]}


class TestTopics:
    @pytest.mark.parametrize(
        ("text", "details"),
        [
            ("a walk in the park", {}),
            ("a murder mystery", {"violence": 0.5}),
            ("WAR  CRIMES and murder, murder", {"violence": 0.75}),
            ("murderous, warcrime", {}),
            ("m\u200burder on c\u043ecaine", {"violence": 0.5, "drugs": 0.5}),
        ],
    )
    def test_are_known_by_their_words(self, text: str, details: dict[str, float]) -> None:
        result = BanTopicsScanner(TOPICS).scan(text)
        assert result.details == details
        assert result.risk_score == max(details.values(), default=0.0)
        assert result.valid == (not details)

    def test_a_threshold_decides(self) -> None:
        assert BanTopicsScanner(TOPICS, threshold=0.6).scan("murder").valid

    @pytest.mark.parametrize("topics", [{}, {"violence": []}, {"violence": ["*"]}])
    def test_need_keywords(self, topics: dict[str, list[str]]) -> None:
        with pytest.raises(ValueError, match="keyword"):
            BanTopicsScanner(topics)
