"""Read texts with the name model: put their words in numbers, run the network in batches.

Needs numpy, so it is imported only when names are first looked for.
"""

import threading
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from langchain_secguard.detect import features
from langchain_secguard.detect.features import Floats, Integers, Lexicon
from langchain_secguard.detect.network import Batch, Network
from langchain_secguard.detect.tokens import Tokens, fold

_WINDOW = 2048
_CACHED_WORDS = 12_000
_LABELS = 7


@dataclass(frozen=True, slots=True)
class Piece:
    """A stretch of a text that goes through the network at once, of which ``keep`` is wanted."""

    text: int
    words: Sequence[str]
    flags: Floats
    keys: Integers
    keep: slice
    start: int


class Reader:
    """Hold the network, the lexicon, and the vectors of those lexicon words that were met."""

    def __init__(self, path: Path) -> None:
        with np.load(path, allow_pickle=False) as file:
            arrays = {name: file[name] for name in file.files}
        words = arrays["words"].tobytes().decode().split("\n")
        index = {word: row for row, word in enumerate(words) if word}
        places = frozenset(arrays["places"].tobytes().decode().split("\n"))
        self.network = Network(arrays)
        self.lexicon = Lexicon(index, arrays["bits"], places, len(arrays["vectors.weight"]))
        self._lock = threading.Lock()
        self._cached: dict[str, int] = {}
        self._cache = np.empty((_CACHED_WORDS, self.network.width), dtype=np.float32)

    def commonness(self, word: str) -> int:
        """Tell how common ``word`` is in lower case, from 0 (never seen) to 7."""
        row = self.lexicon.index.get(fold(word), 0)
        return int(self.lexicon.bits[row]) >> features.COMMONNESS & 7 if row else 0

    def log_probabilities(self, texts: Sequence[Tokens]) -> list[Floats]:
        """Return for each text an array of (tokens, labels)."""
        results = [np.empty((len(tokens), _LABELS), dtype=np.float32) for tokens in texts]
        for pieces in self.batches(texts):
            vectors = self._describe([word for piece in pieces for word in piece.words])
            logs = self.network.label(vectors, join(pieces))
            first = 0
            for piece in pieces:
                kept = logs[first + piece.keep.start : first + piece.keep.stop]
                results[piece.text][piece.start : piece.start + len(kept)] = kept
                first += len(piece.words)
        return results

    def batches(self, texts: Sequence[Tokens]) -> Iterator[list[Piece]]:
        """Cut long texts into pieces, and put short ones together."""
        batch: list[Piece] = []
        size = 0
        for piece in self._pieces(texts):
            if batch and size + len(piece.words) > _WINDOW:
                yield batch
                batch, size = [], 0
            batch.append(piece)
            size += len(piece.words)
        if batch:
            yield batch

    def _pieces(self, texts: Sequence[Tokens]) -> Iterator[Piece]:
        reach = self.network.reach
        for number, tokens in enumerate(texts):
            count = len(tokens)
            if not count:
                continue
            context = features.context(tokens, self.lexicon)
            for start in range(0, count, _WINDOW):
                end = min(count, start + _WINDOW)
                low, high = max(0, start - reach), min(count, end + reach)
                flags, keys = context.flags[low:high], context.keys[low:high]
                keep = slice(start - low, end - low)
                yield Piece(number, tokens.words[low:high], flags, keys, keep, start)

    def _describe(self, words: Sequence[str]) -> Floats:
        """Give the vector of each word; only words of the lexicon are remembered, so never a user's own."""
        rows = np.array([self._cached.get(word, -1) for word in words])
        vectors: Floats = self._cache[rows]
        unmet = np.flatnonzero(rows < 0)
        if len(unmet):
            distinct, order = features.number([words[place] for place in unmet.tolist()])
            fresh = self.network.describe(features.word_inputs(distinct, self.lexicon))
            vectors[unmet] = fresh[order]
            self._keep(distinct, fresh)
        return vectors

    def _keep(self, words: Iterable[str], vectors: Floats) -> None:
        with self._lock:
            for word, vector in zip(words, vectors, strict=True):
                row = len(self._cached)
                if row < _CACHED_WORDS and word not in self._cached and fold(word) in self.lexicon.index:
                    self._cache[row] = vector
                    self._cached[word] = row


def join(pieces: Sequence[Piece]) -> Batch:
    """Make one batch of ``pieces``."""
    keys, offset = [], 0
    for piece in pieces:
        keys.append(piece.keys + offset)
        offset += int(piece.keys.max()) + 1
    texts = np.repeat(np.arange(len(pieces)), [len(piece.words) for piece in pieces])
    return Batch(np.concatenate([piece.flags for piece in pieces]), np.concatenate(keys), texts)
