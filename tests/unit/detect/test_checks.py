from collections.abc import Callable

import pytest

from langchain_secguard.detect import checks


@pytest.mark.parametrize(
    ("check", "valid", "invalid"),
    [
        (checks.luhn, ["79927398713", "4111111111111111"], ["79927398710", "4111111111111112"]),
        (checks.card, ["4111111111111111", "378282246310005", "2221000000000009"],
         ["4111111111111112", "0000000000000000", "9111111111111111", "41111111111111"]),
        (checks.iban, ["GB82WEST12345698765432", "de89370400440532013000", "NO9386011117947"],
         ["GB82WEST12345698765431", "GB82WEST1234569876543", "XX82WEST12345698765432",
         "GB82WEST1234569876543é"]),
        (checks.ssn, ["123456789", "899010001"], ["000456789", "666456789", "900456789",
        "123006789", "123450000"]),
        (checks.itin, ["900701234", "999881234", "950501234"], ["123701234", "900661234",
        "900931234", "900491234"]),
        (checks.aba, ["021000021", "011401533"], ["021000022", "990000010"]),
        (checks.dea, ["AB1234563", "F91234563"], ["AB1234564"]),
        (checks.vin, ["1M8GDM9AXKP042788", "1HGCM82633A004352"], ["1M8GDM9A1KP042788"]),
        (checks.base58check, ["1A1zP1eP5QGefi2DMPTfTL5SLmv7DivfNa", "3J98t1WpEZ73CNmQviecrnyiWrnqRhWNLy"],
         ["1A1zP1eP5QGefi2DMPTfTL5SLmv7DivfNb", "1" * 34, "zzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzz"]),
        (checks.bech32,
         ["bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t4", "BC1QW508D6QEJXTDG4Y5R3ZARVARY0C5XW7KV8F3T4",
          "bc1p0xlxvlhemja6c4dqv22uapctqupfhlxm9h8z3k2e72q4k9hcz7vqzk5jj0"],
         ["bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t5",
         "bc1Qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t4", "bc1", "bc1b"]),
    ],
    ids=lambda value: getattr(value, "__name__", ""),
)  # fmt: skip
def test_a_check_tells_valid_numbers_from_invalid_ones(
    check: Callable[[str], bool], valid: list[str], invalid: list[str]
) -> None:
    assert [value for value in valid if not check(value)] == []
    assert [value for value in invalid if check(value)] == []


def test_every_iban_length_is_within_the_standard() -> None:
    assert len(checks.IBAN_LENGTHS) > 80
    assert all(len(country) == 2 and 15 <= length <= 34 for country, length in checks.IBAN_LENGTHS.items())
