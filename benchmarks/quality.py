"""How much the name model finds: the command of its model card, on a folder of sets."""

import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path


def measure(data: Path) -> str:
    """Return the tables of every set in ``data``, as blocks of text in Markdown."""
    command = [sys.executable, "-m", "training.evaluate", "--data", str(data)]
    told = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    return "\n\n".join(_sections(told))


def _sections(told: str) -> Iterator[str]:
    for section in re.split(r"\n(?=(?:dev|train)/\w+\n)", told):
        if name := re.match(r"\s*(\w+/\w+)\n", section):
            table = section[name.end() :].strip("\n")
            yield f"**{name[1]}**\n\n```text\n{table}\n```"
