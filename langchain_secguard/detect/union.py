"""Several detectors as one: what any of them finds is found."""

import asyncio
from collections.abc import Iterable, Iterator, Sequence

from langchain_secguard.detect.base import Detector, Span, Uniting
from langchain_secguard.detect.calling import acall, call, checked
from langchain_secguard.detect.function import DetectorFunction, FunctionDetector


class UnionDetector(Uniting):
    """Find what any of several detectors finds; ``a | b`` is the same as ``UnionDetector(a, b)``.

    Each member reads all texts, one after the other, or all at once when awaited. Their spans are handed on
    together, and overlaps are settled where those of a single detector are: the longest span wins, of equals
    the surer one. If one member fails, all fails: what it would have found must not be sent.

    A union within a union is taken apart, and of equal members one is kept.

    Args:
        members: Detectors, or functions that :class:`FunctionDetector` takes.

    Raises:
        TypeError: A member is neither.
        ValueError: There are no members.
    """

    def __init__(self, *members: Detector | DetectorFunction) -> None:
        if not members:
            raise ValueError("a union needs a detector at least")
        self.members = tuple(_distinct(_flat(map(as_detector, members))))

    def __repr__(self) -> str:
        return " | ".join(map(repr, self.members))

    def __eq__(self, other: object) -> bool:
        return isinstance(other, UnionDetector) and self.members == other.members

    def __hash__(self) -> int:
        return hash(self.members)

    def detect(self, texts: Sequence[str]) -> list[list[Span]]:
        """Find the spans of each text, sorted.

        Raises:
            DetectorError: A member failed, or gave spans outside a text; it is named by its type.
        """
        return self._merged(texts, [call(member, texts) for member in self.members])

    async def adetect(self, texts: Sequence[str]) -> list[list[Span]]:
        """Do what :meth:`detect` does; the members read at the same time."""
        tasks = [asyncio.ensure_future(acall(member, texts)) for member in self.members]
        try:
            found = await asyncio.gather(*tasks)
        finally:
            for task in tasks:
                task.cancel()
        return await asyncio.to_thread(self._merged, texts, found)

    def _merged(self, texts: Sequence[str], found: Sequence[Sequence[Sequence[Span]]]) -> list[list[Span]]:
        lists = [checked(member, texts, spans) for member, spans in zip(self.members, found, strict=True)]
        return [sorted({span for spans in of_text for span in spans}) for of_text in zip(*lists, strict=True)]


def is_detector(value: object) -> bool:
    """Tell whether ``value`` is a detector, or a function that can be made into one; a class is neither."""
    return not isinstance(value, type) and (isinstance(value, Detector) or callable(value))


def as_detector(value: Detector | DetectorFunction) -> Detector:
    """Return a detector as it is, and a function as one.

    Raises:
        TypeError: It is neither, or a class where an instance is wanted.
    """
    if not is_detector(value):
        name = value.__name__ + ", a class" if isinstance(value, type) else type(value).__name__
        raise TypeError(f"a detector has detect(texts) and adetect(texts), or is a function; not {name}")
    return value if isinstance(value, Detector) else FunctionDetector(value)


def _flat(detectors: Iterable[Detector]) -> Iterator[Detector]:
    for detector in detectors:
        if isinstance(detector, UnionDetector):
            yield from detector.members
        else:
            yield detector


def _distinct(detectors: Iterable[Detector]) -> list[Detector]:
    distinct: list[Detector] = []
    for detector in detectors:
        if detector not in distinct:
            distinct.append(detector)
    return distinct
