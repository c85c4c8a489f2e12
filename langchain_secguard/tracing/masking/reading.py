"""What a mask finds in a text by itself, whatever any vault knows: by a detector, by name, by shape."""

import base64
import re
from collections.abc import Collection, Iterable, Sequence

from langchain_secguard.detect.base import Detector, Span
from langchain_secguard.detect.calling import call, checked
from langchain_secguard.find import CUSTOM, digest, name_key
from langchain_secguard.lru import Lru
from langchain_secguard.spellings import Reading, plainest
from langchain_secguard.tracing.masking.known import Known
from langchain_secguard.tracing.masking.marks import Mark

_BLOB = re.compile(r"(?:data:[\w.+/-]*;base64,)[A-Za-z0-9+/_=-]*|[A-Za-z0-9+/_-]{256,}={0,2}")
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")
_ENCODED = re.compile(r"(?<![A-Za-z0-9+/_-])[A-Za-z0-9+/_-]{8,255}={0,2}(?![A-Za-z0-9+/_=-])")


class Readers:
    """Detect in texts, and remember by a keyed hash of each what was found.

    Args:
        detector: Finds entities.
        threshold: Drop spans with a lower score.
        entity_types: Look for these alone; ``None`` for all.
        allowed_names: Words and phrases that are left as they are.
        cache_size: How many texts are remembered.
    """

    def __init__(
        self,
        detector: Detector,
        *,
        threshold: float,
        entity_types: Collection[str] | None,
        allowed_names: Iterable[str],
        cache_size: int,
    ) -> None:
        self._detector = detector
        self._threshold = threshold
        self._entity_types = frozenset(entity_types) if entity_types is not None else None
        self._allowed = frozenset(map(name_key, allowed_names))
        self._cache: Lru[bytes, tuple[Span, ...]] = Lru(cache_size)

    def read(self, texts: Iterable[str]) -> dict[str, list[Mark]]:
        """Detect in ``texts``, as they are and with all escapes undone; one call of the detector at most.

        Raises:
            DetectorError: The detector failed, or gave something else than spans.
        """
        readings = {text: _readings(text) for text in texts}
        spans = self._spans(
            {one.text for several in readings.values() for one in several if one.text.strip()}
        )
        return {
            text: [
                Mark(*one.origin(span.start, span.end), f"[{span.entity_type}]", sure=False)
                for one in several
                for span in spans.get(one.text, ())
            ]
            for text, several in readings.items()
        }

    def _spans(self, texts: Iterable[str]) -> dict[str, Sequence[Span]]:
        keys = {text: digest(text) for text in texts}
        spans: dict[str, Sequence[Span]] = {}
        for text, key in keys.items():
            known = self._cache.get(key)
            if known is not None:
                spans[text] = known
        unread = [text for text in keys if text not in spans]
        if unread:
            found = checked(self._detector, unread, call(self._detector, unread))
            for text, several in zip(unread, found, strict=True):
                wanted = tuple(span for span in several if self._wanted(text, span))
                spans[text] = wanted
                self._cache.put(keys[text], wanted)
        return spans

    def _wanted(self, text: str, span: Span) -> bool:
        return (
            not span.score < self._threshold  # what has no score at all (NaN) is masked
            and (self._entity_types is None or span.entity_type in self._entity_types)
            and not (self._allowed and name_key(text[span.start : span.end]) in self._allowed)
        )


def _readings(text: str) -> list[Reading]:
    plain = plainest(text)
    return [Reading(text)] if plain.text == text else [Reading(text), plain]


def named(spellings: Iterable[Reading], patterns: Sequence[re.Pattern[str]]) -> list[Mark]:
    """Mark the names that are always hidden."""
    return [
        Mark(*spelling.origin(*match.span()), f"[{CUSTOM}]")
        for spelling in spellings
        for pattern in patterns
        for match in pattern.finditer(spelling.text)
    ]


def shaped(text: str) -> list[Mark]:
    """Mark what is no text: images and other files, written as base64."""
    if len(text) < 20:
        return []
    return [
        Mark(*match.span(), f"<{len(match[0])} characters>")
        for match in _BLOB.finditer(text)
        if len(match[0]) > 20 and len(set(match[0])) > 8
    ]


def encoded(text: str) -> list[tuple[int, int, str]]:
    """List the words that are base64 of a text: start, end (exclusive), and that text."""
    if len(text) < 8:
        return []
    return [
        (*match.span(), content)
        for match in _ENCODED.finditer(text)
        if not _is_word(match[0]) and (content := _decoded(match[0]))
    ]


def mark_encoded(
    words: Iterable[tuple[int, int, str]], known: Known, patterns: Sequence[re.Pattern[str]]
) -> list[Mark]:
    """Mark each word that holds a known value in base64."""
    return [
        Mark(start, end, held[0].stand_in)
        for start, end, content in words
        if (held := known.find(content) or named([Reading(content)], patterns))
    ]


def _is_word(text: str) -> bool:
    """Tell whether ``text`` is a word, in small letters; base64 has others all over it."""
    return text.islower() or (text[1:].islower() and text.isalpha())


def _decoded(word: str) -> str | None:
    """Read ``word`` as base64 of a text; ``None`` if it is none."""
    word = word.rstrip("=").replace("-", "+").replace("_", "/")
    if len(word) % 4 == 1:
        return None
    try:
        text = base64.b64decode(word + "=" * (-len(word) % 4)).decode()
    except ValueError:
        return None
    return None if _CONTROL.search(text) else text


def mark_known(spellings: Iterable[Reading], known: Known) -> list[Mark]:
    """Mark known values in all spellings of a text."""
    if not known:
        return []
    return [
        Mark(*spelling.origin(found.start, found.end), found.stand_in)
        for spelling in spellings
        for found in known.find(spelling.text)
    ]
