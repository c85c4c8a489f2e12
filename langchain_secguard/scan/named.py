"""What scanners share whatever does their work: a name, what they are shown, and options that are checked."""

import math
from typing import get_args

from langchain_secguard.scan.base import Sees


class NamedScanner:
    """Have a name, under which scores are kept, and say which form of a text is shown where both exist.

    Args:
        name: The scanner's name; unique within a guard.
        sees: The form of the text that it is shown where both exist.

    Raises:
        ValueError: The name is empty, or ``sees`` is no form of a text.
    """

    sanitizes: bool = False

    def __init__(self, *, name: str, sees: Sees) -> None:
        if not name:
            raise ValueError("a scanner's name must not be empty")
        if sees not in get_args(Sees):
            raise ValueError('sees is "values" or "placeholders"')
        self._name = name
        self.sees: Sees = sees

    @property
    def name(self) -> str:
        """The scanner's name."""
        return self._name

    def __repr__(self) -> str:
        return f"{type(self).__name__}(name={self._name!r})"


def checked_threshold(threshold: float) -> float:
    """Return ``threshold``.

    Raises:
        ValueError: It is not from 0 to 1.
    """
    if not 0 <= threshold <= 1:
        raise ValueError("threshold must be from 0 to 1")
    return threshold


def checked_timeout(seconds: float) -> float:
    """Return ``seconds``.

    Raises:
        ValueError: They are not a number above 0.
    """
    if not (math.isfinite(seconds) and seconds > 0):
        raise ValueError("timeout is a number of seconds above 0")
    return seconds
