"""Make the name model: ``python -m training.names --data <folder> --out langchain_secguard/detect/data``."""

import argparse
import math
import os
import sys
import time
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from langchain_secguard.detect.features import Lexicon
from training import lexicon, vectors
from training.corpora import TRAIN
from training.examples import Feeder
from training.network import DILATIONS, LATE_DILATIONS, Tagger
from training.synthesis import Writer

EPOCHS = 12


def forget(rows: Tensor, flags: Tensor, token_flags: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Hide, of some words, the vector or the lists: unknown names must be found by their surroundings."""
    unknown = torch.rand(len(rows)) < 0.15 * flags[:, 1:5].sum(dim=1) + 0.05 * flags[:, 0]
    rows = torch.where(unknown, torch.zeros_like(rows), rows)
    flags = flags.clone()
    flags[torch.rand(len(rows)) < 0.25, 10:13] = 0
    strange = unknown & (torch.rand(len(rows)) < 0.6)
    flags[strange, 14:] = 0
    flags[strange, 14] = flags[strange, 22] = 1
    token_flags = token_flags.clone()
    token_flags[..., 7:9] *= torch.rand(*token_flags.shape[:2], 1) > 0.15
    token_flags[..., 12:17] *= torch.rand(token_flags.shape[0], 1, 1) > 0.2
    return rows, flags, token_flags


def loss_of(model: Tagger, batch: tuple[Tensor, ...]) -> Tensor:
    """Weigh the errors of the last layer, and less so those of the first guess."""
    rows, spelled, word_flags, index, token_flags, keys, mask, labels = batch
    rows, word_flags, token_flags = forget(rows, word_flags, token_flags)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        first, last = model(model.describe(rows, spelled, word_flags), index, token_flags, keys, mask)
    error = nn.CrossEntropyLoss(ignore_index=-100)
    expected = labels.reshape(-1)
    return error(last.float().flatten(0, 1), expected) + 0.4 * error(first.float().flatten(0, 1), expected)


def train(feeder: Feeder, model: Tagger, epochs: int, peak: float) -> Tagger:
    """Train for ``epochs``, and return the running mean of the weights."""
    average = torch.optim.swa_utils.get_ema_multi_avg_fn(0.998)
    mean = torch.optim.swa_utils.AveragedModel(model, multi_avg_fn=average)
    optimizer = torch.optim.AdamW(model.parameters(), lr=peak, weight_decay=0.01)
    begin, step = time.time(), 0
    for epoch in range(epochs):
        groups, total = feeder.groups(), 0.0
        for number, group in enumerate(groups):
            share = (epoch + number / len(groups)) / epochs
            rate = peak * min(1, (step + 1) / 200) * (0.49 * (1 + math.cos(math.pi * share)) + 0.02)
            for parameters in optimizer.param_groups:
                parameters["lr"] = rate
            loss = loss_of(model, feeder.batch(group))
            loss.backward()
            nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            optimizer.step()
            optimizer.zero_grad()
            if step > 100:
                mean.update_parameters(model)
            total, step = total + loss.item(), step + 1
        print(f"epoch {epoch + 1}: loss {total / len(groups):.4f}, {time.time() - begin:.0f} s", flush=True)
    return mean.module.eval()


def export(model: Tagger, lexicon: Lexicon, words: list[str], path: Path) -> None:
    """Write the weights (matrices as 8-bit integers with a scale for each column) and the word lists."""
    arrays: dict[str, np.ndarray] = {
        "words": np.frombuffer("\n".join(words).encode(), dtype=np.uint8),
        "places": np.frombuffer("\n".join(sorted(lexicon.places)).encode(), dtype=np.uint8),
        "bits": lexicon.bits,
        "early": np.array(DILATIONS),
        "late": np.array(LATE_DILATIONS),
    }
    for name, tensor in model.state_dict().items():
        weight = tensor.detach().numpy()
        if weight.ndim == 2 and name not in {"vectors.weight", "letters.weight"}:
            weight = weight.T
        if weight.ndim == 1:
            arrays[name] = weight.astype(np.float32)
            continue
        axis = 1 if name == "vectors.weight" else 0
        scale = np.maximum(np.abs(weight).max(axis=axis, keepdims=True) / 127, 1e-8)
        arrays[name] = np.round(weight / scale).astype(np.int8)
        arrays[f"{name}.scale"] = scale.astype(np.float32)
    path.parent.mkdir(parents=True, exist_ok=True)
    np.savez_compressed(path, **arrays)
    print(f"{path}: {path.stat().st_size / 1e6:.2f} MB")


def _hash_alike() -> None:
    """Begin anew where Python orders sets by chance: some of Faker's lists are sets."""
    if os.environ.get("PYTHONHASHSEED") != "0":
        command = [sys.executable, "-m", "training.names", *sys.argv[1:]]
        os.execve(sys.executable, command, {**os.environ, "PYTHONHASHSEED": "0"})  # noqa: S606


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help="the folder of the sets and the novels")
    parser.add_argument("--out", type=Path, required=True, help="where the model goes")
    parser.add_argument("--work", type=Path, default=Path("training/work"), help="for the word vectors")
    parser.add_argument("--epochs", type=int, default=EPOCHS, help="how often the sets are gone through")
    parser.add_argument("--rate", type=float, default=2e-3)
    parser.add_argument("--synthetic", type=int, default=9000, help="made-up texts in an epoch")
    parser.add_argument("--hold-out", action="store_true", help="keep a third of the judgments aside")
    parser.add_argument("--start", type=Path, help="go on from these weights (names.pt of an earlier run)")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--seed", type=int, default=7)
    options = parser.parse_args()
    needed = [f"train/{name}.jsonl" for name in TRAIN] + ["novels.txt.xz", "prototype/gaz.json"]
    if missing := [name for name in needed if not (options.data / name).is_file()]:
        sys.exit(f"--data {options.data} lacks: {', '.join(missing)}")
    _hash_alike()
    torch.manual_seed(options.seed)
    torch.set_num_threads(options.threads)
    options.work.mkdir(parents=True, exist_ok=True)
    if not (options.work / "case.tsv").is_file():
        writer = Writer(options.seed + 1)
        texts = [writer.document().text for _ in range(15_000)]
        vectors.learn(options.data, texts, options.work, options.seed)
    known, table, words = lexicon.build(options.data, options.work)
    print(f"{len(words)} words, {known.vectors} with vectors, {len(known.places)} long places", flush=True)
    feeder = Feeder(options.data, known, options.seed, synthetic=options.synthetic, hold_out=options.hold_out)
    model = Tagger(torch.from_numpy(table))
    if options.start:
        model.load_state_dict(torch.load(options.start, weights_only=True))
    model = train(feeder, model, options.epochs, options.rate)
    torch.save(model.state_dict(), options.work / "names.pt")
    export(model, known, words, options.out / "names.npz")


if __name__ == "__main__":
    main()
