"""The pattern half of the embedded detector: values whose form gives them away, found without a model."""

from collections.abc import Callable, Collection, Iterator
from typing import NamedTuple

from langchain_secguard.detect.addresses import ADDRESS_TYPES, find_addresses
from langchain_secguard.detect.base import Span
from langchain_secguard.detect.candidate import Candidate, settle
from langchain_secguard.detect.codes import CODE_TYPES, find_codes
from langchain_secguard.detect.credentials import SECRET_TYPES, find_credentials
from langchain_secguard.detect.dates import DATE_TYPES, find_dates
from langchain_secguard.detect.folding import Folded, fold
from langchain_secguard.detect.hosts import HOST_TYPES, find_hosts
from langchain_secguard.detect.money import MONEY_TYPES, find_money
from langchain_secguard.detect.phones import PHONE_TYPES, find_phones


class _Family(NamedTuple):
    """Say what a group of patterns finds, and whether only secrets compete with it for characters."""

    types: frozenset[str]
    find: Callable[[Folded], Iterator[Candidate]]
    stands_alone: bool = False


_FAMILIES = (
    _Family(SECRET_TYPES, find_credentials, stands_alone=True),
    _Family(HOST_TYPES, find_hosts, stands_alone=True),
    _Family(MONEY_TYPES, find_money),
    _Family(DATE_TYPES, find_dates),
    _Family(PHONE_TYPES, find_phones),
    _Family(CODE_TYPES, find_codes),
    _Family(ADDRESS_TYPES, find_addresses),
)
_ALONE: frozenset[str] = frozenset().union(*(family.types for family in _FAMILIES if family.stands_alone))
PATTERN_TYPES: frozenset[str] = frozenset().union(*(family.types for family in _FAMILIES))


def find_patterns(text: str, entity_types: Collection[str] | None = None) -> list[Span]:
    """Find the spans of a text that patterns recognise, sorted; None asks for all of ``PATTERN_TYPES``.

    The spans are disjoint, save that what a URL holds (an address, a token) is reported beside it. Conflicts
    are settled among all types before ``entity_types`` filters: a card number does not become a telephone
    number because cards were not asked for.
    """
    wanted = PATTERN_TYPES if entity_types is None else PATTERN_TYPES.intersection(entity_types)
    if not wanted or not text:
        return []
    folded = fold(text)
    alone = wanted <= _ALONE  # numbers compete with each other, so then all are looked for
    families = [family for family in _FAMILIES if family.stands_alone or not alone]
    found = [candidate for family in families for candidate in family.find(folded)]
    return sorted(
        Span(*folded.origin(start, end), entity_type, score)
        for start, end, entity_type, score, _ in settle(found, len(folded.text))
        if entity_type in wanted
    )
