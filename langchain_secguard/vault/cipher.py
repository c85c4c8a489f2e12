"""How one vault is encrypted: its values, bound to their places, and the keys that they are found by.

A value can be found by keyed BLAKE2b hashes (RFC 7693, section 2.9) alone: without the vault's key, nobody
can tell by trying names which of them a hash is of, or whether two vaults hold the same.
"""

import secrets
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import lru_cache
from hashlib import blake2b
from typing import get_args

from langchain_secguard.placeholders import Ref
from langchain_secguard.vault.aead import KEY_SIZE as SECRET_SIZE
from langchain_secguard.vault.aead import Aead, derive
from langchain_secguard.vault.codec import Field, KeyKind, to_bytes
from langchain_secguard.vault.keyring import Keyring, MasterKey
from langchain_secguard.vault.ledger import KEY_SIZE

_BUCKET = 32
_STEPS = 4
_KINDS: tuple[KeyKind, ...] = get_args(KeyKind)


class VaultCipher:
    """Hold what is derived from one vault's key. It is shown nowhere, and cannot be pickled."""

    __slots__ = ("_hashing", "_values", "_vault")

    def __init__(self, vault_id: str, vault_key: bytes) -> None:
        self._vault = _sized(vault_id)
        self._values = Aead(derive(vault_key, "values"))
        self._hashing = {
            kind: blake2b(digest_size=KEY_SIZE, key=derive(vault_key, f"find by {kind}")) for kind in _KINDS
        }

    def __repr__(self) -> str:
        return "VaultCipher()"

    def __reduce__(self) -> str:
        raise TypeError("keys cannot be pickled")

    def keys(self, kind: KeyKind, texts: Iterable[str]) -> list[bytes]:
        """Make the key of each text."""
        begun, made = self._hashing[kind], list[bytes]()
        for text in texts:
            hashed = begun.copy()  # which costs half of a beginning
            hashed.update(to_bytes(text))
            made.append(hashed.digest())
        return made

    def encrypt(self, ref: Ref, kept_as: Field, text: str) -> bytes:
        """Encrypt a text for its place."""
        return self._values.encrypt(pad(to_bytes(text)), self._place(ref, kept_as))

    def decrypt(self, ref: Ref, kept_as: Field, kept: bytes) -> str | None:
        """Decrypt a text; ``None`` if it was changed, or encrypted for another place."""
        padded = self._values.decrypt(kept, self._place(ref, kept_as))
        return None if padded is None else unpad(padded).decode("utf-8", "surrogatepass")

    def _place(self, ref: Ref, kept_as: Field) -> bytes:
        """Name a place: vault, entity type, number, variant and field, each behind its length."""
        entity_type, number, variant = ref
        return b"".join((self._vault, _typed(entity_type), _sized(str(number)), _last(variant, kept_as)))


def pad(text: bytes) -> bytes:
    """Hide the length of a text: 0 to 31 bytes are all alike, and of a longer one an eighth is unknown.

    A byte 0x80 and as many zeros as are needed follow it, as in ISO/IEC 7816-4.
    """
    size = len(text) + 1
    step = max(_BUCKET, 1 << size.bit_length() >> _STEPS)
    return (text + b"\x80").ljust(-(-size // step) * step, b"\0")


def unpad(padded: bytes) -> bytes:
    """Return what :func:`pad` padded."""
    return padded[: padded.rindex(b"\x80")]


@dataclass(frozen=True, slots=True)
class Sealed:
    """Hold a vault's seal, the master key that it is under, and what it opens."""

    seal: bytes
    master: MasterKey
    vault_key: bytes = field(repr=False)
    cipher: VaultCipher = field(repr=False)

    def __reduce__(self) -> str:
        raise TypeError("keys cannot be pickled")


def seal_new(vault_id: str, master: MasterKey) -> Sealed:
    """Make a seal for a vault that has none, with a key at random."""
    vault_key = secrets.token_bytes(SECRET_SIZE)
    return Sealed(master.wrap(vault_id, vault_key), master, vault_key, VaultCipher(vault_id, vault_key))


def seal_again(vault_id: str, sealed: Sealed, master: MasterKey) -> Sealed:
    """Put the same vault under another master key."""
    seal = master.wrap(vault_id, sealed.vault_key)
    return Sealed(seal, master, sealed.vault_key, sealed.cipher)


def open_seal(vault_id: str, seal: bytes, keyring: Keyring) -> Sealed:
    """Open the seal that a vault has.

    Raises:
        VaultDecryptionError: It is under none of the keys, or was changed.
    """
    master, vault_key = keyring.open(vault_id, seal)
    return Sealed(seal, master, vault_key, VaultCipher(vault_id, vault_key))


@lru_cache(maxsize=1024)
def _typed(entity_type: str) -> bytes:
    return _sized(entity_type)


@lru_cache(maxsize=1024)
def _last(variant: str, kept_as: Field) -> bytes:
    return _sized(variant) + _sized(kept_as)


def _sized(text: str) -> bytes:
    part = to_bytes(text)
    return len(part).to_bytes(4) + part
