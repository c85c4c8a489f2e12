"""Fuzz one target, guided by what it covers, or replay what was found.

    python -m tests.soak.fuzz stream --seconds 30
    python -m tests.soak.fuzz stream build/soak/found/stream-crash-...

What is interesting is kept in ``build/soak/corpus``, so that the next run goes on from there.
"""

import argparse
import hashlib
import importlib
import logging
import os
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from tests.soak import targets

BUILD = Path("build/soak")
HANGS = 60
"""Seconds after which one input counts as hanging, on a machine that may be busy."""


def main() -> None:
    """Read the command line, and fuzz or replay."""
    parser = argparse.ArgumentParser(prog="python -m tests.soak.fuzz")
    parser.add_argument("target", choices=targets.NAMES)
    parser.add_argument("files", nargs="*", type=Path, help="inputs to replay, instead of fuzzing")
    parser.add_argument("--seconds", type=int, default=30)
    asked = parser.parse_args()
    logging.disable()
    if asked.files:
        check = targets.load(asked.target).check
        for path in asked.files:
            check(path.read_bytes())
    else:
        fuzz(asked.target, asked.seconds)


def fuzz(name: str, seconds: int) -> None:
    """Fuzz a target; the process ends with it."""
    atheris: Any = importlib.import_module("atheris")
    with atheris.instrument_imports(include=["langchain_secguard"]):
        target = targets.load(name)
    corpus, seeds = BUILD / "corpus" / name, BUILD / "seeds" / name
    corpus.mkdir(parents=True, exist_ok=True)
    _write(seeds, target.seeds())
    words = BUILD / "seeds" / f"{name}.words"
    words.write_text("".join(f"{_quoted(word)}\n" for word in dict.fromkeys(target.words) if word))
    found = BUILD / "found"
    found.mkdir(parents=True, exist_ok=True)
    flags = {
        "max_total_time": seconds,
        "max_len": target.longest,
        "len_control": 0,  # long inputs from the first on
        "timeout": HANGS,
        "rss_limit_mb": 4096,
        "print_final_stats": 1,
        "artifact_prefix": f"{found}{os.sep}{name}-",
        **({"dict": words} if words.stat().st_size else {}),
    }
    atheris.Setup(
        [sys.argv[0], *(f"-{flag}={value}" for flag, value in flags.items()), str(corpus), str(seeds)],
        target.check,
    )
    atheris.Fuzz()


def _write(folder: Path, seeds: Iterable[bytes]) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for seed in seeds:
        (folder / hashlib.sha256(seed).hexdigest()[:16]).write_bytes(seed)


def _quoted(word: str) -> str:
    """Write a word for a dictionary of libFuzzer."""
    return '"' + "".join(f"\\x{byte:02x}" for byte in word.encode("utf-8", "surrogatepass")) + '"'


if __name__ == "__main__":
    main()
