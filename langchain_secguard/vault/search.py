"""How known values are found in texts by keys: which phrases to ask for, and what their answers mark."""

from collections.abc import Iterable, Mapping, Sequence
from itertools import groupby
from operator import itemgetter

from langchain_secguard.vault.base import Entry, Hit, Text
from langchain_secguard.vault.phrases import Match, PhraseIndex, phrase_keys, word_sequences


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

    def hits(self, known: Mapping[str, str], added: PhraseIndex[str]) -> list[list[Hit]]:
        """Mark the known values of each text.

        ``known`` has the entity types of the phrases asked for, and ``added`` those of the phrases that are
        new since :attr:`since`.
        """
        return [
            [
                Hit(match.start, match.end, (known.get(match.key) if by_keys else added.get(match.key)) or "")
                for match in (_longest(matches, known) if by_keys else added.find(text.text))
                if text.asks(match.start, match.end)
            ]
            for text, by_keys, matches in zip(self._texts, self._by_keys, self._matches, strict=True)
        ]


def phrases_of(entries: Iterable[Entry]) -> PhraseIndex[str]:
    """Index the entity types of entries by the phrases of their values and surrogates."""
    index: PhraseIndex[str] = PhraseIndex()
    for entry in entries:
        for key in (*phrase_keys(entry.value), *phrase_keys(entry.surrogate or "")):
            index.add(key, entry.ref.entity_type)
    return index


def _longest(matches: Iterable[Match], known: Mapping[str, str]) -> list[Match]:
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
