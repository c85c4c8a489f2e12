"""Give a model of the transformers library texts of any length, in windows that overlap and in batches.

The model may be one of PyTorch or an ONNX model of the optimum library: both are called alike. PyTorch is
imported when a text is first read.
"""

import re
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

from langchain_secguard.detect.batches import batches
from langchain_secguard.detect.windows import windows
from langchain_secguard.errors import DetectorError

NO_NUMBERS = "the model gave no numbers (NaN), so nothing is known of the texts; nothing was sent"
"""What is said of a model that overflows, as one does in half precision."""

_MAX_TOKENS = 512
_CPU_BUDGET = 2_048
_GPU_BUDGET = 32_768
"""Tokens of a batch, padding included."""

_UNPAIRED = re.compile("[\ud800-\udfff]")


def well_formed(text: str) -> str:
    """Replace unpaired surrogates, which no tokenizer takes, by as many replacement characters."""
    return _UNPAIRED.sub("\ufffd", text)


class Stretch(NamedTuple):
    """Hold one window of a text: its token ids, and where each token stands in the text."""

    text: int
    ids: list[int]
    offsets: list[tuple[int, int]]

    @property
    def bounds(self) -> tuple[int, int]:
        """Where the window begins and ends in its text."""
        return (self.offsets[0][0], self.offsets[-1][1]) if self.offsets else (0, 0)


class WindowedModel:
    """Hold a model with its tokenizer; one instance serves all threads.

    Args:
        model: A model of the transformers or the optimum library.
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
        self.device = model.device
        self._budget = budget or (_CPU_BUDGET if self.device.type == "cpu" else _GPU_BUDGET)
        self._encoder = encoder_of(tokenizer)
        self._before, self._after = _special_ids(self._encoder)
        self._padding = int(tokenizer.pad_token_id or 0)
        self._takes_types = "token_type_ids" in tokenizer.model_input_names
        self._size = capacity(model, tokenizer) - len(self._before) - len(self._after)
        if self._size < 8:
            raise DetectorError("the model reads fewer than eight tokens at once; its configuration is wrong")

    @property
    def before(self) -> int:
        """How many special tokens stand before a text."""
        return len(self._before)

    def stretches(self, texts: Sequence[str]) -> list[Stretch]:
        """Cut each of ``texts``, which are well formed, into windows that share a quarter."""
        return [
            Stretch(number, encoding.ids[part.start : part.stop], encoding.offsets[part.start : part.stop])
            for number, encoding in enumerate(self._encoder.encode_batch(texts, add_special_tokens=False))
            if encoding.ids
            for part in windows(len(encoding.ids), size=self._size, overlap=self._size // 4)
        ]

    def batches(self, stretches: Sequence[Stretch]) -> Iterator[list[int]]:
        """Group the positions of windows of like length."""
        special = len(self._before) + len(self._after)
        return batches([len(stretch.ids) + special for stretch in stretches], budget=self._budget)

    def logits(self, rows: Sequence[list[int]]) -> tuple[Any, Any]:
        """Run the model over rows of token ids; return its logits, and where they are of no padding."""
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
        given = {name: part.to(self.device) for name, part in given.items()}
        with torch.inference_mode():
            return self._model(**given).logits.float(), given["attention_mask"]


def encoder_of(tokenizer: Any) -> Any:
    """Copy the tokenizer's core: a shared one changes its settings between calls, which threads trip over."""
    core = tokenizer.backend_tokenizer
    copy = type(core).from_str(core.to_str())
    copy.no_truncation()
    copy.no_padding()
    copy.encode_special_tokens = True  # "[SEP]" in a text is text
    return copy


def capacity(model: Any, tokenizer: Any) -> int:
    """Return how many tokens the model reads at once, with the special ones."""
    positions = getattr(model.config, "max_position_embeddings", None) or _MAX_TOKENS + 2
    return int(min(_MAX_TOKENS, tokenizer.model_max_length, positions - 2))  # some count positions from two


def _special_ids(encoder: Any) -> tuple[list[int], list[int]]:
    """Return the ids that the model wants before and after a text."""
    encoding = encoder.encode("a", add_special_tokens=True)
    marks = encoding.special_tokens_mask
    inner = marks.index(0) if 0 in marks else len(marks)
    after = len(marks) - marks[::-1].index(0) if 0 in marks else len(marks)
    return encoding.ids[:inner], encoding.ids[after:]
