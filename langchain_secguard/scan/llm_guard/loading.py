"""Make LLM Guard's scanners without a surprise: from this machine first, in bounded time, one clear error.

LLM Guard loads models, token tables and word lists while a scanner is made, and asks the network for each. It
does so through ``lazy_load_dep``, which is ours while a scanner is made here.
"""

import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from functools import partial
from typing import Any, NoReturn

from langchain_secguard.detect.hub import ModelFiles, find, onnx_files, tokenizer_files, torch_files
from langchain_secguard.errors import DetectorError, ScannerError
from langchain_secguard.scan.llm_guard.quiet import quiet, watch

_PATIENCE = 30.0
"""Seconds until a download of data is given up."""

_FILES = {"vader_lexicon": "sentiment/vader_lexicon.zip", "punkt_tab": "tokenizers/punkt_tab"}
"""Data of NLTK that LLM Guard uses, and where NLTK keeps it."""

_lock = threading.RLock()


def made(make: Callable[[], Any], *, download: bool) -> Any:
    """Call ``make``, which makes a scanner of LLM Guard, with what is on this machine.

    Args:
        make: A class of LLM Guard's, or any function that needs no arguments.
        download: Whether what is not on this machine may be downloaded.

    Raises:
        ScannerError: Something is not there, or the scanner could not be made.
        ImportError: A package is missing.
    """
    try:
        with _lock, quiet(), _at_home(download=download):
            return make()
    except (ScannerError, ImportError):
        raise
    except (Exception, SystemExit) as error:  # noqa: BLE001 - what it loads raises all kinds
        raise ScannerError(
            f"LLM Guard could not make the scanner ({type(error).__name__}): "
            "its options are wrong, or files that it loads are damaged or made for other versions."
        ) from (None if isinstance(error, SystemExit) else error)


def require_nltk(name: str, *, download: bool) -> None:
    """See to it that NLTK has ``name``.

    Raises:
        ScannerError: It is not on this machine, and may not be, or could not be, downloaded.
    """
    import nltk  # noqa: PLC0415 - comes with LLM Guard

    if name not in _FILES or _has(nltk, name):
        return
    if download:
        with suppress(Exception):  # whatever it was, the data is there afterwards or it is not
            _within(_PATIENCE, partial(nltk.download, name, quiet=True))
    if not _has(nltk, name):
        raise ScannerError(
            f"the scanner needs NLTK's {name!r}, which is not on this machine. Where there is a network, "
            f"run: python -m nltk.downloader -d FOLDER {name}; then set NLTK_DATA=FOLDER."
        )


def _has(nltk: Any, name: str) -> bool:
    try:
        nltk.data.find(_FILES[name])
    except LookupError:
        return False
    return True


@contextmanager
def _at_home(*, download: bool) -> Iterator[None]:
    """Let LLM Guard find what it loads on this machine. Only one thread at a time is in here."""
    try:
        from llm_guard import input_scanners, output_scanners  # noqa: F401, PLC0415 - may not be installed
        from llm_guard.input_scanners.anonymize_helpers import analyzer  # noqa: PLC0415 - imported with them

        from langchain_secguard.detect.presidio_engine import WordEngine  # noqa: PLC0415 - imports Presidio
    except ImportError as error:
        version = " on Python 3.12 or older" if sys.version_info >= (3, 13) else ""
        raise ImportError(
            f'LLMGuardScanner needs LLM Guard{version}: pip install "langchain-secguard[llm-guard]"'
        ) from error
    watch()
    with ExitStack() as stack:
        for name, module in list(sys.modules.items()):
            if name.startswith("llm_guard.") and hasattr(module, "lazy_load_dep"):
                own = partial(_dependency, module.lazy_load_dep, download)
                stack.enter_context(_swapped(module, "lazy_load_dep", own))
        stack.enter_context(_swapped(analyzer, "_get_nlp_engine", WordEngine))
        yield


@contextmanager
def _swapped(module: Any, name: str, value: Any) -> Iterator[None]:
    kept = getattr(module, name)
    setattr(module, name, value)
    try:
        yield
    finally:
        setattr(module, name, kept)


