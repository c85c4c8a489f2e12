"""Tiny BERT models for token classification, on disk, whose weights are set by hand.

The model knows its words by heart: the embedding of a word points to its label, attention and the dense layer
add nothing, and the classifier reads the label off. So it runs through every line of the real loading and
inference code, in milliseconds, and what it must find is known.
"""

import string
import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path

import torch
from transformers import BertConfig, BertForTokenClassification, BertTokenizerFast, PreTrainedModel

LABELS = ("O", "B-PER", "I-PER", "B-LOC", "I-LOC", "B-ORG", "I-ORG", "B-MISC", "I-MISC")
WORDS = {
    "Jane": "B-PER",
    "John": "B-PER",
    "Doe": "I-PER",
    "O": "B-PER",
    "Neil": "I-PER",
    "##ah": "I-PER",
    "Springfield": "B-LOC",
    "Illinois": "B-LOC",
    "Big": "B-ORG",
    "Corporation": "I-ORG",
    "Latin": "B-MISC",
    **dict.fromkeys(
        ("and", "so", "it", "went", "on", "day", "by", "with", "nothing", "to", "be", "told"), "O"
    ),
}
_SPECIAL = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]")
_PRINTABLE = string.ascii_letters + string.digits + string.punctuation
_KNOWN, _SURE, _BLINDING = 10.0, 2.0, 40.0


def save_tiny_model(
    folder: Path,
    words: Mapping[str, str] = WORDS,
    labels: Sequence[str] = LABELS,
    *,
    positions: int = 130,
    blind: int = 0,
    onnx: bool = False,
) -> Path:
    """Write a model and its tokenizer into ``folder``.

    Args:
        folder: Where to write.
        words: The label of each word that the model knows; all others have the first label.
        labels: All labels, "O" first.
        positions: How many tokens the model reads at once, as BERT counts: two of them are lost to us.
        blind: So many tokens at both ends of a full window are taken for "O", as if they lacked context.
        onnx: Write the model for ONNX, too, in the folder ``onnx``.
    """
    folder.mkdir(parents=True, exist_ok=True)
    vocabulary = [*_SPECIAL, *_PRINTABLE, *(f"##{c}" for c in _PRINTABLE)]
    vocabulary += [word for word in words if word not in vocabulary]
    (folder / "vocab.txt").write_text("\n".join(vocabulary), encoding="utf-8")
    tokenizer = BertTokenizerFast(
        str(folder / "vocab.txt"), do_lower_case=False, strip_accents=False, model_max_length=positions
    )
    model = BertForTokenClassification(
        BertConfig(
            vocab_size=len(vocabulary),
            hidden_size=2 * len(labels),
            num_hidden_layers=1,
            num_attention_heads=2,
            intermediate_size=4,
            max_position_embeddings=positions,
            id2label=dict(enumerate(labels)),
            label2id={label: number for number, label in enumerate(labels)},
        )
    ).eval()
    _set_weights(model, [labels.index(words.get(word, labels[0])) for word in vocabulary], blind)
    tokenizer.save_pretrained(folder)
    model.save_pretrained(folder)
    if onnx:
        export(model, folder / "onnx")
    return folder


def _set_weights(model: BertForTokenClassification, labels: Sequence[int], blind: int) -> None:
    weights = model.state_dict()
    for name, values in weights.items():
        values.fill_(1.0 if name.endswith("LayerNorm.weight") else 0.0)
    weights["bert.embeddings.word_embeddings.weight"][range(len(labels)), labels] = _KNOWN
    positions = weights["bert.embeddings.position_embeddings.weight"]
    for distance in range(blind):
        positions[1 + distance, 0] = positions[len(positions) - 4 - distance, 0] = _BLINDING
    for number in range(model.config.num_labels):
        weights["classifier.weight"][number, number] = _SURE


class _ByPosition(torch.nn.Module):  # type: ignore[misc]
    """Call a model by position, as an export does, and give one of its outputs alone."""

    def __init__(self, model: PreTrainedModel, output: str) -> None:
        super().__init__()
        self.model = model
        self.output = output

    def forward(
        self, input_ids: torch.Tensor, attention_mask: torch.Tensor, token_type_ids: torch.Tensor
    ) -> torch.Tensor:
        """Return the output."""
        given = {"input_ids": input_ids, "attention_mask": attention_mask, "token_type_ids": token_type_ids}
        return getattr(self.model(**given), self.output)


def export(model: PreTrainedModel, folder: Path, *, output: str = "logits") -> None:
    """Write an ONNX file with the inputs that BERT's published exports have, and one output."""
    folder.mkdir(exist_ok=True)
    inputs = ("input_ids", "attention_mask", "token_type_ids")
    axes = {0: "batch", 1: "sequence"}
    example = torch.ones(2, 4, dtype=torch.long)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the exporter that needs no further package is an old one
        torch.onnx.export(
            _ByPosition(model, output),
            (example, example, 0 * example),
            str(folder / "model.onnx"),
            dynamo=False,
            input_names=list(inputs),
            output_names=[output],
            dynamic_axes=dict.fromkeys((*inputs, output), axes),
        )
    model.config.save_pretrained(folder)
