import pytest

from langchain_secguard.scan import SecretsScanner

KEY = "-----BEGIN RSA PRIVATE KEY-----\nMIIEpAIBAAKCAQEA7\nabc\n-----END RSA PRIVATE KEY-----"


@pytest.mark.parametrize(
    ("text", "redacted"),
    [
        ("no secret here", "no secret here"),
        ('{"user": "annamaria", "note": "hello"}', '{"user": "annamaria", "note": "hello"}'),
        ('api_key = os.environ["API_KEY"]', 'api_key = os.environ["API_KEY"]'),
        ('k = "Zx81kQ0pLm3VnR7tYw2Bc9Df"', 'k = "[SECRET]"'),
        ("dapi" + "0f" * 16 + " is old", "[SECRET] is old"),
        ("key AKIAIOSFODNN7EXAMPLE!", "key [SECRET]!"),
        ("postgres://admin:s3cr3tpw@db/x", "postgres://admin:[SECRET]@db/x"),
        ("password = 'hunter2secret'", "password = '[SECRET]'"),
        (f"before\n{KEY}\nafter", "before\n[SECRET]\nafter"),
        ("a ghp_" + "a1" * 18 + " b", "a [SECRET] b"),
        ("token AKIAIOSFODNN7EXAMPLE and AKIAIOSFODNN7EXAMPLE", "token [SECRET] and [SECRET]"),
    ],
)
def test_secrets_are_taken_out(text: str, redacted: str) -> None:
    result = SecretsScanner().scan(text)
    assert (result.text, result.valid) == (redacted, True)
    assert result.risk_score == float(text != redacted)
    refusing = SecretsScanner(redact=False)
    assert not refusing.sanitizes
    assert refusing.scan(text).valid == (text == redacted)
    assert refusing.scan(text).text == text


def test_what_is_allowed_stays() -> None:
    scanner = SecretsScanner(allowed=["AKIAIOSFODNN7EXAMPLE"])
    assert scanner.scan("key AKIAIOSFODNN7EXAMPLE!").text == "key AKIAIOSFODNN7EXAMPLE!"


def test_a_long_line_is_read_whole() -> None:
    text = "x " * 6_000 + "AKIAIOSFODNN7EXAMPLE" + " y" * 6_000
    assert "AKIA" not in SecretsScanner().scan(text).text
