"""Run a token-classification model of the transformers library over texts of any length, in batches.

The model may be one of PyTorch or an ONNX model of the optimum library: both are called alike. PyTorch is
imported when a text is first read.
"""

import re
from bisect import bisect_right
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from langchain_secguard.detect.base import Span
from langchain_secguard.detect.batches import batches
from langchain_secguard.detect.windows import unite, windows
from langchain_secguard.errors import DetectorError

EntityTypeOf = Callable[[str], str | None]
"""Take a model's label, without its B- or I-, and return an entity type, or None to pass it over."""

_MAX_TOKENS = 512
_CPU_BUDGET = 2_048
_GPU_BUDGET = 32_768
"""Tokens of a batch, padding included."""

_PLACES = ("E-", "S-", "L-", "U-")
_FIRST = ("B", "S", "U")
"""Where a label says that its token ends an entity or is one alone; and that it is the first of one."""

_UNPAIRED = re.compile("[\ud800-\udfff]")
_WORD = re.compile(
    r"[^\W_\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af\uf900-\ufaff"
    r"\U00020000-\U0003ffff]+"
)
"""Letters and digits without a break, in scripts that set words apart."""

_ONLY_SPACES = re.compile(" +")


def well_formed(text: str) -> str:
    """Replace unpaired surrogates, which no tokenizer takes, by as many replacement characters."""
    return _UNPAIRED.sub("\ufffd", text)


class _Stretch(NamedTuple):
    """Hold one window of a text: its token ids, and where each token stands in the text."""

    text: int
    ids: list[int]
    offsets: list[tuple[int, int]]

    @property
    def bounds(self) -> tuple[int, int]:
        """Where the window begins and ends in its text."""
        return (self.offsets[0][0], self.offsets[-1][1]) if self.offsets else (0, 0)


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
        if not getattr(tokenizer, "is_fast", False):
            raise DetectorError(
                f"{type(tokenizer).__name__} is a slow tokenizer, which does not tell where a token stands. "
                "Put the tokenizer.json of a fast one beside the model."
            )
        self._model = model
        self._device = model.device
        self._budget = budget or (_CPU_BUDGET if self._device.type == "cpu" else _GPU_BUDGET)
        self._encoder = _encoder(tokenizer)
        self._before, self._after = _special_ids(self._encoder)
        self._padding = int(tokenizer.pad_token_id or 0)
        self._takes_types = "token_type_ids" in tokenizer.model_input_names
        self._size = _capacity(model, tokenizer) - len(self._before) - len(self._after)
        if self._size < 8:
            raise DetectorError("the model reads fewer than eight tokens at once; its configuration is wrong")

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
        stretches = list(self._stretches(texts))
        found = self._run(stretches, _Types(self._model.config.id2label, entity_type_of))
        grouped: list[list[tuple[_Stretch, list[Span]]]] = [[] for _ in texts]
        for stretch, spans in zip(stretches, found, strict=True):
            grouped[stretch.text].append((stretch, spans))
        return [
            _tidy(text, unite([stretch.bounds for stretch, _ in parts], [spans for _, spans in parts]))
            for text, parts in zip(texts, grouped, strict=True)
        ]

    def _stretches(self, texts: Sequence[str]) -> Iterator[_Stretch]:
        for number, encoding in enumerate(self._encoder.encode_batch(texts, add_special_tokens=False)):
            ids, offsets = encoding.ids, encoding.offsets
            for window in windows(len(ids), size=self._size, overlap=self._size // 4) if ids else ():
                yield _Stretch(number, ids[window.start : window.stop], offsets[window.start : window.stop])

    def _run(self, stretches: Sequence[_Stretch], types: "_Types") -> list[list[Span]]:
        found: list[list[Span]] = [[] for _ in stretches]
        special = len(self._before) + len(self._after)
        for batch in batches([len(stretch.ids) + special for stretch in stretches], budget=self._budget):
            members = [stretches[position] for position in batch]
            labels, scores = self._read([stretch.ids for stretch in members])
            for position, stretch, tagged, sure in zip(batch, members, labels, scores, strict=True):
                found[position] = list(_entities(stretch.offsets, tagged, sure, types))
        return found

    def _read(self, rows: Sequence[list[int]]) -> tuple[list[list[int]], list[list[float]]]:
        """Return the likeliest label of each token, and its probability."""
        import torch  # noqa: PLC0415 - only when a text is read

        width = len(self._before) + max(map(len, rows)) + len(self._after)
        ids = torch.full((len(rows), width), self._padding)
        mask = torch.zeros((len(rows), width), dtype=torch.long)
        for number, row in enumerate(rows):
            whole = [*self._before, *row, *self._after]
            ids[number, : len(whole)] = torch.tensor(whole)
            mask[number, : len(whole)] = 1
        given = {"input_ids": ids, "attention_mask": mask}
        if self._takes_types:
            given["token_type_ids"] = torch.zeros_like(ids)
        with torch.inference_mode():
            logits = self._model(**{name: part.to(self._device) for name, part in given.items()}).logits
            scores, labels = logits.float().softmax(-1).max(-1)
            if bool(scores.isnan().logical_and(given["attention_mask"].to(self._device) > 0).any()):
                raise DetectorError(
                    "the model gave no numbers (NaN), so nothing is known of the texts; nothing was sent"
                )
        first = len(self._before)
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


def _encoder(tokenizer: Any) -> Any:
    """Copy the tokenizer's core: a shared one changes its settings between calls, which threads trip over."""
    core = tokenizer.backend_tokenizer
    copy = type(core).from_str(core.to_str())
    copy.no_truncation()
    copy.no_padding()
    copy.encode_special_tokens = True  # "[SEP]" in a text is text
    return copy


def _special_ids(encoder: Any) -> tuple[list[int], list[int]]:
    """Return the ids that the model wants before and after a text."""
    encoding = encoder.encode("a", add_special_tokens=True)
    marks = encoding.special_tokens_mask
    inner = marks.index(0) if 0 in marks else len(marks)
    after = len(marks) - marks[::-1].index(0) if 0 in marks else len(marks)
    return encoding.ids[:inner], encoding.ids[after:]


def _capacity(model: Any, tokenizer: Any) -> int:
    """Return how many tokens the model reads at once, with the special ones."""
    positions = getattr(model.config, "max_position_embeddings", None) or _MAX_TOKENS + 2
    return int(min(_MAX_TOKENS, tokenizer.model_max_length, positions - 2))  # some count positions from two
