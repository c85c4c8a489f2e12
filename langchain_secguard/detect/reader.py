"""Read texts with the name model: put their words in numbers, run the network in batches.

Needs numpy, so it is imported only when names are first looked for.
"""

import threading
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from langchain_secguard.detect import features
from langchain_secguard.detect.features import Floats, Lexicon
from langchain_secguard.detect.network import Network
from langchain_secguard.detect.tokens import Tokens, fold

_WINDOW, _LABELS = 2048, 7


class Reader:
    """Hold the network, the lexicon, and the vectors of up to ``cached_words`` of its words that were met."""

    def __init__(self, path: Path, *, cached_words: int = 12_000) -> None:
        with np.load(path, allow_pickle=False) as file:
            arrays = {name: file[name] for name in file.files}
        words = arrays["words"].tobytes().decode().split("\n")
        index = {word: row for row, word in enumerate(words) if word}
        places = frozenset(arrays["places"].tobytes().decode().split("\n"))
        self.network = Network(arrays)
        self.lexicon = Lexicon(index, arrays["bits"], places, len(arrays["vectors.weight"]))
        self._lock = threading.Lock()
        self._cached: dict[str, int] = {}
        self._cache = np.empty((cached_words + 1, self.network.width), dtype=np.float32)

    def commonness(self, word: str) -> int:
        """Tell how common ``word`` is in lower case, from 0 (never seen) to 7."""
        row = self.lexicon.index.get(fold(word), 0)
        return int(self.lexicon.bits[row]) >> features.COMMONNESS & 7 if row else 0

    def log_probabilities(self, texts: Sequence[Tokens]) -> list[Floats]:
        """Return for each text an array of (tokens, labels)."""
        results: list[Floats] = []
        for group in groups(texts):
            if not any(map(len, group)):
                results += [np.empty((0, _LABELS), dtype=np.float32)] * len(group)
                continue
            ends = np.cumsum([len(tokens) for tokens in group])
            results += np.split(self._read(group), ends[:-1])
        return results

    def _read(self, texts: Sequence[Tokens]) -> Floats:
        batch, reach = features.batch(texts, self.lexicon), self.network.reach
        count = len(batch.order)
        if count <= _WINDOW:
            return self.network.label(self._describe(batch.words), batch)
        parts = []
        for start in range(0, count, _WINDOW):
            low = max(0, start - reach)
            part = batch.part(low, start + _WINDOW + reach)
            logs = self.network.label(self._describe(part.words), part)
            parts.append(logs[start - low : start - low + _WINDOW])
        return np.concatenate(parts)

    def _describe(self, words: Sequence[str]) -> Floats:
        """Give the vector of each word; only words of the lexicon are remembered, so never a user's own."""
        rows = np.array([self._cached.get(word, -1) for word in words])  # the last row is nobody's
        vectors: Floats = self._cache[rows]
        unmet = np.flatnonzero(rows < 0)
        if len(unmet):
            fresh = [words[place] for place in unmet.tolist()]
            vectors[unmet] = self.network.describe(features.word_inputs(fresh, self.lexicon))
            self._keep(fresh, vectors[unmet])
        return vectors

    def _keep(self, words: Sequence[str], vectors: Floats) -> None:
        with self._lock:
            for word, vector in zip(words, vectors, strict=True):
                row = len(self._cached)
                if row + 1 == len(self._cache):
                    return
                if word not in self._cached and fold(word) in self.lexicon.index:
                    self._cache[row] = vector
                    self._cached[word] = row


def groups(texts: Sequence[Tokens]) -> Iterator[list[Tokens]]:
    """Put together texts that make up one window; a longer text stays alone."""
    group: list[Tokens] = []
    size = 0
    for tokens in texts:
        if group and size + len(tokens) > _WINDOW:
            yield group
            group, size = [], 0
        group.append(tokens)
        size += len(tokens)
    if group:
        yield group
