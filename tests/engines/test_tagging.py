from collections.abc import Callable, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from optimum.onnxruntime import ORTModelForTokenClassification
from transformers import AutoModelForTokenClassification, AutoTokenizer, pipeline

from langchain_secguard import DetectorError
from langchain_secguard.detect.tagging import Tagger
from tests.engines.tiny import save_tiny_model

TYPES = {"PER": "PERSON", "LOC": "LOCATION", "ORG": "ORGANIZATION"}
FILLER = "and so it went on , day by day , "


def torch_tagger(folder: Path, **options: Any) -> Tagger:
    model = AutoModelForTokenClassification.from_pretrained(folder)
    return Tagger(model, AutoTokenizer.from_pretrained(folder), **options)


def onnx_tagger(folder: Path, **options: Any) -> Tagger:
    model = ORTModelForTokenClassification.from_pretrained(folder, subfolder="onnx", export=False)
    return Tagger(model, AutoTokenizer.from_pretrained(folder), **options)


@pytest.fixture(scope="module", params=[torch_tagger, onnx_tagger], ids=["torch", "onnx"])
def tagger(request: pytest.FixtureRequest, tiny_model: Path) -> Tagger:
    make: Callable[[Path], Tagger] = request.param
    return make(tiny_model)


def tagged(tagger: Tagger, text: str) -> list[tuple[str, str]]:
    [spans] = tagger.tag([text], TYPES.get)
    return [(text[span.start : span.end], span.entity_type) for span in spans]


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("", []),
        (" \n ", []),
        ("nothing here", []),
        ("Jane Doe", [("Jane Doe", "PERSON")]),
        ("(Jane)", [("Jane", "PERSON")]),
        ("Jane Doe's Big Corporation", [("Jane Doe", "PERSON"), ("Big Corporation", "ORGANIZATION")]),
        # one type, and only spaces between: one entity, as in LLM Guard
        ("Springfield  Illinois", [("Springfield  Illinois", "LOCATION")]),
        ("Springfield, Illinois", [("Springfield", "LOCATION"), ("Illinois", "LOCATION")]),
        ("Springfield\nIllinois", [("Springfield", "LOCATION"), ("Illinois", "LOCATION")]),
        ("Jane Jane", [("Jane Jane", "PERSON")]),
        # a word of which one piece is known is hidden whole
        ("Jonah", [("Jonah", "PERSON")]),
        ("Janeway", [("Janeway", "PERSON")]),
        # not in a script that does not set words apart
        ("\u6771Jane\u4eac", [("Jane", "PERSON")]),
        # what means nothing, and labels that nobody asked for
        ("Latin", []),
        # what a tokenizer takes for its own signs is text
        ("Jane [SEP] Doe [PAD]", [("Jane", "PERSON"), ("Doe", "PERSON")]),
        ("Zo\u00eb \U0001f600 \ud800 Jane", [("Jane", "PERSON")]),
        # what a tokenizer drops parts nothing
        ("Jane \ud800\u200b Doe", [("Jane \ud800\u200b Doe", "PERSON")]),
    ],
)
def test_finds_whole_words(tagger: Tagger, text: str, found: list[tuple[str, str]]) -> None:
    assert tagged(tagger, text) == found


def test_scores_are_those_of_a_pipeline(tiny_model: Path) -> None:
    text = "Jane Doe of Big Corporation was in Springfield, Illinois."
    reference = pipeline(
        "ner",
        model=AutoModelForTokenClassification.from_pretrained(tiny_model),
        tokenizer=AutoTokenizer.from_pretrained(tiny_model),
        aggregation_strategy="simple",
    )
    expected = [
        (one["start"], one["end"], TYPES[one["entity_group"]], float(one["score"])) for one in reference(text)
    ]
    [spans] = torch_tagger(tiny_model).tag([text], TYPES.get)
    assert [(one.start, one.end, one.entity_type) for one in spans] == [one[:3] for one in expected]
    assert [one.score for one in spans] == pytest.approx([one[3] for one in expected], abs=1e-5)


