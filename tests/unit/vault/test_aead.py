import hashlib
import hmac
import pickle

import pytest
from hypothesis import given
from hypothesis import strategies as st

from langchain_secguard.vault.aead import KEY_SIZE, Aead, derive

KEY = bytes(range(KEY_SIZE))


class TestAead:
    @given(st.binary(max_size=100), st.binary(max_size=20))
    def test_decrypts_what_it_encrypted(self, plain: bytes, associated: bytes) -> None:
        kept = Aead(KEY).encrypt(plain, associated)
        assert Aead(KEY).decrypt(kept, associated) == plain
        assert len(kept) == len(plain) + 1 + 12 + 16

    def test_never_uses_a_nonce_twice(self) -> None:
        aead = Aead(KEY)
        assert len({aead.encrypt(b"same", b"")[1:13] for _ in range(1_000)}) == 1_000

    @pytest.mark.parametrize("place", [*range(33), -1])
    def test_decrypts_nothing_in_which_a_bit_was_changed(self, place: int) -> None:
        kept = bytearray(Aead(KEY).encrypt(b"plain", b"place"))
        kept[place] ^= 1
        assert Aead(KEY).decrypt(bytes(kept), b"place") is None

    @pytest.mark.parametrize("size", range(30))
    def test_decrypts_nothing_that_was_cut(self, size: int) -> None:
        assert Aead(KEY).decrypt(Aead(KEY).encrypt(b"plain", b"place")[:size], b"place") is None

    def test_decrypts_nothing_in_another_place_or_under_another_key(self) -> None:
        kept = Aead(KEY).encrypt(b"plain", b"place")
        assert Aead(KEY).decrypt(kept, b"elsewhere") is None
        assert Aead(bytes(KEY_SIZE)).decrypt(kept, b"place") is None

    def test_cannot_be_pickled_or_seen(self) -> None:
        with pytest.raises(TypeError, match="cannot be pickled"):
            pickle.dumps(Aead(KEY))
        assert repr(Aead(KEY)) == "Aead()"


class TestDerive:
    def test_makes_another_key_for_each_purpose_and_key(self) -> None:
        made = {derive(key, purpose) for key in (KEY, bytes(KEY_SIZE)) for purpose in ("a", "b", "")}
        assert len(made) == 6
        assert {len(key) for key in made} == {KEY_SIZE}

    def test_is_hkdf_with_sha256_as_in_rfc_5869(self) -> None:
        pseudo_random = hmac.digest(bytes(32), KEY, hashlib.sha256)
        expected = hmac.digest(pseudo_random, b"langchain-secguard 1 wrap\x01", hashlib.sha256)
        assert derive(KEY, "wrap") == expected
