"""A scanner from a text-classification model of Hugging Face: https://huggingface.co/docs/transformers."""

import os
import threading
from collections.abc import Collection, Sequence
from pathlib import Path
from typing import Any
from weakref import WeakValueDictionary

from langchain_secguard.detect.hub import find, onnx_files, tokenizer_files, torch_files
from langchain_secguard.detect.windowed import WindowedModel, well_formed
from langchain_secguard.errors import DetectorError, ScannerError
from langchain_secguard.scan.base import ScanResult, Sees
from langchain_secguard.scan.labels import risky_labels
from langchain_secguard.scan.named import NamedScanner, checked_threshold
from langchain_secguard.scan.threads import to_thread

_ONNX = "model.onnx"
_lock = threading.Lock()
_classifiers: WeakValueDictionary[tuple[str, str, bool], "Classifier"] = WeakValueDictionary()


class TransformersScanner(NamedScanner):
    """Scan with a model that classifies texts: of prompt injection, toxicity, hate speech and the like.

    The model is loaded here, once for the process for each folder and device, and without asking the network
    unless ``download`` says so. A text of any length is read, in windows of the model's size, at most 512
    tokens, that share a quarter and go through it in batches; its risk is that of its worst window. One
    scanner serves all threads at once.

    Known from their labels: Llama Prompt Guard 1 and 2, ``protectai/deberta-v3-base-prompt-injection-v2``,
    ``deepset/deberta-v3-base-injection`` and others with ``INJECTION``; models with ``LABEL_0`` and
    ``LABEL_1``, of which the second is the risk; models of toxicity, with one label (``toxic``) or one for
    each kind (``severe_toxicity``, ``insult``, ...).

    Args:
        model: A folder; the name of a repository in this machine's Hugging Face cache; or a pipeline for text
            classification, of which the model, the tokenizer and the device are used.
        unsafe_labels: The labels of the model that are a risk; by default those that are known to be.
        threshold: The risk from which a text is refused.
        multi_label: Whether a text may have several labels, so that its risk is that of the riskiest; else
            labels exclude one another, and the risks add up. By default what the model's configuration says.
        name: The scanner's name; by default the last part of the model's.
        sees: The form of the text that it is shown where both exist.
        device: Where the model runs, such as ``"cpu"`` or ``"cuda:1"``; by default on a GPU if there is one.
        use_onnx: Run the model's ``model.onnx``, beside it or in its folder ``onnx``, with ONNX Runtime.
        revision: Which version of a repository.
        download: Whether a repository that is not on this machine may be downloaded.

    Raises:
        ScannerError: The model is not there, cannot be loaded, or is none that classifies texts.
        ImportError: transformers or torch, or what ``use_onnx`` needs, is not installed.
        TypeError: ``model`` is none of these.
        ValueError: It is not known which labels are a risk, or ``threshold`` is not from 0 to 1.
    """

    engine = "Hugging Face"

    def __init__(  # noqa: PLR0913 - options, all but the first keyword-only
        self,
        model: str | os.PathLike[str] | Any,
        *,
        unsafe_labels: Collection[str] | None = None,
        threshold: float = 0.5,
        multi_label: bool | None = None,
        name: str | None = None,
        sees: Sees = "values",
        device: str | None = None,
        use_onnx: bool = False,
        revision: str | None = None,
        download: bool = False,
    ) -> None:
        is_named = isinstance(model, str | os.PathLike)
        super().__init__(name=name or (Path(model).name if is_named else type(model).__name__), sees=sees)
        self._threshold = checked_threshold(threshold)
        if is_named:
            self._classifier = _loaded(
                os.fspath(model), device, revision, use_onnx=use_onnx, download=download
            )
        else:
            if device is not None or revision is not None or use_onnx:
                raise ValueError("a pipeline has its device and its revision; they cannot be named besides")
            self._classifier = Classifier(*_parts(model))
        self._unsafe = risky_labels(self._classifier.labels, unsafe_labels)
        self._multi_label = self._classifier.multi_label if multi_label is None else multi_label

    def __repr__(self) -> str:
        labels = sorted(self._unsafe)
        return f"TransformersScanner({self._name!r}, unsafe_labels={labels}, threshold={self._threshold})"

    def scan(self, text: str, *, prompt: str | None = None) -> ScanResult:  # noqa: ARG002 - what it answers does not matter
        """Scan ``text``; ``details`` has the risk by label.

        Raises:
            ScannerError: The model failed, or gave no numbers. The error names no text.
        """
        failure: ScannerError
        try:
            windows = self._classifier.scores(well_formed(text), multi_label=self._multi_label)
        except DetectorError:
            failure = ScannerError("the model gave no numbers (NaN); the text counts as refused")
        except Exception as error:  # noqa: BLE001 - whatever it is, its message may hold the text
            failure = ScannerError(
                f"{self._name} failed with {type(error).__name__}; the text counts as refused. "
                "Run it alone to see why."
            )
        else:
            return self._result(text, windows)
        raise failure

    async def ascan(self, text: str, *, prompt: str | None = None) -> ScanResult:
        """Do what :meth:`scan` does, in a worker thread."""
        return await to_thread(self.scan, text, prompt=prompt)

    def _result(self, text: str, windows: Sequence[dict[str, float]]) -> ScanResult:
        add = max if self._multi_label else sum
        risks = [min(1.0, add(scores[label] for label in self._unsafe)) for scores in windows]
        details = {
            label: round(max((scores[label] for scores in windows), default=0.0), 4)
            for label in sorted(self._unsafe)
        }
        risk = max(risks, default=0.0)
        return ScanResult(
            name=self._name,
            text=text,
            valid=risk < self._threshold or not windows,
            risk_score=risk,
            details=details,
        )


