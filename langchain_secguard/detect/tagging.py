"""Run a token-classification model of the transformers library over texts of any length."""

import re
from bisect import bisect_right
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

from langchain_secguard.detect.base import Span
from langchain_secguard.detect.windowed import NO_NUMBERS, Stretch, WindowedModel, well_formed
from langchain_secguard.detect.windows import unite
from langchain_secguard.errors import DetectorError

EntityTypeOf = Callable[[str], str | None]
"""Take a model's label, without its B- or I-, and return an entity type, or None to pass it over."""

_PLACES = ("E-", "S-", "L-", "U-")
_FIRST = ("B", "S", "U")
"""Where a label says that its token ends an entity or is one alone; and that it is the first of one."""

_WORD = re.compile(
    r"[^\W_\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af\uf900-\ufaff"
    r"\U00020000-\U0003ffff]+"
)
"""Letters and digits without a break, in scripts that set words apart."""

_ONLY_SPACES = re.compile(" +")


class Tagger:
    """Tag texts with a model and its tokenizer; one instance serves all threads.

    A text that is longer than the model reads is cut into windows that share a quarter. Adjacent tokens of
    one label are one entity, as a pipeline with ``aggregation_strategy="simple"`` has it, and an entity is
    whole words: one that ends inside a word is extended to the word's end.

    Args:
        model: A token-classification model of the transformers or the optimum library.
        tokenizer: Its tokenizer, a fast one: only these tell where a token stands in the text.
        budget: How many tokens go through the model at once, padding included; by default 2,048 on a
            processor and 32,768 on a GPU.

    Raises:
        DetectorError: The tokenizer is not a fast one, or the model reads fewer than eight tokens.
    """

    def __init__(self, model: Any, tokenizer: Any, *, budget: int | None = None) -> None:
        self._model = model
        self._reader = WindowedModel(model, tokenizer, budget=budget)

    @property
    def labels(self) -> frozenset[str]:
        """The labels of the model, without their B-, I- or the like."""
        return frozenset(name for _, name in _split(self._model.config.id2label).values())

    def tag(self, texts: Sequence[str], entity_type_of: EntityTypeOf) -> list[list[Span]]:
        """Find the entities of each text: sorted spans, those of one type disjoint.

        A span's score is the mean of its tokens' probabilities, or the best one where several spans became
        one.

        Raises:
            DetectorError: The model gave NaN, as one does that overflows in half precision: the likeliest
                label would then be the first one, which mostly means that there is nothing to find.
        """
        texts = [well_formed(text) for text in texts]
        stretches = self._reader.stretches(texts)
        found = self._run(stretches, _Types(self._model.config.id2label, entity_type_of))
        grouped: list[list[tuple[Stretch, list[Span]]]] = [[] for _ in texts]
        for stretch, spans in zip(stretches, found, strict=True):
            grouped[stretch.text].append((stretch, spans))
        return [
            _tidy(text, unite([stretch.bounds for stretch, _ in parts], [spans for _, spans in parts]))
            for text, parts in zip(texts, grouped, strict=True)
        ]

    def _run(self, stretches: Sequence[Stretch], types: "_Types") -> list[list[Span]]:
        found: list[list[Span]] = [[] for _ in stretches]
        for batch in self._reader.batches(stretches):
            members = [stretches[position] for position in batch]
            labels, scores = self._read([stretch.ids for stretch in members])
            for position, stretch, tagged, sure in zip(batch, members, labels, scores, strict=True):
                found[position] = list(_entities(stretch.offsets, tagged, sure, types))
        return found

    def _read(self, rows: Sequence[list[int]]) -> tuple[list[list[int]], list[list[float]]]:
        """Return the likeliest label of each token, and its probability."""
        logits, mask = self._reader.logits(rows)
        scores, labels = logits.softmax(-1).max(-1)
        if bool(scores.isnan().logical_and(mask > 0).any()):
            raise DetectorError(NO_NUMBERS)
        first = self._reader.before
        return labels[:, first:].tolist(), scores[:, first:].tolist()


