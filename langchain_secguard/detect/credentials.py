"""Secrets: keys and tokens known by their prefix, private keys, and what is assigned to "password"."""

import math
import re
from collections import Counter
from collections.abc import Iterator

from langchain_secguard.detect.candidate import Candidate, Rank
from langchain_secguard.detect.folding import Folded
from langchain_secguard.detect.lazy import Lazy

SECRET_TYPES = frozenset({"SECRET"})

# What issuers publish about the form of their tokens: a literal to look for first, then the whole form.
_PREFIXED = tuple(
    (prefix, Lazy(rf"(?<![A-Za-z0-9])(?:{form})"))
    for prefix, form in (
        ("AKIA", r"AKIA[A-Z0-9]{16}(?![A-Za-z0-9])"),
        ("ASIA", r"ASIA[A-Z0-9]{16}(?![A-Za-z0-9])"),
        ("ghp_", r"ghp_[A-Za-z0-9]{20,255}"),
        ("gho_", r"gho_[A-Za-z0-9]{20,255}"),
        ("ghu_", r"ghu_[A-Za-z0-9]{20,255}"),
        ("ghs_", r"ghs_[A-Za-z0-9]{20,255}"),
        ("ghr_", r"ghr_[A-Za-z0-9]{20,255}"),
        ("github_pat_", r"github_pat_[A-Za-z0-9_]{20,255}"),
        ("glpat-", r"glpat-[\w-]{20,255}"),
        ("sk-", r"sk-(?:[a-z]{2,9}[0-9]{0,3}-){0,3}+(?=[\w-]{0,40}[0-9])[\w-]{16,255}"),
        ("pk-lf-", r"pk-lf-[0-9a-f-]{36}"),
        ("sk_live_", r"sk_live_[A-Za-z0-9]{10,255}"),
        ("sk_test_", r"sk_test_[A-Za-z0-9]{10,255}"),
        ("pk_live_", r"pk_live_[A-Za-z0-9]{10,255}"),
        ("pk_test_", r"pk_test_[A-Za-z0-9]{10,255}"),
        ("rk_live_", r"rk_live_[A-Za-z0-9]{10,255}"),
        ("rk_test_", r"rk_test_[A-Za-z0-9]{10,255}"),
        ("whsec_", r"whsec_[A-Za-z0-9+/=]{20,255}"),
        ("xox", r"xox[abeoprs]-[A-Za-z0-9-]{10,255}"),
        ("xapp-", r"xapp-[A-Za-z0-9-]{10,255}"),
        ("AIza", r"AIza[\w-]{35}"),
        ("ya29.", r"ya29\.[\w-]{20,1024}"),
        ("GOCSPX-", r"GOCSPX-[\w-]{20,64}"),
        ("eyJ", r"eyJ[\w-]{8,4096}+\.[\w-]{8,8192}(?:\.[\w-]{0,4096})?"),  # RFC 7519
        ("hf_", r"hf_[A-Za-z0-9]{30,64}"),
        ("npm_", r"npm_[A-Za-z0-9]{36}"),
        ("pypi-AgE", r"pypi-AgE[\w-]{50,1024}"),
        ("SG.", r"SG\.[\w-]{16,64}\.[\w-]{16,64}"),
        ("dop_v1_", r"dop_v1_[a-f0-9]{64}"),
        ("shp", r"shp(?:at|ca|pa|ss)_[A-Fa-f0-9]{32}"),
        ("gsk_", r"gsk_[A-Za-z0-9]{20,255}"),
        ("xai-", r"xai-[A-Za-z0-9]{20,255}"),
        ("r8_", r"r8_[A-Za-z0-9]{30,64}"),
        ("pplx-", r"pplx-[A-Za-z0-9]{20,128}"),
        ("lsv2_", r"lsv2_[a-z]{2}_[a-f0-9]{20,64}_[a-f0-9]{6,16}"),
        ("sq0", r"sq0[a-z]{3}-[\w-]{22,64}"),
        ("AGE-SECRET-KEY-1", r"AGE-SECRET-KEY-1[A-Z0-9]{58}"),
    )
)
_WORDS = ("pass", "secret", "key", "token", "pwd", "bearer ", "credential", "basic ", "pin")
_assigned = Lazy(
    r"(?:pass(?:word|wd|phrase|code)?|pwd|secret|token|credential|key|pin)s?"
    r"(?:[ _-](?:access[ _-])?(?:key|token|id|code|number|value))?(?:\\?[\"'])?"
    r"(?P<sign>[ ]{0,4}(?:[:=]{1,2}|:=|=>|->)[ ]{0,4}|[*_`]{0,2}:[*_`]{0,2}[ ]{0,4}|[ ](?:is|was)[ ]:?[ ]?)"
    r"(?P<open>\\?[\"'`]|<)?"
)
_bearer = Lazy(r"(?:bearer|basic)[ ]+(?P<value>[a-z0-9._~+/=-]{12,4096})")
_quoted = {sign: Lazy(rf"[^{sign}\n]{{1,256}}") for sign in "\"'`"}
_unquoted = Lazy(r"[^\s\"'`,;<>()\[\]{}]{1,512}")
_userinfo = Lazy(r"://[^\s/@:\"'<>]{0,64}:(?P<value>[^\s/@\"'<>]{1,128})@")
_base64 = Lazy(r"(?:\s{0,8}[A-Za-z0-9+/=]{16,})*+")
_END = "-----END "
_NO_STARTS = ("http", "$", "{", "[", "%", "os.", "self.", "<")
_NO_VALUES = frozenset({
    "none", "null", "true", "false", "str", "string", "required", "optional", "undefined", "self",
    "int", "bytes",
    "xxx",
    "redacted", "hidden", "not", "a", "an", "the", "your", "set", "and", "correct", "incorrect", "wrong",
    "invalid", "valid",
    "expired", "stored", "used", "in", "to", "on", "that", "this",
})  # fmt: skip


