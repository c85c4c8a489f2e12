"""A vault store that encrypts what another one keeps: whoever reads the database learns no value."""

import asyncio
from typing import Any, Protocol

from langchain_secguard.errors import VaultDecryptionError
from langchain_secguard.lru import Lru
from langchain_secguard.placeholders import Ref
from langchain_secguard.vault.cipher import Sealed, open_seal, seal_again, seal_new
from langchain_secguard.vault.codec import Codec, Field, KeyKind
from langchain_secguard.vault.each import afor_each, for_each
from langchain_secguard.vault.keyed import LedgerVaultStore
from langchain_secguard.vault.keyring import Keyring, KeySource, keys_from_environment
from langchain_secguard.vault.ledger import Ledger, Reseal
from langchain_secguard.vault.plans import Plan

_OPEN = 4096
"""Of so many vaults the seal is remembered, opened."""

_ANY = b"?"  # no vault has this seal


class HasLedger(Protocol):
    """Be a store over a ledger, as are all stores of this package."""

    @property
    def ledger(self) -> Ledger:
        """What keeps the rows."""
        ...


class EncryptedVaultStore(LedgerVaultStore):
    """Encrypt what ``inner`` keeps.

    Vault ids, entity types, how many entries there are and when they are used stay readable in the database;
    see docs/stores.md. ``inner`` itself refuses a vault that is encrypted.

    Args:
        inner: The store that keeps the vaults: one of this package, or a
            :class:`~langchain_secguard.vault.keyed.LedgerVaultStore` over a ledger of your own.
        keys: Master keys, the newest first, as ``cryptography.fernet.Fernet.generate_key()`` makes them; or
            a callable that returns them, for a key management service. The environment variable
            ``SECGUARD_VAULT_KEYS`` has them, separated by commas, when this is ``None``.
        key_lifetime: Seconds for which keys that a callable returned are used before it is called again.

    Raises:
        ImportError: The cryptography package is not installed.
        TypeError: ``inner`` has no ledger.
        ValueError: There is no key, or one that is none.
    """

    def __init__(
        self, inner: HasLedger, keys: KeySource | None = None, *, key_lifetime: float = 300.0
    ) -> None:
        ledger = getattr(inner, "ledger", None)
        if ledger is None:
            raise TypeError(
                f"{type(inner).__name__} cannot be encrypted, since it has no ledger: wrap a store of "
                "langchain_secguard.vault, or a LedgerVaultStore over a ledger of your own"
            )
        if isinstance(inner, EncryptedVaultStore):
            raise TypeError("an EncryptedVaultStore is encrypted: give it more keys, or wrap its inner store")
        keys = keys_from_environment() if keys is None else keys
        self._inner: Any = inner
        self._seals = Seals(Keyring(keys, lifetime=key_lifetime))
        super().__init__(ledger, self._seals.codec)

    def __repr__(self) -> str:
        return f"EncryptedVaultStore({self._inner!r})"

    def __reduce__(self) -> str:
        raise TypeError("a store that holds keys cannot be pickled: make it anew where it is needed")

    def rotate(self, vault_id: str) -> bool:
        """Put a vault under the newest key, and return whether it was under another.

        It may be in use meanwhile: its seal is replaced in one step, and what was written stays as it is.
        """
        return self._drive(vault_id, lambda _: self._seals.rotation(vault_id))

    def rotate_all(self, prefix: str = "") -> int:
        """Put each vault whose id begins with ``prefix`` under the newest key; return how many were not.

        Raises:
            VaultDecryptionError: Some are under none of the keys; all others were rotated.
        """
        return sum(for_each(self.vault_ids(prefix), self.rotate).values())

    async def arotate(self, vault_id: str) -> bool:
        """Do what :meth:`rotate` does, without blocking the event loop."""
        return await self._adrive(vault_id, lambda _: self._seals.rotation(vault_id), apart=True)

    async def arotate_all(self, prefix: str = "") -> int:
        """Do what :meth:`rotate_all` does, without blocking the event loop."""
        return sum((await afor_each(await self.avault_ids(prefix), self.arotate)).values())

    def close(self) -> None:
        """Close the inner store."""
        close = getattr(self._inner, "close", None)
        if close is not None:
            close()

    async def aclose(self) -> None:
        """Do what :meth:`close` does, without blocking the event loop."""
        aclose = getattr(self._inner, "aclose", None)
        if aclose is not None:
            await aclose()

    async def _aopen(self, vault_id: str) -> Codec:
        if self._seals.is_ready():
            return self._seals.codec(vault_id)
        return await asyncio.to_thread(self._seals.codec, vault_id)


