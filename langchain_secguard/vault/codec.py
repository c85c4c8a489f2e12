"""What a ledger is given for values: bytes to keep, and keys to find them by."""

from collections.abc import Iterable
from functools import lru_cache
from hashlib import blake2b
from typing import Literal, Protocol, TypeAlias

from langchain_secguard.errors import VaultDecryptionError
from langchain_secguard.placeholders import Ref
from langchain_secguard.vault.ledger import KEY_SIZE

KeyKind: TypeAlias = Literal["identity", "folded", "phrase", "mark", "claim"]
Field: TypeAlias = Literal["value", "surrogate"]


class Codec(Protocol):
    """Write values for a ledger, and read them back.

    ``bound`` tells that what is written for a value depends on its ref, which a ledger gives out: then a new
    row is filled in a second step, unless its ref was foreseen. ``seal`` is that under which it writes.
    """

    bound: bool

    @property
    def seal(self) -> bytes:
        """The seal of the vaults that are read and written; none is empty."""
        ...

    def adopt(self, vault_id: str, seal: bytes) -> None:
        """Read and write under the seal that a vault turns out to have.

        Raises:
            VaultDecryptionError: It cannot.
        """
        ...

    def opens(self, vault_id: str, seal: bytes) -> bool:
        """Tell whether :meth:`adopt` would succeed."""
        ...

    def keys(self, vault_id: str, kind: KeyKind, texts: Iterable[str]) -> list[bytes]:
        """Make the key of each text: 16 bytes, and others for another kind or vault."""
        ...

    def encode(self, vault_id: str, ref: Ref | None, field: Field, text: str) -> bytes:
        """Write a value or a surrogate; ``ref`` is ``None`` only for a codec that is not bound."""
        ...

    def decode(self, vault_id: str, ref: Ref, field: Field, kept: bytes) -> str:
        """Read what :meth:`encode` wrote.

        Raises:
            VaultDecryptionError: It cannot be read, or was written for another vault, ref or field.
        """
        ...


class PlainCodec:
    """Write values as they are, and keys as BLAKE2b hashes (RFC 7693), which keep them short."""

    bound = False
    seal = b""

    def adopt(self, vault_id: str, seal: bytes) -> None:
        """Refuse a vault that has a seal."""
        if seal:
            raise VaultDecryptionError(
                f"the vault {vault_id!r} is encrypted: open it with EncryptedVaultStore and its keys"
            )

    def opens(self, vault_id: str, seal: bytes) -> bool:  # noqa: ARG002 - the same for every vault
        """Tell that a vault has no seal."""
        return not seal

    def keys(self, vault_id: str, kind: KeyKind, texts: Iterable[str]) -> list[bytes]:
        """Make the key of each text."""
        begun = _begun(vault_id, kind)
        made: list[bytes] = []
        for text in texts:
            hashed = begun.copy()
            hashed.update(text.encode("utf-8", "surrogatepass"))
            made.append(hashed.digest())
        return made

    def encode(self, vault_id: str, ref: Ref | None, field: Field, text: str) -> bytes:  # noqa: ARG002 - not bound
        """Write a text."""
        return to_bytes(text)

    def decode(self, vault_id: str, ref: Ref, field: Field, kept: bytes) -> str:  # noqa: ARG002 - not bound
        """Read a text; the error of Python's own would hold it."""
        try:
            return kept.decode("utf-8", "surrogatepass")
        except UnicodeDecodeError:
            failure = VaultDecryptionError(
                f"an entry of the vault {vault_id!r} cannot be read: it was changed; restore the vault from "
                "a backup, or erase it"
            )
        raise failure


@lru_cache(maxsize=1024)
def _begun(vault_id: str, kind: str) -> blake2b:
    """Begin the keys of a vault, to be copied: a copy costs half of a beginning."""
    salt = blake2b(to_bytes(vault_id), digest_size=16).digest()
    return blake2b(digest_size=KEY_SIZE, person=kind.encode(), salt=salt)


def to_bytes(text: str) -> bytes:
    """Write any string, also one with half a surrogate pair, as UTF-8."""
    return text.encode("utf-8", "surrogatepass")
