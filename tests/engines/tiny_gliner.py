"""A tiny GLiNER on disk that the tests train themselves, in seconds, to tell persons from firms."""

import random
import warnings
from pathlib import Path
from typing import Any

import torch
from tokenizers import Tokenizer, models, pre_tokenizers, processors
from transformers import BertConfig, BertModel, PreTrainedTokenizerFast

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # it asks transformers for models that torch calls outdated
    from gliner import GLiNER, GLiNERConfig
    from gliner.data_processing.collator import UniEncoderSpanDataCollator

NAMES = ("Jane", "Robert", "Alice", "Doe", "Alvarez", "Smith")
FIRMS = ("Acme", "Globex", "Initech")
FILLERS = ("the", "paid", "called", "on", "a", "day", "from", "to", "and", "invoice", "again", ".", ",")
LABELS = ["person", "organization"]
_SPECIAL = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]")


def save_tiny_gliner(folder: Path, *, steps: int = 400, max_len: int = 24) -> Path:
    """Write a model that reads ``max_len`` words at once, with all that it needs to be loaded."""
    torch.manual_seed(0)
    chance = random.Random(0)
    words = _tokenizer()
    encoder = BertConfig(
        vocab_size=len(words),
        hidden_size=32,
        num_hidden_layers=1,
        num_attention_heads=2,
        intermediate_size=32,
        max_position_embeddings=256,
    )
    encoder_folder = folder.with_name(f"{folder.name}-encoder")
    BertModel(encoder).save_pretrained(encoder_folder)
    words.save_pretrained(encoder_folder)
    config = GLiNERConfig(
        model_name=str(encoder_folder),
        encoder_config=encoder.to_dict(),
        hidden_size=32,
        max_len=max_len,
        max_width=3,
        dropout=0.0,
        num_rnn_layers=0,
        span_mode="markerV0",
    )
    model = GLiNER.from_config(config, backbone_from_pretrained=False)
    optimizer = torch.optim.Adam(model.model.parameters(), lr=5e-3)
    collate = UniEncoderSpanDataCollator(
        model.config, data_processor=model.data_processor, prepare_labels=True
    )
    model.train()
    threads = torch.get_num_threads()
    torch.set_num_threads(1)  # so small a model only waits for more
    for _ in range(steps):
        batch = collate([_example(chance) for _ in range(16)])
        given = {name: part for name, part in batch.items() if isinstance(part, torch.Tensor)}
        optimizer.zero_grad()
        model(**given).loss.backward()
        optimizer.step()
    torch.set_num_threads(threads)
    model.eval()
    model.save_pretrained(folder)
    return folder


def load(folder: Path) -> Any:
    """Load a model as GLiNER's users do."""
    return GLiNER.from_pretrained(str(folder), local_files_only=True)


def _tokenizer() -> PreTrainedTokenizerFast:
    vocabulary = {word: place for place, word in enumerate([*_SPECIAL, *NAMES, *FIRMS, *FILLERS, *LABELS])}
    core = Tokenizer(models.WordPiece(vocabulary, unk_token="[UNK]"))
    core.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    core.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]",
        special_tokens=[(mark, vocabulary[mark]) for mark in ("[CLS]", "[SEP]")],
    )
    return PreTrainedTokenizerFast(
        tokenizer_object=core,
        model_max_length=256,
        pad_token="[PAD]",
        unk_token="[UNK]",
        cls_token="[CLS]",
        sep_token="[SEP]",
        mask_token="[MASK]",
    )


def _example(chance: random.Random) -> dict[str, Any]:
    """Make a sentence, and where its names are, as GLiNER's training data has it."""
    words: list[str] = []
    names: list[tuple[int, int, str]] = []
    for _ in range(chance.randint(1, 3)):
        words += chance.choices(FILLERS, k=chance.randint(1, 4))
        start = len(words)
        person = chance.random() < 0.5
        words += chance.choices(NAMES, k=2) if person else chance.choices(FIRMS)
        names.append((start, len(words) - 1, LABELS[0] if person else LABELS[1]))
    words += chance.choices(FILLERS, k=chance.randint(1, 4))
    return {"tokenized_text": words, "ner": names, "ner_labels": LABELS}
