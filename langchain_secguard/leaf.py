"""One text leaf on its way back: where placeholders and surrogates stand in it, as it arrives."""

from collections.abc import Callable, Iterable
from functools import partial
from typing import Any

from langchain_secguard.json_text import JsonStream, Piece
from langchain_secguard.placeholders import Form, Placeholder, PlaceholderStream, split_placeholders
from langchain_secguard.urls import UrlTracker, may_begin_url
from langchain_secguard.vault import Entry, PhraseIndex
from langchain_secguard.vault.phrases import PhraseStream


class Reader:
    """Read the leaves of one answer for one vault.

    ``accepts`` tells whether a placeholder is of the form in use; ``surrogates`` is set anew by the caller as
    the vault grows.
    """

    __slots__ = ("accepts", "surrogates")

    def __init__(self, form: Form, vault_id: str) -> None:
        self.accepts: Callable[[Placeholder], bool] = (
            partial(form.accepts, vault_id=vault_id) if form.check_key else _has_no_check
        )
        self.surrogates: PhraseIndex[Entry] = PhraseIndex()

    def read(self, text: str) -> list[str | Placeholder]:
        """Split a whole text."""
        return TextStream(self).whole(text)

    def read_json(self, text: str) -> list[str | Placeholder | Piece[Placeholder]]:
        """Split a whole JSON text, or the beginning of one."""
        stream = self.json_stream()
        return [*stream.feed(text), *stream.flush()]

    def stream(self) -> "TextStream":
        """Begin a text that arrives in pieces."""
        return TextStream(self)

    def json_stream(self) -> JsonStream[Placeholder]:
        """Begin a JSON text that arrives in pieces."""
        return JsonStream(self.stream)


class TextStream:
    """Split a text that arrives in pieces into strings and placeholders; a surrogate counts as one.

    Only what may still become a placeholder, or a surrogate of the vault, is held back.
    """

    __slots__ = ("_phrases", "_placeholders", "_reader", "_tracker")

    def __init__(self, reader: Reader) -> None:
        self._reader = reader
        self._placeholders = PlaceholderStream()
        self._phrases: PhraseStream[Entry] | None = None
        self._tracker = UrlTracker()

    def feed(self, text: str) -> list[str | Placeholder]:
        """Take the next piece, and give what is certain by now."""
        if self._phrases is None and len(self._reader.surrogates):  # the first came while the text did
            self._phrases = PhraseStream(self._placeholders.before)
        return self._mark(self._checked(self._placeholders.feed(text)))

    def passes(self, text: str) -> bool:
        """Take the next piece if it holds nothing to restore and nothing to hold back; else leave it."""
        if self._phrases is not None or len(self._reader.surrogates) or not self._placeholders.passes(text):
            return False
        self._tracker.feed(text)
        return True

    def flush(self) -> list[str | Placeholder]:
        """Give what was held back: the text ends here."""
        parts = self._checked(self._placeholders.flush())
        return self._mark([*parts, *self._flushed()])

    def whole(self, text: str) -> list[str | Placeholder]:
        """Split a text that is there whole."""
        parts = [*self._checked(split_placeholders(text)), *self._flushed()]
        quiet = not may_begin_url(text) and not any(map(_is_url, parts))
        return parts if quiet else self._mark(parts)

    def length(self, found: Placeholder) -> int:
        """Return how many characters of the text ``found`` was read from."""
        return len(found.text)

    def _checked(self, parts: list[str | Placeholder]) -> list[str | Placeholder]:
        """Turn what is not of our form back into text."""
        accepts = self._reader.accepts
        return self._disguised(
            [part if isinstance(part, str) or accepts(part) else part.text for part in parts]
        )

    def _disguised(self, parts: list[str | Placeholder]) -> list[str | Placeholder]:
        """Find surrogates between placeholders; a placeholder ends whatever phrase was open."""
        if self._phrases is None:
            if not len(self._reader.surrogates):
                return parts
            self._phrases = PhraseStream()
        found: list[str | Placeholder] = []
        for part in parts:
            if isinstance(part, str):
                found += map(_as_placeholder, self._phrases.feed(part, self._reader.surrogates))
            else:
                found += [*self._flushed(), part]
        return found

    def _flushed(self) -> Iterable[str | Placeholder]:
        return map(_as_placeholder, self._phrases.flush(self._reader.surrogates)) if self._phrases else ()

    def _mark(self, parts: list[str | Placeholder]) -> list[str | Placeholder]:
        """Mark what stands in a URL."""
        tracker = self._tracker
        for position, part in enumerate(parts):
            if isinstance(part, str):
                tracker.feed(part)
                continue
            entity_type = part.ref.entity_type
            if tracker.refuses(entity_type):
                parts[position] = part._replace(refused=True)
            tracker.skip(entity_type)
        return parts


def _has_no_check(placeholder: Placeholder) -> bool:
    """Accept what a form without a check accepts, whatever the vault."""
    return not placeholder.check


def _is_url(part: str | Placeholder) -> bool:
    return not isinstance(part, str) and part.ref.entity_type == "URL"


def _as_placeholder(part: Any) -> str | Placeholder:
    return part if isinstance(part, str) else Placeholder(part[0], part[1].ref)
