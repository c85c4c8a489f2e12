"""The mask: whatever a tracer would write, as plain data without personal values."""

import hashlib
import hmac
import logging
import secrets
from collections.abc import Collection, Sequence
from typing import Any

from langchain_secguard.detect.base import Detector
from langchain_secguard.find import name_pattern
from langchain_secguard.sight import Sight, hidden_names
from langchain_secguard.tracing.masking.job import Job
from langchain_secguard.tracing.masking.plain import is_id, to_plain
from langchain_secguard.tracing.masking.reading import Readers
from langchain_secguard.tracing.masking.scopes import Memory
from langchain_secguard.tracing.masking.trees import gather, rebuild

WITHHELD = "[WITHHELD]"
"""What stands for text that could not be masked."""

_LOG = logging.getLogger(__name__)


class Mask:
    """Mask personal values in whatever a tracer would write.

    A text is masked of the values that the run's steps saw, of what their vaults know, of the names that
    some Anonymizer of the process always hides, and of what the mask's own detector finds beside them. Known
    values give way to their placeholders, whatever way they are spelled: another case, other white space,
    escaped for JSON (twice, too), URLs or HTML, or in base64. What is merely detected gives way to the name
    of its entity type, ``[PERSON]``. Placeholders stay as they are, and JSON stays JSON.

    A mask is made once, and used from any number of threads.

    Args:
        detector: Finds entities; an :class:`~langchain_secguard.detect.EmbeddedDetector` by default.
        threshold: Mask what the detector is at least this sure of, from 0 to 1.
        entity_types: Detect these alone; all that the detector knows by default.
        hidden_names: Words and phrases that are always masked, in any case.
        allowed_names: Words and phrases that the detector's finds are compared with, and then left alone.
        pseudonym_key: The key of pseudonyms (HMAC-SHA-256, RFC 2104), at least 16 bytes, so that they are
            the same in several processes; by default one of this mask's own.
        cache_size: How many texts are remembered, as keyed hashes, so as not to be read again.
        max_characters: Longer texts are cut.

    Raises:
        ValueError: ``threshold`` is not from 0 to 1, ``pseudonym_key`` has less than 16 bytes, or
            ``max_characters`` is less than 1.
    """

    def __init__(
        self,
        *,
        detector: Detector | None = None,
        threshold: float = 0.5,
        entity_types: Collection[str] | None = None,
        hidden_names: Sequence[str] = (),
        allowed_names: Sequence[str] = (),
        pseudonym_key: bytes | None = None,
        cache_size: int = 16_384,
        max_characters: int = 200_000,
    ) -> None:
        if pseudonym_key is not None and len(pseudonym_key) < 16:
            raise ValueError("pseudonym_key needs at least 16 bytes; make one with secrets.token_bytes(32)")
        if not 0 <= threshold <= 1:
            raise ValueError("threshold is a number from 0 to 1")
        if max_characters < 1:
            raise ValueError("max_characters is at least 1")
        self._readers = Readers(
            detector if detector is not None else _embedded(),
            threshold=threshold,
            entity_types=entity_types,
            allowed_names=allowed_names,
            cache_size=cache_size,
        )
        self._names = name_pattern(hidden_names)
        self._key = pseudonym_key or secrets.token_bytes(32)
        self._memory = Memory(cache_size)
        self._max = max_characters

    def __repr__(self) -> str:
        return f"{type(self).__name__}()"

    def apply(self, payloads: Sequence[Any], sights: Sequence[Sight] = ()) -> list[Any]:
        """Turn payloads of any type into plain data of the same structure, masked; never raise.

        What cannot be masked becomes :data:`WITHHELD`: all of it where a step of the run failed, since what
        is personal is not known then. The vaults are asked once for all payloads, and not written to.
        """
        if any(sight.failed for sight in sights):
            return [None if payload is None else WITHHELD for payload in payloads]
        try:
            return self._apply(payloads, sights)
        except Exception as error:  # noqa: BLE001 - whatever it is, its message may hold a value
            _LOG.warning("Texts of a trace were withheld: masking failed with %s.", type(error).__name__)
        return [None if payload is None else WITHHELD for payload in payloads]

    def text(self, text: str, sights: Sequence[Sight] = ()) -> str:
        """Mask one text; see :meth:`apply`."""
        return str(self.apply([text], sights)[0])

    def identifier(self, value: str, sights: Sequence[Sight] = ()) -> str:
        """Return ``value``, the id of a user or a session, or a pseudonym where it holds a personal value.

        The same value has the same pseudonym under the same key, so that users are not mixed up.
        """
        if is_id(value) or self.text(value, sights) == value:
            return value
        return f"pseudonym-{self._keyed(value)}"

    def _keyed(self, value: str) -> str:
        return hmac.digest(self._key, value.encode("utf-8", "surrogatepass"), hashlib.sha256).hex()[:16]

    def _apply(self, payloads: Sequence[Any], sights: Sequence[Sight]) -> list[Any]:
        trees = [to_plain(payload) for payload in payloads]
        leaves = gather(trees, self._max)
        names = [*hidden_names(), *([self._names] if self._names else [])]
        written = Job(self._readers, self._memory, names, self._max).mask(leaves, sights)
        return [rebuild(tree, written, self._max) for tree in trees]


def _embedded() -> Detector:
    from langchain_secguard.detect.embedded import EmbeddedDetector  # noqa: PLC0415 - not loaded when not used

    return EmbeddedDetector()
