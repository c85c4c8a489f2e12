"""LLM Guard's vault as one of ours, and back: what was hidden with the one is restored with the other.

See https://protectai.github.io/llm-guard/input_scanners/anonymize/ for how LLM Guard fills a vault: a list of
pairs of a placeholder, or of a fake where its ``use_faker`` was on, and a value.
"""

import re
import secrets
import sys
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Literal, Protocol

from langchain_secguard.placeholders import Form, Ref, entity_type_name
from langchain_secguard.vault.base import Entity, Entry, Vault

_PLACEHOLDER = re.compile(r"\[REDACTED_([A-Z][A-Z0-9]*(?:_[A-Z0-9]+)*)_([1-9][0-9]{0,8})\]")
_FORM = Form(style="llm_guard")
_MOST_MISSING = 10_000
"""So many numbers of one entity type may be missing, removed from the vault that is read."""


class LLMGuardVault(Protocol):
    """An ``llm_guard.vault.Vault``, or whatever else gives its pairs."""

    def get(self) -> Sequence[tuple[str, str]]:
        """Return the pairs of a placeholder and a value."""
        ...


def from_llm_guard(
    source: LLMGuardVault, *, vault: Vault | None = None, fakes_as: str | None = None
) -> Vault:
    """Fill a vault with what LLM Guard's holds, under the same entity types and numbers.

    ``[REDACTED_PERSON_1]`` restores the same value as before, with either form of a ``Deanonymizer``. A
    number that was removed from ``source`` below the highest one is not given out again. Later names are not
    linked to those taken over.

    Args:
        source: The vault to read; LLM Guard need not be installed.
        vault: The vault to fill, which must never have been used; by default one in memory.
        fakes_as: The entity type for values behind fakes, which LLM Guard does not keep.

    Raises:
        ValueError: Something cannot be kept as it is; nothing is filled then. The message gives the position
            of the pair in ``source``, from zero, and no value.
    """
    wanted, fakes = _read(source.get(), fakes_as)
    filled = vault if vault is not None else Vault()
    if filled.entries():
        raise ValueError("the vault to fill has entries: name one that was never used")
    blanks = [f"blank {secrets.token_hex(16)}" for _ in range(_most_missing(wanted))]
    entities = list(_in_order(wanted, blanks))
    entries = filled.assign([*entities, *fakes]).entries
    if not _kept(entries, wanted, [*entities, *fakes]):
        filled.erase()
        raise ValueError(
            "the vault to fill gave out numbers or fakes before: name one that was never used. If it is new, "
            "a fake of the source is itself a value of it, or stands for two."
        )
    for blank in blanks:
        filled.erase_value(blank)
    return filled


def to_llm_guard(vault: Vault, *, linked: Literal["refuse", "keep"] = "refuse") -> Any:
    """Return what ``vault`` holds as an ``llm_guard.vault.Vault``, under the same entity types and numbers.

    LLM Guard counts its pairs to find the next number. So that it never gives out one again, numbers that
    were erased here are filled with pairs of a placeholder and itself; to learn how far they go, one number
    of each entity type is used up here. An entity type of which everything was erased is not known any more.

    Args:
        vault: The vault to read.
        linked: What becomes of values that are linked to another (``[PERSON_1b]``). LLM Guard restores them,
            but its ``Anonymize`` fails on such a value: with ``"keep"``, use the result to restore alone.

    Raises:
        ImportError: LLM Guard is not installed.
        ValueError: There are linked values, or too many numbers were erased.
    """
    kind = _llm_guard_vault()
    entries = vault.entries()
    if linked == "refuse" and any(entry.ref.variant for entry in entries):
        raise ValueError(
            'the vault holds linked values ("[PERSON_1b]"), which LLM Guard can restore but not hide again. '
            'Pass linked="keep" to restore only, or hide with Anonymizer(link_names=False) from the start.'
        )
    pairs = [(_FORM.mint(entry.ref, vault.vault_id), entry.value) for entry in entries]
    fakes = [(entry.surrogate, entry.value) for entry in entries if entry.surrogate]
    gone = [_FORM.mint(ref, vault.vault_id) for ref in _missing(vault, entries)]
    return kind([*pairs, *fakes, *((placeholder, placeholder) for placeholder in gone)])


