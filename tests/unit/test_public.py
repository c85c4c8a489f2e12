import ast
import re
import subprocess
import sys
from importlib.metadata import metadata
from pathlib import Path

import pytest

import langchain_secguard
from langchain_secguard import detect, middleware, scan, serve, testing, tracing, vault

PACKAGE = Path(langchain_secguard.__file__).parent

ORDER = [
    {"errors"},
    {"blocks", "json_text", "lru", "plan", "policy", "placeholders", "spellings", "urls", "name_words"},
    {"content"},
    {"arguments", "detect"},
    {"settle"},
    {"vault"},
    {"testing"},
    {"sight"},
    {"events", "find", "leaf", "links", "surrogates"},
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

NEEDED = {"langchain_core", "numpy", "phonenumbers", "pydantic"}
"""What the package cannot do without."""

HOMES = {
    "azure": ["scan/azure_client"],
    "cryptography": ["vault/aead"],
    "detect_secrets": ["scan/embedded/secrets"],
    "faker": ["surrogates"],
    "fastapi": ["serve/"],
    "gliner": ["detect/gliner"],
    "greenlet": ["vault/sql/urls"],
    "guardrails": ["scan/guardrails_engine"],
    "httpx": ["scan/http", "tracing/langfuse/"],
    "huggingface_hub": ["detect/hub"],
    "hypothesis": ["testing/"],
    "langchain": ["middleware/framework"],
    "langfuse": ["tracing/langfuse/", "evaluate/"],
    "langgraph": ["middleware/framework"],
    "langserve": ["serve/"],
    "llm_guard": ["detect/llm_guard_engine", "scan/llm_guard/", "vault/llm_guard"],
    "nemoguardrails": ["scan/nemo_engine"],
    "nltk": ["scan/llm_guard/"],
    "opentelemetry": ["tracing/"],
    "optimum": ["detect/llm_guard_engine", "scan/transformers"],
    "orjson": ["serve/"],
    "presidio_analyzer": ["detect/presidio_engine", "detect/llm_guard_engine"],
    "psycopg": ["vault/sql/urls"],
    "pytest": ["testing/"],
    "redis": ["vault/redis_client"],
    "requests": ["scan/llm_guard/"],
    "spacy": ["detect/presidio_engine"],
    "sqlalchemy": ["vault/sql/"],
    "starlette": ["serve/"],
    "structlog": ["detect/llm_guard_engine"],
    "tiktoken": ["scan/llm_guard/"],
    "tldextract": ["detect/presidio_engine"],
    "torch": ["detect/gliner", "detect/transformers", "detect/windowed", "scan/transformers"],
    "transformers": ["detect/transformers", "scan/transformers"],
}
"""Where each dependency that may be missing is imported: in one module, or in the folder that is about it."""


def imported(path: Path) -> set[str]:
    """Return the modules of the package, by their first name, that a file imports at run time or later."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("langchain_secguard"):
            parts = (node.module or "").split(".")
            names.update(parts[1:2] or {alias.name for alias in node.names})
        elif isinstance(node, ast.ImportFrom):
            assert not node.level, "modules are named from the package on"
        elif isinstance(node, ast.Import):
            names.update(a.name.split(".")[1] for a in node.names if a.name.startswith("langchain_secguard."))
    return names


def others(path: Path) -> set[str]:
    """Return the packages of others, by their first name, that a file imports, also by ``import_module``."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        match node:
            case ast.ImportFrom(module=str(module)):
                names.add(module)
            case ast.Import(names=aliases):
                names.update(alias.name for alias in aliases)
            case ast.Call(
                func=ast.Name("import_module") | ast.Attribute(attr="import_module"),
                args=[ast.Constant(str(module))],
            ):
                names.add(module)
    return {name.partition(".")[0] for name in names} - sys.stdlib_module_names - {"langchain_secguard"}


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

    def test_what_may_be_missing_is_imported_where_it_is_at_home(self) -> None:
        for path in sorted(PACKAGE.rglob("*.py")):
            own = path.relative_to(PACKAGE).with_suffix("").as_posix()
            strays = {
                name for name in others(path) - NEEDED if not own.startswith(tuple(HOMES.get(name, ())))
            }
            assert strays == set(), own

    def test_every_extra_that_an_error_names_can_be_installed(self) -> None:
        extras = metadata("langchain-secguard").get_all("Provides-Extra")
        sources = (path.read_text(encoding="utf-8") for path in PACKAGE.rglob("*.py"))
        named = {extra for text in sources for extra in re.findall(r"langchain-secguard\[([a-z-]+)\]", text)}
        assert named <= set(extras or ())
        assert len(named) > 10

    def test_tracing_and_the_steps_do_not_know_each_other(self) -> None:
        steps = {
            "steps",
            "anonymize",
            "deanonymize",
            "guard",
            "protect",
            "protect_steps",
            "middleware",
            "serve",
        }
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
            "import langchain_secguard.tracing, langchain_secguard.evaluate",
            "from langchain_secguard import Deanonymizer; Deanonymizer()",
        ],
    )
    def test_load_no_engine_and_no_driver(self, code: str) -> None:
        heavy = {
            "numpy", "phonenumbers", "faker", "torch", "transformers", "spacy", "presidio_analyzer",
            "gliner", "optimum", "onnxruntime", "huggingface_hub",
            "llm_guard", "nemoguardrails", "guardrails", "azure", "aiohttp", "detect_secrets",
            "pytest", "hypothesis",
            "sqlalchemy", "sqlite3", "redis", "psycopg", "asyncpg", "aiosqlite", "cryptography",
            "langfuse", "openai",
            "fastapi", "starlette", "langserve", "langchain", "langgraph",
        }  # fmt: skip
        assert loaded(code) & heavy == set()
