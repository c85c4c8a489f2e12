import importlib
import sys
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import SecretStr

from langchain_secguard import scan
from langchain_secguard.scan import (
    AzureConnection,
    AzureContentSafetyScanner,
    AzureGroundednessScanner,
    AzurePromptShieldScanner,
    AzureProtectedMaterialScanner,
    LakeraGuardScanner,
    NeMoGuardrailsServerScanner,
    PromptArmorScanner,
)
from langchain_secguard.scan.hosted import pieces
from langchain_secguard.scan.lakera import _address

KEY = "sk-very-secret"
ENDPOINT = "https://name.cognitiveservices.azure.com"


@pytest.fixture(autouse=True)
def _no_keys(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in (
        *(f"{prefix}CONTENT_SAFETY_{name}" for prefix in ("", "AZURE_") for name in ("KEY", "ENDPOINT")),
        "LAKERA_GUARD_API_KEY",
        "PROMPTARMOR_API_KEY",
        "NEMO_GUARDRAILS_API_KEY",
    ):
        monkeypatch.delenv(name, raising=False)


class TestPieces:
    @given(st.integers(0, 400), st.integers(2, 60), st.data())
    def test_hold_every_stretch_and_are_full(self, length: int, size: int, data: st.DataObject) -> None:
        overlap = data.draw(st.integers(1, size - 1))
        text = "".join(chr(0x4E00 + number) for number in range(length))
        cut = pieces(text, size=size, overlap=overlap)
        assert all(len(piece) == min(size, length) for piece in cut)
        for start in range(length - overlap + 1):
            assert any(text[start : start + overlap] in piece for piece in cut)


MADE: dict[str, Callable[[], Any]] = {
    "LakeraGuardScanner": lambda: LakeraGuardScanner(api_key=KEY),
    "PromptArmorScanner": lambda: PromptArmorScanner(api_key=SecretStr(KEY)),
    "AzureConnection": lambda: AzureConnection(ENDPOINT, key=KEY),
    "AzureContentSafetyScanner": lambda: AzureContentSafetyScanner(endpoint=ENDPOINT, key=KEY),
    "AzurePromptShieldScanner": lambda: AzurePromptShieldScanner(AzureConnection(ENDPOINT, key=KEY)),
    "AzureProtectedMaterialScanner": lambda: AzureProtectedMaterialScanner(endpoint=ENDPOINT, key=KEY),
    "AzureGroundednessScanner": lambda: AzureGroundednessScanner(endpoint=ENDPOINT, key=KEY),
    "NeMoGuardrailsServerScanner": lambda: NeMoGuardrailsServerScanner("http://nemo:8000", api_key=KEY),
}


class TestKeys:
    @pytest.mark.parametrize("name", list(MADE))
    def test_are_in_no_repr(self, name: str) -> None:
        made = MADE[name]()
        service = getattr(made, "service", None) or made._service
        shown = [repr(made), repr(service), repr(service.transport), str(vars(made)), str(vars(service))]
        assert not any(KEY in text for text in shown)

    @pytest.mark.parametrize("name", sorted(set(MADE) - {"AzureConnection"}))
    def test_a_hosted_engine_sees_placeholders(self, name: str) -> None:
        made = MADE[name]()
        assert (made.sees, made.sanitizes) == ("placeholders", False)
        assert made.engine

    @pytest.mark.parametrize(
        ("variable", "make"),
        [
            ("LAKERA_GUARD_API_KEY", LakeraGuardScanner),
            ("PROMPTARMOR_API_KEY", PromptArmorScanner),
            ("CONTENT_SAFETY_KEY", lambda: AzureContentSafetyScanner(endpoint=ENDPOINT)),
        ],
    )
    def test_come_from_the_environment_and_are_missed_by_name(
        self, variable: str, make: Callable[[], Any], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        with pytest.raises(ValueError, match=variable):
            make()
        monkeypatch.setenv(variable, "")
        with pytest.raises(ValueError, match=variable):
            make()
        monkeypatch.setenv(variable, KEY)
        assert KEY not in repr(make())

    @pytest.mark.parametrize("prefix", ["", "AZURE_"])
    def test_azure_is_found_in_the_environment(self, prefix: str, monkeypatch: pytest.MonkeyPatch) -> None:
        with pytest.raises(ValueError, match="CONTENT_SAFETY_ENDPOINT"):
            AzurePromptShieldScanner()
        monkeypatch.setenv(f"{prefix}CONTENT_SAFETY_ENDPOINT", ENDPOINT)
        monkeypatch.setenv(f"{prefix}CONTENT_SAFETY_KEY", KEY)
        assert AzurePromptShieldScanner().name == "AzurePromptShield"


class TestAddresses:
    @pytest.mark.parametrize(
        ("region", "base_url", "address"),
        [
            (None, None, "https://api.lakera.ai"),
            ("eu-west-1", None, "https://eu-west-1.api.lakera.ai"),
            ("us", None, "https://us.api.lakera.ai"),
            (None, "http://lakera.internal:8000", "http://lakera.internal:8000"),
        ],
    )
    def test_of_lakera(self, region: str | None, base_url: str | None, address: str) -> None:
        assert _address(region, base_url) == address

    @pytest.mark.parametrize("region", ["", "evil.example/", "eu west", "EU", "a.b"])
    def test_a_region_is_no_host(self, region: str) -> None:
        with pytest.raises(ValueError, match="eu-west-1"):
            LakeraGuardScanner(api_key=KEY, region=region)

    @pytest.mark.parametrize(
        "url",
        ["", "lakera.internal", "ftp://lakera.internal", "https://", "https://me:pw@host", "http://[::1"],
    )
    def test_a_url_is_one(self, url: str) -> None:
        with pytest.raises(ValueError, match="cannot be read") as caught:
            LakeraGuardScanner(api_key=KEY, base_url=url)
        assert "me:pw" not in str(caught.value)
        assert caught.value.__cause__ is None


class TestArguments:
    @pytest.mark.parametrize(
        ("make", "options"),
        [
            (LakeraGuardScanner, {"role": "robot"}),
            (LakeraGuardScanner, {"name": ""}),
            (LakeraGuardScanner, {"sees": "all"}),
            (LakeraGuardScanner, {"timeout": -1}),
            (LakeraGuardScanner, {"region": "us", "base_url": "http://host"}),
            (PromptArmorScanner, {"direction": "sideways"}),
        ],
    )
    def test_wrong_ones(self, make: Callable[..., Any], options: Any) -> None:
        with pytest.raises(ValueError, match=r"\w"):
            make(api_key=KEY, **options)

    @pytest.mark.parametrize(
        ("make", "options"),
        [
            (AzureContentSafetyScanner, {"categories": {"Rudeness": 2}}),
            (AzureContentSafetyScanner, {"categories": {"Hate": 0}}),
            (AzureContentSafetyScanner, {"categories": {"Hate": 8}}),
            (AzureContentSafetyScanner, {"categories": {}}),
            (AzureContentSafetyScanner, {"blocklists": "terms"}),
            (AzureContentSafetyScanner, {"connection": AzureConnection(ENDPOINT, key=KEY)}),
            (AzurePromptShieldScanner, {"looks_for": "everything"}),
            (AzureGroundednessScanner, {"threshold": 2}),
            (AzureGroundednessScanner, {"task": "Poetry"}),
            (AzureConnection, {"endpoint": "name.cognitiveservices.azure.com"}),
        ],
    )
    def test_wrong_ones_for_azure(self, make: Callable[..., Any], options: Any) -> None:
        with pytest.raises(ValueError, match=r"\w"):
            make(**{"endpoint": ENDPOINT, "key": KEY, **options})

    def test_rails_of_no_server(self) -> None:
        with pytest.raises(ValueError, match="input, output"):
            NeMoGuardrailsServerScanner("http://nemo", rails="retrieval")  # type: ignore[arg-type]

    def test_a_session_id_is_a_header(self) -> None:
        scanner = PromptArmorScanner(api_key=KEY, session_id="two\nlines")
        with pytest.raises(ValueError, match="ASCII"):
            scanner.scan("text")


class TestMissingPackages:
    @pytest.mark.parametrize(
        ("engine", "package", "make", "extra"),
        [
            ("http", "httpx", MADE["LakeraGuardScanner"], "lakera"),
            ("http", "httpx", MADE["PromptArmorScanner"], "prompt-armor"),
            ("http", "httpx", MADE["NeMoGuardrailsServerScanner"], "nemo"),
            ("azure_client", "azure.ai.contentsafety", MADE["AzureConnection"], "azure"),
            ("nemo_engine", "nemoguardrails", lambda: scan.NeMoGuardrailsScanner("folder"), "nemo"),
            ("guardrails_engine", "guardrails", lambda: scan.GuardrailsAIScanner(None), "guardrails-ai"),
        ],
    )
    def test_are_named_with_their_extra(
        self, engine: str, package: str, make: Callable[[], Any], extra: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.delitem(sys.modules, f"langchain_secguard.scan.{engine}", raising=False)
        monkeypatch.delattr(importlib.import_module("langchain_secguard.scan"), engine, raising=False)
        monkeypatch.setitem(sys.modules, package, None)
        with pytest.raises(ImportError, match=rf"langchain-secguard\[{extra}\]"):
            make()
