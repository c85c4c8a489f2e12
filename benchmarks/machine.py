"""What the numbers were measured on."""

import os
import platform
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

_PACKAGES = (
    "langchain-secguard", "langchain-core", "pydantic", "numpy", "phonenumbers",
    "llm-guard", "presidio-analyzer", "spacy", "structlog",
    "onnx", "onnxruntime",
)  # fmt: skip


def describe() -> str:
    """Name the processor, the system and the versions, as a Markdown list."""
    return "\n".join(
        [
            f"- {_processor()}, {os.cpu_count()} cores",
            f"- {platform.system()} {platform.machine()}",
            f"- {platform.python_implementation()} {platform.python_version()}",
            "- " + ", ".join(f"{name} {found}" for name in _PACKAGES if (found := _version(name))),
        ]
    )


def load() -> float:
    """Tell how many processes wanted to run in the last minute."""
    return os.getloadavg()[0]


def _processor() -> str:
    information = Path("/proc/cpuinfo")
    if information.exists():
        for line in information.read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or "unknown processor"


def _version(name: str) -> str | None:
    try:
        return version(name)
    except PackageNotFoundError:
        return None
