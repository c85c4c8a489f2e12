"""Secrets: keys, tokens, passwords, private keys, by the plugins of detect-secrets and forms of our own.

detect-secrets (Yelp's, Apache-2.0: https://github.com/Yelp/detect-secrets) is imported here alone.
"""

import re
from collections.abc import Collection, Iterator
from functools import cache
from importlib import import_module
from typing import Any

from langchain_secguard.detect.embedded import EmbeddedDetector
from langchain_secguard.errors import ScannerError
from langchain_secguard.scan.base import ScanResult, Sees
from langchain_secguard.scan.embedded.local import LocalScanner

try:
    import detect_secrets  # noqa: F401 - tells whether it is there
except ImportError as error:
    raise ImportError(
        'SecretsScanner needs detect-secrets: pip install "langchain-secguard[secrets]"'
    ) from error

_PLUGINS = {
    "artifactory": "ArtifactoryDetector",
    "aws": "AWSKeyDetector",
    "azure_storage_key": "AzureStorageKeyDetector",
    "basic_auth": "BasicAuthDetector",
    "cloudant": "CloudantDetector",
    "discord": "DiscordBotTokenDetector",
    "github_token": "GitHubTokenDetector",
    "gitlab_token": "GitLabTokenDetector",
    "ibm_cloud_iam": "IbmCloudIamDetector",
    "ibm_cos_hmac": "IbmCosHmacDetector",
    "jwt": "JwtTokenDetector",
    "keyword": "KeywordDetector",
    "mailchimp": "MailchimpDetector",
    "npm": "NpmDetector",
    "openai": "OpenAIDetector",
    "private_key": "PrivateKeyDetector",
    "pypi_token": "PypiTokenDetector",
    "sendgrid": "SendGridDetector",
    "slack": "SlackDetector",
    "softlayer": "SoftlayerDetector",
    "square_oauth": "SquareOAuthDetector",
    "stripe": "StripeDetector",
    "telegram_token": "TelegramBotTokenDetector",
    "twilio": "TwilioKeyDetector",
}
"""The plugins that ask no network, by their modules."""

_LATER = frozenset({"gitlab_token", "openai", "pypi_token", "telegram_token"})
"""Those that bc-detect-secrets lacks, a fork under the same module name that LLM Guard brings; our own forms
know most of these tokens."""

_TOKENS = re.compile(
    r"\b(?:dapi[0-9a-f]{32}|EAA[A-Za-z]\w{40,250}|shp(?:at|ca|pa|ss)_[0-9a-fA-F]{32}|dop_v1_[0-9a-f]{64}|hvs\.[\w-]{24,250}"
    r"|glsa_[A-Za-z0-9]{32}_[0-9a-f]{8}|lsv2_(?:pt|sk)_[0-9a-f]{32}_[0-9a-f]{10}|hf_[A-Za-z]{34}|key-[0-9a-f]{32}"
    r"|[sp]k-lf-[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}|sk-(?:ant|proj)-[\w-]{20,250})(?![\w])"
)
"""Tokens of issuers that no plugin knows."""
_STANDS_FOR = re.compile(
    r"\W*|.*(?:\byour[-_ ]|changeme|placeholder|redacted|\*{3}|x{4}|\.{3}|os\.environ|getenv|process\.env).*"
    r"|(?:\$?\{.*|<.*|\[.*|%\(.*|\$[A-Z_]{2,})",
    re.IGNORECASE | re.DOTALL,
)
"""What stands where a password will be, in examples and in templates."""

_KEYWORD = "Secret Keyword"
_LONGEST_LINE = 5_000
_END_OF_KEY = "-----END"


@cache
def _plugins() -> tuple[Any, ...]:
    """Make the plugins, once: they hold no state."""
    entropy = import_module("detect_secrets.plugins.high_entropy_strings")
    return (
        *(plugin() for module, name in _PLUGINS.items() if (plugin := _plugin(module, name))),
        entropy.Base64HighEntropyString(limit=4.5),
        entropy.HexHighEntropyString(limit=3.0),
    )


def _plugin(module: str, name: str) -> Any:
    """Take a plugin, or ``None`` for one of those that a fork may lack."""
    try:
        return getattr(import_module(f"detect_secrets.plugins.{module}"), name)
    except (ImportError, AttributeError):
        if module not in _LATER:
            raise
        return None


@cache
def _forms() -> EmbeddedDetector:
    return EmbeddedDetector(entity_types={"SECRET"}, names=False)


