"""A detector from a GLiNER model, which finds whatever it is told in words: https://github.com/urchade/GLiNER."""

import asyncio
import os
import re
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Any
from weakref import WeakValueDictionary

from langchain_secguard.detect.base import Span, Uniting
from langchain_secguard.detect.calling import guarded
from langchain_secguard.detect.hub import ModelFiles, find
from langchain_secguard.detect.windowed import well_formed
from langchain_secguard.detect.windows import unite, windows
from langchain_secguard.errors import DetectorError
from langchain_secguard.placeholders import entity_type_name

LABELS: Mapping[str, str] = MappingProxyType(
    {"person": "PERSON", "organization": "ORGANIZATION", "location": "LOCATION"}
)
"""What is looked for unless something else is named: labels, in plain words, and their entity types."""

_UNIT = re.compile(r"\w{1,16}|[^\w\s]")
"""A word, or a part of a long one: at least as many of these stand in a text as GLiNER counts words in it."""

_FILES = (("gliner_config.json",), ("model.safetensors", "pytorch_model.bin"))
_FETCH = (("*.json", "*.txt", "*.model", "model.safetensors"), ("pytorch_model.bin",))
_lock = threading.Lock()
_engines: WeakValueDictionary[tuple[str, str], "_Engine"] = WeakValueDictionary()


class GLiNERDetector(Uniting):
    """Find what a GLiNER model finds when it is told ``labels``, which are plain words.

    The model is loaded here, once for the process for each folder and device, and without asking the
    network. Texts of any length are read, in windows that overlap. Calls of several threads take turns.

    Args:
        model: A folder; the name of a repository in this machine's Hugging Face cache; or a ``GLiNER``.
        labels: What to look for, in the model's words, and the entity type of each.
        threshold: Drop what is less sure than this. An ``Anonymizer`` drops by its own threshold, too.
        device: Where the model runs, such as ``"cpu"`` or ``"cuda:1"``; by default on a GPU if there is one.
        revision: Which version of a repository.
        batch_size: How many windows go through the model at once.
        download: Whether a repository that is not on this machine may be downloaded, and the tokenizer of
            the encoder that its configuration names.

    Raises:
        DetectorError: The model is not there, or cannot be loaded.
        ImportError: gliner is not installed.
        TypeError: ``model`` is none of these.
        ValueError: There are no labels, or one cannot be an entity type.
    """

    def __init__(
        self,
        model: str | os.PathLike[str] | Any,
        *,
        labels: Mapping[str, str] = LABELS,
        threshold: float = 0.5,
        device: str | None = None,
        revision: str | None = None,
        batch_size: int = 8,
        download: bool = False,
    ) -> None:
        if not labels:
            raise ValueError('GLiNER must be told what to find, for instance labels={"person": "PERSON"}')
        if not 0 <= threshold <= 1:
            raise ValueError("threshold is a number from 0 to 1")
        if isinstance(model, str | os.PathLike):
            self._name = Path(model).name
            self._engine = _loaded(os.fspath(model), device, revision, download=download)
        else:
            if device is not None or revision is not None:
                raise ValueError("a model has its device and its revision; they cannot be named besides")
            self._name = type(model).__name__
            self._engine = _Engine(model)
        self._labels = {label: entity_type_name(name) for label, name in labels.items()}
        self._threshold = threshold
        self._batch_size = batch_size

    def __repr__(self) -> str:
        return f"GLiNERDetector({self._name!r}, labels={self._labels}, threshold={self._threshold})"

    @guarded
    def detect(self, texts: Sequence[str]) -> list[list[Span]]:
        """Find the spans of each text, sorted.

        Raises:
            DetectorError: The model failed.
        """
        texts = [well_formed(text) for text in texts]
        cuts = [_cut(text, self._engine.size) for text in texts]
        pieces = [
            text[start:end] for text, of_text in zip(texts, cuts, strict=True) for start, end in of_text
        ]
        found = iter(
            self._engine.find(
                pieces, list(self._labels), threshold=self._threshold, batch_size=self._batch_size
            )
        )
        return [
            unite(of_text, [[self._span(one, start) for one in next(found)] for start, _ in of_text])
            for of_text in cuts
        ]

    async def adetect(self, texts: Sequence[str]) -> list[list[Span]]:
        """Do what :meth:`detect` does, in a worker thread."""
        return await asyncio.to_thread(self.detect, texts)

    def _span(self, entity: Mapping[str, Any], offset: int) -> Span:
        """Read one of GLiNER's entities, whose offsets are those of a window."""
        name = self._labels[entity["label"]]
        score = min(1.0, max(0.0, float(entity["score"])))
        return Span(entity["start"] + offset, entity["end"] + offset, name, score)


class _Engine:
    """Hold a model and its turn: its tokenizer does not bear two threads at once."""

    def __init__(self, model: Any) -> None:
        if not callable(getattr(model, "inference", None)):
            raise TypeError(f"{type(model).__name__} is no folder, no name and no GLiNER model")
        self._model = model
        self._turn = threading.Lock()
        self.size = int(getattr(getattr(model, "config", None), "max_len", None) or 384)

    def find(self, texts: list[str], labels: list[str], **options: Any) -> list[list[dict[str, Any]]]:
        """Return GLiNER's entities of each text."""
        with self._turn:
            found: list[list[dict[str, Any]]] = self._model.inference(texts, labels, **options)
        return found


def _cut(text: str, size: int) -> list[tuple[int, int]]:
    """Cut a text into windows of ``size`` words, of which neighbours share a quarter."""
    units = [match.span() for match in _UNIT.finditer(text)]
    if len(units) <= size:
        return [(0, len(text))]
    cuts = windows(len(units), size=size, overlap=size // 4)
    return [(units[cut.start][0], units[cut.stop - 1][1]) for cut in cuts]


def _loaded(source: str, device: str | None, revision: str | None, *, download: bool) -> _Engine:
    try:
        import torch  # noqa: PLC0415 - may not be installed
        from gliner import GLiNER  # noqa: PLC0415 - may not be installed
    except ImportError as error:
        raise ImportError('GLiNERDetector needs GLiNER: pip install "langchain-secguard[gliner]"') from error
    device = device or ("cuda" if torch.cuda.is_available() else "cpu")
    folder = find(ModelFiles(source, revision, _FILES, _FETCH), download=download)
    with _lock:
        key = (str(folder.resolve()), device)
        engine = _engines.get(key) or _Engine(_load(GLiNER, folder, device, download=download))
        _engines[key] = engine
        return engine


def _load(gliner: Any, folder: Path, device: str, *, download: bool) -> Any:
    try:
        return gliner.from_pretrained(
            str(folder), local_files_only=not download, map_location=device, strict=True
        )
    except Exception as error:
        raise DetectorError(
            f"the GLiNER model in {folder} could not be loaded ({type(error).__name__}). Its folder needs "
            "the weights, gliner_config.json with encoder_config in it, and the tokenizer's files "
            "(save_pretrained writes them all)."
        ) from error
