import re
from pathlib import Path

import pytest

from langchain_secguard import DetectorError
from langchain_secguard.detect.hub import ModelFiles, find, onnx_files, tokenizer_files, torch_files

TOKENIZER = ("config.json", "tokenizer.json")


def written(folder: Path, *names: str) -> Path:
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).touch()
    return folder


@pytest.mark.parametrize(
    ("names", "subfolder"),
    [
        ((*TOKENIZER, "model.safetensors"), ""),
        ((*TOKENIZER, "model.safetensors.index.json"), ""),
        (("config.json", "vocab.txt", "pytorch_model.bin"), ""),
        (("tokenizer.json", "sub/config.json", "sub/model.safetensors"), "sub"),
    ],
)
def test_a_folder_with_all_that_is_needed_is_found(
    tmp_path: Path, names: tuple[str, ...], subfolder: str
) -> None:
    folder = written(tmp_path, *names)
    assert find(torch_files(str(folder), None, subfolder), download=False) == folder


def test_a_folder_may_be_relative_to_the_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    written(tmp_path / "models", *TOKENIZER)
    assert find(tokenizer_files("~/models", None), download=False) == tmp_path / "models"


@pytest.mark.parametrize(
    ("files", "message"),
    [
        (torch_files, "has no config.json, no tokenizer.json or vocab.txt .*, no model.safetensors or "),
        (tokenizer_files, "has no config.json, no tokenizer.json or vocab.txt"),
    ],
)
def test_a_folder_that_lacks_something_is_an_error_that_says_what(
    tmp_path: Path, files: type[ModelFiles], message: str
) -> None:
    with pytest.raises(DetectorError, match=message):
        find(files(str(tmp_path), None), download=True)  # type: ignore[call-arg]


def test_an_onnx_model_may_share_its_configuration(tmp_path: Path) -> None:
    files = onnx_files(str(tmp_path), None, "onnx", "model.onnx")
    with pytest.raises(DetectorError, match=r"no onnx/config.json or config.json, no onnx/model.onnx"):
        find(files, download=True)
    written(tmp_path, "config.json", "onnx/model.onnx")
    assert find(files, download=True) == tmp_path


@pytest.mark.parametrize("source", ["./models", "/nowhere/models", "a/b/c", "~/nowhere", "C:\\models"])
def test_a_path_that_is_no_folder_is_not_looked_up_anywhere(source: str) -> None:
    with pytest.raises(DetectorError, match=re.escape("there is no folder")):
        find(tokenizer_files(source, None), download=True)
