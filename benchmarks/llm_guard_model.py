"""What LLMGuardDetector adds to its model: the whole detector beside a bare call of the same model.

The model has the size of BERT-base and random weights, so it finds next to nothing; it is called bare with
texts that are tokens already. Both run on one thread.
"""

import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from benchmarks.clock import side_by_side
from benchmarks.report import Row, at_most, duration
from benchmarks.texts import PROSE, prose

_LABELS = ("O", "B-PER", "I-PER", "B-LOC", "I-LOC", "B-ORG", "I-ORG")
_SIZE = 1_000
_TEXTS = 4


def measure() -> Iterator[Row]:
    """Read one text and several, with PyTorch and with ONNX Runtime."""
    try:
        import llm_guard  # noqa: F401, PLC0415 - measured where it is installed
        import optimum.onnxruntime  # noqa: F401, PLC0415
        import torch  # noqa: PLC0415
    except ImportError:
        yield Row("LLMGuardDetector beside its bare model", "LLM Guard with ONNX Runtime is not installed")
        return
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as folder:
        _save_model(Path(folder))
        for name, use_onnx in (("PyTorch", False), ("ONNX Runtime", True)):
            yield from _rows(Path(folder), name, use_onnx=use_onnx)


def _rows(folder: Path, name: str, *, use_onnx: bool) -> Iterator[Row]:
    detector = _detector(folder, use_onnx=use_onnx)
    for texts in ([prose(_SIZE)], [prose(_SIZE)] * _TEXTS):
        bare = _bare_onnx(folder, texts) if use_onnx else _bare_torch(folder, texts)
        ours, base = side_by_side(lambda texts=texts: detector.detect(texts), bare, seconds=20)  # type: ignore[misc]
        words = sum(len(text.split()) for text in texts)
        what = f"LLMGuardDetector, {name}, {len(texts)} x 1 KB of prose, beside the bare model (BERT-base)"
        yield at_most(what, ours, base, 1.3)
        yield Row(f"the same, words a second ({duration(ours.best)})", f"{words / ours.best:,.0f}")


def _detector(folder: Path, *, use_onnx: bool) -> Any:
    """Make the detector as a user does, but with one thread for ONNX Runtime."""
    from llm_guard.input_scanners.anonymize_helpers import BERT_BASE_NER_CONF  # noqa: PLC0415
    from llm_guard.model import Model  # noqa: PLC0415

    from langchain_secguard.detect import LLMGuardDetector  # noqa: PLC0415

    kwargs = {"session_options": _one_thread()} if use_onnx else {}
    model = Model(
        str(folder),
        onnx_path=str(folder),
        onnx_subfolder="onnx",
        kwargs=kwargs,
        tokenizer_kwargs={"model_input_names": ["input_ids", "attention_mask"]},
    )
    return LLMGuardDetector(recognizer_conf={**BERT_BASE_NER_CONF, "DEFAULT_MODEL": model}, use_onnx=use_onnx)


def _bare_torch(folder: Path, texts: list[str]) -> Any:
    import torch  # noqa: PLC0415
    from transformers import AutoModelForTokenClassification, AutoTokenizer  # noqa: PLC0415

    model = AutoModelForTokenClassification.from_pretrained(folder)
    given = AutoTokenizer.from_pretrained(folder)(texts, return_tensors="pt")

    def call() -> Any:
        with torch.inference_mode():
            return model(input_ids=given["input_ids"], attention_mask=given["attention_mask"]).logits

    return call


def _bare_onnx(folder: Path, texts: list[str]) -> Any:
    import onnxruntime  # noqa: PLC0415
    from transformers import AutoTokenizer  # noqa: PLC0415

    session = onnxruntime.InferenceSession(folder / "onnx" / "model.onnx", _one_thread())
    given = dict(AutoTokenizer.from_pretrained(folder)(texts, return_tensors="np"))
    return lambda: session.run(["logits"], given)


def _one_thread() -> Any:
    import onnxruntime  # noqa: PLC0415

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    return options


def _save_model(folder: Path) -> None:
    import torch  # noqa: PLC0415
    from transformers import BertConfig, BertForTokenClassification, BertTokenizerFast  # noqa: PLC0415

    from tests.engines.tiny import export  # noqa: PLC0415 - imports PyTorch

    torch.manual_seed(1)
    words = sorted({word.strip(".,") for word in PROSE.split()})
    vocabulary = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", ".", ",", *words]
    (folder / "vocab.txt").write_text("\n".join(vocabulary))
    BertTokenizerFast(str(folder / "vocab.txt"), do_lower_case=False, model_max_length=512).save_pretrained(
        folder
    )
    model = BertForTokenClassification(
        BertConfig(
            vocab_size=len(vocabulary),
            id2label=dict(enumerate(_LABELS)),
            label2id={label: number for number, label in enumerate(_LABELS)},
        )
    ).eval()
    torch.nn.init.constant_(model.classifier.bias[:1], 5.0)
    model.save_pretrained(folder)
    export(model, folder / "onnx")