def _dependency(load: Callable[..., Any], download: bool, name: str, *names: Any, **named: Any) -> Any:
    """Load a library as LLM Guard does, and let it look on this machine."""
    try:
        library = load(name, *names, **named)
    except ImportError as error:
        if not name.startswith("optimum"):
            raise
        raise ImportError('use_onnx needs: pip install "langchain-secguard[llm-guard-onnx]"') from error
    if name in ("transformers", "optimum.onnxruntime"):
        return _Models(library, download)
    if name == "nltk":
        return _Nltk(library, download)
    return _Tiktoken(library, download) if name == "tiktoken" else library


class _Library:
    """Be a library, but for the names that a subclass has."""

    def __init__(self, library: Any, download: bool) -> None:
        self._library = library
        self._download = download

    def __getattr__(self, name: str) -> Any:
        return getattr(self._library, name)


class _Models(_Library):
    """Be transformers, or optimum, and load models from folders."""

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._library, name)
        return _Model(found, self._download) if name.startswith(("Auto", "ORTModel")) else found


class _Model(_Library):
    """Be a class of models or of tokenizers, and load it from a folder."""

    def from_pretrained(
        self, path: str, *, revision: str | None = None, subfolder: str = "", **options: Any
    ) -> Any:
        """Load from the folder that ``path`` is, or from that of the repository on this machine."""
        options.pop("token", None)
        files = self._files(str(path), revision, subfolder, options)
        try:
            folder = find(files, download=self._download)
        except DetectorError as error:
            self._refuse(error)
        if subfolder:
            options["subfolder"] = subfolder
        return self._library.from_pretrained(str(folder), **options, local_files_only=True)

    def _files(self, path: str, revision: str | None, subfolder: str, options: dict[str, Any]) -> ModelFiles:
        if self._library.__name__ == "AutoTokenizer":
            return tokenizer_files(path, revision)
        if "file_name" in options and not options.get("export"):
            return onnx_files(path, revision, subfolder, options["file_name"])
        return torch_files(path, revision, subfolder)

    @staticmethod
    def _refuse(error: DetectorError) -> NoReturn:
        what = str(error).partition(" (LLMGuardDetector")[0]
        raise ScannerError(
            f"{what}; LLM Guard takes a folder as model=Model(path=FOLDER, onnx_path=FOLDER)."
        ) from error


class _Nltk(_Library):
    """Be NLTK, and ask nobody for what is there."""

    def download(self, name: str, **_: Any) -> bool:
        """See to it that there is ``name``."""
        require_nltk(name, download=self._download)
        return True


class _Tiktoken(_Library):
    """Be tiktoken, and wait for no server that does not answer."""

    def get_encoding(self, name: str) -> Any:
        """Load an encoding by its name."""
        return self._load(self._library.get_encoding, name)

    def encoding_for_model(self, name: str) -> Any:
        """Load the encoding of a model."""
        return self._load(self._library.encoding_for_model, name)

    def _load(self, load: Callable[[str], Any], name: str) -> Any:
        import tiktoken.load  # noqa: PLC0415 - comes with LLM Guard

        with _swapped(tiktoken.load, "read_file", partial(_read, tiktoken.load.read_file, self._download)):
            return load(name)


def _read(read: Callable[[str], bytes], download: bool, path: str) -> bytes:
    if "://" not in path:
        return read(path)
    why = "downloading is switched off"
    if download:
        try:
            contents: bytes = _within(_PATIENCE, partial(read, path))
        except Exception as error:  # noqa: BLE001 - transports raise all kinds
            why = f"the download failed ({type(error).__name__})"
        else:
            return contents
    raise ScannerError(
        f"TokenLimit needs tiktoken's {path}, which is not on this machine, and {why}. Where there is a "
        "network, make the scanner with TIKTOKEN_CACHE_DIR=FOLDER set, and set it to that folder here, too."
    )


def _within(seconds: float, function: Callable[[], Any]) -> Any:
    """Call ``function`` in a thread, and wait no longer than ``seconds``.

    Raises:
        TimeoutError: It was not done by then.
    """
    done: list[Any] = []
    failed: list[Exception] = []

    def run() -> None:
        try:
            done.append(function())
        except Exception as error:  # noqa: BLE001 - raised again by the caller
            failed.append(error)

    thread = threading.Thread(target=run, daemon=True, name="llm-guard-data")
    thread.start()
    thread.join(seconds)
    if failed:
        raise failed[0]
    if not done:
        raise TimeoutError
    return done[0]
