"""The detector that comes with the package: patterns, and a small model for names; nothing to download."""

import asyncio
from collections.abc import Collection, Sequence

from langchain_secguard.detect.base import Span, Uniting
from langchain_secguard.detect.names import find_names
from langchain_secguard.detect.patterns import PATTERN_TYPES, find_patterns

NAME_TYPES = frozenset({"PERSON", "ORGANIZATION", "LOCATION"})
"""The entity types that the model finds."""


class EmbeddedDetector(Uniting):
    """Find personal data with patterns, checksums and a small model for names, without any download.

    The model is loaded at first use, and once for the process. See the model card in the documentation for
    what it was trained on and where it fails.

    Args:
        entity_types: Look for these alone; ``None`` for all that the detector knows.
        names: Whether the model is used; without it only patterns are.

    Raises:
        ValueError: An entity type is not known to the detector.
    """

    ENTITY_TYPES = PATTERN_TYPES | NAME_TYPES

    def __init__(self, *, entity_types: Collection[str] | None = None, names: bool = True) -> None:
        unknown = sorted(set(entity_types or ()) - self.ENTITY_TYPES)
        if unknown:
            raise ValueError(
                f"EmbeddedDetector does not look for {', '.join(unknown)}; "
                f"it knows {', '.join(sorted(self.ENTITY_TYPES))}"
            )
        self._entity_types = frozenset(entity_types) if entity_types is not None else None
        self._names = names and (self._entity_types is None or not NAME_TYPES.isdisjoint(self._entity_types))

    def __repr__(self) -> str:
        types = sorted(self._entity_types) if self._entity_types is not None else None
        return f"EmbeddedDetector(entity_types={types}, names={self._names})"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, EmbeddedDetector) and repr(self) == repr(other)

    def __hash__(self) -> int:
        return hash(repr(self))

    def detect(self, texts: Sequence[str]) -> list[list[Span]]:
        """Find the spans of each text, sorted.

        Patterns do not overlap each other, but for what stands inside a URL, and names do not overlap each
        other. A name may overlap a pattern: which of them stands is settled behind the caller's threshold,
        since a faint name must not take the place of a sure pattern and then be dropped.
        """
        found = [find_patterns(text, self._entity_types) for text in texts]
        if not self._names:
            return found
        named = map(self._wanted, find_names(texts))
        return [sorted([*patterns, *names]) for patterns, names in zip(found, named, strict=True)]

    async def adetect(self, texts: Sequence[str]) -> list[list[Span]]:
        """Do what :meth:`detect` does, in a worker thread."""
        return await asyncio.to_thread(self.detect, texts)

    def _wanted(self, names: Sequence[Span]) -> list[Span]:
        return [
            name for name in names if self._entity_types is None or name.entity_type in self._entity_types
        ]
