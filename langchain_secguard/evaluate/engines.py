"""Engines by name, for the command line: the detectors of the package, ``module:factory`` for others."""

from importlib import import_module
from typing import Any

from langchain_secguard.detect.base import Detector
from langchain_secguard.detect.embedded import EmbeddedDetector
from langchain_secguard.evaluate.judges import judge_of


class EngineError(ValueError):
    """An engine cannot be had under the name given."""


def detector_named(name: str) -> Detector:
    """Make a detector.

    Args:
        name: ``embedded``, ``patterns`` (the same without its model), or ``module:factory``, where the
            factory is a class or function without arguments, or a detector that exists already.

    Raises:
        EngineError: There is no such thing, it could not be made, or it is no detector.
    """
    if name == "embedded":
        return EmbeddedDetector()
    if name == "patterns":
        return EmbeddedDetector(names=False)
    made = _made(name, "embedded, patterns, or module:factory")
    if not isinstance(made, Detector):
        raise EngineError(f"{name} gives a {type(made).__name__}, which has no detect and adetect")
    return made


def scanner_named(name: str) -> Any:
    """Take what stands under ``module:name``: a scanner, a chain, a function from a text to its risk.

    A class is called without arguments; a function is taken to be the scanner itself.

    Raises:
        EngineError: There is no such thing, it could not be made, or it is no scanner.
    """
    found = _found(name, "module:name")
    scanner = _called(name, found) if isinstance(found, type) else found
    try:
        judge_of(scanner)
    except TypeError as error:
        raise EngineError(f"{name}: {error}") from error
    return scanner


def _made(name: str, expected: str) -> Any:
    found = _found(name, expected)
    is_maker = isinstance(found, type) or not hasattr(found, "detect")
    return _called(name, found) if is_maker and callable(found) else found


def _called(name: str, maker: Any) -> Any:
    try:
        return maker()
    except Exception as error:
        raise EngineError(f"{name} could not be made: {type(error).__name__}: {error}") from error


def _found(name: str, expected: str) -> Any:
    module, _, attribute = name.partition(":")
    if not module or not attribute:
        raise EngineError(f"{name!r} is not {expected}")
    try:
        found: Any = import_module(module)
    except ImportError as error:
        raise EngineError(f"{name}: {module} cannot be imported ({error})") from error
    for part in attribute.split("."):
        if not hasattr(found, part):
            raise EngineError(f"{name}: {module} has no {attribute}")
        found = getattr(found, part)
    return found
