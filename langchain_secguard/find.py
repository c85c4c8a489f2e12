"""What is to be hidden in a text, before any vault is asked: detection, names, and forged placeholders."""

import asyncio
import hashlib
import re
import secrets
import unicodedata
from collections.abc import Collection, Iterable, Mapping, Sequence

from langchain_secguard.detect.base import Detector, Span
from langchain_secguard.detect.calling import acall, call, checked
from langchain_secguard.json_text import apply
from langchain_secguard.lru import Lru
from langchain_secguard.placeholders import find_forged
from langchain_secguard.settle import PolicyOf, settle
from langchain_secguard.sight import show_names
from langchain_secguard.spellings import Reading, unescaped
from langchain_secguard.vault.phrases import fold

CUSTOM = "CUSTOM"
"""The entity type of what ``hidden_names`` finds, and of text that looks like a placeholder."""

STANDARD_TYPES = frozenset(
    {
        "CREDIT_CARD", "CRYPTO", CUSTOM, "DATE_TIME", "EMAIL_ADDRESS", "IBAN_CODE", "ID_NUMBER",
        "IP_ADDRESS", "LOCATION", "MAC_ADDRESS", "MEDICAL_LICENSE", "NRP", "ORGANIZATION", "PERSON",
        "PHONE_NUMBER", "SECRET", "URL", "US_BANK_NUMBER", "US_DRIVER_LICENSE", "US_ITIN",
        "US_LICENSE_PLATE", "US_PASSPORT", "US_SSN", "UUID",
    }
)  # fmt: skip
"""Entity types of which a bent spelling ("[person 1]") is always taken for a placeholder."""

UNSPACED = (
    r"\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af\uf900-\ufaff"
    r"\U00020000-\U0003ffff"
)
"""The letters of scripts that do not set words apart, for a class of a regular expression."""

WORD_EDGE = re.compile(rf"[^\W{UNSPACED}]")
"""A letter or digit of a script that sets words apart; in others a name has no edges to look for."""

_LONG = 20_000
"""Texts longer than this many characters together are looked over in a worker thread."""

_KEY = secrets.token_bytes(32)
_PLAIN = re.compile(r"[A-Za-z0-9]")
_EDGE = re.compile(r"[\s.,;:!?\"'()\[\]{}<>*_`\u2018\u2019\u201c\u201d\u2026-]+")
_HONORIFIC = re.compile(r"^(?:mr|mrs|ms|mx|dr|prof|miss|sir|madam)\.? ")


def digest(text: str) -> bytes:
    """Return a hash of ``text`` keyed for this process: a cache key from which the text cannot be guessed."""
    return hashlib.blake2b(text.encode("utf-8", "surrogatepass"), key=_KEY, digest_size=16).digest()


