"""What a scanner is, and what it says of a text: whether it may pass, and how risky it is."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal, Protocol, TypeAlias, runtime_checkable

Sees: TypeAlias = Literal["values", "placeholders"]
"""Which form of a text a scanner is shown where both exist (in :func:`~langchain_secguard.protect`): what the
user wrote and gets, or what the model was sent and wrote."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ScanResult:
    """Say what a scanner found in one text.

    Args:
        name: The scanner's name, under which its scores are kept.
        text: The text to go on with: the one that was scanned, or a sanitized one.
        valid: Whether the text may pass.
        risk_score: From 0 (nothing found) to 1.
        details: Scores by category, from 0 to 1, where the engine tells them; their names hold no text.

    Raises:
        ValueError: A score is no number from 0 to 1, or the name is empty.
        TypeError: ``text`` is no str, or ``valid`` neither true nor false: ``"false"`` is not.
    """

    name: str
    text: str = field(repr=False)
    valid: bool
    risk_score: float = 0.0
    details: Mapping[str, float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if not self.name:
            raise ValueError("a scanner's name must not be empty")
        if not isinstance(self.text, str) or self.valid not in (True, False):
            raise TypeError("a result's text is a str, and its valid is True or False")
        object.__setattr__(self, "valid", bool(self.valid))  # which an engine may have as numpy's
        for score in (self.risk_score, *self.details.values()):
            if not (math.isfinite(score) and 0 <= score <= 1):
                raise ValueError("a risk score is a number from 0 to 1")


@runtime_checkable
class Scanner(Protocol):
    """Say of a text whether it may pass.

    A scanner is called from several threads at once. Whatever it raises refuses the text, and is told by its
    class alone; a :class:`~langchain_secguard.ScannerError` is told with its message, which so must not hold
    the text. Beside its name it may have these attributes, which otherwise have the defaults given:

    - ``sanitizes: bool = False``: what it returns may be another text than it was given. Such scanners run
      one behind the other, each on the text of the one before; all others run at the same time, and a
      changed text of theirs counts as a failure.
    - ``sees: Sees = "values"``: the form of the text that it is shown where both exist. One that sends text
      to another party says ``"placeholders"``.
    - ``engine: str``: the product that does the work, for traces; the scanner's class by default.
    """

    @property
    def name(self) -> str:
        """The name under which its scores are kept, such as ``"Toxicity"``; unique within a guard."""
        ...

    def scan(self, text: str, *, prompt: str | None = None) -> ScanResult:
        """Scan ``text``; of an answer, ``prompt`` is what it answers, where that is known."""
        ...

    async def ascan(self, text: str, *, prompt: str | None = None) -> ScanResult:
        """Do what :meth:`scan` does, without blocking the event loop."""
        ...


def sanitizes(scanner: Scanner) -> bool:
    """Tell whether a scanner may give another text than it was given."""
    return bool(getattr(scanner, "sanitizes", False))


def sees(scanner: Scanner) -> Sees:
    """Tell which form of a text a scanner is shown where both exist."""
    return "placeholders" if getattr(scanner, "sees", "values") == "placeholders" else "values"


def engine_of(scanner: Scanner) -> str:
    """Name the product that does a scanner's work."""
    return str(getattr(scanner, "engine", type(scanner).__name__))
