import itertools
from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from langchain_secguard.errors import VaultDecryptionError
from langchain_secguard.placeholders import Ref
from langchain_secguard.vault.codec import KeyKind, PlainCodec
from langchain_secguard.vault.ledger import KEY_SIZE

ANY = st.text(st.characters(), max_size=30)  # half surrogate pairs, too


class TestPlainCodec:
    @given(ANY)
    def test_reads_what_it_wrote(self, value: str) -> None:
        codec, ref = PlainCodec(), Ref("PERSON", 1, "b")
        assert codec.decode("v", ref, "value", codec.encode("v", None, "value", value)) == value

    @pytest.mark.parametrize("kept", [b"Jane Doe\xff", b"\xe2\x82", b"\xf5"])
    def test_what_was_changed_is_an_error_that_does_not_hold_it(self, kept: bytes) -> None:
        with pytest.raises(VaultDecryptionError, match="'v' cannot be read") as caught:
            PlainCodec().decode("v", Ref("PERSON", 1), "value", kept)
        assert "Jane" not in str(caught.value)
        assert (caught.value.__cause__, caught.value.__context__) == (None, None)

    def test_makes_another_key_for_each_kind_vault_and_text(self) -> None:
        codec = PlainCodec()
        made = [
            key
            for kind, vault_id in itertools.product(get_args(KeyKind), ["v", "w", "", "v" * 100])
            for key in codec.keys(vault_id, kind, ["", "a", "A", "\ud83d"])
        ]
        assert len(set(made)) == len(made) == 5 * 4 * 4
        assert {len(key) for key in made} == {KEY_SIZE}

    def test_makes_the_same_key_again(self) -> None:
        assert PlainCodec().keys("v", "phrase", ["jane doe"]) == PlainCodec().keys(
            "v", "phrase", ["jane doe"]
        )
