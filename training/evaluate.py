"""Measure the name model: ``python -m training.evaluate --data <folder>``."""

import argparse
import sys
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from langchain_secguard.detect.base import Span
from langchain_secguard.detect.names import TYPES, NameModel
from langchain_secguard.detect.tokens import tokenize
from training.corpora import UNKNOWN, Document, read

SETS = (
    "dev/legal_dev",
    "dev/uner_dev",
    "dev/wnut_dev",
    "dev/wnut_test",
    "dev/btc_h",
    "dev/sec_test",
    "train/tab_train",
)
SKIPPED = frozenset("the of and a an in on at to s for".split())  # noqa: SIM905
MODEL = Path("langchain_secguard/detect/data/names.npz")


@dataclass
class Tally:
    """Count, over a set, what was found.

    A word counts as found if any span covers it, of whatever type: it is hidden. A whole mention is found if
    all of its words are. Precision is the share of covered words that lie in any annotated name.
    """

    words: Counter[str] = field(default_factory=Counter)
    found: Counter[str] = field(default_factory=Counter)
    mentions: Counter[str] = field(default_factory=Counter)
    whole: Counter[str] = field(default_factory=Counter)
    covered: int = 0
    right: int = 0
    exact: Counter[str] = field(default_factory=Counter)
    predicted: Counter[str] = field(default_factory=Counter)
    expected: Counter[str] = field(default_factory=Counter)

    def add(self, document: Document, spans: Sequence[Span]) -> None:
        tokens = tokenize(document.text)
        places = [
            (start, end)
            for word, start, end in zip(tokens.words, tokens.starts, tokens.ends, strict=True)
            if word[0].isalnum() and word.lower() not in SKIPPED
        ]
        hidden = _inside(places, [(span.start, span.end) for span in spans])
        named: set[int] = set()
        unknown: set[int] = set()
        for entity in document.entities:
            inside = _inside(places, [(entity.start, entity.end)])
            if entity.kind == UNKNOWN:
                unknown |= inside
                continue
            named |= inside
            if inside:
                self.words[entity.kind] += len(inside)
                self.found[entity.kind] += len(inside & hidden)
                self.mentions[entity.kind] += 1
                self.whole[entity.kind] += inside <= hidden
        self.covered += len(hidden - unknown)
        self.right += len((hidden - unknown) & named)
        gold = {
            (entity.start, entity.end, entity.kind) for entity in document.entities if entity.kind != UNKNOWN
        }
        ours = {
            (span.start, span.end, span.entity_type)
            for span in spans
            if not _inside(places, [(span.start, span.end)]) <= unknown or not unknown
        }
        for kind in TYPES:
            self.expected[kind] += sum(item[2] == kind for item in gold)
            self.predicted[kind] += sum(item[2] == kind for item in ours)
            self.exact[kind] += sum(item[2] == kind for item in gold & ours)

    def line(self) -> str:
        parts = []
        for kind in TYPES:
            recall = self.found[kind] / max(1, self.words[kind])
            whole = self.whole[kind] / max(1, self.mentions[kind])
            strict = _f1(self.exact[kind], self.predicted[kind], self.expected[kind])
            parts.append(f"{kind[:3]} {recall:.3f}/{whole:.3f} F {strict:.3f}")
        micro = _f1(self.exact.total(), self.predicted.total(), self.expected.total())
        return (
            f"{' | '.join(parts)} | precision {self.right / max(1, self.covered):.3f} | micro F1 {micro:.3f}"
        )


def _inside(places: Sequence[tuple[int, int]], spans: Sequence[tuple[int, int]]) -> set[int]:
    found: set[int] = set()
    for low, high in spans:
        found.update(number for number, (start, end) in enumerate(places) if start >= low and end <= high)
    return found


def _f1(exact: int, predicted: int, expected: int) -> float:
    return 2 * exact / max(1, predicted + expected)


def evaluate(model: NameModel, documents: Sequence[Document], cut: float) -> Tally:
    tally = Tally()
    for document, spans in zip(documents, model.find([document.text for document in documents]), strict=True):
        tally.add(document, [span for span in spans if span.score >= cut])
    return tally


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--model", type=Path, default=MODEL)
    parser.add_argument("--cut", type=float, nargs="*", default=[0.5])
    parser.add_argument("--sets", nargs="*", default=SETS)
    options = parser.parse_args()
    if not (options.data / "dev").is_dir():
        sys.exit(f"--data {options.data} has no folder dev/")
    begin = time.perf_counter()
    model = NameModel(options.model)
    print(f"loaded in {time.perf_counter() - begin:.3f} s; recall is words/whole mentions, F is strict")
    for name in options.sets:
        documents = list(read(options.data / f"{name}.jsonl"))
        if name.endswith("tab_train"):
            documents = documents[75:]
        begin = time.perf_counter()
        model.find([document.text for document in documents])
        seconds = time.perf_counter() - begin
        words = sum(len(document.text.split()) for document in documents)
        print(f"{name} ({words} words, {words / seconds:.0f} a second)")
        for cut in options.cut:
            print(f"  {cut:.2f} {evaluate(model, documents, cut).line()}")


if __name__ == "__main__":
    main()
