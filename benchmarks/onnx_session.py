"""The name model in numpy beside the same network as a bare ONNX session, one thread each.

The session is given its inputs in numbers. ``find_names`` is timed whole: it also cuts the text into words,
looks them up, and makes spans of the labels.
"""

import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from importlib.metadata import distribution, requires
from pathlib import Path
from typing import Any

import numpy as np
from packaging.requirements import Requirement

from benchmarks.clock import side_by_side, timing
from benchmarks.report import Row, at_most, duration
from benchmarks.texts import written
from langchain_secguard.detect import features
from langchain_secguard.detect.features import Batch, Floats, WordInputs
from langchain_secguard.detect.names import MODEL, NameModel
from langchain_secguard.detect.reader import Reader, groups
from langchain_secguard.detect.tokens import tokenize

_RATIO, _TOLERANCE = 1.3, 1e-4
_STEPS = (1, 2, 4, 8)
_PROCESSES = 9
_LOAD = """
import time
import langchain_secguard.detect
def resident():
    with open("/proc/self/status") as status:
        return next(int(line.split()[1]) for line in status if line.startswith("VmRSS:"))
before = resident()
start = time.perf_counter()
{}
print(time.perf_counter() - start, resident() - before)
"""
_OURS = "from langchain_secguard.detect.names import NameModel; model = NameModel()"
_THEIRS = """
import onnxruntime
options = onnxruntime.SessionOptions()
options.intra_op_num_threads = options.inter_op_num_threads = 1
session = onnxruntime.InferenceSession({!r}, options, providers=["CPUExecutionProvider"])
"""


@dataclass(frozen=True, slots=True)
class _Inputs:
    """Hold what goes through the network at once, as each side takes it."""

    words: WordInputs
    batch: Batch
    feeds: dict[str, Any]


def measure() -> Iterator[Row]:
    """Compare outputs, speed, load time, and what has to be installed."""
    try:
        from benchmarks.onnx_graph import Graph, rounded  # noqa: PLC0415 - not in every environment

        model = Graph(MODEL).model()
        small = rounded(model)
    except ImportError:
        yield Row("bare ONNX session", "not measured: install benchmarks/requirements-onnx.txt")
        return
    yield from _speed(_session(model.SerializeToString()), _session(small.SerializeToString()))
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "names.onnx"
        path.write_bytes(model.SerializeToString())
        yield _load("loading the name model: numpy, network and lexicon", _OURS)
        yield _load("loading a bare ONNX session", _THEIRS.format(str(path)))
    yield from _sizes()


def _speed(session: Any, small: Any) -> Iterator[Row]:
    reader, model, forgetful = Reader(MODEL), NameModel(), NameModel(cached_words=0)
    words = written(3_105)
    passages = [" ".join(words[start : start + 40]) for start in range(1_105, 3_105, 40)]
    for what, texts in (
        ("105 words", [" ".join(words[:105])]),
        ("1,000 words", [" ".join(words[105:1_105])]),
        ("50 texts of 40 words", passages),
    ):
        inputs = list(_prepare(reader, texts))
        yield _agreement(reader, session, inputs, what)
        bare, network, whole, unmet, eight_bit = side_by_side(
            lambda inputs=inputs: _run(session, inputs),  # type: ignore[misc]
            lambda inputs=inputs: _compute(reader, inputs),  # type: ignore[misc]
            lambda texts=texts: model.find(texts),  # type: ignore[misc]
            lambda texts=texts: forgetful.find(texts),  # type: ignore[misc]
            lambda inputs=inputs: _run(small, inputs),  # type: ignore[misc]
            seconds=10,
        )
        yield at_most(f"names in {what}, against a bare ONNX session", whole, bare, _RATIO)
        yield at_most(f"names in {what}, none of them met before", unmet, bare, _RATIO)
        yield at_most(f"{what}, our network alone on the session's inputs", network, bare, _RATIO)
        apart = _apart(_run(session, inputs), _run(small, inputs))
        ratio = f"{eight_bit.best / bare.best:.2f}x ({duration(eight_bit.best)})"
        yield Row(f"{what}, the session rounded to 8 bits", f"{ratio}, log-probabilities {apart:.2f} apart")