class Classifier:
    """Classify texts with a model and its tokenizer; one instance serves all threads.

    Raises:
        DetectorError: The tokenizer is not a fast one, or the model reads fewer than eight tokens.
    """

    def __init__(self, model: Any, tokenizer: Any) -> None:
        self._reader = WindowedModel(model, tokenizer)
        config = model.config
        self._labels = [str(config.id2label[number]) for number in sorted(config.id2label)]
        self.multi_label = (
            getattr(config, "problem_type", None) == "multi_label_classification" or len(self._labels) == 1
        )

    @property
    def labels(self) -> frozenset[str]:
        """The labels of the model."""
        return frozenset(self._labels)

    def scores(self, text: str, *, multi_label: bool) -> list[dict[str, float]]:
        """Return the probability of each label in each window of a text.

        Raises:
            DetectorError: The model gave NaN, which is below any threshold.
        """
        stretches = self._reader.stretches([text])
        found: list[dict[str, float]] = []
        for batch in self._reader.batches(stretches):
            logits, _ = self._reader.logits([stretches[position].ids for position in batch])
            scores = logits.sigmoid() if multi_label else logits.softmax(-1)
            if bool(scores.isnan().any()):
                raise DetectorError
            found += [dict(zip(self._labels, row, strict=True)) for row in scores.tolist()]
        return found


def _loaded(
    source: str, device: str | None, revision: str | None, *, use_onnx: bool, download: bool
) -> Classifier:
    try:
        import torch  # noqa: PLC0415 - may not be installed
        import transformers  # noqa: PLC0415 - may not be installed
    except ImportError as error:
        raise ImportError(
            "TransformersScanner needs the transformers library and PyTorch: "
            'pip install "langchain-secguard[transformers]"'
        ) from error
    device = device or ("cuda" if torch.cuda.is_available() else "cpu")
    try:
        folder = _folder(source, revision, use_onnx=use_onnx, download=download)
        with _lock:
            key = (str(folder.resolve()), device, use_onnx)
            classifier = _classifiers.get(key)
            if classifier is None:
                load = _load_onnx if use_onnx else _load
                classifier = Classifier(*load(transformers, folder, device))
                _classifiers[key] = classifier
            return classifier
    except DetectorError as error:
        raise ScannerError(str(error).partition(" (LLMGuardDetector")[0]) from error


def _folder(source: str, revision: str | None, *, use_onnx: bool, download: bool) -> Path:
    """Find a folder with the tokenizer and the model."""
    if not use_onnx:
        return find(torch_files(source, revision), download=download)
    folder = find(tokenizer_files(source, revision), download=download)
    if (folder / "onnx" / _ONNX).is_file() or (folder / _ONNX).is_file():
        return folder
    find(onnx_files(source, revision, "onnx", _ONNX), download=download)
    return folder


def _load(transformers: Any, folder: Path, device: str) -> tuple[Any, Any]:
    """Load a model and its tokenizer from a folder that has them."""
    try:
        tokenizer = transformers.AutoTokenizer.from_pretrained(folder, local_files_only=True)
        model, loading = transformers.AutoModelForSequenceClassification.from_pretrained(
            folder, local_files_only=True, output_loading_info=True
        )
        model = model.to(device).eval()
    except Exception as error:
        raise _broken(folder, error) from error
    if loading["missing_keys"]:
        raise DetectorError(
            f"the model in {folder} is none that classifies texts: its file has no "
            f"{', '.join(sorted(loading['missing_keys']))}. Name one that was trained to do so."
        )
    return model, tokenizer


def _load_onnx(transformers: Any, folder: Path, device: str) -> tuple[Any, Any]:
    """Load an ONNX model, which lies beside its tokenizer or in the folder ``onnx`` there."""
    try:
        from optimum.onnxruntime import ORTModelForSequenceClassification  # noqa: PLC0415 - may not be installed
    except ImportError as error:
        raise ImportError('use_onnx needs: pip install "langchain-secguard[transformers-onnx]"') from error
    provider = "CUDAExecutionProvider" if device.startswith("cuda") else "CPUExecutionProvider"
    try:
        tokenizer = transformers.AutoTokenizer.from_pretrained(folder, local_files_only=True)
        model = ORTModelForSequenceClassification.from_pretrained(
            folder,
            subfolder="onnx" if (folder / "onnx" / _ONNX).is_file() else "",
            file_name=_ONNX,
            provider=provider,
            local_files_only=True,
        )
    except Exception as error:
        raise _broken(folder, error) from error
    return model, tokenizer


def _broken(folder: Path, error: Exception) -> DetectorError:
    return DetectorError(
        f"the model in {folder} could not be loaded ({type(error).__name__}): "
        "are its files whole, and of a version that the installed libraries know?"
    )


def _parts(pipeline: Any) -> tuple[Any, Any]:
    """Return the model and the tokenizer of a pipeline."""
    model, tokenizer = getattr(pipeline, "model", None), getattr(pipeline, "tokenizer", None)
    if tokenizer is None or not hasattr(getattr(model, "config", None), "id2label"):
        raise TypeError(
            f"{type(pipeline).__name__} is no folder, no name and no pipeline for text classification"
        )
    return model, tokenizer
