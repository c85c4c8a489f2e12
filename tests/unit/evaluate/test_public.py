from langchain_secguard import evaluate
from tests.unit.test_public import loaded


def test_names() -> None:
    assert evaluate.__all__ == [
        "Case",
        "ChainJudge",
        "Confusion",
        "Counts",
        "DatasetError",
        "DetectorReport",
        "Example",
        "Experiment",
        "Judgement",
        "Labels",
        "Masked",
        "Point",
        "ScannerReport",
        "Score",
        "Speed",
        "compare",
        "compare_experiments",
        "compare_scanners",
        "detector_table",
        "experiment_table",
        "read_cases",
        "read_examples",
        "recommend",
        "run_experiment",
        "scanner_table",
        "score",
        "sweep",
    ]
    assert all(getattr(evaluate, name) is not None for name in evaluate.__all__)


def test_load_no_engine_and_no_langfuse() -> None:
    assert loaded("import langchain_secguard.evaluate") & {"numpy", "langfuse", "rich"} == set()
