"""Cut a text that is longer than a scanner's model reads, so that nothing of it goes unread."""

import re
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from langchain_secguard.detect.windowed import capacity, encoder_of
from langchain_secguard.detect.windows import windows

_SLACK = 8
"""Tokens that a part may have more by itself than within its text, for it begins and ends elsewhere."""

_SHORTEST = 16
_WORD = 60
_HYPOTHESIS = "This example is {}."
_BREAK = re.compile(r"\s")


_lock = threading.Lock()


@contextmanager
def own_tokenizer(core: Any) -> Iterator[None]:
    """Let a ``PromptInjection`` that reads a text's ends count by its own tokenizer.

    It keeps its tokenizer in a member of an enumeration: that of the scanner made last, for the process.
    """
    if getattr(getattr(core, "_match_type", None), "value", None) != "truncate_token_head_tail":
        yield
        return
    with _lock:
        core._match_type.set_tokenizer(core._pipeline.tokenizer)  # noqa: SLF001 - its own
        yield


class Cutter:
    """Cut texts for the pipeline of a scanner; not for several threads at once.

    Args:
        core: The scanner that has the pipeline.
    """

    def __init__(self, core: Any) -> None:
        self._pipeline = next(
            (
                found
                for name in ("_pipeline", "_classifier", "_ner_pipeline")
                if (found := getattr(core, name, None))
            ),
            None,
        )
        self._topics: Sequence[str] = getattr(core, "_topics", ())
        self._encoder: Any = None
        self._size: int | None = None

    def overlapping(self, text: str) -> list[str]:
        """Cut ``text`` into parts of which neighbours share a quarter; it alone where it is short enough."""
        return [text[start:end] for start, end in self._stretches(text, shared=4)]

    def adjoining(self, text: str) -> list[str]:
        """Cut ``text`` into parts that make it up again, between words where there are any."""
        starts = [0]
        for start, _ in self._stretches(text, shared=None)[1:]:
            spaces = [space.end() for space in _BREAK.finditer(text, starts[-1] + 1, start)]
            starts.append(spaces[-1] if spaces and start - spaces[-1] < _WORD else start)
        return [text[start:end] for start, end in zip(starts, [*starts[1:], len(text)], strict=True)]

    def _stretches(self, text: str, *, shared: int | None) -> list[tuple[int, int]]:
        size = self._capacity()
        if size is None or len(text.encode("utf-8", "replace")) <= size:
            return [(0, len(text))]
        offsets = self._offsets(text)
        overlap = size // shared if shared else 0
        found = [
            (offsets[part.start][0], offsets[part.stop - 1][1])
            for part in windows(len(offsets), size=size, overlap=overlap)
            if part
        ]
        return [(0, len(text))] if len(found) < 2 else found

    def _offsets(self, text: str) -> list[tuple[int, int]]:
        tokenizer = self._pipeline.tokenizer  # type: ignore[union-attr]
        if not getattr(tokenizer, "is_fast", False):
            return [
                (place, place + 1) for place in range(len(text))
            ]  # hardly a token is less than a character
        self._encoder = self._encoder or encoder_of(tokenizer)
        offsets: list[tuple[int, int]] = self._encoder.encode(text, add_special_tokens=False).offsets
        return offsets

    def _capacity(self) -> int | None:
        """Return how many tokens of a text the model reads; ``None`` where there is no telling."""
        if self._size is None and self._pipeline is not None:
            tokenizer, model = self._pipeline.tokenizer, self._pipeline.model
            asked = getattr(self._pipeline, "_preprocess_params", {}).get("max_length")
            most = min(capacity(model, tokenizer), asked or capacity(model, tokenizer))
            beside = tokenizer.num_special_tokens_to_add(pair=bool(self._topics))
            beside += max(
                (len(tokenizer.tokenize(_HYPOTHESIS.format(one))) for one in self._topics), default=0
            )
            self._size = max(_SHORTEST, most - beside - _SLACK)
        return self._size
