"""Addresses of the internet: e-mail addresses, URLs and domains, IP and MAC addresses, UUIDs."""

import ipaddress
import re
from collections.abc import Iterator

from langchain_secguard.detect.candidate import Candidate, Rank
from langchain_secguard.detect.folding import Folded
from langchain_secguard.detect.lazy import Lazy

HOST_TYPES = frozenset({"EMAIL_ADDRESS", "URL", "IP_ADDRESS", "MAC_ADDRESS", "UUID"})

_LOCAL = frozenset("!#$%&'*+-/=?^_`{|}~.")  # RFC 5321, section 4.1.2: atext and the dot
_UNLIKELY = "!#$%&'*/=?^`{|}~.-"  # atext that at the beginning belongs to the text around
_LABEL = r"[^\W_](?:[\w-]{0,61}[^\W_])?"
_domain = Lazy(
    rf"(?:{_LABEL}\.){{1,8}}(?:xn--[a-z0-9-]{{2,59}}|[^\W\d_]{{2,63}})(?![^\W_]|-[^\W_])", re.IGNORECASE
)
_literal = Lazy(r"\[(?:IPv6:)?[0-9A-Fa-f.:]{7,45}\]")

_TLDS = (
    "com|org|net|edu|gov|mil|io|ai|dev|app|biz|info|co|eu|uk|de|fr|nl|ch|ca|au|jp|cn|br|ru|pl|se|dk|fi|cz|ie"
    "|nz|za|kr|mx|tv|gg|xyz|online|site|shop|tech|cloud|blog|news|law|legal|bank|health|page|link|ly"
)
_SURE = (".com", ".org", ".net", ".edu", ".gov", ".mil")
_suffix = Lazy(rf"\.(?:{_TLDS})(?![\w-]|\.[\w-])(/|:[0-9]{{2,5}}(?![0-9])/?)?")
_REST = r"[^\s<>\"`{}|\\^]"
_scheme = Lazy(rf"://{_REST}{{2,2048}}", re.NOFLAG)
_www = Lazy(rf"www\.[a-z0-9-]{_REST}{{3,2048}}", re.NOFLAG)
_path = Lazy(rf"{_REST}{{0,2048}}", re.NOFLAG)
_HOST = frozenset("abcdefghijklmnopqrstuvwxyz0123456789.-")
_SCHEME = frozenset("abcdefghijklmnopqrstuvwxyz0123456789+.-")
_NOT_SITES = frozenset({"asp.net", "vb.net", "ado.net", "socket.io"})
_CLOSING = {")": "(", "]": "["}

_ipv4 = Lazy(r"[0-9](?<![\w.-][0-9])[0-9]{0,2}(?:\.[0-9]{1,3}){3}(?![\w]|\.[0-9]|-[0-9])")
_ipv6 = Lazy(
    r"[0-9a-f:](?<![\w:.][0-9a-f:])[0-9a-f]{0,4}(?::{1,2}[0-9a-f]{0,4}){1,8}(?:\.[0-9]{1,3}){0,3}"
    r"(?:%[a-z0-9]{1,15})?(?![\w:])"
)
_mac = Lazy(
    r"[:-](?<=[0-9a-f]{2}[:-])(?<![\w:-]..[:-])[0-9a-f]{2}(?:([:-])[0-9a-f]{2})(?:\1[0-9a-f]{2}){3}(?![\w:-])"
)
_dotted_mac = Lazy(r"\.(?<=[0-9a-f]{4}\.)(?<![\w:.]....\.)[0-9a-f]{4}\.[0-9a-f]{4}(?![\w:.])")
_uuid = Lazy(r"-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}(?![0-9a-z])")
_hex8 = Lazy(r"[0-9a-f]{8}")
_versioned = Lazy(
    r"(?:§|\b(?:v|ver|version|release|build|section|sec|chapter|ch|clause|rule|paragraph|para|article"
    r"|art|step"
    r"|schema))[.:]?[ ]?\(?$"
)


def find_hosts(folded: Folded) -> Iterator[Candidate]:
    """Find e-mail addresses, URLs, IP and MAC addresses and UUIDs."""
    if "@" in folded.text:
        yield from _emails(folded.text)
    if "." in folded.text:
        yield from _urls(folded)
    if folded.regions:
        yield from _ips(folded)
        yield from _uuids(folded)


def _emails(text: str) -> Iterator[Candidate]:
    """Find the local part before each ``@`` and the domain after it (RFC 5321, RFC 6531)."""
    at, after = text.find("@"), 0
    while at >= 0:
        domain = _domain.regex.match(text, at + 1) or _literal.regex.match(text, at + 1)
        start = _local_start(text, at, after) if domain else at
        if domain and start < at:
            after = domain.end()
            yield Candidate(start, after, "EMAIL_ADDRESS", 1.0, Rank.VALID)
        at = text.find("@", at + 1)


