"""Turn annotated and made-up texts into the batches that the network learns from."""

import random
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch

from langchain_secguard.detect import features
from langchain_secguard.detect.features import Lexicon
from langchain_secguard.detect.tokens import GLUED, SPACE, Tokens, tokenize
from training.corpora import TRAIN, UNKNOWN, Document, Entity, read
from training.network import LABELS
from training.synthesis import Writer

CROP = 320
COPIES = {
    "litbank": 0.6,
    "wikigold": 2.0,
    "gum_train": 2.0,
    "sec_train": 1.5,
    "tab_train": 1.5,
    "wnut_train": 1.2,
}
KEPT_JUDGMENTS = 75
"""How many judgments of tab_train are learned from when the others are kept for evaluation."""

_NO_SPACE_BEFORE = frozenset(",.;:!?)]}%'\u2019\u00b4")
_NO_SPACE_AFTER = frozenset("([{$#@'\u2019\u00b4-/")


@dataclass
class Example:
    """One text as numbers: its words, the flags, keys and labels of its tokens."""

    surface: list[str]
    flags: np.ndarray
    keys: np.ndarray
    labels: np.ndarray


def encode(document: Document, lexicon: Lexicon, rng: random.Random) -> Example:
    tokens = tokenize(document.text)
    if document.spaced and rng.random() < 0.85:
        tokens = replace(tokens, gaps=_unspaced(tokens))
    batch = features.batch([tokens], lexicon)
    return Example(tokens.words, batch.flags, batch.keys, label(tokens, document.entities))


def label(tokens: Tokens, entities: tuple[Entity, ...]) -> np.ndarray:
    labels = np.zeros(len(tokens), dtype=np.int64)
    starts, ends = np.array(tokens.starts), np.array(tokens.ends)
    for entity in sorted(entities, key=lambda entity: entity.start - entity.end):
        inside = np.flatnonzero((ends > entity.start) & (starts < entity.end))
        if not len(inside) or labels[inside].any():
            continue
        if entity.kind == UNKNOWN:
            labels[inside] = -100
        else:
            labels[inside] = LABELS.index(f"I-{entity.kind}")
            labels[inside[0]] -= 1
    return labels


def _unspaced(tokens: Tokens) -> list[int]:
    """Guess where real text has no space: these sets put one around every sign."""
    gaps, quoted = list(tokens.gaps), False
    for place in range(1, len(gaps)):
        word, before = tokens.words[place], tokens.words[place - 1]
        if gaps[place] != SPACE:
            continue
        if word[0] in _NO_SPACE_BEFORE or before in _NO_SPACE_AFTER or word == "-":
            gaps[place] = GLUED
        if word == '"' and quoted:
            gaps[place] = GLUED
        if before == '"' and quoted:
            gaps[place] = GLUED
        if word == '"':
            quoted = not quoted
    return gaps


class Renamer:
    """Put other names in place of the persons of a text, so that names are not learned by heart."""

    def __init__(self, writer: Writer) -> None:
        self.writer, self.rng = writer, writer.random

    def __call__(self, document: Document) -> Document:
        text, entities, before, parts = "", [], 0, {}
        for entity in sorted(document.entities, key=lambda entity: entity.start):
            if entity.start < before:
                continue
            text += document.text[before : entity.start]
            value = document.text[entity.start : entity.end]
            if entity.kind == "PERSON":
                value = self._rename(value, parts)
            elif (
                entity.kind == "LOCATION" and value.isalpha() and value.istitle() and self.rng.random() < 0.3
            ):
                value = self.writer.inventor.city()
            entities.append(Entity(len(text), len(text) + len(value), entity.kind))
            text += value
            before = entity.end
        return Document(text + document.text[before:], tuple(entities), document.spaced)

    def _rename(self, value: str, parts: dict[str, str]) -> str:
        words = value.split(" ")
        person = self.writer.inventor.person()
        for place, word in enumerate(words):
            if len(word) > 2 and word.isalpha():
                if word.lower() not in parts:
                    parts[word.lower()] = (
                        person.first
                        if place == 0 and (len(words) > 1 or self.rng.random() < 0.5)
                        else person.last
                    )
                new = parts[word.lower()]
                words[place] = new.upper() if word.isupper() else new.lower() if word.islower() else new
        return " ".join(words)


def recase(document: Document, rng: random.Random) -> Document:
    draw = rng.random()
    changed = (
        document.text.upper() if draw < 0.05 else document.text.lower() if draw < 0.11 else document.text
    )
    return replace(document, text=changed) if len(changed) == len(document.text) else document


