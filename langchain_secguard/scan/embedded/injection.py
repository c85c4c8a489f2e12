"""Prompt injection, by rules: what says that it is a trick, in plain words or in an encoding of them."""

import re

from langchain_secguard.scan.base import ScanResult, Sees
from langchain_secguard.scan.embedded import signs
from langchain_secguard.scan.embedded.languages import RULES_ABROAD, rules_abroad
from langchain_secguard.scan.embedded.local import LocalScanner
from langchain_secguard.scan.embedded.phrases import RULES
from langchain_secguard.scan.embedded.views import View, views
from langchain_secguard.scan.named import checked_threshold

_WORD = re.compile(r"[^\W_]+")
_STEM = 3
_LITERAL = re.compile("[a-z]{3,}")
_STEMS = frozenset(
    literal[:_STEM]
    for source in (*(rule.pattern.pattern for rule in (*RULES, *RULES_ABROAD)), *signs.WORDS)
    for literal in _LITERAL.findall(source)
)
"""How the words of all rules and signs begin: a reading without a new word of these tells nothing new."""
_HIDDEN = 0.5
"""What it adds to a suspicion that the words were written so that a person does not see them."""


class PromptInjectionScanner(LocalScanner):
    """Look for prompt injections: no model, no network, well under a millisecond for most texts.

    It knows instructions to set the task aside, to give away the system prompt, to be somebody without
    rules, forged turns of a conversation, orders that a document gives to whoever reads it, and orders that
    must first be decoded; in English, the first two in two dozen languages. Words that mean little alone
    (who is spoken to, about what, in secret) count where several meet in a line. It reads through invisible
    characters, look-alike letters, letters that stand apart, digits for letters, base64, base32, hexadecimal,
    binary, ROT13, reversed text, URL encoding, escapes, quoted pieces and tag characters, one within another.

    It is a first line. Whoever words an attack as nobody did before passes; ``docs/scanners.md`` has the
    rates measured on attacks and harmless look-alikes. Put a model behind it where that matters.

    Args:
        threshold: The risk from which a text is refused. A single sure rule gives 0.8 to 0.9, a doubtful one
            0.55 to 0.7; several add up.
        name: The scanner's name.
        sees: The form of the text that it is shown where both exist.

    Raises:
        ValueError: ``threshold`` is not from 0 to 1.
    """

    def __init__(
        self, *, threshold: float = 0.5, name: str = "PromptInjection", sees: Sees = "values"
    ) -> None:
        super().__init__(name=name, sees=sees)
        self._threshold = checked_threshold(threshold)

    def scan(self, text: str, *, prompt: str | None = None) -> ScanResult:  # noqa: ARG002 - what it answers does not matter
        """Scan ``text``; ``details`` has the risk by kind of injection."""
        kinds: dict[str, float] = {}
        for view in views(text):
            if view.changed is not None and not any(word[:_STEM] in _STEMS for word in view.changed):
                continue
            for kind, risk in _suspicions(view).items():
                kinds[kind] = max(risk, kinds.get(kind, 0.0))
        passing = 1.0
        for risk in kinds.values():
            passing *= 1 - risk
        return self._result(text, valid=1 - passing < self._threshold, risk=1 - passing, details=kinds)


def _suspicions(view: View) -> dict[str, float]:
    """Return the risk of one reading, by kind."""
    found: dict[str, float] = {}
    words = frozenset(_WORD.findall(view.text))
    together = signs.risk(view.text)
    if together:
        found["signs"] = together
    for rule in (*RULES, *rules_abroad(view.text, words)):
        if rule.weight > found.get(rule.kind, 0.0) and rule.finds(view.text, words):
            found[rule.kind] = rule.weight
    if view.hidden:
        return {kind: risk + (1 - risk) * _HIDDEN for kind, risk in found.items()}
    return found
