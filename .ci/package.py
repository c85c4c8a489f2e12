"""Build the wheel and the sdist, install each into an empty environment, and use it there.

    make package

Checks what is in them (no test, no training data, below 12 MB), what `twine check` says, that a typed use of
the package passes mypy and pyright against what is installed, and that the core works with nothing else.
"""

import argparse
import shutil
import subprocess
import sys
import tarfile
import tempfile
import venv
import zipfile
from pathlib import Path

ROOT = Path(__file__).parents[1]
LARGEST = 12 * 1024 * 1024
FORBIDDEN = ("tests/", "training/", "benchmarks/", "examples/", ".jsonl", ".lua~", "novels")
NEEDED = (
    "langchain_secguard/py.typed",
    "langchain_secguard/vault/redis.lua",
    "langchain_secguard/detect/data/names.npz",
)
SMOKE = """
import sys
from langchain_secguard import Anonymizer, Deanonymizer, Guard, Vault
from langchain_secguard.scan import PromptInjectionScanner
vault = Vault()
text = "Jane Doe (jane@example.com) paid with 4111 1111 1111 1111."
sent = Anonymizer(vault=vault).invoke(text)
assert "Jane" not in sent and "jane@" not in sent and "4111" not in sent, sent
assert Deanonymizer(vault=vault).invoke(sent) == text
assert Guard([PromptInjectionScanner()]).invoke("Sum up, please.") == "Sum up, please."
heavy = {"torch", "transformers", "redis", "sqlalchemy", "langfuse", "fastapi", "llm_guard", "presidio"}
assert not heavy & set(sys.modules), heavy & set(sys.modules)
print("  works:", sent)
"""


def main() -> int:
    """Build, look, install, use."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--no-pyright", action="store_true", help="leave out pyright, which asks npm for itself"
    )
    options = parser.parse_args()
    shutil.rmtree(ROOT / "dist", ignore_errors=True)
    say("building")
    run(sys.executable, "-m", "build", "--outdir", str(ROOT / "dist"), str(ROOT))
    (wheel,) = (ROOT / "dist").glob("*.whl")
    (sdist,) = (ROOT / "dist").glob("*.tar.gz")
    for built in (wheel, sdist):
        say(f"{built.name}: {built.stat().st_size / 2**20:.1f} MB")
    look(zipfile.ZipFile(wheel).namelist(), wheel)
    with tarfile.open(sdist) as archive:
        names = archive.getnames()
    if found := [name for name in names if name.endswith((".jsonl", ".xz")) or "/training/" in name]:
        raise SystemExit(f"{sdist.name} holds data: {found[:5]}")
    run(sys.executable, "-m", "twine", "check", "--strict", str(wheel), str(sdist))
    for built in (wheel, sdist):
        with tempfile.TemporaryDirectory(prefix="secguard-package-") as folder:
            use(built, Path(folder), typed=built is wheel, pyright=not options.no_pyright)
    return 0


def look(names: list[str], wheel: Path) -> None:
    """Check what a wheel holds."""
    if found := [name for name in names if name.startswith(FORBIDDEN) or name.endswith(FORBIDDEN)]:
        raise SystemExit(f"{wheel.name} holds what it should not: {found[:5]}")
    if missing := [name for name in NEEDED if name not in names]:
        raise SystemExit(f"{wheel.name} lacks {missing}")
    licences = {Path(name).name for name in names if ".dist-info/licenses/" in name}
    if not {"LICENSE", "NOTICE"} <= licences:
        raise SystemExit(f"{wheel.name} lacks its licence or its notice")
    if wheel.stat().st_size > LARGEST:
        raise SystemExit(f"{wheel.name} is larger than {LARGEST >> 20} MB")


def use(built: Path, folder: Path, *, typed: bool, pyright: bool) -> None:
    """Install a file into an empty environment, away from the sources, and use it."""
    say(f"installing {built.name} into an empty environment")
    venv.create(folder / "venv", with_pip=True, upgrade_deps=True)
    python = str(folder / "venv" / "bin" / "python")
    run(python, "-m", "pip", "--disable-pip-version-check", "install", "--quiet", str(built), cwd=folder)
    run(python, "-m", "pip", "check", "--disable-pip-version-check", cwd=folder)
    run(python, "-W", "error", "-c", SMOKE, cwd=folder)
    if typed:
        usage = shutil.copy(ROOT / "tests" / "typing" / "usage.py", folder)
        run(python, str(usage), cwd=folder)
        run(python, "-m", "pip", "--disable-pip-version-check", "install", "--quiet", "mypy", cwd=folder)
        run(python, "-m", "mypy", "--strict", str(usage), cwd=folder)
        if pyright:
            run(sys.executable, "-m", "pyright", "--pythonpath", python, str(usage), cwd=folder)


def run(*command: str, cwd: Path = ROOT) -> None:
    """Run a command to its end, and stop with what it said if it fails."""
    done = subprocess.run(command, cwd=cwd, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"{' '.join(command[:6])} failed:\n{done.stdout}{done.stderr}")
    for line in done.stdout.splitlines():
        if line.startswith(("  works", "Success")) or "errors," in line:
            print(line)


def say(what: str) -> None:
    """Tell what is being done."""
    print(f"== {what}", flush=True)


if __name__ == "__main__":
    raise SystemExit(main())
