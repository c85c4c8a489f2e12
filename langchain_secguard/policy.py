"""What is done with the values of an entity type: hidden for a while, hidden for good, or refused."""

import hashlib
import hmac
import secrets
from dataclasses import dataclass, field
from typing import Literal, TypeAlias, get_args

Action: TypeAlias = Literal["tokenize", "surrogate", "redact", "mask", "hash", "block", "allow"]

_PROCESS_KEY = secrets.token_bytes(32)


@dataclass(frozen=True, slots=True)
class Policy:
    """Say what is done with the values of one entity type.

    Args:
        action: ``"tokenize"`` puts a placeholder in the value's place and restores it in the answer.
            ``"surrogate"`` puts a realistic fake there, and restores it. ``"redact"`` puts the entity type
            there, ``"mask"`` keeps the last characters, ``"hash"`` puts a keyed hash there: nothing is
            stored, and nothing can be restored. ``"block"`` raises
            :class:`~langchain_secguard.BlockedError`. ``"allow"`` leaves the value for the model to read.
        keep_last: How many characters ``"mask"`` keeps; never more than half of the value.
        key: The key of ``"hash"`` (HMAC-SHA-256, RFC 2104), at least 16 bytes. Without one, a key of the
            process is used, and hashes cannot be compared between processes.
    """

    action: Action = "tokenize"
    keep_last: int = 4
    key: bytes | None = field(default=None, repr=False)

    def __post_init__(self) -> None:
        if self.action not in get_args(Action):
            raise ValueError(f"a policy is one of {', '.join(get_args(Action))}")
        if self.keep_last < 0:
            raise ValueError("keep_last is zero or more characters")
        if self.key is not None and len(self.key) < 16:
            raise ValueError(
                "the key of a hash needs at least 16 bytes; make one with secrets.token_bytes(32)"
            )

    @property
    def reversible(self) -> bool:
        """Whether a value that is hidden is kept in the vault and restored in the answer.

        Where values of an allowed type must be hidden all the same (a hidden name, what looks like a
        placeholder, a URL for a value in it), they are.
        """
        return self.action in ("tokenize", "surrogate", "allow")

    @property
    def strict(self) -> bool:
        """Whether the value must never come back: overlapping spans then give way to this one."""
        return self.action in ("redact", "mask", "hash", "block")

    def replace(self, entity_type: str, value: str) -> str:
        """Write what stands for ``value`` under an irreversible action."""
        if self.action == "mask":
            kept = min(self.keep_last, len(value) // 2)
            return "*" * (len(value) - kept) + value[len(value) - kept :]
        if self.action == "hash":
            message = f"{entity_type}\0{value}".encode("utf-8", "surrogatepass")
            return (
                f"[{entity_type}#{hmac.digest(self.key or _PROCESS_KEY, message, hashlib.sha256).hex()[:16]}]"
            )
        return f"[{entity_type}]"
