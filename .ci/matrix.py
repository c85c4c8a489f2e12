"""Test with the lowest and the highest versions that we claim, on each Python that is there.

    make matrix                     all Pythons that can be found, from 3.11 to 3.14
    python .ci/matrix.py --python python3.13 --only lowest

"lowest" pins langchain-core, pydantic, numpy, phonenumbers, langfuse, langchain and langgraph to the least
that pyproject.toml allows, and "highest" takes what the package index has. The unit tests, and the
integration tests of the pair and of agents, run in an environment of their own each, without what needs
Presidio: it brings spaCy, which is late for a new Python, and asks for a newer numpy than we do.
"""

import argparse
import os
import re
import shutil
import subprocess
import tempfile
import tomllib
from pathlib import Path

ROOT = Path(__file__).parents[1]
PYTHONS = ("3.11", "3.12", "3.13", "3.14")
PINNED = ("langchain-core", "pydantic", "numpy", "phonenumbers", "langfuse", "langchain", "langgraph")
WHEELS = {  # the least versions that have wheels for a newer Python than they knew
    "3.12": {"numpy": "1.26.0"},
    "3.13": {"numpy": "2.1.0"},
    "3.14": {"numpy": "2.3.2", "pydantic": "2.12.0"},
}
EXTRAS = (
    "openai,surrogates,langfuse,opentelemetry,encryption,postgres,redis,secrets,agents,serve,azure,lakera,"
    "prompt-armor"
)
TESTS = (
    "tests/unit", "tests/integration/test_langchain_conventions.py",
    "tests/integration/test_pair_on_the_wire.py", "tests/integration/test_fails_closed.py",
    "tests/integration/test_agents_guarded.py", "tests/integration/test_agents_nested.py",
    "tests/integration/test_agents_people.py", "tests/integration/test_agents_state.py",
)  # fmt: skip
NEED_MORE = (
    "--ignore=tests/unit/benchmarks", "--ignore=tests/unit/detect/test_presidio.py",
    "--deselect=tests/unit/detect/test_contract.py::TestPresidio",
    "--deselect=tests/unit/detect/test_contract.py::TestUnion",
)  # fmt: skip
"""Leaves out unit tests of what is not installed here."""


def main() -> int:
    """Test each combination, and print a table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--python", action="append", help="an interpreter; again for another")
    parser.add_argument("--only", choices=("lowest", "highest"), help="these versions alone")
    options = parser.parse_args()
    pythons = options.python or [found for version in PYTHONS if (found := find(version))]
    rows = [
        (version_of(python), kind, *test(python, kind))
        for python in pythons
        for kind in ((options.only,) if options.only else ("lowest", "highest"))
    ]
    missing = set(PYTHONS) - {row[0] for row in rows} if not options.python else set()
    print()
    for version, kind, outcome, versions in rows:
        print(f"Python {version}  {kind:8} {outcome:34} {versions}")
    for version in sorted(missing):
        print(f"Python {version}  not on this machine")
    return int(any(not outcome.startswith("passed") for _, _, outcome, _ in rows))


def find(version: str) -> str | None:
    """Find an interpreter: on the path, or where pyenv keeps them."""
    named = shutil.which(f"python{version}")
    kept = sorted(
        Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv")).glob(f"versions/{version}.*/bin/python")
    )
    for path in (*([named] if named else []), *map(str, kept)):
        if version_of(path) == version:
            return path
    return None


def version_of(python: str) -> str:
    """Ask an interpreter for its version; "" if it does not run."""
    code = "import sys; print('%d.%d' % sys.version_info[:2])"
    done = subprocess.run([python, "-c", code], capture_output=True, text=True, check=False)
    return done.stdout.strip()


def lowest(version: str) -> dict[str, str]:
    """Read the least versions that pyproject.toml allows."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    lines = [
        *project["dependencies"],
        *(line for extra in project["optional-dependencies"].values() for line in extra),
    ]
    least: dict[str, str] = {}
    for line in lines:
        if (match := re.match(r"([A-Za-z0-9-]+)\s*(?:\[[^\]]*\])?>=([0-9.]+)", line)) and match[1] in PINNED:
            least[match[1]] = match[2]
    return least | WHEELS.get(version, {})


def test(python: str, kind: str) -> tuple[str, str]:
    """Install, and run the tests; return what came out, and the versions."""
    version = version_of(python)
    print(f"== Python {version}, {kind} versions", flush=True)
    with tempfile.TemporaryDirectory(prefix="secguard-matrix-") as folder:
        subprocess.run([python, "-m", "venv", "--upgrade-deps", folder], check=True)
        own = str(Path(folder) / "bin" / "python")
        pins = [f"{name}=={least}" for name, least in lowest(version).items()] if kind == "lowest" else []
        tools = [
            "aiosqlite>=0.20",
            "langgraph-checkpoint-sqlite>=3",
            "pytest>=8.3",
            "pytest-asyncio>=0.25",
            "pytest-socket>=0.7",
            "hypothesis>=6.100",
            *pins,
        ]
        installing = [own, "-m", "pip", "--disable-pip-version-check", "install", "--quiet"]
        done = subprocess.run(
            [*installing, f"{ROOT}[{EXTRAS}]", *tools], capture_output=True, text=True, check=False
        )
        if done.returncode:
            print(done.stderr[-2000:])
            return "could not be installed", ", ".join(pins)
        running = [own, "-m", "pytest", "-q", "--no-header", "-p", "no:cacheprovider", *TESTS, *NEED_MORE]
        tested = versions(own)
        print(f"   {tested}", flush=True)
        passed, last = show(running)
        return f"{'passed' if passed else 'FAILED'}: {last}", tested


def show(command: list[str]) -> tuple[bool, str]:
    """Run a command and pass on what it says as it says it; return whether it passed, and its last line."""
    last = ""
    with subprocess.Popen(
        command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as run:
        for line in run.stdout or ():
            print(line, end="", flush=True)
            last = line.strip() or last
    return run.returncode == 0, last


def versions(python: str) -> str:
    """List the versions that were tested."""
    code = (
        "from importlib.metadata import version\n"
        f"print(', '.join(f'{{name}} {{version(name)}}' for name in {PINNED!r}))"
    )
    return subprocess.run([python, "-c", code], capture_output=True, text=True, check=False).stdout.strip()


if __name__ == "__main__":
    raise SystemExit(main())
