"""Run this project's pair: ``python -m benchmarks.peers.secguard [check]``, with a keyed check or without."""

import asyncio
import re
import sys
from collections.abc import Iterator, Sequence
from importlib.metadata import version

from benchmarks.faithfulness.peer import Pattern, Peer, serve
from langchain_secguard import Anonymizer, Deanonymizer, Form, Vault
from langchain_secguard.detect import Span


class _Marked:
    """Mark what the patterns match."""

    def __init__(self, patterns: Sequence[Pattern]) -> None:
        self._patterns = [(re.compile(regex), kind) for regex, kind in patterns]

    def detect(self, texts: Sequence[str]) -> list[list[Span]]:
        return [
            [
                Span(*match.span(), kind)
                for pattern, kind in self._patterns
                for match in pattern.finditer(text)
            ]
            for text in texts
        ]

    async def adetect(self, texts: Sequence[str]) -> list[list[Span]]:
        await asyncio.sleep(0)
        return self.detect(texts)


class _Pair:
    """Both steps on one vault."""

    def __init__(self, patterns: Sequence[Pattern], form: Form) -> None:
        self._vault = Vault()
        self._before = Anonymizer(detector=_Marked(patterns), vault=self._vault, form=form)
        self._after = Deanonymizer(vault=self._vault, form=form)

    def hide(self, text: str) -> str:
        return str(self._before.invoke(text))

    def hide_all(self, texts: Sequence[str]) -> None:
        self._before.invoke(list(texts))

    def restore(self, text: str) -> str:
        return str(self._after.invoke(text))

    def stream(self, pieces: Iterator[str]) -> Iterator[str]:
        return self._after.transform(pieces)

    async def ahide(self, text: str) -> str:
        return str(await self._before.ainvoke(text))

    async def arestore(self, text: str) -> str:
        return str(await self._after.ainvoke(text))

    def forget(self, value: str) -> None:
        self._vault.erase_value(value)

    def erase(self) -> None:
        self._vault.erase()


def main() -> None:
    """Serve the pair."""
    checked = "check" in sys.argv[1:]
    form = Form(check_key=b"a key of the benchmark") if checked else Form()
    serve(
        Peer(
            name="langchain-secguard" + (", keyed check" if checked else ""),
            version=version("langchain-secguard"),
            open=lambda patterns: _Pair(patterns, form),
            offers=frozenset({"streams", "threads", "tasks", "forgets", "erases", "chats"}),
        )
    )


if __name__ == "__main__":
    main()
