"""Refuse what a model gives that overflows: LLM Guard takes its NaN for a score below every threshold."""

import copy
import math
from collections.abc import Mapping
from typing import Any

from langchain_secguard.errors import ScannerError
from langchain_secguard.scan.llm_guard.traits import core_of


def that_counts(scanner: Any) -> Any:
    """Copy a scanner that has a model for texts; the copy raises ``ScannerError`` for want of numbers."""
    core = core_of(scanner)
    held = [name for name in ("_pipeline", "_classifier") if hasattr(core, name)]
    if not held:
        return scanner
    copied = copy.copy(core)
    for name in held:
        setattr(copied, name, _Counted(getattr(core, name)))
    if core is scanner:
        return copied
    outer = copy.copy(scanner)
    outer._scanner = copied  # noqa: SLF001 - where LLM Guard keeps it
    return outer


class _Counted:
    """Be a pipeline that gives numbers or nothing."""

    def __init__(self, pipeline: Any) -> None:
        self._pipeline = pipeline

    def __call__(self, *given: Any, **options: Any) -> Any:
        results = self._pipeline(*given, **options)
        if not _are_numbers(results):
            raise ScannerError("the model gave no numbers (NaN); the text counts as refused")
        return results

    def __getattr__(self, name: str) -> Any:
        return getattr(self._pipeline, name)


def _are_numbers(results: Any) -> bool:
    if isinstance(results, Mapping):
        return _are_numbers([results.get("score", 0.0), *results.get("scores", ())])
    if isinstance(results, list):
        return all(map(_are_numbers, results))
    return not (isinstance(results, float) and math.isnan(results))
