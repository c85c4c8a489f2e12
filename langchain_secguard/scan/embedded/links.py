"""Links and images in an answer that carry data away: what a chat window fetches, an attacker reads.

An image is fetched as soon as it is shown, a link when it is clicked; both can hold a conversation in their
path or query. Attack: https://embracethered.com/blog/posts/2023/chatgpt-webpilot-data-exfil-via-markdown-injection/
"""

import html
import math
import re
from collections import Counter
from collections.abc import Iterable
from urllib.parse import unquote, urlsplit

from langchain_secguard.scan.base import ScanResult, Sees
from langchain_secguard.scan.embedded.local import LocalScanner
from langchain_secguard.scan.named import checked_threshold

_TARGET = r"\s*<?(?P<{name}>[^\s<>\"')]+)[^)\n]{{0,200}}\)"
_LINKS = re.compile(
    r"!\[[^\]\n]{0,500}\]\(" + _TARGET.format(name="image")
    + r"|(?<!!)\[[^\]\n]{0,500}\]\(" + _TARGET.format(name="link")
    + r"|^\s{0,3}\[[^\]\n]{1,200}\]:\s*<?(?P<definition>[^\s<>]+)"
    r"|<(?:img|image|iframe|video|audio|source|embed|script|link|object|input|track)\b[^>]{0,2000}?"
    r"(?:src|srcset|href|data|poster)\s*=\s*[\"']?(?P<tag>[^\s\"'>]+)"
    r"|<(?:a|area|form|base)\b[^>]{0,2000}?(?:href|action)\s*=\s*[\"']?(?P<anchor>[^\s\"'>]+)"
    r"|\burl\(\s*[\"']?(?P<style>[^\s\"')]+)"
    r"|(?P<bare>(?:https?|ftp|wss?)://[^\s<>\"')\]]+)",
    re.IGNORECASE | re.MULTILINE,
)  # fmt: skip
_FETCHED = ("image", "definition", "tag", "style")
_SCRIPTS = ("javascript:", "vbscript:", "data:text/html")
_BLOB = re.compile(r"[A-Za-z0-9+_-]{24,}={0,2}|(?:%[0-9A-Fa-f]{2}){6,}")
_WORDS = re.compile(r"(?:[A-Za-z]?[a-z]+|[A-Z]+|\d{1,6})(?:[+_-]+(?:[A-Za-z]?[a-z]+|[A-Z]+|\d{1,6}))*")
"""Words and numbers with marks between them, as in the address of an article: they are read, not decoded."""
_IGNORED = re.compile("[\x00-\x20]+")
"""What browsers leave out of a URL before they look for its scheme."""

_ORDINARY = 40
"""So many characters of a query carry little; a tracking parameter is as long."""


class LinkExfiltrationScanner(LocalScanner):
    """Look for links and images in an answer by which data could leave.

    The risk is 1 for a script in a link, 0.9 for an image (or another thing that is fetched unasked) from a
    host that is not allowed and that carries data, 0.6 for one that carries none, and 0.3 to 0.7 for a link
    by what its path and query carry. Hosts that are allowed carry what they like; a host is allowed with
    those below it. Markdown, reference definitions, HTML, CSS and bare URLs are read; links to the same site
    (no host) are let pass.

    Args:
        allowed_hosts: Hosts that may be linked to: ``"example.com"`` allows ``docs.example.com`` as well.
        threshold: The risk from which an answer is refused. At 0.5 images from elsewhere are refused, and
            links that carry much; at 0.3 all links elsewhere.
        remove: Put ``[link removed]`` in the place of each URL that is refused, and let the answer pass.
        name: The scanner's name.
        sees: The form of the text that it is shown where both exist.

    Raises:
        ValueError: ``threshold`` is not from 0 to 1.
    """

    def __init__(
        self,
        *,
        allowed_hosts: Iterable[str] = (),
        threshold: float = 0.5,
        remove: bool = False,
        name: str = "LinkExfiltration",
        sees: Sees = "values",
    ) -> None:
        super().__init__(name=name, sees=sees)
        self._hosts = frozenset(host.lower().strip(".") for host in allowed_hosts)
        self._threshold = checked_threshold(threshold)
        self.sanitizes = remove

    def scan(self, text: str, *, prompt: str | None = None) -> ScanResult:  # noqa: ARG002 - what it answers does not matter
        """Scan ``text``; ``details`` has the risk of ``image`` and ``link``."""
        details: dict[str, float] = {}
        refused: list[tuple[int, int]] = []
        for match in _LINKS.finditer(text):
            place = match.lastgroup or "bare"
            risk = self._risk(match[place], fetched=place in _FETCHED)
            if risk:
                kind = "image" if place in _FETCHED else "link"
                details[kind] = max(risk, details.get(kind, 0.0))
            if risk >= self._threshold:
                refused.append(match.span(place))
        risk = max(details.values(), default=0.0)
        if not refused or not self.sanitizes:
            return self._result(text, valid=not refused, risk=risk, details=details)
        for start, end in reversed(refused):
            text = f"{text[:start]}[link removed]{text[end:]}"
        return self._result(text, valid=True, risk=risk, details=details)

    def _risk(self, url: str, *, fetched: bool) -> float:
        if _IGNORED.sub("", html.unescape(url)).lower().startswith(_SCRIPTS):
            return 1.0
        try:
            parts = urlsplit(url.replace("\\", "/"))
            host = (parts.hostname or "").strip(".")
        except ValueError:
            return 0.9  # a URL that no library reads is read by a browser all the same
        if not host or self._is_allowed(host):
            return 0.0
        carried = carried_bits("/".join((*host.split(".")[:-2], parts.path, parts.query, parts.fragment)))
        if fetched:
            return 0.9 if carried > _ORDINARY else 0.6
        return min(0.7, 0.3 + 0.4 * carried / 400)

    def _is_allowed(self, host: str) -> bool:
        labels = host.split(".")
        return any(".".join(labels[at:]) in self._hosts for at in range(len(labels)))


def carried_bits(part: str) -> float:
    """Estimate how many bits a part of a URL carries beyond words: what is encoded, and what is long."""
    blobs = "".join(blob for blob in _BLOB.findall(part) if not _WORDS.fullmatch(blob))
    encoded = len(blobs) * _entropy(blobs)
    values = [value for _, _, value in (pair.partition("=") for pair in re.split(r"[&?;]", part)) if value]
    said = sum(len(unquote(value)) for value in values if len(unquote(value)) > 8)
    return encoded + 4.0 * said


def _entropy(text: str) -> float:
    """Return the bits of one character of ``text``, as often as each stands in it."""
    if not text:
        return 0.0
    counts = Counter(text)
    return -sum(count / len(text) * math.log2(count / len(text)) for count in counts.values())