class Seals:
    """Open the seals of vaults, and remember those used last."""

    def __init__(self, keyring: Keyring) -> None:
        self._keyring = keyring
        self._opened: Lru[str, Sealed] = Lru(_OPEN)

    def is_ready(self) -> bool:
        """Tell whether :meth:`codec` will not wait for keys."""
        return self._keyring.is_ready()

    def codec(self, vault_id: str) -> Codec:
        """Make the codec of a vault, whose seal is guessed to be new where none is remembered."""
        newest, *older = self._keyring.masters()
        sealed = self._opened.get(vault_id)
        if sealed is None or sealed.master.key_id not in [master.key_id for master in (newest, *older)]:
            sealed = seal_new(vault_id, newest)
            self._opened.put(vault_id, sealed)
        return SealedCodec(self, sealed)

    def open(self, vault_id: str, seal: bytes) -> Sealed:
        """Open the seal that a vault has.

        Raises:
            VaultDecryptionError: It is under none of the keys, was changed, or the vault has none.
        """
        if not seal:
            raise VaultDecryptionError(
                f"the vault {vault_id!r} holds values that are not encrypted: use it with its own store, or "
                "erase it"
            )
        sealed = self._opened.get(vault_id)
        if sealed is None or sealed.seal != seal:
            sealed = open_seal(vault_id, seal, self._keyring)
            self._opened.put(vault_id, sealed)
        return sealed

    def rotation(self, vault_id: str) -> Plan[bool]:
        """Plan to put a vault under the newest key."""
        reply = yield Reseal(_ANY, _ANY)  # which is refused, and tells the seal
        while reply.refused and reply.seal:
            sealed = self.open(vault_id, reply.seal)
            newest = self._keyring.masters()[0]
            if sealed.master.key_id == newest.key_id:
                return False
            again = seal_again(vault_id, sealed, newest)
            reply = yield Reseal(sealed.seal, again.seal)
            if not reply.refused:
                self._opened.put(vault_id, again)
                return True
        return False


class SealedCodec:
    """Write values for a ledger encrypted, in one call of a store."""

    bound = True

    def __init__(self, seals: Seals, sealed: Sealed) -> None:
        self._seals = seals
        self._sealed = sealed

    @property
    def seal(self) -> bytes:
        """The seal of the vault, as far as is known."""
        return self._sealed.seal

    def adopt(self, vault_id: str, seal: bytes) -> None:
        """Open the seal that the vault turned out to have."""
        self._sealed = self._seals.open(vault_id, seal)

    def opens(self, vault_id: str, seal: bytes) -> bool:
        """Tell whether the keys open a seal, if it is one."""
        try:
            return not seal or bool(self._seals.open(vault_id, seal))
        except VaultDecryptionError:
            return False

    def keys(self, vault_id: str, kind: KeyKind, texts: Any) -> list[bytes]:  # noqa: ARG002 - of one vault
        """Make the key of each text."""
        return self._sealed.cipher.keys(kind, texts)

    def encode(self, vault_id: str, ref: Ref | None, field: Field, text: str) -> bytes:  # noqa: ARG002
        """Encrypt a text for its place."""
        if ref is None:
            raise ValueError("what is encrypted is bound to a ref")
        return self._sealed.cipher.encrypt(ref, field, text)

    def decode(self, vault_id: str, ref: Ref, field: Field, kept: bytes) -> str:
        """Decrypt what stands in a place."""
        text = self._sealed.cipher.decrypt(ref, field, kept)
        if text is None:
            raise VaultDecryptionError(
                f"an entry of the vault {vault_id!r} cannot be decrypted: it was changed, or copied from "
                "another place; restore the vault from a backup, or erase it"
            )
        return text
