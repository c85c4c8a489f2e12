"""How an app is served, read from the environment, with secrets in files where they are named so."""

import os
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any, Self

from langchain_secguard.serve.limits import Limits
from langchain_secguard.vault import InMemoryVaultStore, VaultStore

_PREFIX = "SECGUARD_"
_DAY = 24 * 3600.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """Say where vaults are kept and how much a request may take.

    Args:
        redis_url: The Redis server that keeps the vaults of all workers (``SECGUARD_REDIS_URL``); the memory
            of the process where there is none, which one worker alone may use.
        vault_keys: Encrypt what is kept, under these keys, the newest first (``SECGUARD_VAULT_KEYS``,
            separated by commas).
        vault_ttl: Seconds after its last use at which a vault expires (``SECGUARD_VAULT_TTL``; 0 for never).
        vault_timeout: Seconds after which a request to the store is given up (``SECGUARD_VAULT_TIMEOUT``).
        limits: How much one request may take: ``SECGUARD_MAX_BODY``, ``SECGUARD_MAX_DEPTH``,
            ``SECGUARD_MAX_BATCH``, ``SECGUARD_TIMEOUT``, ``SECGUARD_STREAM_TIMEOUT``, ...
    """

    redis_url: str | None = field(default=None, repr=False)
    vault_keys: tuple[str, ...] = field(default=(), repr=False)
    vault_ttl: float | None = 30 * _DAY
    vault_timeout: float = 5.0
    limits: Limits = field(default_factory=Limits)

    @classmethod
    def from_environment(cls, environment: Mapping[str, str] | None = None) -> Self:
        """Read the settings from environment variables.

        ``SECGUARD_VAULT_KEYS_FILE`` and ``SECGUARD_REDIS_URL_FILE`` name files that hold what the variables
        without ``_FILE`` would, as secrets of containers are given.

        Raises:
            ValueError: A variable is not a number, or is one of these and not known.
            OSError: A file cannot be read.
        """
        given = _given(os.environ if environment is None else environment)
        bounds = {one.name for one in fields(Limits)}
        known = {one.name for one in fields(cls) if one.name != "limits"}
        if unknown := sorted(given.keys() - bounds - known):
            names = ", ".join(f"{_PREFIX}{name.upper()}" for name in unknown)
            raise ValueError(f"environment variables that are not known: {names}")
        numbers = {name: _number(name, given[name]) for name in given.keys() - {"redis_url", "vault_keys"}}
        bound: dict[str, Any] = {name: numbers[name] for name in numbers.keys() & bounds}
        own: dict[str, Any] = {name: numbers[name] for name in numbers.keys() - bounds}
        if own.get("vault_ttl") == 0:
            own["vault_ttl"] = None
        keys = tuple(key.strip() for key in given.get("vault_keys", "").split(",") if key.strip())
        url = given.get("redis_url") or None
        return cls(redis_url=url, vault_keys=keys, limits=Limits(**bound), **own)

    def open_store(self) -> VaultStore:
        """Make the store that keeps the vaults.

        Raises:
            ValueError: Several workers are to run, and there is no store that they could share.
            ImportError: The driver of the store is not installed.
        """
        if self.redis_url is None:
            if int(os.environ.get("WEB_CONCURRENCY") or 1) > 1:
                raise ValueError("several workers need a store that they share: set SECGUARD_REDIS_URL")
            inner: Any = InMemoryVaultStore(ttl=self.vault_ttl)
        else:
            from langchain_secguard.vault import RedisVaultStore  # noqa: PLC0415 - its driver is an extra

            inner = RedisVaultStore(self.redis_url, ttl=self.vault_ttl, timeout=self.vault_timeout)
        if not self.vault_keys:
            store: VaultStore = inner
            return store
        from langchain_secguard.vault import EncryptedVaultStore  # noqa: PLC0415 - cryptography is an extra

        return EncryptedVaultStore(inner, keys=list(self.vault_keys))


def _given(environment: Mapping[str, str]) -> dict[str, str]:
    """Return what the environment says, by the name of the setting."""
    own = {name.removeprefix(_PREFIX): one for name, one in environment.items() if name.startswith(_PREFIX)}
    files = {name: path for name, path in own.items() if name.endswith("_FILE")}
    read = {name.removesuffix("_FILE"): Path(path).read_text("utf-8").strip() for name, path in files.items()}
    said = {name: one for name, one in own.items() if name not in files}
    return {name.lower(): one for name, one in {**said, **read}.items()}


def _number(name: str, text: str) -> float:
    try:
        return float(text) if "." in text else int(text)
    except ValueError:
        pass
    raise ValueError(f"{_PREFIX}{name.upper()} is not a number")
