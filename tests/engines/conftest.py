"""Tests of engines that need PyTorch: they run in an environment of their own, `make test-engines`."""

import socket
import warnings
from collections.abc import Iterator
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
import pytest_socket
from pytest_socket import enable_socket

from tests.integration.conftest import pytest_itemcollected

__all__ = ["pytest_itemcollected"]

_LOOK_UP = pytest_socket._true_getaddrinfo

if find_spec("gliner"):  # Presidio imports it, too
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it asks for parts of transformers that torch calls outdated
        import_module("gliner")

collect_ignore_glob = [] if find_spec("torch") else ["test_*.py"]


@pytest.fixture(scope="session")
def tiny_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Write a tiny model, for PyTorch and for ONNX."""
    from tests.engines.tiny import save_tiny_model  # noqa: PLC0415 - imports PyTorch

    return save_tiny_model(tmp_path_factory.mktemp("models") / "tiny", onnx=True)


@pytest.fixture(autouse=True)
def _nobody_is_asked(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Fail a test in which anything looks up a host or connects, even if it gets over the refusal."""
    if request.node.get_closest_marker("loopback"):
        enable_socket()  # the test before may have put back a refusal of pytest-socket's
        yield
        return
    asked: list[str] = []

    def refuse(*arguments: Any, **_: Any) -> None:
        asked.append(repr(arguments[:2]))
        raise OSError("no network in a test")

    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    monkeypatch.setattr(socket.socket, "connect", refuse)
    yield
    assert asked == []
