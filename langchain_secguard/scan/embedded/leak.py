"""The system prompt in an answer: known by a canary that was put into it, or by its own words."""

import codecs
import re
import secrets
from collections.abc import Iterable

from langchain_secguard.scan.base import ScanResult, Sees
from langchain_secguard.scan.embedded.confusables import folded
from langchain_secguard.scan.embedded.local import LocalScanner
from langchain_secguard.scan.embedded.views import views
from langchain_secguard.scan.named import checked_threshold

_WORD = re.compile(r"\w+")
_NO_TOKEN = re.compile(r"[\W_]+")


def canary(token: str | None = None) -> str:
    """Make a line for a system prompt, whose token no answer holds unless the prompt got out.

    Args:
        token: The token; 16 random hexadecimal digits by default.
    """
    return f"<!-- {token or secrets.token_hex(8)} -->"


_MANY = 30
"""So many runs of words, one behind the other, are a leak of however long a prompt."""


class SystemPromptLeakScanner(LocalScanner):
    """Refuse an answer that gives the system prompt away.

    It knows the canaries in every form that :class:`PromptInjectionScanner` reads through (base64, ROT13,
    letters apart, reversed), and the prompt by runs of eight of its words, in any case and punctuation. The
    risk is 1 for a canary, or else the part of the prompt's runs that stand in the answer, twofold, so that
    half of a prompt is 1, or a thirtieth for each run, whichever is more: thirteen words are 0.2. A prompt
    that is told in other words, or translated, is not known.

    Args:
        system_prompt: The text that must not get out; ``None`` looks for canaries alone.
        canaries: Tokens that were put into it, or the lines that :func:`canary` made.
        threshold: The risk from which an answer is refused.
        name: The scanner's name.
        sees: The form of the text that it is shown where both exist.

    Raises:
        ValueError: Neither a prompt of eight words nor a canary is given, a canary is shorter than eight
            characters, or ``threshold`` is not from 0 to 1.
    """

    _RUN = 8

    def __init__(
        self,
        system_prompt: str | None = None,
        *,
        canaries: Iterable[str] = (),
        threshold: float = 0.2,
        name: str = "SystemPromptLeak",
        sees: Sees = "values",
    ) -> None:
        super().__init__(name=name, sees=sees)
        self._threshold = checked_threshold(threshold)
        tokens = [_NO_TOKEN.sub("", folded(token)) for token in canaries]
        self._canaries = frozenset(form for token in tokens for form in _forms(token))
        if any(len(token) < 8 for token in tokens):
            raise ValueError("a canary needs at least 8 characters, or answers hold it by chance")
        self._runs = self._runs_of(system_prompt or "")
        if not self._runs and not self._canaries:
            raise ValueError(f"give a system_prompt of at least {self._RUN} words, or canaries")

    def scan(self, text: str, *, prompt: str | None = None) -> ScanResult:  # noqa: ARG002 - what it answers does not matter
        """Scan ``text``; ``details`` has the risk of ``canary`` and ``wording``."""
        read = [view.text for view in views(text)]
        details: dict[str, float] = {}
        closed = [_NO_TOKEN.sub("", one) for one in read] if self._canaries else []
        if any(token in one for one in closed for token in self._canaries):
            details["canary"] = 1.0
        shared = len(self._runs & set().union(*map(self._runs_of, read)))
        if shared:
            details["wording"] = min(1.0, max(2 * shared / len(self._runs), shared / _MANY))
        risk = max(details.values(), default=0.0)
        return self._result(text, valid=risk < self._threshold, risk=risk, details=details)

    def _runs_of(self, text: str) -> frozenset[tuple[str, ...]]:
        words = _WORD.findall(folded(text))
        return frozenset(tuple(words[at : at + self._RUN]) for at in range(len(words) - self._RUN + 1))


def _forms(token: str) -> tuple[str, ...]:
    """Write a canary as a model might be told to write it; other encodings are read by :func:`views`."""
    return token, token[::-1], codecs.encode(token, "rot13")
