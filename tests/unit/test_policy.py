import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from langchain_secguard import Policy
from langchain_secguard.policy import Action

KEY = b"0123456789abcdef"


class TestPolicy:
    def test_tokenizes_by_default(self) -> None:
        assert Policy().action == "tokenize"

    @pytest.mark.parametrize(
        ("action", "reversible", "strict"),
        [
            ("tokenize", True, False),
            ("surrogate", True, False),
            ("redact", False, True),
            ("mask", False, True),
            ("hash", False, True),
            ("block", False, True),
            ("allow", True, False),  # of what must be hidden all the same
        ],
    )
    def test_is_reversible_or_strict(self, action: Action, reversible: bool, strict: bool) -> None:
        assert (Policy(action).reversible, Policy(action).strict) == (reversible, strict)

    @pytest.mark.parametrize("action", ["", "Redact", "delete", None])
    def test_refuses_an_unknown_action(self, action: Action) -> None:
        with pytest.raises(ValueError, match="tokenize, surrogate, redact"):
            Policy(action)

    def test_refuses_to_keep_less_than_nothing(self) -> None:
        with pytest.raises(ValueError, match="keep_last"):
            Policy("mask", keep_last=-1)

    @pytest.mark.parametrize("key", [b"", b"x" * 15])
    def test_refuses_a_short_key(self, key: bytes) -> None:
        with pytest.raises(ValueError, match="16 bytes"):
            Policy("hash", key=key)

    def test_repr_holds_no_key(self) -> None:
        assert "0123456789" not in repr(Policy("hash", key=KEY))

    def test_cannot_be_changed(self) -> None:
        with pytest.raises(AttributeError):
            Policy().action = "allow"  # type: ignore[misc]


class TestReplace:
    def test_redacts_to_the_type(self) -> None:
        assert Policy("redact").replace("PERSON", "Jane Doe") == "[PERSON]"

    @pytest.mark.parametrize(
        ("keep_last", "value", "masked"),
        [
            (4, "4111111111111111", "************1111"),
            (4, "12345678", "****5678"),
            (4, "1234567", "****567"),
            (4, "123", "**3"),
            (4, "1", "*"),
            (4, "", ""),
            (0, "12345678", "********"),
            (99, "12345678", "****5678"),
        ],
    )
    def test_masks_all_but_the_last_and_never_less_than_half(
        self, keep_last: int, value: str, masked: str
    ) -> None:
        assert Policy("mask", keep_last=keep_last).replace("ID", value) == masked

    @settings(deadline=None, max_examples=100)
    @given(st.text(max_size=20), st.integers(0, 30))
    def test_a_mask_is_as_long_as_its_value(self, value: str, keep_last: int) -> None:
        masked = Policy("mask", keep_last=keep_last).replace("ID", value)
        assert len(masked) == len(value)
        assert masked.endswith(value[len(value) - min(keep_last, len(value) // 2) :])

    def test_hashes_the_same_value_alike(self) -> None:
        policy = Policy("hash", key=KEY)
        assert policy.replace("PERSON", "Jane") == policy.replace("PERSON", "Jane")
        assert policy.replace("PERSON", "Jane") == Policy("hash", key=KEY).replace("PERSON", "Jane")

    def test_a_hash_depends_on_key_type_and_value(self) -> None:
        policies = (Policy("hash", key=KEY), Policy("hash", key=KEY[::-1]), Policy("hash"))
        hashes = {
            policy.replace(name, value) for policy in policies for name in ("A", "B") for value in ("x", "y")
        }
        assert len(hashes) == 12

    def test_a_hash_names_its_type_and_holds_no_value(self) -> None:
        hashed = Policy("hash").replace("PERSON", "Jane")
        assert hashed.startswith("[PERSON#")
        assert "Jane" not in hashed

    def test_hashes_any_text(self) -> None:
        assert Policy("hash").replace("SECRET", "\ud83d\0") != Policy("hash").replace("SECRET", "\ud83d")
