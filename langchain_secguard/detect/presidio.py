"""A detector from Microsoft Presidio's analyzer: https://microsoft.github.io/presidio/analyzer/."""

import asyncio
from collections.abc import Collection, Sequence
from typing import Any, Literal

from langchain_secguard.detect.base import Span, Uniting
from langchain_secguard.detect.calling import guarded
from langchain_secguard.detect.windowed import well_formed
from langchain_secguard.detect.windows import unite, windows

_SIZE, _OVERLAP = 5_000, 500
"""Characters read at once: Presidio's time grows with their square, and spaCy refuses more than a million."""


class PresidioDetector(Uniting):
    """Find what an ``AnalyzerEngine`` of Presidio finds: yours, with whatever recognizers it has.

    Without one, Presidio's pattern recognizers are used alone: no model, so no names, and nothing is
    downloaded. That analyzer is made once for the process and never asks the network; it gives valid phone
    numbers a score of 0.6, where Presidio gives 0.4.

    With an analyzer of yours, what it loads and asks for is its own: Presidio's e-mail recognizer fetches a
    list of public suffixes at its first match, unless ``tldextract`` is told not to (see the documentation).

    While it reads, Presidio's loggers keep silent, ``log_decision_process`` included, for they would print
    the text; an error that Presidio merely logs, such as a pattern that timed out, is raised.

    Args:
        analyzer: An ``AnalyzerEngine``; it is not changed, and is called from several threads at once.
        language: The language of the texts, or several: then each text is read in each of them.
        entity_types: Look for these alone; ``None`` for all that the analyzer knows.
        threshold: Drop what the analyzer is less sure of; ``None`` leaves that to the analyzer. Many of
            Presidio's patterns score below 0.5 until a word before them says what they are.
        recognizers: Recognizers to use besides the analyzer's.
        allow_list: Texts that are no entity, exactly as written, or as regular expressions.
        allow_list_match: ``"exact"`` or ``"regex"``.
        context: Words that raise a score as if they stood in the text.

    Raises:
        ImportError: Presidio is not installed.
        ValueError: The analyzer does not know a language or an entity type.
    """

    def __init__(
        self,
        analyzer: Any = None,
        *,
        language: str | Sequence[str] = "en",
        entity_types: Collection[str] | None = None,
        threshold: float | None = None,
        recognizers: Sequence[Any] = (),
        allow_list: Collection[str] = (),
        allow_list_match: Literal["exact", "regex"] = "exact",
        context: Collection[str] = (),
    ) -> None:
        if allow_list_match not in ("exact", "regex"):
            raise ValueError('allow_list_match is "exact" or "regex"')
        if threshold is not None and not 0 <= threshold <= 1:
            raise ValueError("threshold is a number from 0 to 1")
        self._engine = _engine()
        self._languages = (language,) if isinstance(language, str) else tuple(language)
        self._analyzer = analyzer if analyzer is not None else self._engine.pattern_analyzer(self._languages)
        self._recognizers = list(recognizers)
        self._options = {
            "score_threshold": threshold,
            "ad_hoc_recognizers": self._recognizers,
            "allow_list": list(allow_list),
            "allow_list_match": allow_list_match,
            "context": list(context),
        }
        self._check_languages()
        self._entity_types = sorted(entity_types) if entity_types is not None else None
        self._entities = {name: self._entities_in(name) for name in self._languages}
        self._check_entity_types()

    def __repr__(self) -> str:
        return f"PresidioDetector(language={self._languages}, entity_types={self._entity_types})"

    @guarded
    def detect(self, texts: Sequence[str]) -> list[list[Span]]:
        """Find the spans of each text, sorted; those of different recognizers may overlap.

        Raises:
            DetectorError: Presidio failed, or one of its recognizers did.
        """
        texts = [well_formed(text) for text in texts]
        cuts = [windows(len(text), size=_SIZE, overlap=_OVERLAP) for text in texts]
        pieces = [
            text[cut.start : cut.stop] for text, of_text in zip(texts, cuts, strict=True) for cut in of_text
        ]
        found = iter(self._read(pieces))
        return [self._whole(of_text, [next(found) for _ in of_text]) for of_text in cuts]

    async def adetect(self, texts: Sequence[str]) -> list[list[Span]]:
        """Do what :meth:`detect` does, in a worker thread."""
        return await asyncio.to_thread(self.detect, texts)

    def _read(self, pieces: Sequence[str]) -> list[set[Span]]:
        """Read each piece in each language."""
        found: list[set[Span]] = [set() for _ in pieces]
        for language, entities in self._entities.items():
            if entities is not None and not entities:
                continue
            results = self._engine.analyze(
                self._analyzer, pieces, language, entities=entities, **self._options
            )
            for spans, of_piece in zip(found, results, strict=True):
                spans.update(
                    Span(one.start, one.end, one.entity_type, min(1.0, max(0.0, float(one.score))))
                    for one in of_piece
                )
        return found

    @staticmethod
    def _whole(cuts: Sequence[range], found: Sequence[set[Span]]) -> list[Span]:
        shifted = [
            [Span(one.start + cut.start, one.end + cut.start, one.entity_type, one.score) for one in spans]
            for cut, spans in zip(cuts, found, strict=True)
        ]
        return unite([(cut.start, cut.stop) for cut in cuts], shifted)

    def _entities_in(self, language: str) -> list[str] | None:
        """List those of the entity types asked for that are known in ``language``."""
        if self._entity_types is None:
            return None
        known = self._known(language)
        return [name for name in self._entity_types if name in known]

    def _known(self, language: str) -> set[str]:
        own = [one for one in self._recognizers if one.supported_language == language]
        return {
            *self._analyzer.get_supported_entities(language),
            *(name for recognizer in own for name in recognizer.supported_entities),
        }

    def _check_languages(self) -> None:
        """Refuse what Presidio would pass over without a word."""
        offered, wanted = ", ".join(self._analyzer.supported_languages), ", ".join(self._languages)
        if not self._languages or not set(self._languages) <= set(self._analyzer.supported_languages):
            raise ValueError(f"the analyzer reads {offered}; not {wanted or 'no language at all'}")
        for recognizer in self._recognizers:
            if recognizer.supported_language not in self._languages:
                raise ValueError(
                    f"{recognizer.name} is a recognizer for {recognizer.supported_language!r}; "
                    f"the texts are read in {wanted}"
                )

    def _check_entity_types(self) -> None:
        found = {name for names in self._entities.values() for name in names or ()}
        unknown = sorted(set(self._entity_types or ()) - found)
        if unknown:
            known = sorted(set().union(*map(self._known, self._languages)))
            raise ValueError(f"the analyzer does not find {', '.join(unknown)}; it finds {', '.join(known)}")


def _engine() -> Any:
    try:
        from langchain_secguard.detect import presidio_engine  # noqa: PLC0415 - Presidio may not be installed
    except ImportError as error:
        raise ImportError(
            'PresidioDetector needs Presidio: pip install "langchain-secguard[presidio]"'
        ) from error
    return presidio_engine
