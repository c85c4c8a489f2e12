"""How known values are found in texts by keys: which phrases to ask for, and what their answers mark."""

from collections.abc import Iterable, Mapping, Sequence
from itertools import groupby
from operator import itemgetter
from typing import NamedTuple

from langchain_secguard.placeholders import Ref
from langchain_secguard.vault.base import Entry, Hit, Text
from langchain_secguard.vault.phrases import Match, PhraseIndex, phrase_keys, word_sequences


class Taught(NamedTuple):
    """Tell what a known phrase is: its entity type, and whose value made it known; none for a surrogate."""

    entity_type: str
    teacher: Ref | None = None


class Search:
    """Search texts for values that are kept far away.

    A text that was never asked about is searched by its own word sequences, whose cost does not grow with
    the vault; one that was asked about before, for what was added since, which is little.
    """

    def __init__(self, texts: Sequence[Text]) -> None:
        self._texts = texts
        self._by_keys = [not text.generation for text in texts]
        self._matches: list[Sequence[Match]] = [()] * len(texts)
        self._asked: dict[str, None] = {}

    @property
    def since(self) -> int:
        """The oldest generation that a text was asked about at; 0 if there is none."""
        return min((text.generation for text in self._texts if text.generation), default=0)

    def phrases(self, words: int, *, all_texts: bool = False) -> list[str]:
        """List the phrases to ask for, of up to ``words`` words, that were not asked for yet."""
        if all_texts:
            self._by_keys = [True] * len(self._texts)
        for position, text in enumerate(self._texts):
            if self._by_keys[position]:
                self._matches[position] = list(word_sequences(text.text, words))
        wanted = dict.fromkeys(match.key for matches in self._matches for match in matches)
        new = [key for key in wanted if key not in self._asked]
        self._asked |= wanted
        return new

    def marks(
        self, known: Mapping[str, Taught], added: PhraseIndex[Taught]
    ) -> list[list[tuple[Hit, Taught]]]:
        """Mark the known values of each text.

        ``known`` has what is known of the phrases asked for, and ``added`` what is new since :attr:`since`.
        """
        return [
            [
                (Hit(match.start, match.end, taught.entity_type), taught)
                for match in (_longest(matches, known) if by_keys else added.find(text.text))
                if (taught := known.get(match.key) if by_keys else added.get(match.key))
                and text.asks(match.start, match.end)
            ]
            for text, by_keys, matches in zip(self._texts, self._by_keys, self._matches, strict=True)
        ]


def taught_by(entries: Iterable[Entry]) -> PhraseIndex[Taught]:
    """Index the phrases of the values and surrogates of entries."""
    index: PhraseIndex[Taught] = PhraseIndex()
    for entry in entries:
        for key in phrase_keys(entry.value):
            index.add(key, Taught(entry.ref.entity_type, entry.ref))
        for key in phrase_keys(entry.surrogate or ""):
            index.add(key, Taught(entry.ref.entity_type))
    return index


def _longest(matches: Iterable[Match], known: Mapping[str, Taught]) -> list[Match]:
    """Choose the longest known match at each place, from left to right, none over another."""
    chosen: list[Match] = []
    free = 0
    for start, group in groupby(matches, key=itemgetter(0)):
        if start < free:
            continue
        found = [match for match in group if match.key in known]
        if found:
            chosen.append(found[-1])  # they are listed by their length
            free = found[-1].end
    return chosen
