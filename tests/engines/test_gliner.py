import gc
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from langchain_secguard import Anonymizer, DetectorError, Vault
from langchain_secguard.detect import Detector, EmbeddedDetector, GLiNERDetector
from langchain_secguard.detect import gliner as module
from tests.engines.tiny_gliner import load, save_tiny_gliner
from tests.support import error_texts, holds
from tests.unit.detect.contract import DetectorContract, places

LABELS = {"person": "PERSON", "organization": "ORGANIZATION"}
TEXT = "the day Jane Doe called and paid Acme on"
FOUND = [(8, 16, "PERSON"), (33, 37, "ORGANIZATION")]


@pytest.fixture(scope="session")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_tiny_gliner(tmp_path_factory.mktemp("models") / "gliner")


class TestContract(DetectorContract):
    text, value = "the day Acme paid", "Acme"
    filler = f"and so it went on, {' ' * 301}"  # it reads few words at once

    @pytest.fixture
    def detector(self, folder: Path) -> Detector:
        return GLiNERDetector(folder, labels=LABELS)


def found(detector: GLiNERDetector, text: str = TEXT) -> list[tuple[int, int, str]]:
    (spans,) = detector.detect([text])
    return places(spans)


class TestModel:
    def test_may_be_a_folder(self, folder: Path) -> None:
        assert found(GLiNERDetector(folder, labels=LABELS)) == FOUND
        assert found(GLiNERDetector(str(folder), labels=LABELS)) == FOUND

    def test_may_be_an_object(self, folder: Path) -> None:
        model = load(folder)
        assert found(GLiNERDetector(model, labels=LABELS)) == FOUND

    def test_gives_its_own_spans_and_scores(self, folder: Path) -> None:
        model = load(folder)
        (expected,) = model.inference([TEXT], list(LABELS), threshold=0.1)
        (spans,) = GLiNERDetector(model, labels=LABELS, threshold=0.1).detect([TEXT])
        assert places(spans) == [(one["start"], one["end"], LABELS[one["label"]]) for one in expected]
        assert [span.score for span in spans] == pytest.approx([one["score"] for one in expected], abs=1e-5)

    def test_is_one_for_the_process(self, folder: Path) -> None:
        with ThreadPoolExecutor(8) as pool:
            detectors = list(pool.map(lambda _: GLiNERDetector(folder), range(8)))
        assert len({id(detector._engine) for detector in detectors}) == 1

    def test_is_let_go_with_its_last_detector(self, folder: Path) -> None:
        detector = GLiNERDetector(folder)
        del detector
        gc.collect()
        assert not module._engines


class TestLabels:
    def test_stand_for_entity_types(self, folder: Path) -> None:
        labels = {"person": "Data Subject", "organization": "COMPANY"}
        assert found(GLiNERDetector(folder, labels=labels)) == [
            (8, 16, "DATA_SUBJECT"),
            (33, 37, "COMPANY"),
        ]

    def test_are_needed(self, folder: Path) -> None:
        with pytest.raises(ValueError, match="must be told what to find"):
            GLiNERDetector(folder, labels={})

    def test_mean_entity_types(self, folder: Path) -> None:
        with pytest.raises(ValueError, match="an entity type is"):
            GLiNERDetector(folder, labels={"person": "?"})


class TestLongTexts:
    def test_lose_nothing_at_a_cut(self, folder: Path) -> None:
        detector = GLiNERDetector(folder, labels=LABELS)
        for count in range(14, 28):
            before = " ".join(["the day"] * (count // 2) + ["on"] * (count % 2))
            text = f"{before} Acme paid {' '.join(['the day'] * 20)}"
            start = len(before) + 1
            assert (start, start + 4, "ORGANIZATION") in found(detector, text), count

    def test_are_not_cut_short_by_the_model(self, folder: Path) -> None:
        text = "the day " * 200 + "Acme paid"
        assert (1600, 1604, "ORGANIZATION") in found(GLiNERDetector(folder, labels=LABELS), text)


class TestErrors:
    def test_name_a_folder_that_is_not_there(self, tmp_path: Path) -> None:
        with pytest.raises(DetectorError, match="there is no folder"):
            GLiNERDetector(tmp_path / "nothing")

    def test_name_what_a_folder_lacks(self, folder: Path, tmp_path: Path) -> None:
        (tmp_path / "gliner_config.json").write_text((folder / "gliner_config.json").read_text())
        with pytest.raises(DetectorError, match=r"has no model\.safetensors or pytorch_model\.bin"):
            GLiNERDetector(tmp_path)

    def test_say_what_else_a_folder_needs(self, folder: Path, tmp_path: Path) -> None:
        config = (folder / "gliner_config.json").read_text()
        encoder = str(folder.with_name(f"{folder.name}-encoder"))
        assert encoder in config
        (tmp_path / "gliner_config.json").write_text(config.replace(encoder, "owner/encoder"))
        (tmp_path / "pytorch_model.bin").symlink_to(folder / "pytorch_model.bin")
        with pytest.raises(DetectorError, match=r"could not be loaded .*tokenizer's files"):
            GLiNERDetector(tmp_path)

    def test_say_that_a_model_is_not_on_this_machine(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path))
        with pytest.raises(DetectorError, match="owner/other is not on this machine"):
            GLiNERDetector("owner/other")

    @pytest.mark.parametrize("nonsense", [None, 3, EmbeddedDetector()])
    def test_refuse_what_is_no_model(self, nonsense: object) -> None:
        with pytest.raises(TypeError, match="no GLiNER model"):
            GLiNERDetector(nonsense)

    @pytest.mark.parametrize("options", [{"threshold": -0.1}, {"threshold": 2}])
    def test_a_threshold_is_a_probability(self, folder: Path, options: dict[str, Any]) -> None:
        with pytest.raises(ValueError, match="from 0 to 1"):
            GLiNERDetector(folder, **options)

    def test_a_model_has_its_device(self, folder: Path) -> None:
        model = load(folder)
        with pytest.raises(ValueError, match="a model has its device"):
            GLiNERDetector(model, device="cpu")

    def test_name_what_to_install(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setitem(sys.modules, "gliner", None)
        with pytest.raises(ImportError, match=r'pip install "langchain-secguard\[gliner\]"'):
            GLiNERDetector(folder)

    def test_of_the_model_name_no_text(self) -> None:
        class Failing:
            def inference(self, texts: list[str], labels: list[str], **options: Any) -> None:
                raise RuntimeError(f"cannot read {texts}")

        with pytest.raises(DetectorError, match="GLiNERDetector failed with RuntimeError") as raised:
            GLiNERDetector(Failing()).detect(["Jane Doe"])
        assert not any(holds(text, "Jane Doe") for text in error_texts(raised.value))


def test_hides_beside_other_detectors(folder: Path) -> None:
    detector = EmbeddedDetector(names=False) | GLiNERDetector(folder, labels=LABELS)
    hidden = Anonymizer(detector=detector, vault=Vault()).invoke(
        "the day Acme paid from jane.doe@example.com"
    )
    assert hidden == "the day [ORGANIZATION_1] paid from [EMAIL_ADDRESS_1]"


def test_shows_its_model_and_its_labels(folder: Path) -> None:
    assert repr(GLiNERDetector(folder, labels=LABELS)) == (
        f"GLiNERDetector('gliner', labels={LABELS}, threshold=0.5)"
    )