def wrap(document: Document, rng: random.Random) -> Document:
    """Break the lines of some texts elsewhere: names and addresses may go on in the next line."""
    if rng.random() > 0.15:
        return document
    text, width, last = list(document.text), rng.randint(35, 90), 0
    for place, char in enumerate(text):
        if char == "\n":
            last = place
        elif char == " " and place - last > width:
            text[place], last = "\n", place
    return replace(document, text="".join(text))


def crops(example: Example, rng: random.Random) -> list[Example]:
    """Cut a long text at random places; each piece keeps what its flags know of the whole text."""
    pieces, start = [], 0
    while start < len(example.surface):
        end = start + rng.randint(CROP // 2, CROP)
        if len(example.surface) - end < 20:
            end = len(example.surface)
        pieces.append(
            Example(
                example.surface[start:end],
                example.flags[start:end],
                example.keys[start:end],
                example.labels[start:end],
            )
        )
        start = end
    return pieces


class Feeder:
    """Give the groups of one epoch after another; the same seed gives the same ones."""

    def __init__(self, data: Path, lexicon: Lexicon, seed: int, *, synthetic: int, hold_out: bool) -> None:
        self.rng, self.lexicon, self.synthetic = random.Random(seed), lexicon, synthetic
        self.writer = Writer(seed)
        self.rename = Renamer(self.writer)
        self.sets = {name: list(read(data / "train" / f"{name}.jsonl")) for name in TRAIN}
        if hold_out:
            self.sets["tab_train"] = self.sets["tab_train"][:KEPT_JUDGMENTS]
        self.static: dict[str, tuple[int, np.ndarray, np.ndarray]] = {}

    def examples(self) -> list[Example]:
        documents = []
        for name, members in self.sets.items():
            copies = COPIES.get(name, 1.0)
            for document in members:
                for _ in range(int(copies) + (self.rng.random() < copies % 1)):
                    changed = self.rename(document) if self.rng.random() < 0.5 else document
                    documents.append(wrap(recase(changed, self.rng), self.rng))
        documents += [wrap(self.writer.document(), self.rng) for _ in range(self.synthetic)]
        documents += [self.writer.excerpt() for _ in range(self.synthetic // 20)]
        return [
            piece
            for document in documents
            for piece in crops(encode(document, self.lexicon, self.rng), self.rng)
        ]

    def describe(self, words: list[str]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        missing = [word for word in words if word not in self.static]
        if missing:
            inputs = features.word_inputs(missing, self.lexicon)
            described = zip(inputs.rows, inputs.letters, inputs.flags, strict=True)
            self.static.update(zip(missing, described, strict=True))
        rows, spelled, flags = zip(*(self.static[word] for word in words), strict=True)
        return np.array(rows), np.stack(spelled), np.stack(flags)

    def groups(self, size: int = 6000) -> list[list[Example]]:
        """Make the groups of one epoch, of about ``size`` tokens each, texts of like length together."""
        examples = self.examples()
        self.rng.shuffle(examples)
        examples.sort(key=lambda example: len(example.surface) // 12)
        groups, group, longest = [], [], 0
        for example in examples:
            longest = max(longest, len(example.surface))
            if group and longest * (len(group) + 1) > size:
                groups.append(group)
                group, longest = [], len(example.surface)
            group.append(example)
        groups.append(group)
        self.rng.shuffle(groups)
        return groups

    def batch(self, group: list[Example]) -> tuple[torch.Tensor, ...]:
        """Put a group in numbers."""
        length = max(len(example.surface) for example in group)
        place: dict[str, int] = {}
        index = np.zeros((len(group), length), dtype=np.int64)
        keys = np.zeros_like(index)
        labels = np.full_like(index, -100)
        mask = np.zeros(index.shape, dtype=bool)
        flags = np.zeros((*index.shape, features.TOKEN_FLAGS), dtype=np.float32)
        for row, example in enumerate(group):
            count = len(example.surface)
            index[row, :count] = [place.setdefault(word, len(place)) for word in example.surface]
            keys[row, :count] = np.unique(example.keys, return_inverse=True)[1] + 1
            labels[row, :count], flags[row, :count], mask[row, :count] = example.labels, example.flags, True
        rows, spelled, word_flags = self.describe(list(place))
        arrays = (rows, spelled, word_flags, index, flags, keys, mask, labels)
        return tuple(torch.from_numpy(np.ascontiguousarray(array)) for array in arrays)
