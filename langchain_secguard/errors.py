"""The errors that langchain_secguard raises.

::

    SecGuardError
    ├── VaultRequiredError        no vault is named in the config
    ├── VaultUnavailableError     the vault's store does not answer
    ├── VaultDecryptionError      a stored value cannot be decrypted
    ├── UnsupportedContentError   content that cannot be scanned
    ├── BlockedError              a policy or a scanner refused
    ├── DetectorError             a detector failed
    ├── ScannerError              a scanner failed
    ├── ToolCallError             a tool that was given values failed
    ├── UnprotectedStateError     values got into an agent's state as they are
    └── UnknownPlaceholderError   an answer holds a placeholder that its vault never issued

No message holds a text or a value: only entity types, counts, class names and vault ids.
"""

from collections.abc import Mapping
from functools import partial
from typing import Any


class SecGuardError(Exception):
    """Base of every error of this package."""


class VaultRequiredError(SecGuardError):
    """No vault is named, neither in the constructor nor in the config."""


class VaultUnavailableError(SecGuardError):
    """The store of a vault does not answer; nothing was sent to the model."""

    left: tuple[str, ...] = ()
    """Of work on many vaults, such as an erasure: the ids of those in which it may not have been done."""


class VaultDecryptionError(SecGuardError):
    """A stored value cannot be decrypted with the keys given, or was tampered with."""

    left: tuple[str, ...] = ()
    """Of work on many vaults: the ids of those in which it was not done."""


class UnsupportedContentError(SecGuardError):
    """The input holds content that cannot be scanned, such as an image or a file."""


class BlockedError(SecGuardError):
    """A policy or a scanner refused the text.

    ``scores`` maps the name of each policy or scanner that refused to its risk score, from 0 to 1; a scanner
    that failed has 1. ``refusal`` is the sentence that the guard was given to answer with, if it was.
    """

    def __init__(self, message: str, *, scores: Mapping[str, float], refusal: str | None = None) -> None:
        super().__init__(message)
        self.scores = dict(scores)
        self.refusal = refusal

    def __reduce__(self) -> tuple[Any, ...]:
        return partial(type(self), scores=self.scores, refusal=self.refusal), self.args


class DetectorError(SecGuardError):
    """A detector failed, or gave spans outside its text; nothing was sent to the model."""


class ScannerError(SecGuardError):
    """A scanner failed; the text counts as refused."""


class UnknownPlaceholderError(SecGuardError):
    """An answer holds a placeholder that its vault never issued."""


class ToolCallError(SecGuardError):
    """A tool that was given values failed; what it said may hold them, and is not repeated.

    ``tool`` is the name of the tool, and ``error`` that of the class of what it raised.
    """

    def __init__(self, message: str, *, tool: str, error: str) -> None:
        super().__init__(message)
        self.tool = tool
        self.error = error

    def __reduce__(self) -> tuple[Any, ...]:
        return partial(type(self), tool=self.tool, error=self.error), self.args


class UnprotectedStateError(SecGuardError):
    """Values got into the state of an agent, and so into its checkpoints, as they are."""
