import subprocess
import sys

import pytest

from langchain_secguard.tracing.langfuse.client import one_of, provider_of, resources_of
from langchain_secguard.tracing.masking.mask import Mask
from tests.support import LexiconDetector


class TestAMissingPackage:
    @pytest.mark.parametrize(
        ("missing", "name", "told"),
        [
            ("langfuse", "LangfuseHandler", 'pip install "langchain-secguard[langfuse]"'),
            ("langfuse", "langfuse_client", 'pip install "langchain-secguard[langfuse]"'),
            ("langfuse.langchain", "LangfuseHandler", "pip install langchain"),
        ],
    )
    def test_is_named_with_what_to_install(self, missing: str, name: str, told: str) -> None:
        script = f"import sys; sys.modules[{missing!r}] = None; from langchain_secguard.tracing import {name}"
        done = subprocess.run(
            [sys.executable, "-c", script], capture_output=True, text=True, check=False, timeout=60
        )
        assert done.returncode == 1
        assert told in done.stderr.splitlines()[-1]


class TestOptions:
    def test_go_alone(self) -> None:
        mask, detector = Mask(detector=LexiconDetector({})), LexiconDetector({})
        one_of(mask, None, raw=False)
        one_of(None, detector, raw=False)
        one_of(None, None, raw=True)
        with pytest.raises(ValueError, match="one of mask, detector and raw"):
            one_of(mask, detector, raw=False)


def test_a_client_without_keys_has_no_provider() -> None:
    assert resources_of(object()) is None
    assert provider_of(object()) is None
