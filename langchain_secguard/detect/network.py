"""Compute the name model: from words in numbers to the probability of each label, in numpy.

The network is a stack of gated convolutions over word vectors, spelling and name lists; its last layers also
see what was said of the same word elsewhere in the text. ``training/network.py`` is the same in torch.
Needs numpy, so it is imported only when names are first looked for.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from langchain_secguard.detect.features import Batch, Floats, Integers, WordInputs

_ROWS = 384  # what a convolution makes of so many tokens stays in the processor's cache
_NOTHING = -1e9


class Network:
    """Hold the weights: ``arrays`` are those of the model's file, matrices as 8-bit integers with scales."""

    def __init__(self, arrays: Mapping[str, NDArray[Any]]) -> None:
        self._vectors, self._scales = arrays["vectors.weight"], arrays["vectors.weight.scale"]
        self._weights: dict[str, Floats] = {
            name: array * arrays[f"{name}.scale"] if array.dtype == np.int8 else array
            for name, array in arrays.items()
            if name.endswith((".weight", ".bias")) and name != "vectors.weight"
        }
        self._early = {f"early.{number}": step for number, step in enumerate(arrays["early"].tolist())}
        self._late = {f"late.{number}": step for number, step in enumerate(arrays["late"].tolist())}
        self._before, self._at, self._after = self._taps()
        self.width = len(self._weights["word.bias"])
        self._gates = {name: self._gate(f"{name}.conv") for name in (*self._early, *self._late)}
        self.reach = sum((*self._early.values(), *self._late.values()))

    def describe(self, words: WordInputs) -> Floats:
        """Make one vector of each word: an array of (words, ``width``)."""
        flags = np.maximum(self._linear("flags", words.flags), 0)
        vectors = self._vectors[words.rows] * self._scales[words.rows]
        parts = (vectors, self._spelling(words.letters), flags)
        return np.maximum(self._linear("word", np.concatenate(parts, axis=1)), 0)

    def label(self, vectors: Floats, batch: Batch) -> Floats:
        """Return log-probabilities, (tokens, labels), where the words of the batch have these ``vectors``."""
        hidden = vectors[batch.order]
        hidden += self._linear("place", batch.flags)
        steps = sorted({*self._early.values(), *self._late.values()})
        near = dict(zip(steps, _neighbours(batch.texts, steps), strict=True))
        for name, step in self._early.items():
            self._convolve(name, hidden, near[step])
        hidden += self._linear("memory", self._remember(hidden, batch.keys))
        for name, step in self._late.items():
            self._convolve(name, hidden, near[step])
        return _log_softmax(self._linear("last", hidden)).T

    def _taps(self) -> Sequence[Floats]:
        """Multiply out what each letter adds to the spelling before, at and after a place.

        There are so few letters that looking these up costs less than multiplying them at each place.
        """
        letters, taps = self._weights["letters.weight"], np.split(self._weights["spelling.weight"], 3)
        before, at, after = (letters @ tap for tap in taps)
        at += self._weights["spelling.bias"]
        at[0] = _NOTHING
        return before, at, after

    def _gate(self, name: str) -> Floats:
        """Make one matrix of a convolution: of each neighbour's vector, and of a 1 behind it, for the bias.

        sigmoid(x) is (1 + tanh(x / 2)) / 2: its halves are taken here, and what is left of a norm's mean.
        """
        taps = self._weights.pop(f"{name}.weight").reshape(3, self.width, -1) * (0.5 * self.width**0.5)
        bias = np.zeros((3, 1, taps.shape[2]), dtype=np.float32)
        bias[1] = 0.5 * self._weights.pop(f"{name}.bias")
        return np.concatenate((taps, bias), axis=1).reshape(-1, taps.shape[2])

    def _spelling(self, letters: Integers) -> Floats:
        """Take the highest of what a convolution over three letters says anywhere in each word."""
        written = np.zeros((len(letters), letters.shape[1] + 1), dtype=np.bool_)
        written[:, :-1] = letters > 0
        sizes = written.sum(axis=1) + 1
        written[:, 1:] |= letters > 0  # one empty place behind each word keeps it apart from the next
        line = np.pad(letters, ((0, 0), (0, 1)))[written]
        values = self._at[line]
        values[1:] += self._before[line[:-1]]
        values[:-1] += self._after[line[1:]]
        highest: Floats = np.maximum.reduceat(values, np.cumsum(sizes) - sizes)
        return np.maximum(highest, 0)

    def _linear(self, name: str, values: Floats) -> Floats:
        product: Floats = values @ self._weights[f"{name}.weight"]
        product += self._weights[f"{name}.bias"]
        return product

    def _convolve(self, name: str, hidden: Floats, near: Integers) -> None:
        """Add to ``hidden`` in place what a gated convolution makes of it."""
        size, width = hidden.shape
        inner = np.ones((size + 1, width + 1), dtype=np.float32)
        inner[-1] = 0
        power = np.einsum("ij,ij->i", hidden, hidden)
        np.divide(hidden, np.sqrt(power + 1e-5 * width)[:, None], out=inner[:-1, :-1])
        weights = self._gates[name]
        for start in range(0, size, _ROWS):
            rows = slice(start, start + _ROWS)
            out = inner.take(near[rows], axis=0).reshape(-1, len(weights)) @ weights
            gate = np.tanh(out[:, width:])
            gate += 1
            gate *= out[:, :width]
            hidden[rows] += gate

    def _remember(self, hidden: Floats, keys: Integers) -> Floats:
        """Gather for each token the highest and the mean chance of each type over all tokens of its key."""
        chances = np.exp(_log_softmax(self._linear("first", hidden)))
        types = chances[1::2] + chances[2::2]
        times = np.maximum(np.bincount(keys), 1)
        said = np.zeros((6, len(times)), dtype=np.float32)
        for row, chance in enumerate(types):
            np.maximum.at(said[row], keys, chance)
            said[row + 3] = np.bincount(keys, chance) / times
        return said[:, keys].T


def _neighbours(texts: Integers, steps: Sequence[int]) -> Integers:
    """Tell which tokens are each of ``steps`` before, at and after each token, as (steps, tokens, 3).

    The number of tokens stands for a neighbour that its text does not have.
    """
    first, end = (np.searchsorted(texts, texts, side)[:, None] for side in ("left", "right"))
    near = np.arange(len(texts))[:, None] + np.outer(steps, (-1, 0, 1))[:, None]
    return np.where((near >= first) & (near < end), near, len(texts))


def _log_softmax(logits: Floats) -> Floats:
    """Normalize (tokens, labels) to log-probabilities, (labels, tokens): numpy is quicker along long rows."""
    rows = logits.T.copy()
    rows -= rows.max(axis=0)
    rows -= np.log(np.exp(rows).sum(axis=0))
    return rows
