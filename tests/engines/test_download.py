import json
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest
from transformers import AutoModelForTokenClassification

from tests.engines.hub_server import COMMIT, HubServer
from tests.engines.tiny import save_tiny_model

pytestmark = pytest.mark.loopback

SCRIPT = """
import json, sys
from langchain_secguard.detect import hub, LLMGuardDetector
hub._TIMEOUT = 1.0
answers = []
for options in json.loads(sys.argv[1]):
    try:
        [spans] = LLMGuardDetector(**options).detect(["Jane Doe"])
        answers.append([span.entity_type for span in spans])
    except Exception as error:
        answers.append([type(error).__name__, str(error)])
print("\\n" + json.dumps(answers))
"""
LARGE = {"recognizer_conf": "BERT_LARGE_NER_CONF"}


def answers(cache: Path, url: str, *options: Mapping[str, object], **environment: str) -> list[list[str]]:
    """Make detectors in a process of its own, with the hub at ``url``, and tell what came of each."""
    ours = {name: value for name, value in os.environ.items() if "proxy" not in name.lower()}
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT, json.dumps(options)],
        env={**ours, "HF_HOME": str(cache), "HF_ENDPOINT": url, "HF_HUB_DISABLE_XET": "1", **environment},
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    told: list[list[str]] = json.loads(done.stdout.splitlines()[-1])
    return told


@pytest.mark.parametrize("weights", ["model.safetensors", "pytorch_model.bin"])
def test_nothing_is_downloaded_but_the_model_that_was_asked_for(tmp_path: Path, weights: str) -> None:
    folder = save_tiny_model(tmp_path / "model", onnx=True)
    (folder / "tf_model.h5").write_bytes(b"another framework's")
    if weights == "pytorch_model.bin":
        rewrite_as_bin(folder)
    with HubServer(folder, "dslim/bert-large-NER") as hub:
        assert answers(tmp_path / "cache", hub.url, LARGE, LARGE) == [["PERSON"], ["PERSON"]]
    root = f"/dslim/bert-large-NER/resolve/{COMMIT}/"
    fetched = {one.split(root)[1] for one in hub.asked if root in one}
    assert weights in fetched
    assert fetched <= {path.name for path in folder.iterdir()} - {"tf_model.h5"}
    others = {one for one in hub.asked if root not in one}
    assert others == {f"GET /api/models/dslim/bert-large-NER/revision/{COMMIT}"}


def rewrite_as_bin(folder: Path) -> None:
    """Keep the weights in the older format, as models made years ago do."""
    model = AutoModelForTokenClassification.from_pretrained(folder)
    (folder / "model.safetensors").unlink()
    model.save_pretrained(folder, safe_serialization=False)


def test_for_onnx_only_the_onnx_model_is_downloaded(tmp_path: Path) -> None:
    folder = save_tiny_model(tmp_path / "model", onnx=True)
    with HubServer(folder, "dslim/bert-large-NER") as hub:
        assert answers(tmp_path / "cache", hub.url, {**LARGE, "use_onnx": True}) == [["PERSON"]]
    assert any("onnx/model.onnx" in one for one in hub.asked)
    assert not any("safetensors" in one for one in hub.asked)


def test_without_an_answer_it_ends_with_one_clear_error(tmp_path: Path) -> None:
    with HubServer(tmp_path, "nobody/nothing", silent=True) as silent:
        (told,) = answers(tmp_path / "cache", silent.url, LARGE)
    assert told[0] == "DetectorError"
    assert "the download failed" in told[1]
    assert "hf download dslim/bert-large-NER" in told[1]
    assert len(silent.asked) == 1


def test_a_repository_that_is_not_there_or_lacks_files_is_one_clear_error(tmp_path: Path) -> None:
    (tmp_path / "model").mkdir()
    (tmp_path / "model" / "config.json").write_text("{}")
    with HubServer(tmp_path / "model", "dslim/bert-large-NER") as hub:
        lacking, unknown, offline = answers(
            tmp_path / "cache",
            hub.url,
            LARGE,
            {"recognizer_conf": "BERT_BASE_NER_CONF"},
            {"recognizer_conf": "BERT_BASE_NER_CONF", "download": False},
        )
    assert lacking[0] == unknown[0] == offline[0] == "DetectorError"
    assert "the repository has no tokenizer.json or vocab.txt" in lacking[1]
    assert "the download failed" in unknown[1]
    assert "downloading is switched off" in offline[1]


def test_offline_nobody_is_asked(tmp_path: Path) -> None:
    with HubServer(tmp_path, "dslim/bert-large-NER") as hub:
        (told,) = answers(tmp_path / "cache", hub.url, LARGE, HF_HUB_OFFLINE="1")
    assert told[0] == "DetectorError"
    assert hub.asked == []
