"""What every detector keeps to, for those that need no torch; the others' are in tests/engines."""

import re
from collections.abc import Iterator

import pytest

from langchain_secguard.detect import (
    Detector,
    EmbeddedDetector,
    FunctionDetector,
    PresidioDetector,
    UnionDetector,
)
from tests.unit.detect.contract import DetectorContract


def janes(text: str) -> Iterator[tuple[int, int, str]]:
    yield from ((*match.span(), "PERSON") for match in re.finditer("Jane Doe", text))


class TestEmbedded(DetectorContract):
    @pytest.fixture
    def detector(self) -> Detector:
        return EmbeddedDetector()


class TestPatterns(DetectorContract):
    text, value = "Write to jane.doe@example.com now.", "jane.doe@example.com"

    @pytest.fixture
    def detector(self) -> Detector:
        return EmbeddedDetector(names=False)


class TestPresidio(DetectorContract):
    text, value = "Write to jane.doe@example.com now.", "jane.doe@example.com"

    @pytest.fixture
    def detector(self) -> Detector:
        return PresidioDetector()


class TestFunction(DetectorContract):
    @pytest.fixture
    def detector(self) -> Detector:
        return FunctionDetector(janes)


class TestUnion(DetectorContract):
    @pytest.fixture
    def detector(self) -> Detector:
        return UnionDetector(
            EmbeddedDetector(names=False), PresidioDetector(entity_types=["CREDIT_CARD"]), janes
        )
