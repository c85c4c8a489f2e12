"""Learn word vectors and the habits of capital letters from the novels and the training sets."""

import lzma
import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from gensim.models import Word2Vec

from langchain_secguard.detect.tokens import NEWLINE, fold, tokenize
from training.corpora import TRAIN, read

DIMENSIONS = 64


def paragraphs(data: Path) -> Iterator[str]:
    with lzma.open(data / "novels.txt.xz", "rt", encoding="utf-8") as novels:
        yield from (part for part in re.split(r"\n\s*\n", novels.read()) if part.strip())
    for name in TRAIN:
        for document in read(data / "train" / f"{name}.jsonl"):
            yield from document.text.split("\n")


def learn(data: Path, extra: list[str], folder: Path, seed: int) -> None:
    """Write ``vectors.kv`` (word vectors) and ``case.tsv`` (how often a word stands, in which case)."""
    sentences, total, lower, capital = [], Counter(), Counter(), Counter()
    for text in (*paragraphs(data), *extra):
        tokens = tokenize(text)
        folded = [fold(word) for word in tokens.words]
        sentences.append(folded)
        total.update(folded)
        opening = True
        for word, key, gap in zip(tokens.words, folded, tokens.gaps, strict=True):
            if word[0].isalpha():
                if word.islower():
                    lower[key] += 1
                elif not opening and gap < NEWLINE and not word.isupper():
                    capital[key] += 1
                opening = False
            elif word in ".!?:;\"“”\u2018'(—-*[":
                opening = True
    model = Word2Vec(
        sentences,
        vector_size=DIMENSIONS,
        window=4,
        min_count=4,
        workers=1,  # several would see the sentences in an order of their own
        epochs=4,
        sg=1,
        negative=6,
        seed=seed,
    )
    model.wv.save(str(folder / "vectors.kv"))
    with (folder / "case.tsv").open("w", encoding="utf-8") as table:
        for word, count in total.most_common():
            if count > 2:
                table.write(f"{word}\t{count}\t{lower[word]}\t{capital[word]}\n")
