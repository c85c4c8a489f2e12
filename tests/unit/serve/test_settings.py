from pathlib import Path
from typing import Any

import pytest
from cryptography.fernet import Fernet

from langchain_secguard.serve import Limits, Settings
from langchain_secguard.vault import EncryptedVaultStore, InMemoryVaultStore, RedisVaultStore

KEYS = ",".join(Fernet.generate_key().decode() for _ in range(2))


class TestEnvironment:
    def test_may_say_nothing(self) -> None:
        assert Settings.from_environment({"PATH": "/bin"}) == Settings()

    def test_says_everything(self) -> None:
        settings = Settings.from_environment(
            {
                "SECGUARD_REDIS_URL": "redis://127.0.0.1:1/0",
                "SECGUARD_VAULT_KEYS": f" {KEYS} ,",
                "SECGUARD_VAULT_TTL": "60",
                "SECGUARD_VAULT_TIMEOUT": "0.5",
                "SECGUARD_MAX_BODY": "1000",
                "SECGUARD_STREAM_TIMEOUT": "7.5",
            }
        )
        assert settings.redis_url == "redis://127.0.0.1:1/0"
        assert ",".join(settings.vault_keys) == KEYS
        assert (settings.vault_ttl, settings.vault_timeout) == (60, 0.5)
        assert settings.limits == Limits(max_body=1000, stream_timeout=7.5)

    def test_names_files_of_secrets(self, tmp_path: Path) -> None:
        (tmp_path / "keys").write_text(f"{KEYS}\n")
        settings = Settings.from_environment({"SECGUARD_VAULT_KEYS_FILE": str(tmp_path / "keys")})
        assert ",".join(settings.vault_keys) == KEYS

    def test_is_that_of_the_process_by_default(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("SECGUARD_TIMEOUT", "3")
        assert Settings.from_environment().limits.timeout == 3

    def test_may_want_no_expiry(self) -> None:
        assert Settings.from_environment({"SECGUARD_VAULT_TTL": "0"}).vault_ttl is None

    @pytest.mark.parametrize(
        ("wrong", "message"),
        [
            ({"SECGUARD_MAX_BODDY": "1"}, "SECGUARD_MAX_BODDY"),
            ({"SECGUARD_TIMEOUT": "soon"}, "SECGUARD_TIMEOUT is not a number"),
            ({"SECGUARD_TIMEOUT": "0"}, "timeout is a positive number"),
        ],
    )
    def test_is_refused_where_it_is_wrong(self, wrong: Any, message: str) -> None:
        with pytest.raises(ValueError, match=message):
            Settings.from_environment(wrong)

    def test_is_not_shown(self) -> None:
        settings = Settings(redis_url="redis://:secret@host", vault_keys=("secret",))
        assert "secret" not in repr(settings)


class TestStores:
    def test_are_in_memory_for_one_worker(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.delenv("WEB_CONCURRENCY", raising=False)
        assert isinstance(Settings().open_store(), InMemoryVaultStore)

    def test_must_be_shared_by_several(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("WEB_CONCURRENCY", "2")
        with pytest.raises(ValueError, match="SECGUARD_REDIS_URL"):
            Settings().open_store()
        assert isinstance(Settings(redis_url="redis://127.0.0.1:1").open_store(), RedisVaultStore)

    def test_are_encrypted_where_there_are_keys(self) -> None:
        store = Settings(redis_url="redis://127.0.0.1:1", vault_keys=tuple(KEYS.split(","))).open_store()
        assert isinstance(store, EncryptedVaultStore)
