"""Check digits and numbering rules: what tells a real number from one that only looks like it."""

import hashlib
from functools import reduce

# ISO/IEC 7812 issuer ranges: the first digits (from, to) and the lengths in use.
_ISSUERS = (
    ("1", "1", {15}),  # UATP
    ("2200", "2204", {16, 17, 18, 19}),  # Mir
    ("2221", "2720", {16}),  # Mastercard
    ("300", "305", {14, 16, 17, 18, 19}),  # Diners Club
    ("3095", "3095", {14, 16, 17, 18, 19}),
    ("34", "34", {15}),  # American Express
    ("3528", "3589", {16, 17, 18, 19}),  # JCB
    ("36", "36", {14, 15, 16, 17, 18, 19}),
    ("37", "37", {15}),
    ("38", "39", {14, 16, 17, 18, 19}),
    ("4", "4", {13, 16, 19}),  # Visa
    ("50", "50", {12, 13, 14, 15, 16, 17, 18, 19}),  # Maestro
    ("51", "55", {16}),  # Mastercard
    ("56", "69", {12, 13, 14, 15, 16, 17, 18, 19}),  # Maestro, Discover, UnionPay, RuPay
    ("81", "82", {16, 17, 18, 19}),  # UnionPay, RuPay
    ("9792", "9792", {16}),  # Troy
)

# ISO 13616, the registry of IBAN formats: the length for each country.
IBAN_LENGTHS = {
    country: length
    for length, countries in {
        15: "NO", 16: "BE", 18: "DK FO FI GL NL SD", 19: "MK SI", 20: "AT BA EE KZ LT LU MN XK",
        21: "CH HR LI LV", 22: "BG BH CR DE GB GE IE ME RS VA", 23: "AE GI IL IQ OM SO TL",
        24: "AD CZ ES MD PK RO SA SE SK TN VG", 25: "LY PT ST", 26: "IS TR", 27: "BI DJ FR GR IT MC MR SM",
        28: "AL AZ BY CY DO GT HN HU LB NI PL SV", 29: "BR EG PS QA UA", 30: "JO KW MU YE", 31: "MT SC",
        32: "LC", 33: "RU",
    }.items()
    for country in countries.split()
}  # fmt: skip

_BASE58 = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"
_BECH32 = "qpzry9x8gf2tvdw0s3jn54khce6mua7l"
_BECH32_CONSTANTS = {1, 0x2BC830A3}  # BIP 173 (bech32) and BIP 350 (bech32m)
_BECH32_GENERATORS = (0x3B6A57B2, 0x26508E6D, 0x1EA119FA, 0x3D4233DD, 0x2A1462B3)
# Version bytes of pay-to-address forms: Bitcoin 0, 5; Litecoin 48, 50; Dogecoin 30, 22; Dash 76, 16; Tron 65.
_BASE58_VERSIONS = {0, 5, 16, 22, 30, 48, 50, 65, 76}
_VIN_VALUES = dict(
    zip("ABCDEFGHJKLMNPRSTUVWXYZ0123456789", map(int, "123456781234579234567890123456789"), strict=True)
)
_VIN_WEIGHTS = (8, 7, 6, 5, 4, 3, 2, 10, 0, 9, 8, 7, 6, 5, 4, 3, 2)


def luhn(digits: str) -> bool:
    """Check the last digit by the Luhn formula (ISO/IEC 7812-1, annex B)."""
    total = sum(map(int, digits[-1::-2])) + sum(
        (0, 2, 4, 6, 8, 1, 3, 5, 7, 9)[int(d)] for d in digits[-2::-2]
    )
    return total % 10 == 0


def card(digits: str) -> bool:
    """Check a payment card number: issuer range, length and Luhn digit."""
    plausible = any(
        low <= digits[: len(low)] <= high and len(digits) in lengths for low, high, lengths in _ISSUERS
    )
    return plausible and len(set(digits)) > 1 and luhn(digits)


def iban(compact: str) -> bool:
    """Check an IBAN without spaces: the country's length, and ISO 7064 mod 97-10."""
    compact = compact.upper()
    if len(compact) != IBAN_LENGTHS.get(compact[:2]) or not (compact.isascii() and compact.isalnum()):
        return False
    return int("".join(str(int(char, 36)) for char in compact[4:] + compact[:4])) % 97 == 1


def ssn(digits: str) -> bool:
    """Check nine digits by the SSA's rules: no area 000, 666 or 9xx, no group 00, no serial 0000."""
    area, group, serial = digits[:3], digits[3:5], digits[5:]
    return area not in {"000", "666"} and area[0] != "9" and group != "00" and serial != "0000"


def itin(digits: str) -> bool:
    """Check nine digits by the IRS's rules: area 9xx, group 50-65, 70-88, 90-92 or 94-99."""
    group = int(digits[3:5])
    return digits[0] == "9" and group >= 50 and group not in {66, 67, 68, 69, 89, 93}


def aba(digits: str) -> bool:
    """Check a US bank routing number: Federal Reserve prefix, and weights 3, 7, 1."""
    prefix = int(digits[:2])
    weighted = sum(int(digit) * weight for digit, weight in zip(digits, (3, 7, 1) * 3, strict=True))
    return weighted % 10 == 0 and (prefix <= 12 or 21 <= prefix <= 32 or 61 <= prefix <= 72 or prefix == 80)


def dea(number: str) -> bool:
    """Check a DEA registration: two letters (or a letter and 9), six digits and their check digit."""
    one, two, three, four, five, six, check = map(int, number[2:])
    return (one + three + five + 2 * (two + four + six)) % 10 == check


def vin(number: str) -> bool:
    """Check a vehicle identification number's ninth character (49 CFR 565)."""
    number = number.upper()
    total = sum(_VIN_VALUES[char] * weight for char, weight in zip(number, _VIN_WEIGHTS, strict=True))
    return "0123456789X"[total % 11] == number[8] and not number.isalpha() and not number.isdigit()


def base58check(address: str) -> bool:
    """Check an address in Base58Check: 25 bytes, a known version byte, double SHA-256 check sum."""
    number = reduce(lambda value, char: value * 58 + _BASE58.index(char), address, 0)
    if number.bit_length() > 200:
        return False
    raw = number.to_bytes(25, "big")
    if raw[0] not in _BASE58_VERSIONS or len(address) - len(address.lstrip("1")) > 20:
        return False
    return hashlib.sha256(hashlib.sha256(raw[:21]).digest()).digest()[:4] == raw[21:]


def bech32(address: str) -> bool:
    """Check an address in bech32 (BIP 173) or bech32m (BIP 350)."""
    if address not in {address.lower(), address.upper()}:
        return False
    prefix, _, data = address.lower().rpartition("1")
    if len(data) < 6 or any(char not in _BECH32 for char in data):
        return False
    values = [ord(char) >> 5 for char in prefix] + [0] + [ord(char) & 31 for char in prefix]
    return _polymod(values + [_BECH32.index(char) for char in data]) in _BECH32_CONSTANTS


def _polymod(values: list[int]) -> int:
    """Compute the BCH check sum of BIP 173."""
    check = 1
    for value in values:
        top, check = check >> 25, (check & 0x1FFFFFF) << 5 ^ value
        for bit, generator in enumerate(_BECH32_GENERATORS):
            check ^= generator if top >> bit & 1 else 0
    return check
