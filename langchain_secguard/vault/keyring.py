"""The master keys of a store that encrypts: where they come from, and how they wrap the keys of vaults.

A vault has a random key of its own. It is kept beside the vault, wrapped under the newest master key: that is
the vault's seal. So a new master key needs nothing but new seals, and what was written stays as it is.
"""

import base64
import binascii
import math
import os
import threading
import time
from collections.abc import Callable, Sequence
from typing import TypeAlias

from langchain_secguard.errors import VaultDecryptionError, VaultUnavailableError
from langchain_secguard.vault.aead import KEY_SIZE, Aead, derive
from langchain_secguard.vault.codec import to_bytes

Key: TypeAlias = str | bytes
"""32 random bytes, or these in URL-safe base64."""

KeySource: TypeAlias = Sequence[Key] | Callable[[], Sequence[Key]]
"""Keys, the newest first; or what returns them, such as a call of a key management service."""

KEYS_VARIABLE = "SECGUARD_VAULT_KEYS"
"""The environment variable that holds keys, separated by commas, the newest first."""

_ID_SIZE = 8
_AGAIN = 1.0  # seconds after which keys are asked for again because of a seal that is under none of them
_HOW = "a key is 32 random bytes in URL-safe base64, as cryptography.fernet.Fernet.generate_key() makes"


def keys_from_environment(variable: str = KEYS_VARIABLE) -> list[str]:
    """Read keys, separated by commas, the newest first, from an environment variable.

    Raises:
        ValueError: It is not set.
    """
    keys = [key.strip() for key in os.environ.get(variable, "").split(",")]
    if not all(keys):
        raise ValueError(f"set {variable} to one key or more, separated by commas, the newest first; {_HOW}")
    return keys


class MasterKey:
    """Wrap the keys of vaults; it is shown nowhere, and cannot be pickled."""

    __slots__ = ("_wrapper", "key_id")

    def __init__(self, key: bytes) -> None:
        self.key_id = derive(key, "name")[:_ID_SIZE]
        self._wrapper = Aead(derive(key, "wrap"))

    def __repr__(self) -> str:
        return f"MasterKey(key_id={self.key_id.hex()!r})"

    def wrap(self, vault_id: str, vault_key: bytes) -> bytes:
        """Make the seal of a vault: which master key it is under, and the vault's key."""
        return self.key_id + self._wrapper.encrypt(vault_key, self.key_id + to_bytes(vault_id))

    def unwrap(self, vault_id: str, seal: bytes) -> bytes | None:
        """Return the key of a vault; ``None`` where the seal was changed, or is another vault's."""
        return self._wrapper.decrypt(seal[_ID_SIZE:], self.key_id + to_bytes(vault_id))


class Keyring:
    """Hold master keys, the newest first.

    Args:
        source: The keys, or what returns them: it is called when a key is needed, not before.
        lifetime: Seconds for which what was returned is kept.
        clock: A monotonic clock, in seconds.

    Raises:
        ValueError: There is no key, or one that is none; the message does not hold it.
    """

    def __init__(
        self, source: KeySource, *, lifetime: float, clock: Callable[[], float] = time.monotonic
    ) -> None:
        if not lifetime > 0:
            raise ValueError("key_lifetime is a positive number of seconds")
        self._source = source if callable(source) else None
        self._lifetime = lifetime if callable(source) else math.inf
        self._clock = clock
        self._lock = threading.Lock()
        self._masters: tuple[MasterKey, ...] = () if callable(source) else _masters(source)
        self._fetched = -math.inf if callable(source) else math.inf

    def __repr__(self) -> str:
        return f"Keyring({len(self._masters)} keys)"

    def __reduce__(self) -> str:
        raise TypeError("keys cannot be pickled: make the store anew where it is needed")

    def is_ready(self) -> bool:
        """Tell whether the keys are at hand, so that :meth:`masters` will not wait."""
        return self._clock() < self._fetched + self._lifetime

    def masters(self) -> tuple[MasterKey, ...]:
        """Return the keys, the newest first.

        Raises:
            VaultUnavailableError: They cannot be had now.
            VaultDecryptionError: What was returned are no keys.
        """
        if not self.is_ready():
            self._fetch(self._masters)
        return self._masters

    def find(self, key_id: bytes) -> MasterKey | None:
        """Return a key by its id, and ask the source again for one that is not known yet."""
        masters = self.masters()
        found = _find(masters, key_id)
        if found is None and self._clock() - self._fetched > _AGAIN:
            self._fetch(masters)
            found = _find(self._masters, key_id)
        return found

    def open(self, vault_id: str, seal: bytes) -> tuple[MasterKey, bytes]:
        """Open the seal of a vault, and return the master key that it is under, and the vault's key.

        Raises:
            VaultDecryptionError: It is under none of the keys, or was changed.
        """
        master = self.find(seal[:_ID_SIZE])
        if master is None:
            raise VaultDecryptionError(
                f"the vault {vault_id!r} is encrypted under none of the keys given: give the key it was "
                "sealed with too, behind the newest; if that is lost, erase the vault"
            )
        vault_key = master.unwrap(vault_id, seal)
        if vault_key is None:
            raise VaultDecryptionError(
                f"the seal of the vault {vault_id!r} was changed, or copied from another vault: restore it "
                "from a backup, or erase the vault"
            )
        return master, vault_key

    def _fetch(self, before: tuple[MasterKey, ...]) -> None:
        """Ask the source, unless another thread did meanwhile."""
        with self._lock:
            if self._source is None or self._masters is not before:
                return
            keys = _ask(self._source)
            try:
                self._masters = _masters(keys)
            except ValueError as error:
                failure = VaultDecryptionError(f"the callable given as keys returned no keys: {error}")
            else:
                self._fetched = self._clock()
                return
        raise failure


def _ask(source: Callable[[], Sequence[Key]]) -> Sequence[Key]:
    """Call the source; the error of its own may hold a key."""
    try:
        return source()
    except Exception as error:  # noqa: BLE001 - see above
        failure = VaultUnavailableError(
            f"the callable given as keys failed with {type(error).__name__}; nothing was sent"
        )
    raise failure


def _find(masters: Sequence[MasterKey], key_id: bytes) -> MasterKey | None:
    return next((master for master in masters if master.key_id == key_id), None)


def _masters(keys: object) -> tuple[MasterKey, ...]:
    if isinstance(keys, str | bytes) or not isinstance(keys, Sequence) or not keys:
        raise ValueError(f"keys is a list of one key or more, the newest first; {_HOW}")
    return tuple(MasterKey(_read(key, place)) for place, key in enumerate(keys, 1))


def _read(key: object, place: int) -> bytes:
    """Read a key, and never show it."""
    if isinstance(key, bytes) and len(key) == KEY_SIZE:
        return key
    try:
        read = base64.b64decode(key, altchars=b"-_", validate=True) if isinstance(key, str | bytes) else b""
    except (binascii.Error, ValueError):
        read = b""
    if len(read) != KEY_SIZE:
        raise ValueError(f"key {place} is not one: {_HOW}")
    return read