class SecretsScanner(LocalScanner):
    """Take secrets out of a text, or refuse it.

    Looks line by line with the plugins of detect-secrets that ask no network: issuers' tokens, private keys,
    passwords in URLs, what is assigned to a word such as "password", and quoted strings of high entropy (4.5
    bits a character in base64, 3 in hexadecimal); and with the forms that :class:`EmbeddedDetector` knows. A
    quoted hash is taken for a secret, as is a password that an example shows.

    Args:
        redact: Put ``[SECRET]`` in the place of each and let the text pass; ``False`` refuses it.
        allowed: Strings that are no secret, such as the keys of a public example.
        name: The scanner's name.
        sees: The form of the text that it is shown where both exist.

    Raises:
        ImportError: detect-secrets is not installed.
    """

    engine = "detect-secrets"

    def __init__(
        self,
        *,
        redact: bool = True,
        allowed: Collection[str] = (),
        name: str = "Secrets",
        sees: Sees = "values",
    ) -> None:
        super().__init__(name=name, sees=sees)
        self._allowed = frozenset(allowed)
        self.sanitizes = redact

    def scan(self, text: str, *, prompt: str | None = None) -> ScanResult:  # noqa: ARG002 - what it answers does not matter
        """Scan ``text``."""
        marks = _joined([*_lines(text, self._allowed), *self._spans(text)])
        if not marks:
            return self._result(text, valid=True, risk=0.0)
        if not self.sanitizes:
            return self._result(text, valid=False, risk=1.0)
        parts, last = [], 0
        for start, end in marks:
            parts += [text[last:start], "[SECRET]"]
            last = end
        return self._result("".join([*parts, text[last:]]), valid=True, risk=1.0)

    def _spans(self, text: str) -> Iterator[tuple[int, int]]:
        tokens = [match.span() for match in _TOKENS.finditer(text)]
        for start, end in (*((span.start, span.end) for span in _forms().detect([text])[0]), *tokens):
            if text[start:end] not in self._allowed:
                yield start, end


def _lines(text: str, allowed: Collection[str]) -> Iterator[tuple[int, int]]:
    start = 0
    for line in text.splitlines(keepends=True):
        for at in range(0, len(line), _LONGEST_LINE):
            for value in _values(line[max(0, at - 200) : at + _LONGEST_LINE]):
                if value not in allowed:
                    yield from _places(text, start, start + len(line), value)
        start += len(line)


def _values(line: str) -> set[str]:
    found: set[str] = set()
    for plugin in _plugins():
        try:
            values = {value for value in plugin.analyze_string(line) if isinstance(value, str) and value}
        except Exception as error:  # noqa: BLE001 - whatever it is, its message may hold the text
            failure = ScannerError(
                f"detect-secrets failed with {type(error).__name__}; the text counts as refused."
            )
        else:
            found.update(value for value in values if _is_meant(plugin, value))
            continue
        raise failure
    return found


def _is_meant(plugin: Any, value: str) -> bool:
    """Tell whether a plugin that guesses is right: entropy is high, and the value is no stand-in."""
    limit = getattr(plugin, "entropy_limit", None)  # compared only where plugins read whole files
    if limit is None and plugin.secret_type != _KEYWORD:
        return True
    if limit is not None and plugin.calculate_shannon_entropy(value) <= limit:
        return False
    heuristic = import_module("detect_secrets.filters.heuristic")
    return not (
        _STANDS_FOR.fullmatch(value)
        or heuristic.is_sequential_string(value)
        or heuristic.is_templated_secret(value)
        or heuristic.is_prefixed_with_dollar_sign(value)
    )


def _places(text: str, start: int, end: int, value: str) -> Iterator[tuple[int, int]]:
    """Find a value in its line; a private key goes on to its end line."""
    at = text.find(value, start, end)
    while at >= 0:
        stop = at + len(value)
        if "PRIVATE KEY" in value:
            close = text.find(_END_OF_KEY, stop)
            line_end = text.find("\n", close) if close >= 0 else -1
            stop = line_end if line_end >= 0 else len(text)
        yield at, stop
        at = text.find(value, stop, end)


def _joined(marks: list[tuple[int, int]]) -> list[tuple[int, int]]:
    joined: list[tuple[int, int]] = []
    for start, end in sorted(marks):
        if joined and start < joined[-1][1]:
            joined[-1] = (joined[-1][0], max(end, joined[-1][1]))
        else:
            joined.append((start, end))
    return joined
