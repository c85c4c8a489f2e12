"""Authenticated encryption and the derivation of keys, by the cryptography package.

AES-256-GCM (NIST SP 800-38D) under random nonces of 96 bits: no key may be used for more than 2**32 messages
(section 8.3), and here every vault has a key of its own. HKDF with SHA-256 (RFC 5869) makes a key for each
purpose, so that none is used for two.
"""

import os

try:
    from cryptography.exceptions import InvalidTag
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM
    from cryptography.hazmat.primitives.hashes import SHA256
    from cryptography.hazmat.primitives.kdf.hkdf import HKDF
except ImportError as error:
    raise ImportError(
        'EncryptedVaultStore needs cryptography: pip install "langchain-secguard[encryption]"'
    ) from error

KEY_SIZE = 32
"""Bytes of a key."""

_NONCE_SIZE = 12
_VERSION = b"\x01"


def derive(key: bytes, purpose: str) -> bytes:
    """Derive the key for one purpose from another key, or from one that is random."""
    info = f"langchain-secguard 1 {purpose}".encode()
    return HKDF(algorithm=SHA256(), length=KEY_SIZE, salt=None, info=info).derive(key)


class Aead:
    """Encrypt and decrypt under one key; it is shown nowhere, and cannot be pickled."""

    __slots__ = ("_cipher",)

    def __init__(self, key: bytes) -> None:
        self._cipher = AESGCM(key)

    def __repr__(self) -> str:
        return "Aead()"

    def __reduce__(self) -> str:
        raise TypeError("a key cannot be pickled")

    def encrypt(self, plain: bytes, associated: bytes) -> bytes:
        """Return a byte that names this layout, a new nonce, and what is encrypted with its tag."""
        nonce = os.urandom(_NONCE_SIZE)
        return _VERSION + nonce + self._cipher.encrypt(nonce, plain, _VERSION + associated)

    def decrypt(self, kept: bytes, associated: bytes) -> bytes | None:
        """Return what was encrypted; ``None`` if it is not authentic, or was encrypted for another place."""
        nonce, encrypted = kept[1 : 1 + _NONCE_SIZE], kept[1 + _NONCE_SIZE :]
        if kept[:1] != _VERSION or len(nonce) < _NONCE_SIZE:
            return None
        try:
            return self._cipher.decrypt(nonce, encrypted, _VERSION + associated)
        except InvalidTag:
            return None
