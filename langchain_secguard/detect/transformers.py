"""A detector from a token-classification model of Hugging Face: https://huggingface.co/docs/transformers."""

import asyncio
import os
import threading
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Any
from weakref import WeakValueDictionary

from langchain_secguard.detect.base import Span, Uniting
from langchain_secguard.detect.calling import guarded
from langchain_secguard.detect.hub import find, torch_files
from langchain_secguard.detect.labels import entity_type_of
from langchain_secguard.detect.tagging import Tagger
from langchain_secguard.errors import DetectorError

_NO_LABELS: Mapping[str, str | None] = MappingProxyType({})
_lock = threading.Lock()
_taggers: WeakValueDictionary[tuple[str, str], Tagger] = WeakValueDictionary()


class TransformersDetector(Uniting):
    """Find what a token-classification model finds: the folder of one, its name, or a pipeline.

    The model is loaded here, once for the process for each folder and device, and without asking the
    network. Of a pipeline the model, the tokenizer and the device are used, and none of its settings. Texts
    of any length are read, in windows that overlap, and an entity is always whole words.

    Args:
        model: A folder; the name of a repository in this machine's Hugging Face cache; or a pipeline.
        labels: The entity type of each label of the model, written without ``B-`` or ``I-``, or ``None`` to
            pass the label over. The usual ones (``PER``, ``LOC``, ``ORG``, ...) are known, and any other is
            an entity type of that name.
        entity_types: Look for these alone, by their names here; ``None`` for all that the model knows.
        threshold: Drop what is less sure than this. An ``Anonymizer`` drops by its own threshold, too.
        device: Where the model runs, such as ``"cpu"`` or ``"cuda:1"``; by default on a GPU if there is one.
        revision: Which version of a repository.
        download: Whether a repository that is not on this machine may be downloaded.

    Raises:
        DetectorError: The model is not there, or is none for token classification.
        ImportError: transformers or torch is not installed.
        TypeError: ``model`` is none of these.
        ValueError: A label or an entity type is none of the model's, or its labels say nothing.
    """

    def __init__(
        self,
        model: str | os.PathLike[str] | Any,
        *,
        labels: Mapping[str, str | None] = _NO_LABELS,
        entity_types: Collection[str] | None = None,
        threshold: float = 0.0,
        device: str | None = None,
        revision: str | None = None,
        download: bool = False,
    ) -> None:
        if not 0 <= threshold <= 1:
            raise ValueError("threshold is a number from 0 to 1")
        if isinstance(model, str | os.PathLike):
            self._name = Path(model).name
            self._tagger = _loaded(os.fspath(model), device, revision, download=download)
        else:
            if device is not None or revision is not None:
                raise ValueError("a pipeline has its device and its revision; they cannot be named besides")
            self._name = type(model).__name__
            self._tagger = Tagger(*_parts(model))
        self._types = _wanted(_meanings(self._tagger.labels, labels), entity_types)
        self._threshold = threshold

    def __repr__(self) -> str:
        types = sorted(set(self._types.values()))
        return f"TransformersDetector({self._name!r}, entity_types={types}, threshold={self._threshold})"

    @guarded
    def detect(self, texts: Sequence[str]) -> list[list[Span]]:
        """Find the spans of each text, sorted; those of one entity type do not overlap.

        Raises:
            DetectorError: The model failed.
        """
        return [
            [span for span in spans if span.score >= self._threshold]
            for spans in self._tagger.tag(texts, self._types.get)
        ]

    async def adetect(self, texts: Sequence[str]) -> list[list[Span]]:
        """Do what :meth:`detect` does, in a worker thread."""
        return await asyncio.to_thread(self.detect, texts)


def _loaded(source: str, device: str | None, revision: str | None, *, download: bool) -> Tagger:
    try:
        import torch  # noqa: PLC0415 - may not be installed
        import transformers  # noqa: PLC0415 - may not be installed
    except ImportError as error:
        raise ImportError(
            "TransformersDetector needs the transformers library and PyTorch: "
            'pip install "langchain-secguard[transformers]"'
        ) from error
    device = device or ("cuda" if torch.cuda.is_available() else "cpu")
    folder = find(torch_files(source, revision), download=download)
    with _lock:
        key = (str(folder.resolve()), device)
        tagger = _taggers.get(key) or Tagger(*_load(transformers, folder, device))
        _taggers[key] = tagger
        return tagger


def _load(transformers: Any, folder: Path, device: str) -> tuple[Any, Any]:
    """Load a model and its tokenizer from a folder that has them."""
    try:
        tokenizer = transformers.AutoTokenizer.from_pretrained(folder, local_files_only=True)
        model, loading = transformers.AutoModelForTokenClassification.from_pretrained(
            folder, local_files_only=True, output_loading_info=True
        )
        model = model.to(device).eval()
    except Exception as error:
        raise DetectorError(
            f"the model in {folder} could not be loaded ({type(error).__name__}): "
            "are its files whole, and of a version that the installed transformers library knows?"
        ) from error
    if loading["missing_keys"]:
        raise DetectorError(
            f"the model in {folder} is none for token classification: its file has no "
            f"{', '.join(sorted(loading['missing_keys']))}. Name one that was trained to find entities."
        )
    return model, tokenizer


def _parts(pipeline: Any) -> tuple[Any, Any]:
    """Return the model and the tokenizer of a pipeline."""
    model, tokenizer = getattr(pipeline, "model", None), getattr(pipeline, "tokenizer", None)
    if tokenizer is None or not hasattr(getattr(model, "config", None), "id2label"):
        raise TypeError(
            f"{type(pipeline).__name__} is no folder, no name and no token-classification pipeline"
        )
    return model, tokenizer


def _meanings(known: Collection[str], labels: Mapping[str, str | None]) -> dict[str, str]:
    """Return the entity type of each label of the model that has one."""
    if unknown := sorted(set(labels) - set(known)):
        raise ValueError(f"the model has no label {', '.join(unknown)}; it has {', '.join(sorted(known))}")
    if unsaid := sorted(label for label in set(known) - set(labels) if label.startswith("LABEL_")):
        raise ValueError(
            f"the model's labels {', '.join(unsaid)} do not say what they mean; tell it, for instance with "
            f'labels={{"{unsaid[0]}": None, "{unsaid[-1]}": "PERSON"}}'
        )
    named = {label: entity_type_of(label, labels) for label in known}
    return {label: name for label, name in named.items() if name is not None}


def _wanted(types: Mapping[str, str], entity_types: Collection[str] | None) -> dict[str, str]:
    if unknown := sorted(set(entity_types or ()) - set(types.values())):
        known = ", ".join(sorted(set(types.values())))
        raise ValueError(f"the model does not find {', '.join(unknown)}; it finds {known}")
    return {label: name for label, name in types.items() if entity_types is None or name in entity_types}