class Finder:
    """Find what a text holds that is to be hidden, and remember it by a keyed hash of the text.

    Args:
        detector: Finds entities.
        policies: Tells which entity types are allowed, and which must never come back.
        entity_types: Look for these alone; ``None`` for all.
        named_types: Entity types that may be found, as far as is known beforehand.
        threshold: Drop spans with a lower score.
        hidden_names: Words and phrases that are always hidden, in any case.
        allowed_names: Words and phrases that are never hidden, in any case.
        cache_size: How many texts are remembered.
    """

    def __init__(
        self,
        detector: Detector,
        policies: PolicyOf,
        *,
        entity_types: Collection[str] | None,
        threshold: float,
        hidden_names: Sequence[str],
        allowed_names: Sequence[str],
        cache_size: int,
        named_types: Collection[str] = (),
    ) -> None:
        self._detector = detector
        self._policies = policies
        self._entity_types = frozenset(entity_types) if entity_types is not None else None
        self._threshold = threshold
        self._hidden = name_pattern(hidden_names)
        if self._hidden:
            show_names(self, self._hidden)
        self.allowed = frozenset(map(name_key, allowed_names))
        self._seen_types = {*STANDARD_TYPES, *named_types, *(entity_types or ())}
        self._cache: Lru[tuple[int, bytes], tuple[Span, ...]] = Lru(cache_size)

    @property
    def engine(self) -> str:
        """The name of the detector's class."""
        return type(self._detector).__name__

    @property
    def types(self) -> int:
        """The number of entity types seen: with another, more of a text may look like a placeholder."""
        return len(self._seen_types)

    def known(self, key: bytes) -> tuple[Span, ...] | None:
        """Return the spans of the text with this digest, if it was read before."""
        return self._cache.get((self.types, key))

    def read(self, texts: Mapping[bytes, str]) -> dict[bytes, tuple[Span, ...]]:
        """Detect in texts, by their digests, and remember what is to be hidden in each.

        Raises:
            DetectorError: The detector failed, marked characters outside its text, or gave something else
                than a list of spans for each text.
        """
        readings = _readings(texts.values())
        return self._learn(texts, readings, call(self._detector, _asked(texts, readings)))

    async def aread(self, texts: Mapping[bytes, str]) -> dict[bytes, tuple[Span, ...]]:
        """Do what :meth:`read` does, without blocking the event loop."""
        is_long = sum(map(len, texts.values())) > _LONG
        readings = (
            await asyncio.to_thread(_readings, texts.values()) if is_long else _readings(texts.values())
        )
        detected = await acall(self._detector, _asked(texts, readings))
        if is_long:
            return await asyncio.to_thread(self._learn, texts, readings, detected)
        return self._learn(texts, readings, detected)

    def _learn(
        self,
        texts: Mapping[bytes, str],
        readings: Sequence[Reading | None],
        detected: Sequence[Sequence[Span]],
    ) -> dict[bytes, tuple[Span, ...]]:
        marked = iter(checked(self._detector, _asked(texts, readings), detected))
        wanted = [[span for span in next(marked) if self._wanted(text, span)] for text in texts.values()]
        for own, reading in zip(wanted, readings, strict=True):
            if reading is not None:
                own += [
                    Span(*reading.origin(span.start, span.end), span.entity_type, span.score)
                    for span in next(marked)
                    if self._wanted(reading.text, span)
                ]
        self._seen_types.update(span.entity_type for spans in wanted for span in spans)
        types = self.types
        learned = {
            key: tuple(self._spans(text, reading, spans))
            for (key, text), reading, spans in zip(texts.items(), readings, wanted, strict=True)
        }
        for key, spans in learned.items():
            self._cache.put((types, key), spans)
        return learned

    def is_allowed(self, text: str) -> bool:
        """Tell whether ``text`` is one of the allowed names."""
        return bool(self.allowed) and name_key(text) in self.allowed

    def _spans(self, text: str, reading: Reading | None, spans: list[Span]) -> list[Span]:
        if self._hidden:
            spans += [Span(*match.span(), CUSTOM) for match in self._hidden.finditer(text)]
        if self._hidden and reading is not None:
            found = self._hidden.finditer(reading.text)
            spans += [Span(*reading.origin(*match.span()), CUSTOM) for match in found]
        return self.settle(text, [*spans, *self._forged(text)])

    def settle(self, text: str, spans: Iterable[Span]) -> list[Span]:
        """Settle spans, and what looks like a placeholder only since a word beside it is cut by one of them.

        In "PERSON_1Jane" nothing does, in "PERSON_1[PERSON_2]" it would.
        """
        settled = settle(text, spans, self._policies)
        while bared := self._forged(_blanked(text, settled)) if _cuts_words(text, settled) else ():
            settled = settle(text, [*settled, *bared], self._policies)
        return settled

    def _forged(self, text: str) -> list[Span]:
        return [Span(start, end, CUSTOM) for start, end in find_forged(text, self._seen_types)]

    def _wanted(self, text: str, span: Span) -> bool:
        return (
            not span.score < self._threshold  # what has no score at all (NaN) is hidden
            and (self._entity_types is None or span.entity_type in self._entity_types)
            and self._policies(span.entity_type).action != "allow"
            and not self.is_allowed(text[span.start : span.end])
        )


def _cuts_words(text: str, spans: Iterable[Span]) -> bool:
    """Tell whether a letter or digit that a placeholder may hold stands right beside a span."""
    return any(
        _PLAIN.match(text, span.end) or (span.start and _PLAIN.match(text, span.start - 1)) for span in spans
    )


def _blanked(text: str, spans: Iterable[Span]) -> str:
    """Write ``text`` with nothing where the spans are, in the same places."""
    return apply(text, [(span.start, span.end, "\n" * (span.end - span.start)) for span in spans])


def _readings(texts: Iterable[str]) -> list[Reading | None]:
    return [unescaped(text) for text in texts]


def _asked(texts: Mapping[bytes, str], readings: Iterable[Reading | None]) -> list[str]:
    """List what a detector is to read: the texts, and once more without escapes those that have some."""
    return [*texts.values(), *(reading.text for reading in readings if reading is not None)]


def name_pattern(names: Sequence[str]) -> re.Pattern[str] | None:
    """Match each of ``names``, whatever its case, white space, quotes and dashes; ``None`` for none."""
    if not names:
        return None
    spellings = {spelling for name in names for spelling in _spellings(" ".join(name.split()))}
    phrases = [_phrase_pattern(spelling) for spelling in sorted(spellings, key=lambda s: (-len(s), s))]
    return re.compile("|".join(phrases), re.IGNORECASE)


def _spellings(name: str) -> set[str]:
    """Write a name in capitals too ("STRAUSS"), and with its accents apart from its letters and joined."""
    return {
        unicodedata.normalize(form, spelling) for spelling in (name, name.upper()) for form in ("NFC", "NFD")
    } | {name}


def _phrase_pattern(name: str) -> str:
    before = r"(?<!\w)" if WORD_EDGE.match(name[0]) else ""
    after = r"(?!\w)" if WORD_EDGE.match(name[-1]) else ""
    return before + "".join(_ALIKE.get(character) or re.escape(character) for character in name) + after


def _alike(characters: str) -> dict[str, str]:
    return dict.fromkeys(characters, f"[{re.escape(characters)}]")


_ALIKE = {
    " ": r"[\s\u00ad\u200b-\u200d\u2060\ufeff]+",
    **_alike("'\u2018\u2019\u02bc\u00b4`"),
    **_alike("-\u2010\u2011\u2012\u2013"),
}
"""What else may stand in the place of a character of a name."""


def name_key(text: str) -> str:
    """Write a name so that its case, its edges and a title before it do not matter."""
    return _HONORIFIC.sub("", _EDGE.sub(" ", fold(text)).strip())
