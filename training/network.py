"""The name model in torch: what is trained here runs in numpy in the package."""

import torch
from torch import Tensor, nn

from langchain_secguard.detect.features import LETTERS, TOKEN_FLAGS, WORD_FLAGS

LABELS = ("O", "B-PERSON", "I-PERSON", "B-LOCATION", "I-LOCATION", "B-ORGANIZATION", "I-ORGANIZATION")
WIDTH, LETTER_WIDTH, SPELLING_WIDTH, FLAG_WIDTH = 112, 24, 64, 32
DILATIONS = (1, 2, 4, 8)
LATE_DILATIONS = (1,)


def _neighbours(values: Tensor, distance: int) -> Tensor:
    """Lay beside each other what is ``distance`` before, at and after each place of the second axis."""
    length = values.shape[1]
    padded = nn.functional.pad(values, (0, 0, distance, distance))
    return torch.cat([padded[:, tap * distance : tap * distance + length] for tap in range(3)], dim=2)


def _norm(hidden: Tensor) -> Tensor:
    return hidden * torch.rsqrt(hidden.square().mean(dim=2, keepdim=True) + 1e-5)


class Block(nn.Module):
    """Add to each token what a gated convolution over its neighbours says."""

    def __init__(self, dilation: int) -> None:
        super().__init__()
        self.conv = nn.Linear(3 * WIDTH, 2 * WIDTH)
        self.dilation = dilation

    def forward(self, hidden: Tensor, mask: Tensor, dropout: nn.Module) -> Tensor:
        same_for_all_tokens = dropout(torch.ones(hidden.shape[0], 1, WIDTH))
        inner = _norm(hidden) * (mask * same_for_all_tokens)
        value, gate = self.conv(_neighbours(inner, self.dilation)).chunk(2, dim=2)
        return hidden + value * torch.sigmoid(gate)


class Tagger(nn.Module):
    """Label tokens twice: from their surroundings, then also from what was said of the word elsewhere."""

    def __init__(self, vectors: Tensor, dropout: float = 0.25) -> None:
        super().__init__()
        self.vectors = nn.Embedding.from_pretrained(vectors, freeze=False)
        self.letters = nn.Embedding(LETTERS, LETTER_WIDTH, padding_idx=0)
        self.spelling = nn.Linear(3 * LETTER_WIDTH, SPELLING_WIDTH)
        self.flags = nn.Linear(WORD_FLAGS, FLAG_WIDTH)
        self.word = nn.Linear(vectors.shape[1] + SPELLING_WIDTH + FLAG_WIDTH, WIDTH)
        self.place = nn.Linear(TOKEN_FLAGS, WIDTH)
        self.early = nn.ModuleList(Block(dilation) for dilation in DILATIONS)
        self.first = nn.Linear(WIDTH, len(LABELS))
        self.memory = nn.Linear(6, WIDTH)
        self.late = nn.ModuleList(Block(dilation) for dilation in LATE_DILATIONS)
        self.last = nn.Linear(WIDTH, len(LABELS))
        self.dropout = nn.Dropout(dropout)

    def describe(self, rows: Tensor, letters: Tensor, flags: Tensor) -> Tensor:
        """Make one vector of each distinct word."""
        spelled = self.spelling(_neighbours(self.letters(letters), 1))
        spelled = torch.relu(spelled.masked_fill((letters == 0)[:, :, None], -1e4)).amax(dim=1)
        parts = [self.vectors(rows), spelled, torch.relu(self.flags(flags))]
        return torch.relu(self.word(self.dropout(torch.cat(parts, dim=1))))

    def forward(
        self, words: Tensor, index: Tensor, flags: Tensor, keys: Tensor, mask: Tensor
    ) -> tuple[Tensor, Tensor]:
        """Label a batch: ``index`` and ``keys`` are (texts, tokens), ``words`` what ``describe`` made."""
        mask = mask[:, :, None].float()
        hidden = self.dropout(words)[index] + self.place(flags)
        for block in self.early:
            hidden = block(hidden, mask, self.dropout)
        first = self.first(hidden)
        hidden = hidden + self.memory(_remember(first, keys, mask))
        for block in self.late:
            hidden = block(hidden, mask, self.dropout)
        return first, self.last(hidden)


def _remember(logits: Tensor, keys: Tensor, mask: Tensor) -> Tensor:
    """Gather for each token the highest and the mean probability of each type over all tokens of its key."""
    chances = torch.softmax(logits, dim=2)
    types = torch.stack(
        [
            chances[..., 1] + chances[..., 2],
            chances[..., 3] + chances[..., 4],
            chances[..., 5] + chances[..., 6],
        ],
        dim=2,
    )
    types = (types * mask).reshape(-1, 3)
    size = int(keys.max()) + 1
    offsets = torch.arange(keys.shape[0], device=keys.device)[:, None] * size
    flat = (keys + offsets).reshape(-1)
    total = size * keys.shape[0]
    spread = flat[:, None].expand(-1, 3)
    highest = torch.zeros(total, 3).scatter_reduce(0, spread, types, "amax", include_self=True)
    count = torch.zeros(total).scatter_add(0, flat, mask.reshape(-1)).clamp(min=1)
    mean = torch.zeros(total, 3).scatter_add(0, spread, types) / count[:, None]
    return torch.cat([highest[flat], mean[flat]], dim=1).reshape(*keys.shape, 6)
