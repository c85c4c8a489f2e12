"""Find the files of a model: in a folder, in the Hugging Face cache of this machine, or on the hub.

What is found is a folder, from which an engine loads without asking anybody. The hub's client is imported
when a model is named that is not a folder.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from langchain_secguard.errors import DetectorError

_TIMEOUT = 10.0
"""Seconds until a hub that does not answer is given up."""

_WEIGHTS = (
    "model.safetensors",
    "model.safetensors.index.json",
    "pytorch_model.bin",
    "pytorch_model.bin.index.json",
)
_TOKENIZERS = (
    "tokenizer.json",
    "vocab.txt",
    "vocab.json",
    "spm.model",
    "spiece.model",
    "sentencepiece.bpe.model",
)
_SMALL = ("*.json", "*.txt", "*.model")
_LARGE = (("*.safetensors",), ("pytorch_model*.bin",))


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

    def lacking(self, folder: Path) -> list[str]:
        """Say what ``folder`` does not have."""
        return [
            " or ".join(paths) for paths in self.needs if not any((folder / path).exists() for path in paths)
        ]


def tokenizer_files(source: str, revision: str | None) -> ModelFiles:
    """Name the files of a tokenizer, and of the configuration that says which it is."""
    return ModelFiles(source, revision, (("config.json",), _TOKENIZERS), (_SMALL,))


def torch_files(source: str, revision: str | None, subfolder: str = "") -> ModelFiles:
    """Name the files of a model for PyTorch, the tokenizer's included."""
    weights = tuple(_join(subfolder, name) for name in _WEIGHTS)
    config = (_join(subfolder, "config.json"),)
    small = (*_SMALL, *(_join(subfolder, pattern) for pattern in _SMALL))
    large = tuple(tuple(_join(subfolder, pattern) for pattern in group) for group in _LARGE)
    return ModelFiles(source, revision, (config, _TOKENIZERS, weights), ((*small, *large[0]), large[1]))


def onnx_files(source: str, revision: str | None, subfolder: str, filename: str) -> ModelFiles:
    """Name the files of a model for ONNX, without a tokenizer."""
    path = _join(subfolder, filename)
    config = tuple(dict.fromkeys((_join(subfolder, "config.json"), "config.json")))
    return ModelFiles(source, revision, (config, (path,)), ((*config, path, f"{path}_data"),))


def find(files: ModelFiles, *, download: bool) -> Path:
    """Return a folder that has all of ``files``.

    Raises:
        DetectorError: There is none: the folder named lacks files, or the repository is not in the cache of
            this machine and may not be, or cannot be, downloaded.
    """
    if _is_path(files.source):
        return _checked(Path(files.source).expanduser(), files)
    cached = _snapshot(files, files.fetch, local=True)
    if isinstance(cached, Path) and not files.lacking(cached):
        return cached
    if not download:
        raise _not_here(files, "downloading is switched off")
    for count in range(1, len(files.fetch) + 1):
        fetched = _snapshot(files, files.fetch[:count], local=False)
        if isinstance(fetched, Exception):
            raise _not_here(files, f"the download failed ({type(fetched).__name__})") from fetched
        lacking = files.lacking(fetched)
        if not lacking:
            return fetched
    raise _not_here(files, f"the repository has no {', no '.join(lacking)}")


def _snapshot(files: ModelFiles, fetch: Sequence[Sequence[str]], *, local: bool) -> Path | Exception:
    """Return the folder of what is cached, or downloaded now, or why there is none."""
    from huggingface_hub import snapshot_download  # noqa: PLC0415 - comes with the engines that need it

    patterns = [pattern for group in fetch for pattern in group]
    try:
        return Path(
            snapshot_download(
                files.source,
                revision=files.revision,
                allow_patterns=patterns,
                local_files_only=local,
                etag_timeout=_TIMEOUT,
            )
        )
    except Exception as error:  # noqa: BLE001 - the client, its transports and the disk raise all kinds
        return error


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
        f"huggingface-cli download {files.source}{revision} --local-dir FOLDER; then give its folder as "
        "model_path=FOLDER."
    )


def _is_path(source: str) -> bool:
    """Tell a folder from a repository, which is ``name`` or ``owner/name``."""
    path = Path(source).expanduser()
    written = source.startswith((".", "~")) or "\\" in source or source.count("/") > 1
    return written or path.is_absolute() or path.is_dir()


def _join(subfolder: str, name: str) -> str:
    return f"{subfolder}/{name}" if subfolder else name