def find_credentials(folded: Folded) -> Iterator[Candidate]:
    """Find secrets: by prefix, by armour, by the word that they are assigned to, and in a URL's user info."""
    text = folded.text
    if folded.longest >= 20:
        yield from _tokens(text)
    if "-----BEGIN " in text:
        yield from _armoured(text)
    if "://" in text and "@" in text:
        for match in _userinfo.regex.finditer(text):
            yield Candidate(*match.span("value"), "SECRET", 0.9, Rank.VALID)
    if any(word in folded.low for word in _WORDS):
        yield from _assignments(folded)


def _tokens(text: str) -> Iterator[Candidate]:
    """Find tokens by their prefix."""
    for prefix, form in _PREFIXED:
        if prefix in text:
            for match in form.regex.finditer(text):
                end = match.start() + len(match[0].rstrip(".-"))
                yield Candidate(match.start(), end, "SECRET", 0.97, Rank.VALID)


def _armoured(text: str) -> Iterator[Candidate]:
    """Find private keys in PEM or OpenPGP armour (RFC 7468, RFC 9580), whole; cut ones to the last line."""
    start, last = text.find("-----BEGIN "), text.rfind(_END)
    while start >= 0:
        head = text.find("-----", start + 11, start + 64)
        end = start + 11
        if head >= 0 and "PRIVATE KEY" in text[start:head]:
            close = text.find("-----", text.find(_END, head) + len(_END)) if head < last else -1
            end = close + 5 if close >= 0 else _base64_end(text, head + 5)
            yield Candidate(start, end, "SECRET", 1.0, Rank.VALID)
        start = text.find("-----BEGIN ", end)


def _base64_end(text: str, offset: int) -> int:
    """Find where the lines of a key without an end stop."""
    lines = _base64.regex.match(text, offset)
    return lines.end() if lines else offset


def _assignments(folded: Folded) -> Iterator[Candidate]:
    """Find the values after "password:", "api_key =" and the like, and tokens after Bearer and Basic."""
    for match in _bearer.regex.finditer(folded.low):
        value = folded.text[match.start("value") : match.end("value")]
        if _entropy(value) > 3 and (any(char.isdigit() for char in value) or len(value) > 30):
            yield Candidate(*match.span("value"), "SECRET", 0.9, Rank.VALID)
    for match in _assigned.regex.finditer(folded.low):
        yield from _assigned_value(folded, match)


def _assigned_value(folded: Folded, match: re.Match[str]) -> Iterator[Candidate]:
    """Judge the value at the end of an assignment."""
    opening = (match["open"] or "")[-1:]
    quoted = opening in _quoted
    found = _quoted.get(opening, _unquoted).regex.match(folded.text, match.end())
    before = folded.low[match.start() - 1 : match.start()]
    if (
        not found
        or opening == "<"
        or (before.isalpha() and match[0].startswith(("pass", "pin")) and "word" not in match[0])
    ):
        return
    value = found[0].rstrip("\\" if quoted else ".")
    if value.lower() in _NO_VALUES or value.startswith(_NO_STARTS):
        return
    if _is_secret(value, match[0], quoted=quoted, spoken=match["sign"].strip(" :") in {"is", "was"}):
        yield Candidate(found.start(), found.start() + len(value), "SECRET", 0.85, Rank.VALID)


def _is_secret(value: str, assignment: str, *, quoted: bool, spoken: bool) -> bool:
    """Tell a secret from prose, a type annotation, a variable or a placeholder."""
    numeric = any(char.isdigit() for char in value)
    if assignment.startswith("pin"):
        return value.isdigit() and 4 <= len(value) <= 8
    if assignment.startswith(("pass", "pwd")):
        strange = numeric or not value.isalpha()
        return len(value) >= 3 and (quoted or strange or (not spoken and len(value) >= 5))
    return len(value) >= 8 and numeric and " " not in value and _entropy(value) > 2.5


def _entropy(value: str) -> float:
    """Compute the Shannon entropy of the characters, in bits for each."""
    counts = Counter(value).values()
    return -sum(count / len(value) * math.log2(count / len(value)) for count in counts)