def test_an_entity_is_found_whole_wherever_a_window_is_cut(tmp_path: Path) -> None:
    tagger = torch_tagger(save_tiny_model(tmp_path, positions=64, blind=5))
    words = FILLER.split()
    for shift in range(8, 120):
        before = " ".join(words[number % len(words)] for number in range(shift))
        text = f"{before} Jane Doe {FILLER * 8}"
        assert tagged(tagger, text) == [("Jane Doe", "PERSON")], shift


def test_the_ends_of_a_window_are_blind_in_that_test(tmp_path: Path) -> None:
    tagger = torch_tagger(save_tiny_model(tmp_path, positions=64, blind=5))
    assert tagged(tagger, "Jane Doe " + FILLER) == []


def test_an_entity_longer_than_a_window_is_found_whole(tmp_path: Path) -> None:
    tagger = torch_tagger(save_tiny_model(tmp_path, positions=32))
    name = " ".join(["Jane", *["Doe"] * 100])
    assert tagged(tagger, f"{FILLER}{name} {FILLER}") == [(name, "PERSON")]


def test_a_batch_gives_what_its_texts_give_one_by_one(tagger: Tagger) -> None:
    texts = [f"{FILLER * count}Jane Doe of Springfield {FILLER * (count % 3)}" for count in range(12)]
    texts += ["", "Jane"]
    batch = tagger.tag(texts, TYPES.get)
    for text, spans in zip(texts, batch, strict=True):
        [alone] = tagger.tag([text], TYPES.get)
        assert [(one.start, one.end, one.entity_type) for one in spans] == [
            (one.start, one.end, one.entity_type) for one in alone
        ]
        assert [one.score for one in spans] == pytest.approx([one.score for one in alone], abs=1e-5)


class Watched(torch.nn.Module):  # type: ignore[misc]
    """Note the shape of what goes through a model."""

    def __init__(self, model: Any) -> None:
        super().__init__()
        self.model, self.config, self.device = model, model.config, model.device
        self.shapes: list[tuple[int, int]] = []

    def forward(self, **given: torch.Tensor) -> Any:
        self.shapes.append(tuple(given["input_ids"].shape))
        return self.model(**given)


def test_texts_of_like_length_share_a_batch(tiny_model: Path) -> None:
    model = Watched(AutoModelForTokenClassification.from_pretrained(tiny_model))
    tagger = Tagger(model, AutoTokenizer.from_pretrained(tiny_model), budget=100)
    texts = ["Jane " * count for count in (1, 40, 2, 40, 1, 50, 2)]
    tagger.tag(texts, TYPES.get)
    assert model.shapes == [(1, 52), (2, 42), (4, 4)]


def test_a_model_that_gives_no_numbers_is_an_error_and_no_empty_answer(tiny_model: Path) -> None:
    model = AutoModelForTokenClassification.from_pretrained(tiny_model)
    model.classifier.bias.data[0] = float("nan")
    tagger = Tagger(model, AutoTokenizer.from_pretrained(tiny_model))
    with pytest.raises(DetectorError, match="gave no numbers"):
        tagger.tag(["Jane Doe", "nothing here at all"], TYPES.get)


@pytest.mark.parametrize(
    ("tokenizer", "message"),
    [(SimpleNamespace(is_fast=False), "slow tokenizer"), (None, "fewer than eight tokens")],
)
def test_refuses_what_it_cannot_read_with(tiny_model: Path, tokenizer: Any, message: str) -> None:
    model = AutoModelForTokenClassification.from_pretrained(tiny_model)
    short = AutoTokenizer.from_pretrained(tiny_model, model_max_length=9)
    with pytest.raises(DetectorError, match=message):
        Tagger(model, tokenizer or short)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no GPU")
def test_a_model_on_a_gpu_finds_the_same(tiny_model: Path) -> None:
    model = AutoModelForTokenClassification.from_pretrained(tiny_model).to("cuda")
    texts: Sequence[str] = ["Jane Doe", FILLER * 40 + "Springfield"]
    on_gpu = Tagger(model, AutoTokenizer.from_pretrained(tiny_model)).tag(texts, TYPES.get)
    assert [[(one.start, one.end) for one in spans] for spans in on_gpu] == [
        [(one.start, one.end) for one in spans] for spans in torch_tagger(tiny_model).tag(texts, TYPES.get)
    ]
