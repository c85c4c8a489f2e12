"""What a store reads back: bytes that were changed are one error, and nothing of them is in it."""

import base64
from collections.abc import Callable
from struct import pack
from typing import Any

from langchain_secguard import VaultDecryptionError
from langchain_secguard.placeholders import Ref
from langchain_secguard.vault.cipher import VaultCipher, pad, seal_new, unpad
from langchain_secguard.vault.codec import Field, PlainCodec
from langchain_secguard.vault.keyring import Keyring
from langchain_secguard.vault.ledger import (
    Erase,
    EraseValue,
    Fill,
    ListRows,
    ListSurrogates,
    LookUp,
    Offer,
    Recall,
    Record,
    Reply,
    Reseal,
    Row,
    Settle,
)
from langchain_secguard.vault.redis import _arguments, _looked_up, _name, _ref, _understood
from tests.soak.inputs import Bytes
from tests.soak.targets import Target
from tests.unit.nasty import VALUES

REF = Ref("PERSON", 1)
KEYS = [bytes(range(32)), bytes(range(1, 33))]
KEYRING = Keyring([base64.urlsafe_b64encode(key) for key in KEYS], lifetime=1)
SEALED = [seal_new("v", master) for master in KEYRING.masters()]
CIPHER: VaultCipher = SEALED[0].cipher
ENCRYPTED = CIPHER.encrypt(REF, "value", "Jane Doe")
PLACES: list[tuple[Ref, Field]] = [(REF, "value"), (REF, "surrogate"), (REF._replace(number=2), "value")]
REQUESTS: list[Any] = [
    Settle([], [b"1" * 16, b"2" * 16]), Recall([(b"1" * 16, b"2" * 16)], [b"1" * 16]), Fill([Row(REF, b"x")]),
    ListRows(), ListSurrogates(), Erase(), EraseValue(b"1" * 16), Reseal(b"a", b"b"),
]  # fmt: skip


def check_codec(data: bytes) -> None:
    """Read one kind of bytes that were changed, or made up."""
    read = Bytes(data)
    check = read.choice(_CHECKS)
    try:
        check(read)
    except VaultDecryptionError as error:
        assert error.__cause__ is None
        assert error.__context__ is None
        assert "Jane" not in str(error)


def _answer(read: Bytes) -> None:
    request = read.choice(REQUESTS)
    assert isinstance(_understood("v", request, read.bytes()), Reply)


def _fields(read: Bytes) -> None:
    sizes = [read.number(256) for _ in range(read.number(4))]
    state, rest = read.text(44).encode("utf-8", "surrogatepass"), read.bytes()
    fields = [rest[at : at + size] for at, size in enumerate(sizes)]
    assert isinstance(_looked_up("v", [state, *fields, None], b""), Reply)


def _plain(read: Bytes) -> None:
    kept = read.bytes()
    text = PlainCodec().decode("v", REF, "value", kept)
    assert PlainCodec().encode("v", REF, "value", text) == kept


def _decrypted(read: Bytes) -> None:
    """Change bytes of what was encrypted, put some behind it, or cut it off."""
    changed = bytearray(ENCRYPTED)
    for _ in range(read.number(8)):
        changed[read.number(len(changed))] ^= read.number(256)
    kept = bytes(changed[: len(changed) - read.number(16)]) + read.bytes()
    ref, kept_as = read.choice(PLACES)
    text = CIPHER.decrypt(ref, kept_as, kept)
    assert text == ("Jane Doe" if kept == ENCRYPTED and (ref, kept_as) == PLACES[0] else None)


def _opened(read: Bytes) -> None:
    sealed = read.choice(SEALED)
    changed = bytearray(sealed.seal)
    for _ in range(read.number(8)):
        changed[read.number(len(changed))] ^= read.number(256)
    vault_id = read.choice(["v", "w", ""])
    seal = bytes(changed) + read.bytes()
    _, key = KEYRING.open(vault_id, seal)
    assert (vault_id, seal, key) == ("v", sealed.seal, sealed.vault_key)


def _padded(read: Bytes) -> None:
    text = read.bytes()
    padded = pad(text)
    assert unpad(padded) == text
    assert len(padded) % 32 == 0
    assert len(padded) - len(text) <= max(32, 1 + (len(text) + 1) // 8)


def _encrypted(read: Bytes) -> None:
    ref = Ref(read.choice(["PERSON", "US_SSN"]), read.number(65_536), read.choice(["", "b", "zz"]))
    text = read.text()
    assert CIPHER.decrypt(ref, "surrogate", CIPHER.encrypt(ref, "surrogate", text)) == text


def _packed(read: Bytes) -> None:
    """Pack what is asked, whatever it holds; a ref comes back as it was."""
    ref = Ref(read.text(read.number(20)) or "X", 1 + read.number(65_536), read.choice(["", "b", "cd"]))
    value = read.text().encode("utf-8", "surrogatepass")
    assert _ref(_name(ref)) == ref
    offer = Offer(value, b"m" * 16, (b"p" * 16,))
    record = Record(ref.entity_type, b"i" * 16, b"f" * 16, value, (b"p" * 16,) * 3, 2, (offer,), expected=ref)
    for request in (Settle([record], [b"p" * 16]), Fill([Row(ref, value, None)]), LookUp([ref])):
        operation, packed = _arguments(request)
        assert operation
        assert isinstance(packed, bytes)


_CHECKS: list[Callable[[Bytes], None]] = [
    _answer, _fields, _plain, _decrypted, _opened, _padded, _encrypted, _packed,
]  # fmt: skip


def _row(value: bytes) -> bytes:
    return b"PERSON:1b %d -1 3 0 1 0 0 0\n" % len(value) + value


def _sized(part: bytes) -> bytes:
    return pack(">I", len(part)) + part


def _seeds() -> list[bytes]:
    state, no_seal = pack(">ddII", 1.0, 2.0, 0, 2), b"\xff" * 4
    rows = pack(">I", 2) + _sized(_row(b"Jane Doe")) + no_seal
    known = pack(">II", 1, 0) + _sized(b"~PERSON:1") + rows
    answers = [state + no_seal + rows + known + rows, state + no_seal + rows, state + _sized(b"seal") + rows]
    kept = pack(">dddIIII", 1.0, 0.0, 2.0, 2, 1, 0, 1)
    return [
        *(bytes([0, number]) + answer for number in range(len(REQUESTS)) for answer in answers),
        b"\x01\x02\x1c\x24" + kept + _row(b"Jane Doe") * 2,
        *(
            bytes([number, number]) + value.encode("utf-8", "surrogatepass")
            for number in range(2, 8)
            for value in VALUES
        ),
        *(bytes([3, 0, 0]), bytes([3, 1, 5, 1, 0]), bytes([4, 0, 0, 0]), bytes([4, 1, 1, 9, 1, 1])),
    ]


TARGETS = {"codec": Target(check_codec, _seeds, ["\n", " -1 ", "PERSON:1", "~", "\0\0\0\1"], 256)}
