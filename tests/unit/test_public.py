import ast
import subprocess
import sys
from pathlib import Path

import pytest

import langchain_secguard
from langchain_secguard import detect, middleware, scan, serve, testing, tracing, vault

PACKAGE = Path(langchain_secguard.__file__).parent

ORDER = [
    {"errors"},
    {"blocks", "json_text", "lru", "plan", "policy", "placeholders", "urls", "name_words", "surrogates"},
    {"content"},
    {"arguments", "detect"},
    {"settle"},
    {"vault"},
    {"testing"},
    {"sight"},
    {"events", "find", "leaf", "links"},
    {"hidden", "hide", "restore", "stream"},
    {"scan"},
    {"config", "wrapper"},
    {"steps"},
    {"anonymize", "deanonymize", "guard"},
    {"protect", "protect_steps"},
    {"middleware", "serve"},
    {"tracing"},
    {"evaluate"},
]
"""The layers of the package: a module imports from its own layer and those above it."""

LAYERS = {name: layer for layer, names in enumerate(ORDER) for name in names}


def imported(path: Path) -> set[str]:
    """Return the modules of the package, by their first name, that a file imports at run time or later."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("langchain_secguard"):
            parts = (node.module or "").split(".")
            names.update(parts[1:2] or {alias.name for alias in node.names})
        elif isinstance(node, ast.Import):
            names.update(a.name.split(".")[1] for a in node.names if a.name.startswith("langchain_secguard."))
    return names


def loaded(code: str) -> set[str]:
    """Return the modules that are loaded after ``code`` in a fresh interpreter."""
    script = f"import sys\n{code}\nprint('\\n'.join(sys.modules))"
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True, timeout=60
    )
    return set(done.stdout.split())


class TestNames:
    def test_of_the_package(self) -> None:
        assert langchain_secguard.__all__ == [
            "Anonymizer",
            "BlockedError",
            "Deanonymizer",
            "DetectorError",
            "Form",
            "Guard",
            "Policy",
            "ScannerError",
            "SecGuardError",
            "ToolCallError",
            "UnknownPlaceholderError",
            "UnprotectedStateError",
            "UnsupportedContentError",
            "Vault",
            "VaultDecryptionError",
            "VaultRequiredError",
            "VaultUnavailableError",
            "protect",
        ]

    def test_of_detectors(self) -> None:
        assert detect.__all__ == [
            "Detector",
            "EmbeddedDetector",
            "FunctionDetector",
            "GLiNERDetector",
            "LLMGuardDetector",
            "PresidioDetector",
            "Span",
            "TransformersDetector",
            "UnionDetector",
            "resolve",
        ]

    def test_of_vaults(self) -> None:
        assert vault.__all__ == [
            "Assignment",
            "EncryptedVaultStore",
            "Entity",
            "Entry",
            "Erasure",
            "Finding",
            "Held",
            "Hit",
            "InMemoryVaultStore",
            "Keys",
            "Match",
            "PhraseIndex",
            "RedisVaultStore",
            "SQLVaultStore",
            "Text",
            "Vault",
            "VaultStore",
            "aerase_value_everywhere",
            "aerase_vaults",
            "aexport_vaults",
            "erase_value_everywhere",
            "erase_vaults",
            "export_vaults",
            "from_llm_guard",
            "settling_order",
            "to_llm_guard",
            "word_sequences",
        ]

    def test_of_scanners(self) -> None:
        assert scan.__all__ == [
            "AzureConnection",
            "AzureContentSafetyScanner",
            "AzureGroundednessScanner",
            "AzurePromptShieldScanner",
            "AzureProtectedMaterialScanner",
            "BanCompetitorsScanner",
            "BanSubstringsScanner",
            "BanTopicsScanner",
            "FunctionScanner",
            "GuardrailsAIScanner",
            "InvisibleTextScanner",
            "JudgeScanner",
            "LLMGuardScanner",
            "LakeraGuardScanner",
            "LinkExfiltrationScanner",
            "NeMoGuardrailsScanner",
            "NeMoGuardrailsServerScanner",
            "PromptArmorScanner",
            "PromptInjectionScanner",
            "ScanResult",
            "Scanner",
            "SecretsScanner",
            "Sees",
            "SystemPromptLeakScanner",
            "TokenLimitScanner",
            "TransformersScanner",
            "canary",
        ]

    def test_of_tests_for_others(self) -> None:
        assert testing.__all__ == ["VaultStoreContract"]

    def test_of_middleware(self) -> None:
        assert middleware.__all__ == [
            "AnonymizeMiddleware",
            "GuardMiddleware",
            "ProtectedAgent",
            "areveal",
            "protect_agent",
            "reveal",
        ]

    def test_of_serving(self) -> None:
        assert serve.__all__ == [
            "AccessLog",
            "Limits",
            "RequestLimits",
            "Settings",
            "add_secure_routes",
            "check_client_config",
            "create_app",
            "event_stream",
            "install_error_handlers",
            "refuse_client_config",
            "vault_config",
            "vault_name",
        ]

    def test_of_tracers(self) -> None:
        assert tracing.__all__ == [
            "WITHHELD",
            "LangfuseHandler",
            "Mask",
            "OpenTelemetryHandler",
            "langfuse_client",
            "langsmith_anonymizer",
        ]

    @pytest.mark.parametrize(
        "module", [langchain_secguard, detect, scan, middleware, serve, testing, tracing, vault]
    )
    def test_can_all_be_had(self, module: object) -> None:
        for name in module.__all__:  # type: ignore[attr-defined]
            assert getattr(module, name) is not None

    def test_no_other_name_is_had_from_detectors(self) -> None:
        with pytest.raises(AttributeError, match="Nonsense"):
            detect.Nonsense  # noqa: B018 - looking it up is what is tested

    def test_the_package_is_typed(self) -> None:
        assert (PACKAGE / "py.typed").exists()


class TestImports:
    @pytest.mark.parametrize(
        "path", sorted(PACKAGE.rglob("*.py")), ids=lambda path: str(path.relative_to(PACKAGE))
    )
    def test_run_one_way(self, path: Path) -> None:
        own = path.relative_to(PACKAGE).parts[0].removesuffix(".py")
        if own == "__init__":
            return
        above = {name for name in imported(path) - {own} if LAYERS[name] > LAYERS[own]}
        assert above == set()

    @pytest.mark.parametrize("path", sorted(PACKAGE.glob("*.py")), ids=lambda path: path.name)
    def test_every_module_has_its_layer(self, path: Path) -> None:
        assert path.stem in {*LAYERS, "__init__"}

    def test_tracing_and_the_steps_do_not_know_each_other(self) -> None:
        steps = {"steps", "anonymize", "deanonymize", "guard", "protect"}
        for path in PACKAGE.rglob("*.py"):
            own = path.relative_to(PACKAGE).parts[0]
            if own == "tracing":
                assert steps.isdisjoint(imported(path))
            elif own != "evaluate":
                assert "tracing" not in imported(path)

    @pytest.mark.parametrize(
        "code",
        [
            "import langchain_secguard, langchain_secguard.vault, langchain_secguard.detect",
            "import langchain_secguard.scan; langchain_secguard.scan.FunctionScanner(len)",
            "import langchain_secguard.serve",
            "from langchain_secguard import Deanonymizer; Deanonymizer()",
        ],
    )
    def test_load_no_engine_and_no_driver(self, code: str) -> None:
        heavy = {
            "numpy", "phonenumbers", "faker", "torch", "transformers", "spacy", "presidio_analyzer",
            "llm_guard", "nemoguardrails", "guardrails", "azure", "aiohttp", "detect_secrets",
            "pytest", "hypothesis",
            "sqlalchemy", "sqlite3", "redis", "psycopg", "asyncpg", "aiosqlite", "cryptography",
            "langfuse", "openai",
            "fastapi", "starlette", "langserve", "langchain",
        }  # fmt: skip
        assert loaded(code) & heavy == set()
