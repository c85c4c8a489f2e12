"""Join the vocabulary, the habits of capital letters and the gazetteers into the model's lexicon."""

import math
from pathlib import Path

import numpy as np
from gensim.models import KeyedVectors

from langchain_secguard.detect import features
from langchain_secguard.detect.features import Lexicon
from langchain_secguard.detect.tokens import fold, tokenize
from training import gazetteers, vectors
from training.lists import LISTS

VOCABULARY = 24_000


def build(data: Path, work: Path) -> tuple[Lexicon, np.ndarray, list[str]]:
    """Join vocabulary, habits of case and gazetteers; row 0 is the unknown word."""
    learned = KeyedVectors.load(str(work / "vectors.kv"))
    habits = {}
    for line in (work / "case.tsv").read_text(encoding="utf-8").splitlines():
        word, total, lower, capital = line.split("\t")
        habits[word] = (int(total), int(lower), int(capital))
    vocabulary = learned.index_to_key[:VOCABULARY]
    first, last = gazetteers.people()
    first_parts, last_parts = gazetteers.parts(first), gazetteers.parts(last)
    long_places, single, starts = set(), set(), set()
    for name in gazetteers.places(data):
        folded = [fold(word) for word in tokenize(name).words]
        if len(folded) == 1:
            single.add(folded[0])
        elif 1 < len(folded) <= 5:
            long_places.add(" ".join(folded))
            starts.add(folded[0])
    words = ["", *vocabulary]
    words += sorted((first_parts | last_parts | single | starts) - set(vocabulary))
    bits = np.zeros(len(words), dtype=np.uint16)
    honorifics = frozenset(LISTS["honorifics"])
    for row, word in enumerate(words):
        total, lower, capital = habits.get(word, (0, 0, 0))
        common = min(7, 1 + int(math.log10(lower) * 1.6)) if lower else 0
        cased = lower + capital
        capitals = 1 + min(6, int(6.99 * capital / cased)) if cased >= 4 else 0
        bits[row] = (
            (word in first_parts) * features.FIRST_NAME
            + (word in last_parts) * features.LAST_NAME
            + (word in single) * features.PLACE
            + (word in starts) * features.PLACE_START
            + (word in honorifics) * features.HONORIFIC
            + (common << features.COMMONNESS)
            + (capitals << features.CAPITALS)
        )
    table = np.zeros((len(vocabulary) + 1, vectors.DIMENSIONS), dtype=np.float32)
    table[1:] = learned.vectors[: len(vocabulary)]
    table[1:] /= np.linalg.norm(table[1:], axis=1, keepdims=True)
    index = {word: row for row, word in enumerate(words) if row}
    return Lexicon(index, bits, frozenset(long_places), len(vocabulary) + 1), table, words
