"""Measure the name model on the sets: ``python -m training.evaluate --data <folder>``.

With ``--write <folder>`` the sets are written there instead, with their conventions brought to ours, for
``python -m langchain_secguard.evaluate``, which measures any detector on them.
"""

import argparse
import asyncio
import json
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path

from langchain_secguard.detect.base import Span
from langchain_secguard.detect.names import TYPES, NameModel
from langchain_secguard.evaluate import Example, compare, detector_table
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
HELD_OUT = 75
"""With ``--hold-out``, training does not see the judgments from this one on."""
MODEL = Path("langchain_secguard/detect/data/names.npz")


class Names:
    """Detect names with the model of a file, without the patterns."""

    def __init__(self, path: Path) -> None:
        self._model = NameModel(path)

    def detect(self, texts: Sequence[str]) -> list[list[Span]]:
        return self._model.find(texts)

    async def adetect(self, texts: Sequence[str]) -> list[list[Span]]:
        return await asyncio.to_thread(self.detect, texts)


def documents(data: Path, name: str) -> list[Document]:
    found = list(read(data / f"{name}.jsonl"))
    return found[HELD_OUT:] if name.endswith("tab_train") else found


def example(document: Document, number: int) -> Example:
    """Let words that are annotated by another convention count neither for nor against."""
    return Example(
        str(number),
        document.text,
        tuple(Span(one.start, one.end, one.kind) for one in document.entities if one.kind != UNKNOWN),
        tuple((one.start, one.end) for one in document.entities if one.kind == UNKNOWN),
    )


def write(found: Iterable[Document], path: Path) -> None:
    with path.open("w", encoding="utf-8") as file:
        for number, document in enumerate(found):
            spans = [[one.start, one.end, one.kind] for one in document.entities]
            file.write(json.dumps({"id": number, "text": document.text, "spans": spans}) + "\n")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--model", type=Path, default=MODEL)
    parser.add_argument("--cut", type=float, nargs="*", default=[0.5])
    parser.add_argument("--sets", nargs="*", default=SETS)
    parser.add_argument("--write", type=Path, help="write the sets into this folder, and measure nothing")
    options = parser.parse_args()
    if not (options.data / "dev").is_dir():
        sys.exit(f"--data {options.data} has no folder dev/")
    if options.write:
        options.write.mkdir(parents=True, exist_ok=True)
    detector = None if options.write else Names(options.model)
    for name in options.sets:
        found = documents(options.data, name)
        if detector is None:
            write(found, options.write / f"{Path(name).name}.jsonl")
            continue
        examples = [example(document, number) for number, document in enumerate(found)]
        print(f"\n{name}")
        print(
            detector_table(compare({"names": detector}, examples, thresholds=options.cut, entity_types=TYPES))
        )


if __name__ == "__main__":
    main()
