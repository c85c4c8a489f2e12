"""Run LLM Guard's ``Secrets``, whose own way to redact loses text and secrets.

It replaces secrets in no order by a tool that wants them from the end: two secrets in a text double a part of
it, and one of them stays. A secret that stands twice stays once. It also writes the text to a temporary file,
and leaves it there if it fails.
"""

import re
import sys
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import SimpleNamespace
from typing import Any

_MODULE = "llm_guard.input_scanners.secrets"

LOCK = threading.Lock()
"""Held while detect-secrets is at work: its settings and its caches are those of the process."""


@contextmanager
def mended() -> Iterator[None]:
    """Let ``Secrets`` replace whole, and leave no file behind; one thread at a time."""
    module: Any = sys.modules.get(_MODULE)
    with LOCK:
        if module is None:
            yield
            return
        kept = module.TextReplaceBuilder, module.tempfile
        with tempfile.TemporaryDirectory() as folder:
            module.TextReplaceBuilder, module.tempfile = Replacements, _Files(folder)
            try:
                yield
            finally:
                module.TextReplaceBuilder, module.tempfile = kept


class Replacements:
    """Replace parts of a text, wherever they stand in it, in one pass, the longest first.

    It is called as Presidio's ``TextReplaceBuilder`` is.
    """

    def __init__(self, original_text: str) -> None:
        self._text = original_text
        self._instead: dict[str, str] = {}

    def get_text_in_position(self, start: int, end: int) -> str:
        """Return a part; "" for what ``str.find`` did not find."""
        return self._text[start:end] if start >= 0 else ""

    def replace_text_get_insertion_index(self, replacement_text: str, start: int, end: int) -> int:
        """Note what to put in the place of a part."""
        if part := self.get_text_in_position(start, end):
            self._instead[part] = replacement_text
        return start

    @property
    def output_text(self) -> str:
        """The text with all its replacements."""
        if not self._instead:
            return self._text
        parts = sorted(self._instead, key=len, reverse=True)
        return re.sub("|".join(map(re.escape, parts)), lambda match: self._instead[match[0]], self._text)


def _Files(folder: str) -> SimpleNamespace:  # noqa: N802 - it stands for a module
    """Stand for ``tempfile``, with files in a folder that is about to be removed."""

    def named(*, delete: bool) -> Any:
        return tempfile.NamedTemporaryFile(dir=folder, delete=delete)

    return SimpleNamespace(NamedTemporaryFile=named)
