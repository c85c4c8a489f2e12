"""Measure detectors and scanners on annotated texts: in a terminal, from Python, as Langfuse experiments."""

from langchain_secguard.evaluate.binary import Confusion, Point, recommend, sweep
from langchain_secguard.evaluate.data import Case, DatasetError, Example, Labels, read_cases, read_examples
from langchain_secguard.evaluate.experiment import (
    Experiment,
    compare_experiments,
    experiment_table,
    run_experiment,
)
from langchain_secguard.evaluate.judges import ChainJudge, Judgement
from langchain_secguard.evaluate.measure import (
    DetectorReport,
    ScannerReport,
    compare,
    compare_scanners,
)
from langchain_secguard.evaluate.metrics import Counts, Masked, Score, score
from langchain_secguard.evaluate.speed import Speed
from langchain_secguard.evaluate.table import detector_table, scanner_table

__all__ = [
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
