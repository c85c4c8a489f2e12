import base64
import pickle
import traceback
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from cryptography.fernet import Fernet

from langchain_secguard.errors import VaultDecryptionError, VaultUnavailableError
from langchain_secguard.vault.keyring import KEYS_VARIABLE, Keyring, MasterKey, keys_from_environment

KEYS = [base64.urlsafe_b64encode(bytes([number]) * 32).decode() for number in range(1, 5)]


def ids(ring: Keyring) -> list[bytes]:
    return [master.key_id for master in ring.masters()]


class Source:
    """Return keys, count the calls, and fail when told to."""

    def __init__(self, *keys: str) -> None:
        self.keys: Sequence[Any] = list(keys)
        self.calls = 0
        self.error: Exception | None = None

    def __call__(self) -> Sequence[Any]:
        self.calls += 1
        if self.error:
            raise self.error
        return self.keys


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


class TestKeys:
    def test_may_be_text_or_bytes_in_base64_or_raw(self) -> None:
        forms: list[str | bytes] = [KEYS[0], KEYS[0].encode(), bytes([1]) * 32]
        assert len({tuple(ids(Keyring([form], lifetime=1))) for form in forms}) == 1
        assert len(ids(Keyring([Fernet.generate_key(), Fernet.generate_key().decode()], lifetime=1))) == 2

    @pytest.mark.parametrize(
        "keys", ["", [], KEYS[0], KEYS[0].encode(), None, 7, {KEYS[0]}, [b"x" * 32, ""], [KEYS[0][:-4]], [7]]
    )
    def test_that_are_none_are_refused_without_being_shown(self, keys: Any) -> None:
        with pytest.raises(ValueError, match="32 random bytes") as caught:
            Keyring(keys, lifetime=1)
        assert KEYS[0][:20] not in "".join(traceback.format_exception(caught.value))

    def test_that_are_none_are_told_by_their_place(self) -> None:
        with pytest.raises(ValueError, match="key 2 is not one"):
            Keyring([KEYS[0], "secret"], lifetime=1)

    def test_may_be_in_either_alphabet_of_base64(self) -> None:
        key = b"\xff" * 32
        forms = [base64.b64encode(key), base64.urlsafe_b64encode(key)]
        assert len({tuple(ids(Keyring([form], lifetime=1))) for form in forms}) == 1

    @pytest.mark.parametrize("lifetime", [0, -1, float("nan")])
    def test_live_for_some_time(self, lifetime: float) -> None:
        with pytest.raises(ValueError, match="positive number of seconds"):
            Keyring(KEYS, lifetime=lifetime)


class TestEnvironment:
    def test_holds_keys_separated_by_commas(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv(KEYS_VARIABLE, f" {KEYS[1]},{KEYS[0]} ")
        assert keys_from_environment() == [KEYS[1], KEYS[0]]

    @pytest.mark.parametrize("value", [None, "", " ", f"{KEYS[0]},", ","])
    def test_without_keys_is_an_error_that_names_the_variable(
        self, monkeypatch: pytest.MonkeyPatch, value: str | None
    ) -> None:
        monkeypatch.delenv(KEYS_VARIABLE, raising=False)
        if value is not None:
            monkeypatch.setenv(KEYS_VARIABLE, value)
        with pytest.raises(ValueError, match=KEYS_VARIABLE) as caught:
            keys_from_environment()
        assert KEYS[0] not in str(caught.value)


class TestCallable:
    def test_is_called_when_a_key_is_needed_and_again_after_its_lifetime(self) -> None:
        source, clock = Source(KEYS[0]), Clock()
        ring = Keyring(source, lifetime=10, clock=clock)
        assert (source.calls, ring.is_ready()) == (0, False)
        first = ids(ring)
        clock.now = 9.9
        assert (ids(ring), source.calls, ring.is_ready()) == (first, 1, True)
        clock.now, source.keys = 10, [KEYS[1]]
        assert not ring.is_ready()
        assert ids(ring) != first
        assert source.calls == 2

    def test_is_called_once_by_threads_that_need_a_key_at_once(self) -> None:
        source = Source(KEYS[0])
        ring = Keyring(source, lifetime=10)
        with ThreadPoolExecutor(16) as pool:
            list(pool.map(lambda _: ring.masters(), range(64)))
        assert source.calls == 1

    def test_is_asked_again_for_a_key_that_is_not_known_yet(self) -> None:
        source, clock = Source(KEYS[0]), Clock()
        ring = Keyring(source, lifetime=100, clock=clock)
        (wanted,) = ids(Keyring([KEYS[1]], lifetime=1))
        assert ring.find(wanted) is None
        source.keys = [KEYS[1], KEYS[0]]
        assert ring.find(wanted) is None  # a moment ago it was asked
        clock.now = 2
        found = ring.find(wanted)
        assert found is not None
        assert found.key_id == wanted
        assert source.calls == 2

    def test_that_fails_makes_the_vault_unavailable_and_shows_nothing(self) -> None:
        source = Source(KEYS[0])
        source.error = RuntimeError(f"no access with {KEYS[0]}")
        with pytest.raises(VaultUnavailableError, match="RuntimeError") as caught:
            Keyring(source, lifetime=1).masters()
        assert KEYS[0] not in "".join(traceback.format_exception(caught.value))

    def test_that_failed_is_called_again(self) -> None:
        source = Source(KEYS[0])
        source.error = OSError()
        ring = Keyring(source, lifetime=1)
        with pytest.raises(VaultUnavailableError):
            ring.masters()
        source.error = None
        assert len(ring.masters()) == 1

    @pytest.mark.parametrize("keys", [[], None, "secret", ["secret"]])
    def test_that_returns_no_keys_is_an_error_that_does_not_show_them(self, keys: Any) -> None:
        source = Source()
        source.keys = keys
        with pytest.raises(VaultDecryptionError, match="returned no keys") as caught:
            Keyring(source, lifetime=1).masters()
        assert "secret" not in str(caught.value)


class TestSecrecy:
    @pytest.mark.parametrize("thing", [Keyring(KEYS, lifetime=1), MasterKey(bytes([1]) * 32)])
    def test_holds_for_repr_and_pickles(self, thing: object) -> None:
        shown = repr(thing) + str(thing)
        assert not any(key in shown for key in KEYS)
        assert repr(bytes([1]) * 32) not in shown
        with pytest.raises(TypeError, match="pickled"):
            pickle.dumps(thing)
