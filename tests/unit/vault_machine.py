"""A state machine of vaults and the pair over any store, against a model that is written out here.

What is drawn is applied to the store and to the model: values are assigned, by hand and by the pair, found in
texts, looked up, listed, exported, erased one by one, by vault and by tenant, left to expire, and put under
another key, by two stores over one database.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar, Protocol

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from langchain_secguard import Anonymizer, Deanonymizer, Vault, VaultDecryptionError
from langchain_secguard.links import link_keys
from langchain_secguard.placeholders import Placeholder, Ref, split_placeholders
from langchain_secguard.vault import (
    EncryptedVaultStore,
    Entity,
    InMemoryVaultStore,
    Keys,
    Text,
    VaultStore,
    erase_value_everywhere,
    erase_vaults,
    export_vaults,
)
from langchain_secguard.vault.phrases import fold
from tests.support import LexiconDetector

TTL = 100.0
VAULTS = ("acme/a", "acme/b", "acme-two/a")
PREFIXES = ("acme/", "acme-two/", "")
PEOPLE = ("Jane Doe", "JANE DOE", "Doe", "Jane", "John Doe", "Bob Roe", "Roe", "[PERSON_1]", 'O\'Neil \\ "x"')
VALUES = dict.fromkeys(PEOPLE, "PERSON") | {"jane@x.com": "EMAIL_ADDRESS", "Springfield": "LOCATION"}
FAKES = ("Port Ellen", "Milltown", "Saint Ives")
WORDS = ("met", "and then", "[PERSON_2]", "[LOCATION_1]", "Annual", "\n", "\u00e9", "jane doe")

entities = st.sampled_from(
    [Entity(name, value, keys=link_keys(name, value)) for value, name in VALUES.items()]
)
texts = st.lists(st.sampled_from([*VALUES, *WORDS]), max_size=6).map(" ".join)
vault_ids = st.sampled_from(VAULTS)
Spelling = tuple[str, str]


class Bench(Protocol):
    """Hold the stores of one example: two over one database, and how time passes and keys change there."""

    encrypts: bool

    @property
    def stores(self) -> Sequence[VaultStore]:
        """The stores, which see the same vaults."""
        ...

    def expire(self, vault_ids: Iterable[str]) -> None:
        """Let time pass, so that these vaults expire, and no other."""
        ...

    def rotate(self) -> None:
        """Put all vaults under a new key."""
        ...

    def close(self) -> None:
        """Let go of the database."""
        ...


class MemoryBench:
    """Keep vaults in memory, under a clock that is moved by hand."""

    encrypts = False

    def __init__(self) -> None:
        self.now = 0.0
        self.inner = InMemoryVaultStore(ttl=TTL, clock=lambda: self.now)

    @property
    def stores(self) -> Sequence[VaultStore]:
        return [self.inner]

    def expire(self, vault_ids: Iterable[str]) -> None:
        doomed = set(vault_ids)
        for _ in range(2):
            self.now += 0.6 * TTL
            for vault_id in VAULTS:
                if vault_id not in doomed:
                    self.stores[0].entries(vault_id)  # a use puts off its expiry

    def rotate(self) -> None:
        """Do nothing: there are no keys."""

    def close(self) -> None:
        """Do nothing: it goes with the object."""


class EncryptedBench(MemoryBench):
    """Encrypt what is kept: by default in memory; by two stores, as of two processes."""

    encrypts = True

    def __init__(self) -> None:
        super().__init__()
        self.keys = [bytes([1]) * 32]
        self._open()

    def _open(self) -> None:
        self._stores = [EncryptedVaultStore(self.inner, self.keys) for _ in range(2)]

    @property
    def stores(self) -> Sequence[VaultStore]:
        return self._stores

    def rotate(self) -> None:
        before, new = self.keys, bytes([self.keys[0][0] % 250 + 1]) * 32
        both = EncryptedVaultStore(self.inner, [new, *before])
        both.rotate_all()
        assert both.rotate_all() == 0
        self.keys = [new]
        self._open()
        stale = EncryptedVaultStore(self.inner, before)
        for vault_id in VAULTS:
            if self._stores[0].entries(vault_id):
                with pytest.raises(VaultDecryptionError):
                    stale.entries(vault_id)


@dataclass(slots=True)
class Kept:
    """Remember one entry as the model has it."""

    ref: Ref
    keys: Keys
    surrogate: str | None = None


@dataclass(slots=True)
class ModelVault:
    """Be a vault in the model: what lives in it, in order, and what was ever given out."""

    live: dict[Spelling, Kept] = field(default_factory=dict)
    given: dict[Ref, Spelling] = field(default_factory=dict)
    surrogates: set[str] = field(default_factory=set)

    def named(self, value: str) -> list[Spelling]:
        """List the spellings that an erasure of ``value`` takes: its own in any case, and what is linked."""
        bases = {kept.ref for (_, one), kept in self.live.items() if fold(one) == fold(value)}
        return [
            spelling
            for spelling, kept in self.live.items()
            if kept.ref in bases or (kept.ref.variant and kept.ref._replace(variant="") in bases)
        ]

    def base_of(self, entity_type: str, keys: Keys) -> int | None:
        """Return the number of the one value that these keys refer to, if there is one."""
        claimed = {
            key: {
                kept.ref.number
                for (name, _), kept in self.live.items()
                if name == entity_type and not kept.ref.variant and key in kept.keys.claims
            }
            for key in (*keys.refers, *keys.unless)
        }
        if not keys.refers or any(claimed[key] for key in keys.unless):
            return None
        meant = [claimed[key] for key in keys.refers]
        return next(iter(meant[0])) if len(meant[0]) == 1 and all(one == meant[0] for one in meant) else None


class VaultMachine(RuleBasedStateMachine):
    """Draw what is done; a subclass names its bench."""

    bench_of: ClassVar[Callable[[], Any]]

    def __init__(self) -> None:
        super().__init__()
        self.bench: Bench = type(self).bench_of()
        self.vaults = {vault_id: ModelVault() for vault_id in VAULTS}
        self.hidden: list[tuple[str, str, str]] = []

    def teardown(self) -> None:
        """Close the stores."""
        self.bench.close()

    def _store(self, number: int) -> VaultStore:
        return self.bench.stores[number % len(self.bench.stores)]

    def _note(self, vault: ModelVault, spelling: Spelling, ref: Ref, keys: Keys) -> Kept:
        """Take over what the store gave a spelling, which must be new, or what it had."""
        kept = vault.live.get(spelling)
        if kept is None:
            assert ref not in vault.given, "a placeholder was given out again"
            assert ref.entity_type == spelling[0]
            kept = vault.live[spelling] = Kept(ref, keys)
            vault.given[ref] = spelling
        assert kept.ref == ref, "a value changed its placeholder"
        return kept

    @rule(vault_id=vault_ids, asked=st.lists(entities, min_size=1, max_size=3), which=st.integers(0, 1))
    def assign(self, vault_id: str, asked: list[Entity], which: int) -> None:
        """Give values their entries; one by itself is linked to whom alone it may mean."""
        vault = self.vaults[vault_id]
        one = asked[0]
        is_new = (one.entity_type, one.value) not in vault.live
        base = vault.base_of(one.entity_type, one.keys)
        before = dict(vault.live)
        entries = self._store(which).assign(vault_id, asked).entries
        assert [entry.value for entry in entries] == [entity.value for entity in asked]
        if len(asked) == 1 and is_new:
            assert (entries[0].ref.number if entries[0].ref.variant else None) == base
        order = sorted(range(len(asked)), key=lambda at: (bool(entries[at].ref.variant), entries[at].ref))
        for at in order:
            entity = asked[at]
            self._note(vault, (entity.entity_type, entity.value), entries[at].ref, entity.keys)
        assert all(vault.live[spelling].ref == kept.ref for spelling, kept in before.items())

    @rule(vault_id=vault_ids, value=st.sampled_from(FAKES), which=st.integers(0, 1))
    def disguise(self, vault_id: str, value: str, which: int) -> None:
        """Offer surrogates: one that was ever taken is given to nobody else."""
        vault = self.vaults[vault_id]
        spelling = ("CUSTOM", f"real {value}")
        offers = tuple(f"{fake} {number}" for number in range(9) for fake in FAKES)
        (entry,) = self._store(which).assign(vault_id, [Entity(*spelling, offers)]).entries
        kept = self._note(vault, spelling, entry.ref, Keys())
        if kept.surrogate is None and entry.surrogate is not None:
            assert entry.surrogate not in vault.surrogates
            vault.surrogates.add(entry.surrogate)
            kept.surrogate = entry.surrogate
        assert entry.surrogate == kept.surrogate

    @rule(vault_id=vault_ids, text=texts, which=st.integers(0, 1))
    def take_to_the_model_and_back(self, vault_id: str, text: str, which: int) -> None:
        """Hide a text and restore it: no value is sent, what was typed comes back, and the vault agrees."""
        vault = self.vaults[vault_id]
        opened = Vault(vault_id, store=self._store(which))
        hidden: str = Anonymizer(detector=LexiconDetector(VALUES), vault=opened).invoke(text)
        assert Deanonymizer(vault=Vault(vault_id, store=self._store(which + 1))).invoke(hidden) == text
        assert not [value for value in ("Jane", "Roe", "O'Neil", "jane@x", "Springfield") if value in hidden]
        self._learn(vault_id, vault)
        self.hidden.append((vault_id, hidden, text))

    def _learn(self, vault_id: str, vault: ModelVault) -> None:
        """Take over what the pair had the store add; whatever was there must be as it was."""
        entries = self._store(0).entries(vault_id)
        held = {entry.ref: entry for entry in entries}
        assert all(held[kept.ref].value == value for (_, value), kept in vault.live.items())
        for entry in entries:
            keys = link_keys(entry.ref.entity_type, entry.value)
            self._note(vault, (entry.ref.entity_type, entry.value), entry.ref, keys)
        vault.live = {(entry.ref.entity_type, entry.value): vault.live[entry.ref.entity_type, entry.value]
                      for entry in entries}  # fmt: skip

    @precondition(lambda self: self.hidden)
    @rule(data=st.data(), which=st.integers(0, 1))
    def restore_again(self, data: st.DataObject, which: int) -> None:
        """Restore an answer of long ago: what lives comes back, and what is gone stays hidden."""
        vault_id, hidden, _ = data.draw(st.sampled_from(self.hidden))
        restored = Deanonymizer(vault=Vault(vault_id, store=self._store(which))).invoke(hidden)
        assert restored == "".join(self._shown(vault_id, part) for part in split_placeholders(hidden))

    def _shown(self, vault_id: str, part: str | Placeholder) -> str:
        if isinstance(part, str):
            return part
        vault = self.vaults[vault_id]
        spelling = vault.given.get(part.ref)
        return spelling[1] if spelling in vault.live and vault.live[spelling].ref == part.ref else part.text

    @rule(vault_id=vault_ids, text=texts, which=st.integers(0, 1))
    def find(self, vault_id: str, text: str, which: int) -> None:
        """Find known values: each that lives and is there as it is kept, and none of nobody's."""
        vault, finding = self.vaults[vault_id], self._store(which).find(vault_id, [Text(text)])
        for spelling, entry in finding.known.items():
            assert vault.live[spelling].ref == entry.ref
        known = {fold(value) for _, value in vault.live} | {fold(one) for one in self._fakes(vault)}
        for hit in finding.hits[0]:
            assert any(fold(text[hit.start : hit.end]) in value for value in known)
        assert bool(vault.live) or finding.hits == [[]]

    def _fakes(self, vault: ModelVault) -> list[str]:
        return [kept.surrogate for kept in vault.live.values() if kept.surrogate]

    @rule(vault_id=vault_ids, value=st.sampled_from([*VALUES, "nobody"]), which=st.integers(0, 1))
    def erase_value(self, vault_id: str, value: str, which: int) -> None:
        """Erase a value, and what is linked to it."""
        doomed = self.vaults[vault_id].named(value)
        assert self._store(which).erase_value(vault_id, value) == len(doomed)
        self._drop(vault_id, doomed)

    @rule(vault_id=vault_ids, which=st.integers(0, 1))
    def erase(self, vault_id: str, which: int) -> None:
        """Erase a vault whole."""
        assert self._store(which).erase(vault_id) == len(self.vaults[vault_id].live)
        self.vaults[vault_id].live.clear()

    @rule(prefix=st.sampled_from(PREFIXES), value=st.sampled_from([*VALUES]), whole=st.booleans())
    def erase_a_tenant(self, prefix: str, value: str, whole: bool) -> None:
        """Erase one value, or everything, in all vaults of a tenant, and in no other."""
        store = self._store(0)
        doomed = {
            vault_id: list(vault.live) if whole else vault.named(value)
            for vault_id, vault in self.vaults.items()
            if vault_id.startswith(prefix)
        }
        done = (
            erase_vaults(store, prefix=prefix)
            if whole
            else erase_value_everywhere(store, value, prefix=prefix)
        )
        assert dict(done.erased) == {vault_id: len(gone) for vault_id, gone in doomed.items() if gone}
        for vault_id, gone in doomed.items():
            self._drop(vault_id, gone)

    def _drop(self, vault_id: str, spellings: Iterable[Spelling]) -> None:
        for spelling in spellings:
            del self.vaults[vault_id].live[spelling]

    @rule(doomed=st.sets(vault_ids, min_size=1))
    def expire(self, doomed: set[str]) -> None:
        """Let some vaults expire."""
        self.bench.expire(doomed)
        for vault_id in doomed:
            self.vaults[vault_id].live.clear()

    @precondition(lambda self: self.bench.encrypts)
    @rule()
    def rotate(self) -> None:
        """Put all under a new key, after which the old one opens nothing."""
        self.bench.rotate()

    @rule(vault_id=vault_ids, which=st.integers(0, 1))
    def look_up_everything(self, vault_id: str, which: int) -> None:
        """Look up all that was ever given out: what lives is there, and what is gone stays gone."""
        vault = self.vaults[vault_id]
        refs = [*vault.given, Ref("PERSON", 99_999)]
        found = self._store(which).lookup(vault_id, refs)
        lives = {kept.ref: spelling for spelling, kept in vault.live.items()}
        assert [entry and entry.value for entry in found] == [
            (ref in lives and lives[ref][1]) or None for ref in refs
        ]

    @invariant()
    def every_list_agrees(self) -> None:
        """Compare what is listed and exported with the model: values, placeholders, and their order."""
        for vault_id, vault in self.vaults.items():
            for store in self.bench.stores:
                entries = store.entries(vault_id)
                held = {entry.ref: (entry.value, entry.surrogate) for entry in entries}
                assert len(held) == len(entries)
                assert held == {kept.ref: (value, kept.surrogate) for (_, value), kept in vault.live.items()}
        exported = export_vaults(self._store(0), prefix="acme/")
        assert {(one.vault_id, one.entry.ref, one.entry.value) for one in exported} == {
            (vault_id, kept.ref, value)
            for vault_id, vault in self.vaults.items()
            if vault_id.startswith("acme/")
            for (_, value), kept in vault.live.items()
        }