def _read(pairs: Iterable[tuple[str, str]], fakes_as: str | None) -> tuple[dict[Ref, str], list[Entity]]:
    """Read LLM Guard's pairs: the value of each placeholder, and what is hidden behind fakes."""
    values: dict[Ref, str] = {}
    fakes: list[Entity] = []
    refs: dict[tuple[str, str], Ref] = {}
    for position, pair in enumerate(pairs):
        placeholder, value = _checked(position, pair)
        if placeholder == value:
            continue
        ref = _ref(position, placeholder)
        if ref is None:
            fakes.append(_behind_fake(position, placeholder, value, fakes_as))
        elif values.setdefault(ref, value) != value:
            raise ValueError(f"pair {position}: {placeholder} stands for another value, too")
        elif refs.setdefault((ref.entity_type, value), ref) != ref:
            raise ValueError(f"pair {position}: the value of {placeholder} has another placeholder, too")
    return values, list(dict.fromkeys(fakes))


def _checked(position: int, pair: object) -> tuple[str, str]:
    if isinstance(pair, tuple | list) and len(pair) == 2:
        placeholder, value = pair
        if isinstance(placeholder, str) and isinstance(value, str) and placeholder and value:
            return placeholder, value
    raise ValueError(f"pair {position} is not one of two texts, a placeholder and a value")


def _ref(position: int, placeholder: str) -> Ref | None:
    """Read a placeholder; ``None`` for what is none, a fake."""
    match = _PLACEHOLDER.fullmatch(placeholder)
    if match is None:
        return None
    try:
        is_type = entity_type_name(match[1]) == match[1]
    except ValueError:
        is_type = False
    if not is_type:
        raise ValueError(f"pair {position}: the entity type of {placeholder} is none of ours: rename it")
    return Ref(match[1], int(match[2]))


def _behind_fake(position: int, fake: str, value: str, fakes_as: str | None) -> Entity:
    if fakes_as is None:
        raise ValueError(
            f"pair {position} has a fake for a placeholder, and LLM Guard does not keep its entity type: "
            'say which it shall be, for instance fakes_as="PERSON"'
        )
    return Entity(entity_type_name(fakes_as), value, (fake,))


def _most_missing(wanted: Iterable[Ref]) -> int:
    """Return how many numbers are missing of the entity type of which most are."""
    numbers: defaultdict[str, list[int]] = defaultdict(list)
    for ref in wanted:
        numbers[ref.entity_type].append(ref.number)
    missing = max((max(some) - len(some) for some in numbers.values()), default=0)
    _check_missing(missing)
    return missing


def _check_missing(missing: int) -> None:
    if missing > _MOST_MISSING:
        raise ValueError(f"{missing} numbers of one entity type are missing; at most {_MOST_MISSING} may be")


def _in_order(wanted: Mapping[Ref, str], blanks: Sequence[str]) -> Iterator[Entity]:
    """List the values so that each is given its number, with blanks for the numbers that are missing."""
    missing: defaultdict[str, Iterator[str]] = defaultdict(lambda: iter(blanks))
    last: dict[str, int] = {}
    for ref in sorted(wanted):
        for _ in range(last.get(ref.entity_type, 0) + 1, ref.number):
            yield Entity(ref.entity_type, next(missing[ref.entity_type]))
        last[ref.entity_type] = ref.number
        yield Entity(ref.entity_type, wanted[ref])


def _kept(entries: Sequence[Entry], wanted: Mapping[Ref, str], asked: Sequence[Entity]) -> bool:
    """Tell whether every value has its number, and every fake its value."""
    values = {entry.ref: entry.value for entry in entries}
    return all(values.get(ref) == value for ref, value in wanted.items()) and all(
        entity.surrogates in ((), (entry.surrogate,)) for entry, entity in zip(entries, asked, strict=True)
    )


def _missing(vault: Vault, entries: Sequence[Entry]) -> Iterator[Ref]:
    """List the numbers that the vault gave out and holds no more, of the entity types that it holds."""
    held = {Ref(entry.ref.entity_type, entry.ref.number) for entry in entries}
    types = list(dict.fromkeys(ref.entity_type for ref in held))
    blank = f"blank {secrets.token_hex(16)}"
    probes = vault.assign([Entity(entity_type, blank) for entity_type in types]).entries if types else []
    if types:
        vault.erase_value(blank)
    for probe in probes:
        entity_type, following, _ = probe.ref
        _check_missing(following - 1 - sum(ref.entity_type == entity_type for ref in held))
        numbered = (Ref(entity_type, number) for number in range(1, following))
        yield from (ref for ref in numbered if ref not in held)


def _llm_guard_vault() -> Any:
    try:
        from llm_guard.vault import Vault as Kind  # noqa: PLC0415 - optional, and slow to import
    except ImportError as error:
        version = " on Python 3.12 or older" if sys.version_info >= (3, 13) else ""
        raise ImportError(
            f'to_llm_guard needs LLM Guard{version}: pip install "langchain-secguard[llm-guard]"'
        ) from error
    return Kind
