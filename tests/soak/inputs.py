"""How the bytes that a fuzzer makes are read: as choices, as texts, and as places to cut them."""

from collections.abc import Iterable, Sequence
from itertools import pairwise
from typing import TypeVar

T = TypeVar("T")


class Bytes:
    """Read choices from bytes, in order; where they end, every choice is the first."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._at = 0

    @property
    def is_over(self) -> bool:
        """Whether all was read."""
        return self._at >= len(self._data)

    def number(self, below: int) -> int:
        """Return a number from 0 to ``below``, exclusive, which is at most 65,536."""
        size = 1 if below <= 256 else 2
        taken = self._data[self._at : self._at + size]
        self._at += size
        return int.from_bytes(taken) % below

    def choice(self, of: Sequence[T]) -> T:
        """Return one of some things."""
        return of[self.number(len(of))]

    def chance(self) -> bool:
        """Return a truth."""
        return bool(self.number(2))

    def places(self) -> list[int]:
        """Return up to seven numbers, to cut a text at."""
        return [self.number(65_536) for _ in range(self.number(8))]

    def text(self, size: int | None = None) -> str:
        """Return the rest as a text, or ``size`` bytes; what is no UTF-8 becomes half surrogate pairs."""
        end = len(self._data) if size is None else self._at + size
        taken = self._data[self._at : end]
        self._at = end
        try:
            return taken.decode("utf-8", "surrogatepass")
        except UnicodeDecodeError:
            return taken.decode("utf-8", "surrogateescape")

    def bytes(self) -> bytes:
        """Return the rest as it is."""
        taken, self._at = self._data[self._at :], len(self._data)
        return taken


def cut(text: str, places: Iterable[int]) -> list[str]:
    """Cut a text at places, each taken modulo its length."""
    at = sorted({0, len(text), *(place % (len(text) + 1) for place in places)})
    return [text[start:end] for start, end in pairwise(at)]


def written(*numbers: int, places: Sequence[int] = (), text: str = "") -> bytes:
    """Write what :class:`Bytes` reads as these choices of one byte each, places to cut at, and a text."""
    cuts = b"".join([bytes([len(places)]), *(place.to_bytes(2) for place in places)])
    return bytes(numbers) + cuts + text.encode("utf-8", "surrogatepass")
