"""What is done in all vaults of a tenant: erase a value, and export what is held, as a person may demand.

See articles 15 and 17 of the GDPR. Vaults are named by their ids, or by what these begin with: give those
of a tenant ids such as ``acme/u17/case-42``, as :func:`~langchain_secguard.serve.vault_name` joins them, and
end the prefix with the slash: ``acme`` is the beginning of ``acme-two/u1``, too.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from langchain_secguard.vault.base import Entry, VaultStore
from langchain_secguard.vault.each import afor_each, for_each
from langchain_secguard.vault.phrases import fold


class ListsVaults(VaultStore, Protocol):
    """Be a vault store that can list its vaults, as those of this package can."""

    def vault_ids(self, prefix: str = "") -> list[str]:
        """List the vaults whose id begins with ``prefix``."""
        ...

    async def avault_ids(self, prefix: str = "") -> list[str]:
        """Do what :meth:`vault_ids` does, without blocking the event loop."""
        ...


@dataclass(frozen=True, slots=True)
class Erasure:
    """Tell how many entries were erased in which vaults, of ``vaults`` that were looked through."""

    erased: Mapping[str, int]
    vaults: int

    @property
    def entries(self) -> int:
        """How many entries were erased in all."""
        return sum(self.erased.values())


@dataclass(frozen=True, slots=True)
class Held:
    """Hold one entry that a vault has, for export."""

    vault_id: str
    entry: Entry = field(repr=False)

    def plain(self) -> dict[str, Any]:
        """Write it as plain data, such as JSON can hold."""
        ref = self.entry.ref
        return {
            "vault_id": self.vault_id,
            "entity_type": ref.entity_type,
            "number": ref.number,
            "variant": ref.variant,
            "value": self.entry.value,
            "surrogate": self.entry.surrogate,
        }


def erase_value_everywhere(
    store: VaultStore, value: str, *, prefix: str | None = None, vault_ids: Iterable[str] | None = None
) -> Erasure:
    """Erase every entry of ``value``, and what is linked to it, in many vaults.

    It takes one round trip for each vault, and a second one for a vault that is encrypted and new to this
    process; a value is found by a hash that is another in each vault. Nothing holds the vaults together: one
    that is written to meanwhile may have the value again. It can be repeated at will; an error has the ids
    of the vaults that are left as ``left``, to be given as ``vault_ids``.

    Args:
        store: Where the vaults are.
        value: What is erased, however its letters are cased.
        prefix: Look through each vault whose id begins so; every vault when it is empty.
        vault_ids: Look through these vaults instead.

    Raises:
        ValueError: Neither a prefix nor ids are given, or both.
        TypeError: The store cannot list its vaults.
        VaultDecryptionError: Some vaults cannot be decrypted; the value is erased in all others.
        VaultUnavailableError: The store does not answer; the value is erased in some vaults.
    """
    ids = _ids(vault_ids) if prefix is None else _listing(store, vault_ids).vault_ids(prefix)
    return _erasure(for_each(ids, lambda vault_id: store.erase_value(vault_id, value)))


async def aerase_value_everywhere(
    store: VaultStore, value: str, *, prefix: str | None = None, vault_ids: Iterable[str] | None = None
) -> Erasure:
    """Do what :func:`erase_value_everywhere` does, on some vaults at once."""
    ids = _ids(vault_ids) if prefix is None else await _listing(store, vault_ids).avault_ids(prefix)
    return _erasure(await afor_each(ids, lambda vault_id: store.aerase_value(vault_id, value)))


def erase_vaults(
    store: VaultStore, *, prefix: str | None = None, vault_ids: Iterable[str] | None = None
) -> Erasure:
    """Erase many vaults whole, such as all of a tenant who leaves; no key is needed for it.

    As after erasing one, it stays known which numbers must not be given out again. An error has the ids of
    the vaults that are left as ``left``.

    Args:
        store: Where the vaults are.
        prefix: Erase each vault whose id begins so; every vault when it is empty.
        vault_ids: Erase these vaults instead.

    Raises:
        ValueError: Neither a prefix nor ids are given, or both.
        TypeError: The store cannot list its vaults.
        VaultUnavailableError: The store does not answer; some vaults are erased.
    """
    ids = _ids(vault_ids) if prefix is None else _listing(store, vault_ids).vault_ids(prefix)
    return _erasure(for_each(ids, store.erase))


async def aerase_vaults(
    store: VaultStore, *, prefix: str | None = None, vault_ids: Iterable[str] | None = None
) -> Erasure:
    """Do what :func:`erase_vaults` does, on some vaults at once."""
    ids = _ids(vault_ids) if prefix is None else await _listing(store, vault_ids).avault_ids(prefix)
    return _erasure(await afor_each(ids, store.aerase))


def export_vaults(
    store: VaultStore,
    *,
    value: str | None = None,
    prefix: str | None = None,
    vault_ids: Iterable[str] | None = None,
) -> list[Held]:
    """List what many vaults hold: of one value, with what is linked to it, or everything.

    What is listed of a value is what :func:`erase_value_everywhere` would erase. Each vault is read whole. An
    error has the ids of the vaults that were not read as ``left``; give the others to export these.

    Args:
        store: Where the vaults are.
        value: List entries of this value alone, however its letters are cased.
        prefix: Read each vault whose id begins so; every vault when it is empty.
        vault_ids: Read these vaults instead.

    Raises:
        ValueError: Neither a prefix nor ids are given, or both.
        TypeError: The store cannot list its vaults.
        VaultDecryptionError: Some vaults cannot be decrypted.
        VaultUnavailableError: The store does not answer.
    """
    ids = _ids(vault_ids) if prefix is None else _listing(store, vault_ids).vault_ids(prefix)
    return _held(ids, for_each(ids, lambda vault_id: _of(value, store.entries(vault_id))))


async def aexport_vaults(
    store: VaultStore,
    *,
    value: str | None = None,
    prefix: str | None = None,
    vault_ids: Iterable[str] | None = None,
) -> list[Held]:
    """Do what :func:`export_vaults` does, on some vaults at once."""
    ids = _ids(vault_ids) if prefix is None else await _listing(store, vault_ids).avault_ids(prefix)

    async def read(vault_id: str) -> Sequence[Entry]:
        return _of(value, await store.aentries(vault_id))

    return _held(ids, await afor_each(ids, read))


def _ids(vault_ids: Iterable[str] | None) -> list[str]:
    if vault_ids is None or isinstance(vault_ids, str):
        raise ValueError("say which vaults: give prefix, what their ids begin with, or vault_ids, a list")
    return list(dict.fromkeys(vault_ids))


def _listing(store: VaultStore, vault_ids: object) -> ListsVaults:
    if vault_ids is not None:
        raise ValueError("give prefix or vault_ids, not both")
    if not hasattr(store, "vault_ids"):
        raise TypeError(f"{type(store).__name__} cannot list its vaults: give vault_ids")
    return store  # type: ignore[return-value]


def _erasure(done: Mapping[str, int]) -> Erasure:
    return Erasure({vault_id: count for vault_id, count in done.items() if count}, len(done))


def _held(ids: Sequence[str], entries: Mapping[str, Sequence[Entry]]) -> list[Held]:
    return [Held(vault_id, entry) for vault_id in ids for entry in entries[vault_id]]


def _of(value: str | None, entries: Sequence[Entry]) -> Sequence[Entry]:
    """List the entries of a value, and what is linked to them; all where there is none."""
    if value is None:
        return entries
    folded = fold(value)
    refs = {entry.ref for entry in entries if fold(entry.value) == folded}
    return [entry for entry in entries if not refs.isdisjoint((entry.ref, entry.ref._replace(variant="")))]
