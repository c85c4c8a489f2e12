"""Run maskflow-langchain: ``python -m benchmarks.peers.maskflow``.

Its spaCy model would be downloaded, and is not asked for with ``patterns_only``; what is to be found are
custom entities of its config, and its own are switched off.
"""

from collections.abc import AsyncIterator, Iterator, Sequence
from importlib.metadata import version
from typing import Any

from langchain_core.runnables import RunnableLambda
from maskflow import PIIType, RootConfig  # type: ignore[import-not-found, unused-ignore]
from maskflow_core.config import EntityConfig  # type: ignore[import-not-found, unused-ignore]
from maskflow_core.config.schema import CustomEntityConfig  # type: ignore[import-not-found, unused-ignore]
from maskflow_langchain import (  # type: ignore[import-not-found, unused-ignore]
    MaskflowReversibleAnonymizer,
)

from benchmarks.faithfulness.peer import Pattern, Peer, serve

_OWN = [kind.value for kind in PIIType.values()]
_THREADS = "its documentation tells not to share a session between concurrent callers"


class _Anonymizer:
    """One anonymizer, which holds its own session."""

    def __init__(self, patterns: Sequence[Pattern]) -> None:
        regexes: dict[str, str] = {}
        for regex, kind in patterns:
            regexes[kind] = f"{regexes[kind]}|{regex}" if kind in regexes else regex
        custom = {kind: CustomEntityConfig(pattern=regex, score=1.0) for kind, regex in regexes.items()}
        off = {kind: EntityConfig(enabled=False) for kind in _OWN if kind not in regexes}
        self._inner: Any = MaskflowReversibleAnonymizer(
            patterns_only=True, config=RootConfig(custom=custom, entities=off)
        )
        self._before = RunnableLambda(self.hide)

    def hide(self, text: str) -> str:
        return str(self._inner.anonymize(text))

    def restore(self, text: str) -> str:
        return str(self._inner.deanonymizer.invoke(text))

    def stream(self, pieces: Iterator[str]) -> Iterator[str]:
        found: Iterator[str] = self._inner.deanonymizer.transform(pieces)
        return found

    async def ahide(self, text: str) -> str:
        return await self._before.ainvoke(text)

    async def arestore(self, text: str) -> str:
        async def whole() -> AsyncIterator[str]:
            yield text

        return "".join([piece async for piece in self._inner.deanonymizer.atransform(whole())])

    def erase(self) -> None:
        self._inner.reset_deanonymizer_mapping()


def main() -> None:
    """Serve the anonymizer."""
    serve(
        Peer(
            name="maskflow-langchain",
            version=version("maskflow-langchain"),
            open=_Anonymizer,
            offers=frozenset({"streams", "threads", "tasks", "erases"}),
            notes={"threads": _THREADS, "tasks": _THREADS},
        )
    )


if __name__ == "__main__":
    main()
