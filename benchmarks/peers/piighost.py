"""Run piighost's pipeline for conversations: ``python -m benchmarks.peers.piighost``.

It is async only: single calls run in a loop of their own, and threads are left out. What it has nearest to
the removal of a value is a correction: the messages that held it are anonymized again without it.
"""

import asyncio
import re
from collections.abc import Iterator, Sequence
from importlib.metadata import version
from typing import Any

from piighost.components.placeholder.streaming import (  # type: ignore[import-not-found, unused-ignore]
    PlaceholderStreamDecoder,
)
from piighost.models import Detection, Span  # type: ignore[import-not-found, unused-ignore]
from piighost.pipeline import ThreadAnonymizationPipeline  # type: ignore[import-not-found, unused-ignore]

from benchmarks.faithfulness.peer import Pattern, Peer, serve

_THREAD = "thread-1"
_CORRECTION = "as a correction: the messages that held it are anonymized again without it"


class _Marked:
    """Detect what the patterns match."""

    def __init__(self, patterns: Sequence[Pattern]) -> None:
        self._patterns = [(re.compile(regex), kind) for regex, kind in patterns]

    async def detect(self, text: str) -> list[Any]:
        return [
            Detection(span=Span(*match.span()), text=match[0], label=kind, confidence=1.0)
            for pattern, kind in self._patterns
            for match in pattern.finditer(text)
        ]


class _Conversation:
    """One thread of a pipeline."""

    def __init__(self, patterns: Sequence[Pattern]) -> None:
        self._detector = _Marked(patterns)
        self._pipeline: Any = ThreadAnonymizationPipeline(self._detector)
        self._heard: list[str] = []

    def hide(self, text: str) -> str:
        return asyncio.run(self.ahide(text))

    def restore(self, text: str) -> str:
        return asyncio.run(self.arestore(text))

    def stream(self, pieces: Iterator[str]) -> Iterator[str]:
        values: dict[str, str] = asyncio.run(self._pipeline.thread_token_map(_THREAD))
        decoder = PlaceholderStreamDecoder(lambda token: values.get(token, token))
        for piece in pieces:
            yield decoder.feed(piece)
        yield decoder.flush()

    async def ahide(self, text: str) -> str:
        self._heard.append(text)
        return str((await self._pipeline.anonymize(text, _THREAD)).text)

    async def arestore(self, text: str) -> str:
        return str(await self._pipeline.deanonymize(text, _THREAD))

    def forget(self, value: str) -> None:
        asyncio.run(self._correct(value))

    async def _correct(self, value: str) -> None:
        for text in self._heard:
            found = await self._detector.detect(text)
            kept = [one for one in found if one.text != value]
            if kept != found:
                await self._pipeline.anonymize_corrected(text, _THREAD, kept)

    def erase(self) -> None:
        asyncio.run(self._pipeline.forget_thread(_THREAD))
        self._heard.clear()


def main() -> None:
    """Serve the pipeline."""
    serve(
        Peer(
            name="piighost",
            version=version("piighost"),
            open=_Conversation,
            offers=frozenset({"streams", "tasks", "forgets", "erases"}),
            notes={"forgets": _CORRECTION},
        )
    )


if __name__ == "__main__":
    main()
