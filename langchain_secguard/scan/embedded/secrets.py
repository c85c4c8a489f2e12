"""Secrets: keys, tokens, passwords, private keys, by the plugins of detect-secrets and forms of our own.

detect-secrets (Yelp's, Apache-2.0: https://github.com/Yelp/detect-secrets) is imported here alone.
"""

from collections.abc import Collection, Iterator
from functools import cache
from typing import Any

from langchain_secguard.detect.embedded import EmbeddedDetector
from langchain_secguard.errors import ScannerError
from langchain_secguard.scan.base import ScanResult, Sees
from langchain_secguard.scan.embedded.local import LocalScanner

try:
    from detect_secrets.plugins.artifactory import ArtifactoryDetector
    from detect_secrets.plugins.aws import AWSKeyDetector
    from detect_secrets.plugins.azure_storage_key import AzureStorageKeyDetector
    from detect_secrets.plugins.basic_auth import BasicAuthDetector
    from detect_secrets.plugins.cloudant import CloudantDetector
    from detect_secrets.plugins.discord import DiscordBotTokenDetector
    from detect_secrets.plugins.github_token import GitHubTokenDetector
    from detect_secrets.plugins.gitlab_token import GitLabTokenDetector
    from detect_secrets.plugins.high_entropy_strings import Base64HighEntropyString, HexHighEntropyString
    from detect_secrets.plugins.ibm_cloud_iam import IbmCloudIamDetector
    from detect_secrets.plugins.ibm_cos_hmac import IbmCosHmacDetector
    from detect_secrets.plugins.jwt import JwtTokenDetector
    from detect_secrets.plugins.keyword import KeywordDetector
    from detect_secrets.plugins.mailchimp import MailchimpDetector
    from detect_secrets.plugins.npm import NpmDetector
    from detect_secrets.plugins.openai import OpenAIDetector
    from detect_secrets.plugins.private_key import PrivateKeyDetector
    from detect_secrets.plugins.pypi_token import PypiTokenDetector
    from detect_secrets.plugins.sendgrid import SendGridDetector
    from detect_secrets.plugins.slack import SlackDetector
    from detect_secrets.plugins.softlayer import SoftlayerDetector
    from detect_secrets.plugins.square_oauth import SquareOAuthDetector
    from detect_secrets.plugins.stripe import StripeDetector
    from detect_secrets.plugins.telegram_token import TelegramBotTokenDetector
    from detect_secrets.plugins.twilio import TwilioKeyDetector
except ImportError as error:
    raise ImportError(
        'SecretsScanner needs detect-secrets: pip install "langchain-secguard[secrets]"'
    ) from error

_PLUGINS = (
    ArtifactoryDetector, AWSKeyDetector, AzureStorageKeyDetector, BasicAuthDetector, CloudantDetector,
    DiscordBotTokenDetector, GitHubTokenDetector, GitLabTokenDetector, IbmCloudIamDetector,
    IbmCosHmacDetector, JwtTokenDetector, KeywordDetector, MailchimpDetector, NpmDetector, OpenAIDetector,
    PrivateKeyDetector, PypiTokenDetector, SendGridDetector, SlackDetector, SoftlayerDetector,
    SquareOAuthDetector, StripeDetector, TelegramBotTokenDetector, TwilioKeyDetector,
)  # fmt: skip
_LONGEST_LINE = 5_000
_END_OF_KEY = "-----END"


@cache
def _plugins() -> tuple[Any, ...]:
    """Make the plugins, once: they hold no state."""
    return (
        *(plugin() for plugin in _PLUGINS),
        Base64HighEntropyString(limit=4.5),
        HexHighEntropyString(limit=3.0),
    )


@cache
def _forms() -> EmbeddedDetector:
    return EmbeddedDetector(entity_types={"SECRET"}, names=False)


class SecretsScanner(LocalScanner):
    """Take secrets out of a text, or refuse it.

    Looks line by line with the plugins of detect-secrets that ask no network: issuers' tokens, private keys,
    passwords in URLs, what is assigned to a word such as "password", and quoted strings of high entropy (4.5
    bits a character in base64, 3 in hexadecimal); and with the forms that :class:`EmbeddedDetector` knows.

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
        for span in _forms().detect([text])[0]:
            if text[span.start : span.end] not in self._allowed:
                yield span.start, span.end


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
            found.update(value for value in plugin.analyze_string(line) if isinstance(value, str) and value)
        except Exception as error:  # noqa: BLE001 - whatever it is, its message may hold the text
            failure = ScannerError(
                f"detect-secrets failed with {type(error).__name__}; the text counts as refused."
            )
        else:
            continue
        raise failure
    return found


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
