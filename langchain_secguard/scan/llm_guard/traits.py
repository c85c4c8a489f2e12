"""What is known of LLM Guard's scanners: which change a text, need a prompt, share state, or cut long texts.

Read from its code at version 0.3.16. A scanner that is not listed is taken for the most demanding kind.
"""

from dataclasses import dataclass
from typing import Any

from langchain_secguard.scan.base import Sees

_PACKAGE = "llm_guard."

_BY_OPTION = {
    "BanCompetitors": "_redact",
    "BanSubstrings": "_redact",
    "JSON": "_repair",
    "NoRefusalLight": "_redact",
    "ReadingTime": "_truncate",
    "Regex": "_redact",
    "Sensitive": "_redact",
}
"""Scanners that sanitize if an option of theirs says so, and where they keep it."""

_NEVER = frozenset(
    {
        "BanCode", "BanTopics", "Bias", "Code", "FactualConsistency", "Gibberish", "Language",
        "LanguageSame", "MaliciousURLs", "NoRefusal", "PromptInjection", "Relevance", "Sentiment", "Toxicity",
        "URLReachability",
    }
)  # fmt: skip
"""Scanners whose verdict is all that they give."""

_LEAVE_SOME = frozenset({"BanCompetitors", "BanSubstrings", "InvisibleText", "Regex", "Secrets"})
"""Scanners that may leave some of what they redact: ``Regex`` stops at the first pattern that matches."""

_COMPARE = frozenset({"FactualConsistency", "LanguageSame", "Relevance"})
"""Scanners of answers that say nothing without the prompt."""

_TELL_OTHERS = frozenset({"Sensitive", "URLReachability"})
"""Scanners that should see placeholders: the values of a vault are no leak, and whoever runs the server
that a link points to need not get them."""

_STATELESS = frozenset(
    {
        "BanSubstrings", "InvisibleText", "JSON", "NoRefusalLight", "ReadingTime", "Regex", "Sentiment",
        "TokenLimit", "URLReachability",
    }
)  # fmt: skip
"""Scanners that any number of threads may be in at once. In the others a tokenizer changes its settings."""

_CUT = frozenset(
    {
        "BanCode",
        "BanTopics",
        "Bias",
        "Code",
        "Gibberish",
        "Language",
        "NoRefusal",
        "PromptInjection",
        "Toxicity",
    }
)
"""Scanners whose model reads the beginning of a long text (128 or 512 tokens) and passes over the rest."""


@dataclass(frozen=True, slots=True)
class Traits:
    """Say of one scanner, as it is set up, what calling it takes.

    ``kind`` is the name of its class in LLM Guard, or "" for one of the user's own. ``takes_prompt`` tells
    a scanner of answers.
    """

    kind: str
    takes_prompt: bool
    sanitizes: bool
    leaves_some: bool
    needs_prompt: bool
    sees: Sees
    stateless: bool
    cuts: bool


def traits_of(scanner: Any, *, takes_prompt: bool) -> Traits:
    """Return what is known of ``scanner``."""
    kind, core = kind_of(scanner), core_of(scanner)
    return Traits(
        kind=kind,
        takes_prompt=takes_prompt,
        sanitizes=_sanitizes(kind, core),
        leaves_some=kind in _LEAVE_SOME,
        needs_prompt=kind in _COMPARE,
        sees="placeholders" if kind in _TELL_OTHERS else "values",
        stateless=kind in _STATELESS,
        cuts=kind in _CUT and _reads_whole(core) and bool(getattr(core, "_is_blocked", True)),
    )


def kind_of(scanner: Any) -> str:
    """Return the name of the class of LLM Guard that a scanner is of; "" where it is of none."""
    return kind_of_class(type(scanner))


def kind_of_class(scanner: type) -> str:
    """Return the name of the class of LLM Guard that a class is or comes from; "" where it is of none."""
    known = (one.__name__ for one in scanner.__mro__ if one.__module__.startswith(_PACKAGE))
    return next((name for name in known if name != "Scanner"), "")


def core_of(scanner: Any) -> Any:
    """Return what does the work: most scanners of answers hold the one of prompts with the same name."""
    return getattr(scanner, "_scanner", scanner) if kind_of(scanner) else scanner


def splits_sentences(core: Any) -> bool:
    """Tell whether a scanner splits a text into sentences, for which it needs data of NLTK."""
    return bool(_match_type(core) == "sentence")


def _sanitizes(kind: str, core: Any) -> bool:
    if kind in _BY_OPTION:
        return bool(getattr(core, _BY_OPTION[kind], True))
    return kind not in _NEVER


def _reads_whole(core: Any) -> bool:
    """Tell whether a text is given to the model as it is, neither in parts nor its ends alone."""
    return _match_type(core) in (None, "full")


def _match_type(core: Any) -> Any:
    return getattr(getattr(core, "_match_type", None), "value", None)
