"""Who in a vault may be called by which names, as keys without a meaning; see :class:`~.base.Keys`."""

from collections.abc import Iterable

from langchain_secguard.vault.base import Keys


class Claims:
    """Map the keys of one entity type to the numbers of the values that claim them."""

    __slots__ = ("_claimants",)

    def __init__(self) -> None:
        self._claimants: dict[str, int | set[int]] = {}

    def add(self, number: int, keys: Iterable[str]) -> None:
        """Claim ``keys`` for the value of this number."""
        for key in keys:
            others = self._claimants.setdefault(key, number)
            if others == number:
                continue
            if isinstance(others, set):
                others.add(number)
            else:
                self._claimants[key] = {others, number}

    def remove(self, number: int, keys: Iterable[str]) -> None:
        """Let go of what :meth:`add` claimed."""
        for key in keys:
            claimants = self._claimants.get(key)
            if claimants == number:
                del self._claimants[key]
            elif isinstance(claimants, set):
                claimants.discard(number)
                if len(claimants) == 1:
                    self._claimants[key] = claimants.pop()

    def fits(self, keys: Keys) -> int | None:
        """Return the number of the one value that ``keys`` refer to; ``None`` if it is none, or any doubt."""
        claimants, found = self._claimants, None
        for key in keys.refers:
            claimant = claimants.get(key)
            if not isinstance(claimant, int) or (found is not None and claimant != found):
                return None
            found = claimant
        if found is None:
            return None
        return None if any(key in claimants for key in keys.unless) else found
