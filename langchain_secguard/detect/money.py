"""Numbers of money: payment cards, IBANs and addresses of cryptocurrencies."""

import re
from collections.abc import Iterator

from langchain_secguard.detect import checks
from langchain_secguard.detect.candidate import Candidate, Rank
from langchain_secguard.detect.folding import Folded
from langchain_secguard.detect.lazy import Lazy

MONEY_TYPES = frozenset({"CREDIT_CARD", "IBAN_CODE", "CRYPTO"})

_digits = Lazy(r"[0-9](?<![\w+][0-9])(?<![0-9][.,][0-9])(?:[ .-]?[0-9]){11}(?:[ .-]?[0-9])*+(?![a-z_])")
_group = Lazy(r"[0-9]+")
_card_words = Lazy(r"card|visa|mastercard|amex|american express|credit|debit|maestro|discover")
_iban = Lazy(r"[0-9](?<=[A-Za-z]{2}[0-9])(?<!\w[A-Za-z]{2}[0-9])[0-9](?:[ -]?[A-Za-z0-9]){10,32}")
_base58 = Lazy(r"[13LMDTXA](?<!\w[A-Z0-9])[1-9A-HJ-NP-Za-km-z]{25,34}(?!\w)")
_bech32 = Lazy(r"(?:bc|tb|ltc|addr|cosmos|osmo)(?<![a-z0-9]bc)1[ac-hj-np-z02-9]{11,110}(?![a-z0-9])")
_hexadecimal = Lazy(r"0x[0-9a-f]{40}(?![0-9a-z])")
_monero = Lazy(r"[48](?<!\w[48])[0-9AB][1-9A-HJ-NP-Za-km-z]{93}(?!\w)")
_SHAPES = frozenset({
    (4, 4, 4, 4), (4, 6, 5), (4, 6, 4), (4, 4, 4, 4, 3), (4, 4, 4, 4, 2), (4, 4, 5), (6, 13), (8,
    8), (4, 4, 4),
    (4, 4, 4, 1),
    (4, 5, 6), (4, 3, 3, 3), (6, 10), (4, 12), (4, 4, 8),
})  # fmt: skip


def find_money(folded: Folded) -> Iterator[Candidate]:
    """Find payment cards, IBANs and cryptocurrency addresses."""
    if folded.has_long_number:
        for run in folded.low_near_digits(_digits):
            yield from _cards(folded.low, run)
    if folded.has_long_number or folded.longest >= 15:
        for match in folded.near_digits(_iban):
            yield from _ibans(folded.text, match)
    if folded.longest >= 26:
        yield from _coins(folded)


def _cards(low: str, run: re.Match[str]) -> Iterator[Candidate]:
    """Find the card numbers among the groups of digits of one run."""
    groups = [match.span() for match in _group.regex.finditer(low, *run.span())]
    first = 0
    while first < len(groups):
        last = _card_end(low, groups, first)
        if last is None:
            first += 1
            continue
        yield Candidate(groups[first][0], groups[last][1], "CREDIT_CARD", 0.95, Rank.VALID)
        first = last + 1
    announced = _card_words.regex.search(low, max(0, run.start() - 40), run.start())
    if announced and len(groups) in {1, 4} and 13 <= sum(end - start for start, end in groups) <= 16:
        yield Candidate(*run.span(), "CREDIT_CARD", 0.6, Rank.CONTEXT)


def _card_end(low: str, groups: list[tuple[int, int]], first: int) -> int | None:
    """Find the longest card number that begins with a group, and give its last group."""
    digits, found = "", None
    shape: tuple[int, ...] = ()
    for last in range(first, min(first + 5, len(groups))):
        start, end = groups[last]
        digits, shape = digits + low[start : min(end, start + 20)], (*shape, end - start)
        if len(digits) > 19:
            break
        if len(digits) >= 12 and (len(shape) == 1 or shape in _SHAPES) and checks.card(digits):
            found = last
    return found


def _ibans(text: str, match: re.Match[str]) -> Iterator[Candidate]:
    """Take from a run the characters that the country's length asks for, and check them (ISO 13616)."""
    start = match.start() - 2
    length = checks.IBAN_LENGTHS.get(text[start : start + 2].upper())
    if length is None:
        return
    places = [offset for offset in range(start, match.end()) if text[offset].isalnum()][:length]
    end = places[-1] + 1
    if checks.iban("".join(text[offset] for offset in places)) and not text[end : end + 1].isalnum():
        yield Candidate(start, end, "IBAN_CODE", 1.0, Rank.VALID)


def _coins(folded: Folded) -> Iterator[Candidate]:
    """Find addresses: Base58Check, bech32, Ethereum's 40 hexadecimal digits, Monero's 95 characters."""
    for match in folded.near_digits(_base58):
        if checks.base58check(match[0]):
            yield Candidate(*match.span(), "CRYPTO", 1.0, Rank.VALID)
    for match in folded.low_near_digits(_bech32):
        if checks.bech32(folded.text[match.start() : match.end()]):
            yield Candidate(*match.span(), "CRYPTO", 1.0, Rank.VALID)
    for match in folded.low_near_digits(_hexadecimal):
        yield Candidate(*match.span(), "CRYPTO", 0.9, Rank.VALID)
    for match in folded.near_digits(_monero):
        yield Candidate(*match.span(), "CRYPTO", 0.9, Rank.VALID)
