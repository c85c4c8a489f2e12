"""Run langchain_experimental's anonymizer: ``python -m benchmarks.peers.presidio_reversible [labels]``.

By default it hides behind Faker's names; with ``labels`` behind Presidio's (``<PERSON>``, ``<PERSON_2>``).
Its spaCy model would be downloaded: a blank pipeline, saved to a folder, takes its place, and a recognizer of
patterns, added as its documentation shows, finds what is to be found. In a chain it is a ``RunnableLambda``,
which waits for the whole answer: it does not stream.
"""

import logging
import sys
import tempfile
from collections import defaultdict
from collections.abc import Sequence
from importlib.metadata import version
from typing import Any

import spacy  # type: ignore[import-not-found, unused-ignore]
import tldextract.tldextract  # type: ignore[import-not-found, unused-ignore]
from langchain_core.runnables import RunnableLambda
from langchain_experimental.data_anonymizer import (  # type: ignore[import-not-found, unused-ignore]
    PresidioReversibleAnonymizer,
)
from presidio_analyzer import Pattern as PresidioPattern  # type: ignore[import-not-found, unused-ignore]
from presidio_analyzer import PatternRecognizer  # type: ignore[import-not-found, unused-ignore]

from benchmarks.faithfulness.peer import Pattern, Peer, serve

_SEED = 7


class _Anonymizer:
    """One anonymizer, which holds its own map."""

    def __init__(self, patterns: Sequence[Pattern], model: str, *, fakes: bool) -> None:
        self._inner: Any = PresidioReversibleAnonymizer(
            analyzed_fields=[],
            languages_config={
                "nlp_engine_name": "spacy",
                "models": [{"lang_code": "en", "model_name": model}],
            },
            add_default_faker_operators=fakes,
            faker_seed=_SEED,
        )
        regexes: defaultdict[str, list[str]] = defaultdict(list)
        for regex, kind in patterns:
            regexes[kind].append(regex)
        for kind, own in regexes.items():
            marks = [PresidioPattern(f"{kind} {place}", regex, 1.0) for place, regex in enumerate(own)]
            self._inner.add_recognizer(
                PatternRecognizer(supported_entity=kind, patterns=marks, global_regex_flags=0)
            )
        self._before = RunnableLambda(self.hide)
        self._after = RunnableLambda(self.restore)

    def hide(self, text: str) -> str:
        return str(self._inner.anonymize(text))

    def restore(self, text: str) -> str:
        return str(self._inner.deanonymize(text))

    async def ahide(self, text: str) -> str:
        return await self._before.ainvoke(text)

    async def arestore(self, text: str) -> str:
        return await self._after.ainvoke(text)

    def erase(self) -> None:
        self._inner.reset_deanonymizer_mapping()


def main() -> None:
    """Serve the anonymizer."""
    labels = "labels" in sys.argv[1:]
    logging.getLogger("presidio-analyzer").setLevel(logging.CRITICAL)
    tldextract.tldextract.TLD_EXTRACTOR = tldextract.TLDExtract(cache_dir=None, suffix_list_urls=())
    with tempfile.TemporaryDirectory() as folder:
        spacy.blank("en").to_disk(folder)
        serve(
            Peer(
                name=f"PresidioReversibleAnonymizer, {'labels' if labels else 'fakes'}",
                version=version("langchain-experimental"),
                open=lambda patterns: _Anonymizer(patterns, folder, fakes=not labels),
                offers=frozenset({"threads", "tasks", "erases"}),
            )
        )


if __name__ == "__main__":
    main()
