"""Words that must not stand in a text: phrases, topics by their keywords, the names of competitors."""

import re
import unicodedata
from collections.abc import Iterable, Mapping
from typing import Literal, TypeAlias

from langchain_secguard.scan.base import ScanResult, Sees
from langchain_secguard.scan.embedded.confusables import folded, latinized, without_invisible
from langchain_secguard.scan.embedded.local import LocalScanner
from langchain_secguard.scan.embedded.views import views
from langchain_secguard.scan.named import checked_threshold

Match: TypeAlias = Literal["word", "substring"]
"""Whether a phrase counts as whole words alone, or within a word as well."""


def _pattern(phrases: Iterable[str], match: Match, *, case_sensitive: bool) -> re.Pattern[str]:
    """Find any of ``phrases``, over any white space between their words."""
    written = sorted(
        {r"\s+".join(map(re.escape, phrase.split())) for phrase in phrases}, key=len, reverse=True
    )
    if not written or "" in written:
        raise ValueError("phrases must be given, and none may be empty")
    alternatives = "|".join(written)
    bounded = rf"(?<!\w)(?:{alternatives})(?!\w)" if match == "word" else alternatives
    return re.compile(bounded, 0 if case_sensitive else re.IGNORECASE)


class BanSubstringsScanner(LocalScanner):
    """Refuse a text that holds one of some phrases, or take them out of it.

    A phrase is also found through invisible characters, wide forms and look-alike letters, unless capitals
    matter. One that is hidden so cannot be taken out: the text is refused then.

    Args:
        substrings: The phrases; any white space stands between their words.
        match: ``"word"`` for whole words, ``"substring"`` anywhere.
        case_sensitive: Tell capitals from small letters.
        contains_all: Refuse only what holds all of them.
        redact: Put ``[REDACTED]`` in their place and let the text pass.
        name: The scanner's name.
        sees: The form of the text that it is shown where both exist.

    Raises:
        ValueError: No phrase is given, or an empty one.
    """

    def __init__(
        self,
        substrings: Iterable[str],
        *,
        match: Match = "word",
        case_sensitive: bool = False,
        contains_all: bool = False,
        redact: bool = False,
        name: str = "BanSubstrings",
        sees: Sees = "values",
    ) -> None:
        super().__init__(name=name, sees=sees)
        phrases = tuple(substrings)
        self._any = _pattern(phrases, match, case_sensitive=case_sensitive)
        self._each = [_pattern([one], match, case_sensitive=case_sensitive) for one in phrases]
        self._contains_all = contains_all
        self._case_sensitive = case_sensitive
        self.sanitizes = redact

    def scan(self, text: str, *, prompt: str | None = None) -> ScanResult:  # noqa: ARG002 - what it answers does not matter
        """Scan ``text``."""
        if not self._finds(text) and not self._finds(self._unveiled(text)):
            return self._result(text, valid=True, risk=0.0)
        if self.sanitizes:
            left = self._any.sub("[REDACTED]", text)
            return self._result(left, valid=not self._finds(self._unveiled(left)), risk=1.0)
        return self._result(text, valid=False, risk=1.0)

    def _finds(self, text: str) -> bool:
        if self._contains_all:
            return all(pattern.search(text) for pattern in self._each)
        return self._any.search(text) is not None

    def _unveiled(self, text: str) -> str:
        """Return a text as it is seen."""
        if text.isascii() or self._case_sensitive:
            return text
        plain = unicodedata.normalize("NFKC", without_invisible(text))
        return plain if self._any.search(plain) else latinized(plain.casefold())


class BanCompetitorsScanner(BanSubstringsScanner):
    """Refuse a text that names a competitor, or take the name out of it; whole words, in any case.

    Args:
        competitors: Their names, in all forms that should be known.
        redact: Put ``[REDACTED]`` in their place and let the text pass.
        name: The scanner's name.
        sees: The form of the text that it is shown where both exist.

    Raises:
        ValueError: No name is given, or an empty one.
    """

    def __init__(
        self,
        competitors: Iterable[str],
        *,
        redact: bool = False,
        name: str = "BanCompetitors",
        sees: Sees = "values",
    ) -> None:
        super().__init__(competitors, redact=redact, name=name, sees=sees)


class BanTopicsScanner(LocalScanner):
    """Refuse a text about a topic, known by its keywords.

    The risk of a topic grows with the different keywords in the text: one gives 0.5, two 0.75, three 0.875.
    A keyword is a whole word or phrase, in any case, and is found through look-alike letters, invisible
    characters and encodings as well; ``war*`` stands for all words that begin so. It knows words, not what is
    meant: use a model's scanner (LLM Guard's ``BanTopics``, a judge) where that matters.

    Args:
        topics: The keywords of each topic, by its name: ``{"violence": ["murder", "war crime*"]}``. Names
            appear in traces.
        threshold: The risk from which a text is refused.
        name: The scanner's name.
        sees: The form of the text that it is shown where both exist.

    Raises:
        ValueError: There is no topic, one has no keyword, or ``threshold`` is not from 0 to 1.
    """

    def __init__(
        self,
        topics: Mapping[str, Iterable[str]],
        *,
        threshold: float = 0.5,
        name: str = "BanTopics",
        sees: Sees = "values",
    ) -> None:
        super().__init__(name=name, sees=sees)
        self._threshold = checked_threshold(threshold)
        self._topics = {topic: [_keyword(word) for word in words] for topic, words in topics.items()}
        if not self._topics or not all(self._topics.values()):
            raise ValueError("each topic needs keywords: topics={'violence': ['murder', 'war crime*']}")

    def scan(self, text: str, *, prompt: str | None = None) -> ScanResult:  # noqa: ARG002 - what it answers does not matter
        """Scan ``text``; ``details`` has the risk by topic."""
        read = [view.text for view in views(text)]
        details: dict[str, float] = {}
        for topic, words in self._topics.items():
            found = sum(any(word.search(one) for one in read) for word in words)
            if found:
                details[topic] = 1 - 0.5**found
        risk = max(details.values(), default=0.0)
        return self._result(text, valid=risk < self._threshold, risk=risk, details=details)


def _keyword(word: str) -> re.Pattern[str]:
    stem = folded(word.rstrip("*")).strip()
    if not stem:
        raise ValueError("a keyword must not be empty")
    end = r"\w*" if word.endswith("*") else r"(?!\w)"
    spaced = r"\s+".join(map(re.escape, stem.split()))
    return re.compile(rf"(?<!\w){spaced}{end}")
