"""Find the files of a model: in a folder, in the Hugging Face cache of this machine, or on the hub.

What is found is a folder, from which an engine loads without asking anybody. The hub's client is imported
when a model is named that is not a folder.
"""

from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path

from langchain_secguard.errors import DetectorError

_TIMEOUT = 10.0
"""Seconds until a hub that does not answer is given up."""

_SAFETENSORS = ("model.safetensors", "model.safetensors.index.json")
_PICKLES = ("pytorch_model.bin", "pytorch_model.bin.index.json")
_TOKENIZERS = (
    "tokenizer.json",
    "vocab.txt",
    "vocab.json",
    "spm.model",
    "spiece.model",
    "sentencepiece.bpe.model",
)
_BESIDE = ("tokenizer_config.json", "special_tokens_map.json", "added_tokens.json", "merges.txt")


@dataclass(frozen=True, slots=True)
class ModelFiles:
    """Name the files that are needed of one model.

    ``source`` is a folder, or a repository of the hub at ``revision``. ``needs`` lists, for each thing that
    is needed, the paths in the folder of which one must be there. ``fetch`` lists patterns of files to
    download, in groups: a group is fetched only if something is lacking without it.
    """

    source: str
    revision: str | None
    needs: tuple[tuple[str, ...], ...]
    fetch: tuple[tuple[str, ...], ...]

    def lacking(self, folder: Path | None) -> list[str]:
        """Say what ``folder`` does not have; all of it where there is no folder."""
        return [
            " or ".join(paths)
            for paths in self.needs
            if folder is None or not any((folder / path).exists() for path in paths)
        ]


def tokenizer_files(source: str, revision: str | None) -> ModelFiles:
    """Name the files of a tokenizer, and of the configuration that says which it is."""
    config = ("config.json",)
    return ModelFiles(source, revision, (config, _TOKENIZERS), ((*config, *_TOKENIZERS, *_BESIDE),))


def torch_files(source: str, revision: str | None, subfolder: str = "") -> ModelFiles:
    """Name the files of a model for PyTorch, the tokenizer's included."""
    config = (_join(subfolder, "config.json"),)
    safe = [_join(subfolder, name) for name in (*_SAFETENSORS, "model-*-of-*.safetensors")]
    pickled = [_join(subfolder, name) for name in (*_PICKLES, "pytorch_model-*-of-*.bin")]
    first = ("config.json", *config, *_TOKENIZERS, *_BESIDE, *safe)
    needs = (config, _TOKENIZERS, (*safe[:2], *pickled[:2]))
    return ModelFiles(source, revision, needs, (first, tuple(pickled)))


def onnx_files(source: str, revision: str | None, subfolder: str, filename: str) -> ModelFiles:
    """Name the files of a model for ONNX, without a tokenizer."""
    path = _join(subfolder, filename)
    config = tuple(dict.fromkeys((_join(subfolder, "config.json"), "config.json")))
    return ModelFiles(source, revision, (config, (path,)), ((*config, path, f"{path}_data"),))


def find(files: ModelFiles, *, download: bool) -> Path:
    """Return a folder that has all of ``files``.

    Raises:
        DetectorError: There is none: the folder named lacks files, no repository can have the name, or the
            repository is not in the cache of this machine and may not be, or cannot be, downloaded.
    """
    if _is_path(files.source):
        return _checked(Path(files.source).expanduser(), files)
    cached = _cached(files)
    if cached is not None and not files.lacking(cached):
        return cached
    if not download:
        raise _not_here(files, "downloading is switched off")
    try:
        folder = _downloaded(files)
    except Exception as error:  # the client, its transports and the disk raise all kinds
        raise _not_here(files, f"the download failed ({type(error).__name__})") from error
    lacking = files.lacking(folder)
    if folder is None or lacking:
        raise _not_here(files, f"the repository has no {', no '.join(lacking)}")
    return folder


def _cached(files: ModelFiles) -> Path | None:
    """Return the folder of what this machine has of a repository, be it not all."""
    from huggingface_hub import snapshot_download  # noqa: PLC0415 - comes with the engines that need it
    from huggingface_hub.errors import HFValidationError, LocalEntryNotFoundError  # noqa: PLC0415

    try:
        return Path(snapshot_download(files.source, revision=files.revision, local_files_only=True))
    except LocalEntryNotFoundError:
        return None
    except HFValidationError as error:
        raise DetectorError(
            f"there is no folder {files.source}, and no repository can have that name: give a folder, or "
            "OWNER/NAME"
        ) from error


def _downloaded(files: ModelFiles) -> Path | None:
    """Download what the repository has of the files, and return their folder.

    Each question has a time limit here: the client's own download of a whole repository waits for ever.
    """
    from huggingface_hub import HfApi, hf_hub_download  # noqa: PLC0415 - comes with the engines that need it

    about = HfApi().model_info(files.source, revision=files.revision, timeout=_TIMEOUT)
    offered = [file.rfilename for file in about.siblings or ()]
    folder = None
    for group in files.fetch:
        for name in (name for name in offered if any(fnmatchcase(name, pattern) for pattern in group)):
            path = hf_hub_download(files.source, name, revision=files.revision, etag_timeout=_TIMEOUT)
            folder = Path(path).parents[name.count("/")]
        if not files.lacking(folder):
            break
    return folder


def _checked(folder: Path, files: ModelFiles) -> Path:
    if not folder.is_dir():
        raise DetectorError(f"there is no folder {folder}: put the model's files there, or name another")
    if lacking := files.lacking(folder):
        raise DetectorError(f"the folder {folder} has no {', no '.join(lacking)}: put the files there")
    return folder


def _not_here(files: ModelFiles, why: str) -> DetectorError:
    revision = f" --revision {files.revision}" if files.revision else ""
    return DetectorError(
        f"the model {files.source} is not on this machine, and {why}. Where there is a network, run: "
        f"hf download {files.source}{revision} --local-dir FOLDER; then name that folder "
        "instead (LLMGuardDetector: as model_path=FOLDER)."
    )


def _is_path(source: str) -> bool:
    """Tell a folder from a repository, which is ``name`` or ``owner/name``."""
    path = Path(source).expanduser()
    written = source.startswith((".", "~")) or "\\" in source or source.count("/") > 1
    return written or path.is_absolute() or path.is_dir()


def _join(subfolder: str, name: str) -> str:
    return f"{subfolder}/{name}" if subfolder else name