def _prepare(reader: Reader, texts: Sequence[str]) -> Iterator[_Inputs]:
    """Put texts in numbers; the session is also told what our own network finds out for itself."""
    for group in groups([tokenize(text) for text in texts]):
        batch = features.batch(group, reader.lexicon)
        words = features.word_inputs(batch.words, reader.lexicon)
        times = np.maximum(np.bincount(batch.keys), 1).astype(np.float32)
        feeds = {
            "rows": words.rows,
            "letters": words.letters,
            "word_flags": words.flags,
            "index": batch.order,
            "flags": batch.flags,
            "keys": batch.keys,
            "times": times[:, None],
            **{f"near_{step}": _near(batch, step) for step in _STEPS},
        }
        yield _Inputs(words, batch, feeds)


def _near(batch: Batch, step: int) -> Any:
    """Give the places ``step`` before, at and after each token; the number of tokens where there is none."""
    count = len(batch.texts)
    near = np.arange(count)[:, None] + (-step, 0, step)
    near[(near < 0) | (near >= count)] = count
    near[np.append(batch.texts, -1)[near] != batch.texts[:, None]] = count
    return near


def _session(model: bytes) -> Any:
    import onnxruntime  # noqa: PLC0415

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    return onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])


def _run(session: Any, inputs: Sequence[_Inputs]) -> list[Floats]:
    return [session.run(None, one.feeds)[0] for one in inputs]


def _compute(reader: Reader, inputs: Sequence[_Inputs]) -> list[Floats]:
    network = reader.network
    return [network.label(network.describe(one.words), one.batch) for one in inputs]


def _agreement(reader: Reader, session: Any, inputs: Sequence[_Inputs], what: str) -> Row:
    difference = _apart(_run(session, inputs), _compute(reader, inputs))
    return Row(
        f"log-probabilities for {what}, numpy against the ONNX session",
        f"{difference:.0e} apart at most",
        f"at most {_TOLERANCE:.0e} apart",
        met=difference <= _TOLERANCE,
    )


def _apart(some: Sequence[Floats], others: Sequence[Floats]) -> float:
    return max(float(np.abs(one - other).max()) for one, other in zip(some, others, strict=True))


def _load(subject: str, program: str) -> Row:
    outputs = [_started(program).split() for _ in range(_PROCESSES)]
    taken = timing([float(seconds) for seconds, _ in outputs])
    memory = min(int(kibibytes) for _, kibibytes in outputs) * 1024 / 1e6
    return Row(subject, f"{duration(taken.best)} (median {duration(taken.median)}), {memory:.0f} MB")


def _started(program: str) -> str:
    command = [sys.executable, "-c", _LOAD.format(program)]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def _sizes() -> Iterator[Row]:
    """Add up what onnxruntime brings that the package does not need anyway, numpy among it."""
    ours = _needed("langchain-secguard")
    for name in ("onnxruntime", "onnx"):
        extra = _needed(name) - ours
        size = sum(map(_size, extra)) / 1e6
        yield Row(f"installing {name}", f"{size:.0f} MB more ({', '.join(sorted(extra))})")
    yield Row(
        "installing the name model",
        f"{MODEL.stat().st_size / 1e6:.1f} MB more; numpy {_size('numpy') / 1e6:.0f} MB",
    )


def _needed(name: str) -> set[str]:
    """Name a distribution and all that it requires without extras."""
    found, waiting = set[str](), [name]
    while waiting:
        name = waiting.pop().lower().replace("_", "-")
        if name in found:
            continue
        found.add(name)
        wanted = map(Requirement, requires(name) or ())
        waiting += [one.name for one in wanted if one.marker is None or one.marker.evaluate({"extra": ""})]
    return found


def _size(name: str) -> int:
    return sum(file.size or 0 for file in distribution(name).files or ())
