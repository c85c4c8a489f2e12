import gc
import re
import sys
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
import torch
from transformers import AutoModelForTokenClassification, AutoTokenizer, BertConfig, BertModel, pipeline

from langchain_secguard import Anonymizer, DetectorError, Vault
from langchain_secguard.detect import Detector, EmbeddedDetector, Span, TransformersDetector
from langchain_secguard.detect import transformers as module
from tests.engines.tiny import LABELS, save_tiny_model
from tests.support import error_texts, holds
from tests.unit.detect.contract import DetectorContract, places

TEXT = "Jane Doe of Big Corporation was in Springfield"
FOUND = [(0, 8, "PERSON"), (12, 27, "ORGANIZATION"), (35, 46, "LOCATION")]


class TestContract(DetectorContract):
    text = "by day Jane Doe went on."

    @pytest.fixture
    def detector(self, tiny_model: Path) -> Detector:
        return TransformersDetector(tiny_model)


def found(detector: TransformersDetector, text: str = TEXT) -> list[tuple[int, int, str]]:
    (spans,) = detector.detect([text])
    return places(spans)


def named_model(folder: Path, *labels: str) -> Path:
    """Write a model that gives "Jane" the second of ``labels``, and nothing else a name."""
    return save_tiny_model(folder, {"Jane": labels[1]}, labels)


class TestModel:
    def test_may_be_a_folder(self, tiny_model: Path) -> None:
        assert found(TransformersDetector(tiny_model)) == FOUND
        assert found(TransformersDetector(str(tiny_model))) == FOUND

    @pytest.mark.parametrize("strategy", ["none", "simple", "max"])
    def test_may_be_a_pipeline_whatever_its_settings(self, tiny_model: Path, strategy: str) -> None:
        model = AutoModelForTokenClassification.from_pretrained(tiny_model)
        tokenizer = AutoTokenizer.from_pretrained(tiny_model)
        given = pipeline("ner", model=model, tokenizer=tokenizer, aggregation_strategy=strategy)
        assert found(TransformersDetector(given)) == FOUND

    def test_may_be_a_name_in_the_cache(self, tiny_model: Path, hub_cache: Path) -> None:
        assert found(TransformersDetector("owner/tiny")) == FOUND

    @pytest.mark.parametrize("name", ["my models", "owner/my model", "models--x"])
    def test_whose_name_no_repository_can_have_is_told_so(self, name: str) -> None:
        with pytest.raises(DetectorError, match=f"there is no folder {name}, .* OWNER/NAME"):
            TransformersDetector(name, download=False)

    def test_is_one_for_the_process(self, tiny_model: Path) -> None:
        with ThreadPoolExecutor(8) as pool:
            detectors = list(pool.map(lambda _: TransformersDetector(tiny_model), range(8)))
        assert len({id(detector._tagger) for detector in detectors}) == 1

    def test_is_let_go_with_its_last_detector(self, tmp_path: Path) -> None:
        folder = named_model(tmp_path / "model", "O", "PER")
        detector = TransformersDetector(folder)
        assert [key for key in module._taggers if key[0] == str(folder)]
        del detector
        gc.collect()
        assert not [key for key in module._taggers if key[0] == str(folder)]

    @pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no GPU")
    def test_runs_on_a_gpu_where_there_is_one(self, tiny_model: Path) -> None:
        detector = TransformersDetector(tiny_model)
        assert detector._tagger._reader.device.type == "cuda"
        assert found(detector) == found(TransformersDetector(tiny_model, device="cpu"))


