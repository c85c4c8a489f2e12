"""Run LLM Guard's two scanners: ``python -m benchmarks.peers.llm_guard_restoring [strategy]``.

``Anonymize`` is built as ``benchmarks/peers/llm_guard.py`` says, with a recognizer of patterns in the place
of its transformer. It has no streaming, and no calls for tasks.
"""

import sys
from collections.abc import Sequence
from importlib.metadata import version
from typing import Any, cast

from llm_guard.output_scanners import Deanonymize  # type: ignore[import-not-found, unused-ignore]
from llm_guard.vault import Vault  # type: ignore[import-not-found, unused-ignore]

from benchmarks.faithfulness.peer import Pattern, Peer, serve
from benchmarks.peers.llm_guard import Strategy, pattern_scanner, recognizer_of, silence

_SHREDS = (
    "its placeholders are read as regular expressions, so that `[REDACTED_PERSON_1]` is a class of "
    "characters, each of which becomes the value: a line grows tenfold with each person in the vault"
)


class _Scanners:
    """Both scanners on one vault."""

    def __init__(self, patterns: Sequence[Pattern], strategy: Strategy) -> None:
        self._vault = Vault()
        types = list(dict.fromkeys(kind for _, kind in patterns))
        self._before: Any = pattern_scanner(self._vault, types, recognizers=recognizer_of(patterns))
        self._after: Any = Deanonymize(self._vault, matching_strategy=strategy)

    def hide(self, text: str) -> str:
        return str(self._before.scan(text)[0])

    def restore(self, text: str) -> str:
        return str(self._after.scan("", text)[0])

    def forget(self, value: str) -> None:
        for entry in [entry for entry in self._vault.get() if entry[1] == value]:
            self._vault.remove(entry)

    def erase(self) -> None:
        for entry in list(self._vault.get()):
            self._vault.remove(entry)


def main() -> None:
    """Serve the scanners, with the matching strategy that is named."""
    strategy = cast("Strategy", (*sys.argv[1:], "exact")[0])
    silence()
    serve(
        Peer(
            name=f"LLM Guard, {strategy.replace('_', '-')}",
            version=version("llm-guard"),
            open=lambda patterns: _Scanners(patterns, strategy),
            offers=frozenset({"threads", "forgets", "erases"}),
            notes={"restoring": _SHREDS} if strategy == "case_insensitive" else {},
        )
    )


if __name__ == "__main__":
    main()