def _local_start(text: str, at: int, lowest: int) -> int:
    """Walk back from ``@`` to the first character of the local part, at most 64 characters."""
    lowest = max(lowest, at - 64)
    if text[at - 1 : at] == '"':
        quote = text.rfind('"', lowest, at - 1)
        return quote if quote >= 0 else at
    start = at
    while start > lowest and (text[start - 1] in _LOCAL or text[start - 1].isalnum()):
        start -= 1
    local = text[start:at].lstrip(_UNLIKELY)
    for sign in ("=", "?", "/", "|"):  # a query's or a path's, more likely than the address's
        local = local.rpartition(sign)[2]
    return at if not local or local.endswith(".") else at - len(local)


def _urls(folded: Folded) -> Iterator[Candidate]:
    """Find URLs with a scheme (RFC 3986), hosts that begin with www, and bare domains."""
    low = folded.low
    if "://" in low:
        yield from _schemed(low)
    if "www." in low:
        for match in _www.regex.finditer(low):
            yield Candidate(match.start(), _trimmed(low, *match.span()), "URL", 0.95, Rank.VALID)
    yield from _domains(low)


def _schemed(low: str) -> Iterator[Candidate]:
    """Find URLs by ``://``, and walk back over the scheme's name."""
    end = 0
    for match in _scheme.regex.finditer(low):
        start = match.start()
        while start > max(end, match.start() - 20) and low[start - 1] in _SCHEME:
            start -= 1
        if start < match.start() and low[start].isalpha():
            end = _trimmed(low, start, match.end())
            yield Candidate(start, end, "URL", 0.95, Rank.VALID)


def _domains(low: str) -> Iterator[Candidate]:
    """Find domains without a scheme by their last label."""
    end = 0
    for match in _suffix.regex.finditer(low):
        stop = match.start(1) if match[1] else match.end()
        start, lowest = match.start(), max(end, match.start() - 100)
        while start > lowest and low[start - 1] in _HOST:
            start -= 1
        start += stop - start - len(low[start:stop].lstrip(".-"))
        if not _is_host(low, start, stop, match.end()):
            continue
        path = _path.regex.match(low, match.end()) if match[1] else None
        end = _trimmed(low, start, path.end()) if path else stop
        host = low[start:stop]
        sure = bool(match[1]) or host.endswith(_SURE) or host.count(".") > 1
        yield Candidate(start, end, "URL", 0.8 if sure else 0.55, Rank.CONTEXT if sure else Rank.FORMAT)


def _is_host(low: str, start: int, stop: int, end: int) -> bool:
    """Tell a bare domain from an e-mail's, a path's file, an attribute in code and a product's name."""
    host = low[start:stop]
    if "." not in host or ".." in host or host in _NOT_SITES:
        return False
    return low[start - 1 : start] not in {"@", "/", "_", "\\"} and low[end : end + 1] not in {"(", "="}


def _trimmed(text: str, start: int, end: int) -> int:
    """Take the sentence's punctuation off a URL's end; a bracket stays when it is balanced."""
    while end > start:
        last = text[end - 1]
        if last in _CLOSING:
            if text.count(last, start, end) <= text.count(_CLOSING[last], start, end):
                break
        elif last not in ".,;:!?'\u2019\u201d\u00bb*_~\u2026\u3001\u3002":
            break
        end -= 1
    return end


def _ips(folded: Folded) -> Iterator[Candidate]:
    """Find IPv4 and IPv6 addresses, and MAC addresses."""
    low = folded.low
    if low.count(".") > 2:
        for match in folded.low_near_digits(_ipv4):
            lowest = max(0, match.start() - 14)
            if _is_ip(match[0]) and not _versioned.regex.search(low[lowest : match.start()]):
                yield Candidate(*match.span(), "IP_ADDRESS", 0.95, Rank.VALID)
    for pattern, before in ((_mac, 2), (_dotted_mac, 4)) if folded.longest >= 14 else ():
        for match in folded.low_near_digits(pattern):
            yield Candidate(match.start() - before, match.end(), "MAC_ADDRESS", 0.95, Rank.VALID)
    if "::" in low or low.count(":") > 6:
        for match in folded.low_near_digits(_ipv6):
            if _is_ip(match[0]) and _is_no_slice(match[0], low[match.start() - 1 : match.start()]):
                yield Candidate(*match.span(), "IP_ADDRESS", 0.95, Rank.VALID)


def _is_ip(value: str) -> bool:
    """Let the standard library decide."""
    try:
        ipaddress.ip_address(value)
    except ValueError:
        return False
    return True


def _is_no_slice(value: str, before: str) -> bool:
    """Tell an IPv6 address from what is written alike in code, such as ``[::2]`` or ``a::b``."""
    digits = sum(char.isalnum() for char in value)
    return any(char.isdigit() for char in value) and (digits > 3 or (value == "::1" and before != "["))


def _uuids(folded: Folded) -> Iterator[Candidate]:
    """Find UUIDs (RFC 9562)."""
    low = folded.low
    for match in folded.low_near_digits(_uuid) if folded.longest >= 36 else ():
        start = match.start() - 8
        if (
            start >= 0
            and _hex8.regex.fullmatch(low, start, start + 8)
            and not low[start - 1 : start].isalnum()
        ):
            yield Candidate(start, match.end(), "UUID", 0.85, Rank.VALID)