@pytest.fixture
def hub_cache(tiny_model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Lay the tiny model into a cache of the hub, as a download would."""
    commit = "0" * 40
    repository = tmp_path / "models--owner--tiny"
    (repository / "refs").mkdir(parents=True)
    (repository / "refs" / "main").write_text(commit)
    snapshot = repository / "snapshots" / commit
    snapshot.mkdir(parents=True)
    for file in tiny_model.iterdir():
        if file.is_file():
            (snapshot / file.name).symlink_to(file)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path))
    return tmp_path


class TestLabels:
    @pytest.mark.parametrize(
        ("labels", "entity_type"),
        [
            (("O", "B-PER"), "PERSON"),
            (("O", "I-PER"), "PERSON"),
            (("O", "PERSON"), "PERSON"),
            (("O", "B-GIVENNAME"), "PERSON"),
            (("O", "I-FIRST_NAME"), "PERSON"),
            (("O", "B-loc"), "LOCATION"),
            (("O", "GPE"), "LOCATION"),
            (("O", "B-ORG"), "ORGANIZATION"),
            (("O", "B-DATE"), "DATE_TIME"),
            (("O", "B-TELEPHONENUM"), "PHONE_NUMBER"),
            (("O", "S-PER", "B-PER"), "PERSON"),
            (("O", "E-PER", "B-PER"), "PERSON"),
            (("O", "U-PER", "B-PER", "L-PER"), "PERSON"),
            (("O", "E-MAIL"), "EMAIL_ADDRESS"),
            (("O", "B-Vehicle Plate"), "VEHICLE_PLATE"),
        ],
    )
    def test_mean_an_entity_type(self, tmp_path: Path, labels: Sequence[str], entity_type: str) -> None:
        detector = TransformersDetector(named_model(tmp_path / "model", *labels))
        assert found(detector, "so Jane went") == [(3, 7, entity_type)]

    def test_of_a_name_alone_keep_it_apart(self, tmp_path: Path) -> None:
        labels = ("O", "B-PER", "I-PER", "E-PER", "S-PER")
        words = {"Jane": "B-PER", "Doe": "E-PER", "Neil": "S-PER"}
        detector = TransformersDetector(save_tiny_model(tmp_path / "model", words, labels))
        assert found(detector, "Jane Doe/Neil") == [(0, 8, "PERSON"), (9, 13, "PERSON")]

    def test_mean_what_they_are_told_to(self, tiny_model: Path) -> None:
        detector = TransformersDetector(tiny_model, labels={"PER": "Data Subject", "LOC": None})
        assert found(detector) == [(0, 8, "DATA_SUBJECT"), (12, 27, "ORGANIZATION")]

    def test_that_say_nothing_must_be_told(self, tmp_path: Path) -> None:
        folder = named_model(tmp_path / "model", "LABEL_0", "LABEL_1")
        with pytest.raises(ValueError, match=re.escape('labels={"LABEL_0": None, "LABEL_1": "PERSON"}')):
            TransformersDetector(folder)
        detector = TransformersDetector(folder, labels={"LABEL_0": None, "LABEL_1": "PERSON"})
        assert found(detector, "so Jane went") == [(3, 7, "PERSON")]

    def test_that_the_model_does_not_have_are_refused(self, tiny_model: Path) -> None:
        with pytest.raises(ValueError, match="no label B-PER; it has LOC, MISC, O, ORG, PER"):
            TransformersDetector(tiny_model, labels={"B-PER": "PERSON"})


class TestOptions:
    def test_entity_types_are_looked_for_alone(self, tiny_model: Path) -> None:
        assert found(TransformersDetector(tiny_model, entity_types=["PERSON"])) == FOUND[:1]

    def test_unknown_entity_types_are_refused(self, tiny_model: Path) -> None:
        with pytest.raises(ValueError, match="does not find PERSONS; it finds LOCATION, MISC"):
            TransformersDetector(tiny_model, entity_types=["PERSONS"])

    def test_what_is_below_the_threshold_is_dropped(self, tmp_path: Path) -> None:
        folder = save_tiny_model(tmp_path / "model")
        model = AutoModelForTokenClassification.from_pretrained(folder)
        model.classifier.weight.data[LABELS.index("B-LOC")] *= 0.6  # less sure of places
        model.save_pretrained(folder)
        (spans,) = TransformersDetector(folder).detect([TEXT])
        scores = [span.score for span in spans]
        assert 0.5 < scores[-1] < 0.98 < min(scores[:-1]) <= 1
        (kept,) = TransformersDetector(folder, threshold=0.98).detect([TEXT])
        assert kept == spans[:-1]

    @pytest.mark.parametrize("options", [{"threshold": -0.1}, {"threshold": 2}])
    def test_a_threshold_is_a_probability(self, tiny_model: Path, options: dict[str, Any]) -> None:
        with pytest.raises(ValueError, match="from 0 to 1"):
            TransformersDetector(tiny_model, **options)

    def test_a_pipeline_has_its_device(self, tiny_model: Path) -> None:
        given = pipeline("ner", model=str(tiny_model))
        with pytest.raises(ValueError, match="a pipeline has its device"):
            TransformersDetector(given, device="cpu")


class TestErrors:
    def test_name_a_folder_that_is_not_there(self, tmp_path: Path) -> None:
        with pytest.raises(DetectorError, match="there is no folder"):
            TransformersDetector(tmp_path / "nothing")

    def test_name_what_a_folder_lacks(self, tiny_model: Path, tmp_path: Path) -> None:
        (tmp_path / "config.json").write_text((tiny_model / "config.json").read_text())
        with pytest.raises(DetectorError, match=r"has no tokenizer\.json"):
            TransformersDetector(tmp_path)

    def test_say_that_a_model_is_not_on_this_machine(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path))
        with pytest.raises(DetectorError, match="owner/other is not on this machine"):
            TransformersDetector("owner/other")

    def test_refuse_a_model_that_was_not_trained_for_this(self, tiny_model: Path, tmp_path: Path) -> None:
        BertModel(BertConfig.from_pretrained(tiny_model)).save_pretrained(tmp_path)
        AutoTokenizer.from_pretrained(tiny_model).save_pretrained(tmp_path)
        with pytest.raises(DetectorError, match=r"none for token classification: its file has no classifier"):
            TransformersDetector(tmp_path)

    def test_name_a_file_that_is_broken(self, tiny_model: Path, tmp_path: Path) -> None:
        AutoTokenizer.from_pretrained(tiny_model).save_pretrained(tmp_path)
        (tmp_path / "config.json").write_text((tiny_model / "config.json").read_text())
        (tmp_path / "model.safetensors").write_bytes(b"broken")
        with pytest.raises(DetectorError, match="could not be loaded"):
            TransformersDetector(tmp_path)

    @pytest.mark.parametrize("nonsense", [None, 3, EmbeddedDetector()])
    def test_refuse_what_is_no_model(self, nonsense: object) -> None:
        with pytest.raises(TypeError, match="no token-classification pipeline"):
            TransformersDetector(nonsense)

    def test_name_what_to_install(self, tiny_model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setitem(sys.modules, "transformers", None)
        with pytest.raises(ImportError, match=r'pip install "langchain-secguard\[transformers\]"'):
            TransformersDetector(tiny_model)

    def test_of_the_model_name_no_text(self, tiny_model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        detector = TransformersDetector(tiny_model)

        def fails(texts: Sequence[str], types: object) -> list[list[Span]]:
            raise RuntimeError(f"out of memory at {texts}")

        monkeypatch.setattr(detector, "_tagger", type("Failing", (), {"tag": staticmethod(fails)}))
        with pytest.raises(DetectorError, match="TransformersDetector failed with RuntimeError") as raised:
            detector.detect([TEXT])
        assert not any(holds(text, "Jane Doe") for text in error_texts(raised.value))


def test_hides_beside_other_detectors(tiny_model: Path) -> None:
    detector = EmbeddedDetector(names=False) | TransformersDetector(tiny_model)
    hidden = Anonymizer(detector=detector, vault=Vault()).invoke("Jane Doe: jane.doe@example.com")
    assert hidden == "[PERSON_1]: [EMAIL_ADDRESS_1]"


def test_shows_its_model_and_its_types(tiny_model: Path) -> None:
    assert repr(TransformersDetector(tiny_model, entity_types=["PERSON"])) == (
        "TransformersDetector('tiny', entity_types=['PERSON'], threshold=0.0)"
    )
