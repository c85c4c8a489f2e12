"""Tiny BERT models that classify texts, on disk, whose weights are set by hand.

Attention gives each token the same weight, so that the first token sees the mean of all, and the layer behind
it brings that mean to one length: one word that the model knows, anywhere among its tokens, is enough. A text
without such a word is of the default label.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path

import torch
from transformers import BertConfig, BertForSequenceClassification, BertTokenizerFast

from tests.engines.tiny import _PRINTABLE, _SPECIAL, export

_SURE, _DEFAULT = 8.0, 4.0


def save_tiny_classifier(
    folder: Path,
    words: Mapping[str, str],
    labels: Sequence[str],
    *,
    default: str | None = None,
    positions: int = 130,
    onnx: bool = False,
    problem: str | None = None,
) -> Path:
    """Write a model and its tokenizer into ``folder``.

    Args:
        folder: Where to write.
        words: The label that each word stands for.
        labels: All labels.
        default: The label of a text without any of the words; with ``None`` each label is unlikely then, as
            in a model of labels that do not exclude one another.
        positions: How many tokens the model reads at once, as BERT counts: two of them are lost to us.
        onnx: Write the model for ONNX, too, in the folder ``onnx``.
        problem: What the configuration says of the labels, such as ``"multi_label_classification"``.
    """
    folder.mkdir(parents=True, exist_ok=True)
    vocabulary = [*_SPECIAL, *_PRINTABLE, *(f"##{c}" for c in _PRINTABLE)]
    vocabulary += [word for word in words if word not in vocabulary]
    (folder / "vocab.txt").write_text("\n".join(vocabulary), encoding="utf-8")
    tokenizer = BertTokenizerFast(
        str(folder / "vocab.txt"), do_lower_case=False, strip_accents=False, model_max_length=positions
    )
    size = 2 * len(labels) + 2
    model = BertForSequenceClassification(
        BertConfig(
            vocab_size=len(vocabulary),
            hidden_size=size,
            num_hidden_layers=1,
            num_attention_heads=1,
            intermediate_size=4,
            max_position_embeddings=positions,
            problem_type=problem,
            id2label=dict(enumerate(labels)),
            label2id={label: number for number, label in enumerate(labels)},
        )
    ).eval()
    _set_weights(model, {vocabulary.index(word): labels.index(label) for word, label in words.items()})
    bias = model.classifier.bias.data
    bias[:] = 0.0 if default else -_DEFAULT
    if default:
        bias[labels.index(default)] = _DEFAULT
    tokenizer.save_pretrained(folder)
    model.save_pretrained(folder)
    if onnx:
        export(model, folder / "onnx")
    return folder


def _set_weights(model: BertForSequenceClassification, meanings: Mapping[int, int]) -> None:
    weights = model.state_dict()
    for name, values in weights.items():
        values.fill_(1.0 if name.endswith("LayerNorm.weight") else 0.0)
    for token, label in meanings.items():
        weights["bert.embeddings.word_embeddings.weight"][token, label] = 1.0
    layer = "bert.encoder.layer.0.attention"
    for name in (f"{layer}.self.value.weight", f"{layer}.output.dense.weight", "bert.pooler.dense.weight"):
        weights[name].copy_(torch.eye(len(weights[name])))
    for number in range(model.config.num_labels):
        weights["classifier.weight"][number, number] = _SURE


def export_embedder(source: Path, folder: Path) -> None:
    """Write an ONNX file of a classifier that gives hidden states, as models of embeddings do."""
    model = BertForSequenceClassification.from_pretrained(source).eval()
    export(model.bert, folder, output="last_hidden_state")
