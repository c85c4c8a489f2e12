import itertools
import pickle
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from langchain_secguard.errors import VaultDecryptionError
from langchain_secguard.placeholders import Ref
from langchain_secguard.vault.cipher import VaultCipher, open_seal, pad, seal_again, seal_new, unpad
from langchain_secguard.vault.codec import Field
from langchain_secguard.vault.keyring import Keyring
from tests.unit import nasty

VAULT_KEY = bytes(range(32))
JANE = Ref("PERSON", 1)
PLACES: list[tuple[str, Ref, Field]] = [
    ("v", JANE, "value"),
    ("v", JANE, "surrogate"),
    ("v", Ref("PERSON", 1, "b"), "value"),
    ("v", Ref("PERSON", 2), "value"),
    ("v", Ref("PERSON", 11), "value"),
    ("v", Ref("PERSO", 1), "value"),
    ("v", Ref("LOCATION", 1), "value"),
    ("w", JANE, "value"),
    ("vPERSON", Ref("", 1), "value"),
]
ANY = st.one_of(st.text(), st.text(st.characters(), max_size=40), nasty.texts())


def cipher(vault_id: str = "v") -> VaultCipher:
    return VaultCipher(vault_id, VAULT_KEY)


class TestValues:
    @given(ANY)
    def test_are_read_as_they_were_written(self, value: str) -> None:
        kept = cipher().encrypt(JANE, "value", value)
        assert cipher().decrypt(JANE, "value", kept) == value

    @pytest.mark.parametrize(("written", "read"), list(itertools.permutations(PLACES, 2)))
    def test_are_read_in_no_other_place(
        self, written: tuple[str, Ref, Field], read: tuple[str, Ref, Field]
    ) -> None:
        kept = cipher(written[0]).encrypt(*written[1:], "Jane Doe")
        assert cipher(written[0]).decrypt(*written[1:], kept) == "Jane Doe"
        assert cipher(read[0]).decrypt(*read[1:], kept) is None

    @given(st.text(min_size=4, max_size=200))
    def test_do_not_show(self, value: str) -> None:
        kept = cipher().encrypt(JANE, "value", value)
        assert value.encode("utf-8", "surrogatepass") not in kept

    def test_of_one_text_differ_each_time(self) -> None:
        assert len({cipher().encrypt(JANE, "value", "Jane Doe") for _ in range(100)}) == 100

    def test_of_up_to_31_bytes_are_of_one_length(self) -> None:
        assert {len(cipher().encrypt(JANE, "value", "x" * size)) for size in range(32)} == {61}


class TestPadding:
    @given(st.binary(max_size=3_000))
    def test_is_taken_away(self, text: bytes) -> None:
        assert unpad(pad(text)) == text

    @given(st.integers(0, 1_000_000))
    def test_costs_at_most_32_bytes_or_an_eighth(self, size: int) -> None:
        padded = len(pad(bytes(size)))
        assert size < padded <= size + max(32, size // 8 + 1)

    def test_leaves_few_lengths(self) -> None:
        assert len({len(pad(bytes(size))) for size in range(100_000)}) < 90


class TestKeys:
    def test_differ_by_kind_vault_and_text(self) -> None:
        ciphers = [cipher(), VaultCipher("v", bytes(32))]
        made = [
            key
            for own in ciphers
            for kind in ("identity", "folded", "phrase", "mark", "claim")
            for key in own.keys(kind, ["", "a", "A", "\ud83d"])
        ]
        assert len(set(made)) == len(made) == 40
        assert {len(key) for key in made} == {16}

    def test_are_the_same_each_time(self) -> None:
        assert cipher().keys("phrase", ["jane doe"]) == cipher().keys("phrase", ["jane doe"])


class TestSeals:
    def keyring(self, *numbers: int) -> Keyring:
        return Keyring([bytes([number]) * 32 for number in numbers], lifetime=1)

    def test_open_under_the_key_they_are_under(self) -> None:
        old, both = self.keyring(1), self.keyring(2, 1)
        sealed = seal_new("v", old.masters()[0])
        opened = open_seal("v", sealed.seal, both)
        assert (opened.vault_key, opened.seal) == (sealed.vault_key, sealed.seal)
        again = seal_again("v", opened, both.masters()[0])
        assert open_seal("v", again.seal, self.keyring(2)).vault_key == sealed.vault_key

    def test_of_each_vault_hold_another_key(self) -> None:
        master = self.keyring(1).masters()[0]
        made = [seal_new("v", master) for _ in range(100)]
        assert len({one.vault_key for one in made}) == len({one.seal for one in made}) == 100
        assert not any(one.vault_key in one.seal for one in made)

    def test_do_not_open_without_their_key(self) -> None:
        sealed = seal_new("v", self.keyring(1).masters()[0])
        with pytest.raises(VaultDecryptionError, match=r"'v' is encrypted under none of the keys"):
            open_seal("v", sealed.seal, self.keyring(2, 3))

    def test_do_not_open_for_another_vault(self) -> None:
        ring = self.keyring(1)
        with pytest.raises(VaultDecryptionError, match=r"'w' was changed, or copied from another vault"):
            open_seal("w", seal_new("v", ring.masters()[0]).seal, ring)

    @pytest.mark.parametrize("place", range(69))
    def test_do_not_open_when_a_bit_was_changed(self, place: int) -> None:
        ring = self.keyring(1)
        seal = bytearray(seal_new("v", ring.masters()[0]).seal)
        assert len(seal) == 69
        seal[place] ^= 1
        with pytest.raises(VaultDecryptionError):
            open_seal("v", bytes(seal), ring)

    @pytest.mark.parametrize("make", [lambda sealed: sealed, lambda sealed: sealed.cipher])
    def test_cannot_be_pickled_and_show_no_key(self, make: Any) -> None:
        sealed = seal_new("v", self.keyring(1).masters()[0])
        with pytest.raises(TypeError, match="cannot be pickled"):
            pickle.dumps(make(sealed))
        assert repr(sealed.vault_key) not in repr(make(sealed))
        assert repr(bytes([1]) * 32) not in repr(make(sealed))
