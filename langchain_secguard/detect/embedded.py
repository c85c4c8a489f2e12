"""The detector that comes with the package: patterns, and a small model for names; nothing to download."""

import asyncio
from collections.abc import Collection, Sequence

from langchain_secguard.detect.base import Span, overlapping, resolve
from langchain_secguard.detect.names import find_names
from langchain_secguard.detect.patterns import PATTERN_TYPES, find_patterns

NAME_TYPES = frozenset({"PERSON", "ORGANIZATION", "LOCATION"})
"""The entity types that the model finds."""


class EmbeddedDetector:
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

    def detect(self, texts: Sequence[str]) -> list[list[Span]]:
        """Find the spans of each text, sorted; they are disjoint, but for what stands inside a URL."""
        found = [find_patterns(text, self._entity_types) for text in texts]
        if self._names:
            found = [
                _merge(patterns, self._wanted(names))
                for patterns, names in zip(found, find_names(texts), strict=True)
            ]
        return found

    async def adetect(self, texts: Sequence[str]) -> list[list[Span]]:
        """Do what :meth:`detect` does, in a worker thread."""
        return await asyncio.to_thread(self.detect, texts)

    def _wanted(self, names: Sequence[Span]) -> list[Span]:
        return [
            name for name in names if self._entity_types is None or name.entity_type in self._entity_types
        ]


def _merge(patterns: Sequence[Span], names: Sequence[Span]) -> list[Span]:
    """Put names beside patterns; inside a URL both stay, elsewhere the longest wins."""
    urls = [span for span in patterns if span.entity_type == "URL"]
    inside = [span for span in patterns if span.entity_type != "URL"]
    merged: list[Span] = list(urls)
    for cluster in overlapping([*inside, *names]):
        merged += cluster if len(cluster) == 1 else resolve(cluster)
    return sorted(merged)