class _Types:
    """Tell what a model's label number means: how it begins an entity, its name, and the entity type."""

    def __init__(self, id2label: Mapping[int, str], entity_type_of: EntityTypeOf) -> None:
        parts = _split(id2label)
        self.names = {number: name for number, (_, name) in parts.items()}
        self.begins = {number for number, (prefix, _) in parts.items() if prefix in _FIRST}
        types = {number: entity_type_of(name) for number, name in self.names.items()}
        self.entity_types = {number: entity_type for number, entity_type in types.items() if entity_type}


def _split(id2label: Mapping[int, str]) -> dict[int, tuple[str, str]]:
    """Part each label into its place in an entity and its name, in the schemes BIO, BIOES and BILOU.

    An ``E-`` is a place only beside a ``B-`` of the same name: "E-MAIL" is a name.
    """
    labels = {int(number): str(label) for number, label in id2label.items()}
    known = frozenset(labels.values())
    return {
        number: (label[0], label[2:])
        if label[:2] in ("B-", "I-") or (label[:2] in _PLACES and f"B-{label[2:]}" in known)
        else ("I", label)
        for number, label in labels.items()
    }


def _entities(
    offsets: Sequence[tuple[int, int]], labels: Sequence[int], scores: Sequence[float], types: _Types
) -> Iterator[Span]:
    """Group adjacent tokens of one label; the lists may be longer than ``offsets`` by their padding."""
    start = 0
    entity_type: str | None = None
    for place in range(len(offsets) + 1):
        label = labels[place] if place < len(offsets) else -1
        goes_on = (
            place > start
            and label not in types.begins
            and types.names.get(label) == types.names[labels[start]]
        )
        if goes_on:
            continue
        if entity_type and offsets[start][0] < offsets[place - 1][1]:
            score = sum(scores[start:place]) / (place - start)
            yield Span(offsets[start][0], offsets[place - 1][1], entity_type, min(1.0, score))
        start, entity_type = place, types.entity_types.get(label)


def _tidy(text: str, spans: Iterable[Span]) -> list[Span]:
    """Trim white space, extend to whole words, and join spans of one type that only spaces part."""
    by_type: dict[str, list[Span]] = {}
    words: _Words | None = None
    for span in spans:
        words = words or _Words(text)
        start, end = words.around(*_trimmed(text, span.start, span.end))
        if start < end:
            alike = by_type.setdefault(span.entity_type, [])
            alike.append(Span(start, end, span.entity_type, span.score))
    return sorted(span for alike in by_type.values() for span in _joined(text, sorted(alike)))


def _trimmed(text: str, start: int, end: int) -> tuple[int, int]:
    while start < end and text[start].isspace():
        start += 1
    while start < end and text[end - 1].isspace():
        end -= 1
    return start, end


def _joined(text: str, spans: Iterable[Span]) -> Iterator[Span]:
    last: Span | None = None
    for span in spans:
        if last and (span.start < last.end or _ONLY_SPACES.fullmatch(text, last.end, span.start)):
            last = Span(last.start, max(last.end, span.end), last.entity_type, max(last.score, span.score))
        else:
            if last:
                yield last
            last = span
    if last:
        yield last


class _Words:
    """Find the word in which a character stands."""

    def __init__(self, text: str) -> None:
        self._spans = [match.span() for match in _WORD.finditer(text)]
        self._starts = [start for start, _ in self._spans]

    def around(self, start: int, end: int) -> tuple[int, int]:
        """Extend ``start`` and ``end`` to the edges of the words that they cut."""
        first, last = self._at(start), self._at(end - 1)
        return (min(start, first[0]) if first else start, max(end, last[1]) if last else end)

    def _at(self, position: int) -> tuple[int, int] | None:
        place = bisect_right(self._starts, position) - 1
        return self._spans[place] if place >= 0 and position < self._spans[place][1] else None
