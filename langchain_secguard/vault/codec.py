"""What a ledger is given for values: bytes to keep, and keys to find them by."""

from collections.abc import Iterable
from functools import lru_cache
from hashlib import blake2b
from typing import Literal, Protocol, TypeAlias

from langchain_secguard.placeholders import Ref
from langchain_secguard.vault.ledger import KEY_SIZE

KeyKind: TypeAlias = Literal["identity", "folded", "phrase", "mark", "claim"]


class Codec(Protocol):
    """Write values for a ledger, and read them back.

    ``bound`` tells that what is written for a value depends on its ref, which a ledger gives out: then a new
    row is filled in a second step, unless its ref was foreseen.
    """

    bound: bool

    def keys(self, vault_id: str, kind: KeyKind, texts: Iterable[str]) -> list[bytes]:
        """Make the key of each text: 16 bytes, and others for another kind or vault."""
        ...

    def encode(self, vault_id: str, ref: Ref | None, value: str) -> bytes:
        """Write a value, or the surrogate of one; ``ref`` is ``None`` only for a codec that is not bound."""
        ...

    def decode(self, vault_id: str, ref: Ref, kept: bytes) -> str:
        """Read what :meth:`encode` wrote.

        Raises:
            VaultDecryptionError: It cannot be read, or was written for another vault or another ref.
        """
        ...


class PlainCodec:
    """Write values as they are, and keys as BLAKE2b hashes (RFC 7693), which keep them short."""

    bound = False

    def keys(self, vault_id: str, kind: KeyKind, texts: Iterable[str]) -> list[bytes]:
        """Make the key of each text."""
        salt = _salt(vault_id)
        person = kind.encode()
        return [
            blake2b(
                text.encode("utf-8", "surrogatepass"), digest_size=KEY_SIZE, person=person, salt=salt
            ).digest()
            for text in texts
        ]

    def encode(self, vault_id: str, ref: Ref | None, value: str) -> bytes:  # noqa: ARG002 - bound to neither
        """Write a value."""
        return to_bytes(value)

    def decode(self, vault_id: str, ref: Ref, kept: bytes) -> str:  # noqa: ARG002 - bound to neither
        """Read a value."""
        return kept.decode("utf-8", "surrogatepass")


@lru_cache(maxsize=1024)
def _salt(vault_id: str) -> bytes:
    return blake2b(to_bytes(vault_id), digest_size=16).digest()


def to_bytes(text: str) -> bytes:
    """Write any string, also one with half a surrogate pair, as UTF-8."""
    return text.encode("utf-8", "surrogatepass")
