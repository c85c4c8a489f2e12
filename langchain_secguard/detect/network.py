"""Run the name model: from words to the probability of each label, in numpy.

The network is a stack of gated convolutions over word vectors, spelling and name lists; its last layers also
see what was said of the same word elsewhere in the text. ``training/network.py`` is the same in torch.
Needs numpy, so it is imported only when names are first looked for.
"""

import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from langchain_secguard.detect import features
from langchain_secguard.detect.features import Floats, Integers, Lexicon
from langchain_secguard.detect.tokens import Tokens, fold

_WINDOW = 2048
_CACHED_WORDS = 12_000
_TABLES = frozenset({"words", "places", "bits", "early", "late", "vectors.weight"})


@dataclass(frozen=True, slots=True)
class _Piece:
    """A stretch of a text that goes through the network at once, of which ``keep`` is wanted."""

    text: int
    words: Sequence[str]
    flags: Floats
    keys: Integers
    keep: slice
    start: int


class Network:
    """Hold the weights, the lexicon, and the vectors of those lexicon words that were met."""

    def __init__(self, path: Path) -> None:
        with np.load(path, allow_pickle=False) as file:
            stored = {name: file[name] for name in file.files}
        words = stored["words"].tobytes().decode().split("\n")
        index = {word: row for row, word in enumerate(words) if word}
        places = frozenset(stored["places"].tobytes().decode().split("\n"))
        self._vectors, self._scales = stored["vectors.weight"], stored["vectors.weight.scale"]
        self._lexicon = Lexicon(index, stored["bits"], places, len(self._vectors))
        self._weights: dict[str, Floats] = {
            name: array * stored[f"{name}.scale"] if array.dtype == np.int8 else array
            for name, array in stored.items()
            if name not in _TABLES and not name.endswith(".scale")
        }
        self._early, self._late = stored["early"].tolist(), stored["late"].tolist()
        self._padding = max(self._early + self._late)
        self._halo = sum(self._early + self._late)
        for name in self._weights:
            if ".conv." in name:
                self._weights[name] *= 0.5  # sigmoid(x) is (1 + tanh(x / 2)) / 2, with its halves taken here
        self._width = len(self._weights["word.bias"])
        self._lock = threading.Lock()
        self._cached: dict[str, int] = {}
        self._cache = np.empty((_CACHED_WORDS, self._width), dtype=np.float32)

    def commonness(self, word: str) -> int:
        """Tell how common ``word`` is in lower case, from 0 (never seen) to 7."""
        row = self._lexicon.index.get(fold(word), 0)
        return int(self._lexicon.bits[row]) >> features.COMMONNESS & 7 if row else 0

    def log_probabilities(self, texts: Sequence[Tokens]) -> list[Floats]:
        """Return for each text an array of (tokens, labels)."""
        results = [np.empty((len(tokens), 7), dtype=np.float32) for tokens in texts]
        batch: list[_Piece] = []
        size = 0
        for piece in self._pieces(texts):
            if batch and size + len(piece.words) > _WINDOW:
                self._run(batch, results)
                batch, size = [], 0
            batch.append(piece)
            size += len(piece.words)
        if batch:
            self._run(batch, results)
        return results

    def _pieces(self, texts: Sequence[Tokens]) -> Iterator[_Piece]:
        for number, tokens in enumerate(texts):
            count = len(tokens)
            if not count:
                continue
            folded = [fold(word) for word in tokens.words]
            words = features.look_up(tokens.words, folded, self._lexicon)
            context = features.context(tokens, folded, words, self._lexicon)
            for start in range(0, count, _WINDOW):
                end = min(count, start + _WINDOW)
                low, high = max(0, start - self._halo), min(count, end + self._halo)
                flags, keys = context.flags[low:high], context.keys[low:high]
                yield _Piece(
                    number, tokens.words[low:high], flags, keys, slice(start - low, end - low), start
                )

    def _run(self, batch: Sequence[_Piece], results: Sequence[Floats]) -> None:
        sizes = [len(piece.words) for piece in batch]
        total = sum(sizes) + self._padding * (len(batch) + 1)
        firsts = [self._padding * (place + 1) + sum(sizes[:place]) for place in range(len(batch))]
        real = np.concatenate(
            [np.arange(first, first + size) for first, size in zip(firsts, sizes, strict=True)]
        )
        mask = np.zeros((total, 1), dtype=np.float32)
        mask[real] = 1
        hidden = np.zeros((total, self._width), dtype=np.float32)
        hidden[real] = self._describe([word for piece in batch for word in piece.words])
        hidden[real] += self._linear("place", np.concatenate([piece.flags for piece in batch]))
        for number, dilation in enumerate(self._early):
            self._convolve(f"early.{number}", hidden, mask, dilation)
        hidden[real] += self._linear("memory", self._remember(hidden[real], batch))
        for number, dilation in enumerate(self._late):
            self._convolve(f"late.{number}", hidden, mask, dilation)
        logs = _log_softmax(self._linear("last", hidden))
        for piece, first in zip(batch, firsts, strict=True):
            kept = piece.keep.stop - piece.keep.start
            begin = first + piece.keep.start
            results[piece.text][piece.start : piece.start + kept] = logs[begin : begin + kept]

    def _describe(self, words: Sequence[str]) -> Floats:
        """Make one vector of each word; only words of the lexicon are remembered, so never a user's own."""
        distinct = list(dict.fromkeys(words))
        missing = [word for word in distinct if word not in self._cached]
        place = {word: row for row, word in enumerate(missing)}
        fresh = self._spell_out(missing) if missing else np.empty((0, self._width), dtype=np.float32)
        table = np.empty((len(distinct), self._width), dtype=np.float32)
        for row, word in enumerate(distinct):
            table[row] = fresh[place[word]] if word in place else self._cache[self._cached[word]]
        self._keep(missing, fresh)
        index = {word: row for row, word in enumerate(distinct)}
        return table[[index[word] for word in words]]

    def _keep(self, words: Sequence[str], vectors: Floats) -> None:
        with self._lock:
            for word, vector in zip(words, vectors, strict=True):
                row = len(self._cached)
                if row < _CACHED_WORDS and word not in self._cached and fold(word) in self._lexicon.index:
                    self._cache[row] = vector
                    self._cached[word] = row

    def _spell_out(self, words: Sequence[str]) -> Floats:
        folded = [fold(word) for word in words]
        known = features.look_up(words, folded, self._lexicon)
        rows = np.where(known.rows < self._lexicon.vectors, known.rows, 0)
        flags = features.word_flags(known, [not word.isascii() for word in words])
        spelled = self._spelling(features.letters(folded))
        parts = (
            self._vectors[rows] * self._scales[rows],
            spelled,
            np.maximum(self._linear("flags", flags), 0),
        )
        return np.maximum(self._linear("word", np.concatenate(parts, axis=1)), 0)

    def _spelling(self, letters: Integers) -> Floats:
        embedded = self._weights["letters.weight"][letters]
        count, length, width = embedded.shape
        padded = np.zeros((count, length + 2, width), dtype=np.float32)
        padded[:, 1:-1] = embedded
        joined = np.concatenate([padded[:, tap : tap + length] for tap in range(3)], axis=2)
        values = self._linear("spelling", joined)
        values[letters == 0] = 0
        highest: Floats = values.max(axis=1)
        return np.maximum(highest, 0)

    def _linear(self, name: str, values: Floats) -> Floats:
        product: Floats = values @ self._weights[f"{name}.weight"] + self._weights[f"{name}.bias"]
        return product

    def _convolve(self, name: str, hidden: Floats, mask: Floats, dilation: int) -> None:
        """Add to ``hidden`` in place what a gated convolution makes of it."""
        pad, width, size = self._padding, self._width, len(hidden)
        power = np.einsum("ij,ij->i", hidden, hidden)[:, None] / width
        inner = hidden * (mask / np.sqrt(power + 1e-5))
        near = [inner[pad + step : size - pad + step] for step in (-dilation, 0, dilation)]
        out = np.concatenate(near, axis=1) @ self._weights[f"{name}.conv.weight"]
        out += self._weights[f"{name}.conv.bias"]
        gate = np.tanh(out[:, width:])
        gate += 1
        gate *= out[:, :width]
        hidden[pad : size - pad] += gate

    def _remember(self, hidden: Floats, batch: Sequence[_Piece]) -> Floats:
        """Gather for each token the highest and the mean chance of each type over all tokens of its word."""
        chances = np.exp(_log_softmax(self._linear("first", hidden)))
        types = chances[:, 1::2] + chances[:, 2::2]
        keys, offset = [], 0
        for piece in batch:
            keys.append(piece.keys + offset)
            offset += int(piece.keys.max()) + 1
        joined = np.concatenate(keys)
        order = np.argsort(joined, kind="stable")
        opening = np.diff(joined[order], prepend=-1) > 0
        starts = np.flatnonzero(opening)
        sizes = np.diff(starts, append=len(order))
        highest = np.maximum.reduceat(types[order], starts)
        mean = np.add.reduceat(types[order], starts) / sizes[:, None]
        memory = np.empty((len(order), 6), dtype=np.float32)
        memory[order] = np.concatenate((highest, mean), axis=1)[np.cumsum(opening) - 1]
        return memory


def _log_softmax(logits: Floats) -> Floats:
    logits = logits - logits.max(axis=1, keepdims=True)
    result: Floats = logits - np.log(np.exp(logits).sum(axis=1, keepdims=True))
    return result
