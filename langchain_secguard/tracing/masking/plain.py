"""From whatever a run is given to plain data: what JSON knows, with the texts in it as they are.

Objects keep the structure of their fields. What holds no text that a person could read (images, arrays,
bytes, connections) becomes a stand-in that says what it was.
"""

import dataclasses
import datetime
import decimal
import enum
import fractions
import ipaddress
import pathlib
import re
import uuid
from collections import UserList, UserString, deque
from collections.abc import Collection, Mapping, ValuesView
from collections.abc import Set as AbstractSet
from typing import Any, TypeAlias

from langchain_core.messages import BaseMessage
from pydantic import BaseModel, SecretBytes, SecretStr

from langchain_secguard.blocks import BINARY_KEYS, is_media, media_of

Plain: TypeAlias = "str | int | float | bool | list[Plain] | dict[str, Plain] | None"

_DEPTH = 48
_NODES = 50_000
_CHARACTERS = 4_000_000
_BITS = 4096
_SCALARS = (
    datetime.date, datetime.time, datetime.timedelta, decimal.Decimal, fractions.Fraction, uuid.UUID,
    pathlib.PurePath, ipaddress.IPv4Address, ipaddress.IPv6Address, re.Pattern, complex,
)  # fmt: skip
_LISTS = (list, tuple, deque, UserList, AbstractSet, ValuesView)
_ADDRESS = re.compile(r"https?://", re.IGNORECASE)
_STRUCTURE = frozenset(
    {
        "type", "model", "model_name", "model_provider", "finish_reason", "stop_reason", "object",
        "system_fingerprint", "service_tier", "ls_provider", "ls_model_name", "ls_model_type",
        "ls_integration", "lc_versions",
    }
)  # fmt: skip
_IDS = frozenset(
    {
        "id", "run_id", "parent_run_id", "trace_id", "thread_id", "checkpoint_id", "checkpoint_ns",
        "langgraph_checkpoint_ns", "task_id", "tool_call_id", "call_id", "vault_id", "lc_run_id",
    }
)  # fmt: skip
_NAME = re.compile(
    r"[a-z][a-z0-9_.:/-]{0,63}|[A-Z_]{1,24}|[A-Za-z]+(?:Message|Chunk|Value|ValueConcrete)"
    r"|(?=[^0-9]*[0-9])[A-Za-z][A-Za-z0-9_.:/-]{0,63}"
)
"""A name that a provider or a library gave, not a person's."""
_ID = re.compile(
    r"(?:[a-z][a-z_]{0,24}[-:_]{1,2})?(?:[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}|[0-9a-f]{32})(?:-\d+)?"
)


class Quiet(str):
    """A text that no detector is to read: a model's name, a run's id. Known values are masked in it."""

    __slots__ = ()


def to_plain(value: Any) -> Plain:
    """Turn ``value`` into plain data; never raise.

    Depth and size are bounded, and an object that holds itself ends where it begins again.
    """
    return _Walk().node(value, 0)


def is_id(text: str) -> bool:
    """Tell whether ``text`` is a random id, maybe behind a prefix that says of what."""
    return _ID.fullmatch(text) is not None


class _Walk:
    def __init__(self) -> None:
        self._left = _NODES
        self._characters = _CHARACTERS
        self._open: set[int] = set()

    def node(self, value: Any, depth: int) -> Plain:
        try:
            return self._node(value, depth)
        except Exception:  # noqa: BLE001 - an object's own code may raise anything
            return _stand_in(value, "unreadable ")

    def _node(self, value: Any, depth: int) -> Plain:
        kind = type(value)
        if kind is str or kind is Quiet:
            self._characters -= len(value)
            return value if self._characters >= 0 else f"<{len(value)} characters>"
        if value is None or kind in (bool, float) or (kind is int and value.bit_length() < _BITS):
            return value  # type: ignore[no-any-return]
        self._left -= 1
        if self._left < 0 or depth > _DEPTH:
            return _stand_in(value, "too deep " if depth > _DEPTH else "too large ")
        if id(value) in self._open:
            return _stand_in(value, "the same ")
        self._open.add(id(value))
        try:
            return self._object(value, depth + 1)
        finally:
            self._open.discard(id(value))

    def _object(self, value: Any, depth: int) -> Plain:
        if isinstance(value, enum.Enum):
            return self.node(value.value, depth)
        if isinstance(value, str | int | float):
            return _base(value)
        if isinstance(value, UserString):
            return _base(value.data)
        if isinstance(value, Mapping):
            return self._mapping(value, depth)
        if isinstance(value, BaseException):
            return self._error(value, depth)
        if isinstance(value, BaseModel):
            return self._model(value, depth)
        if dataclasses.is_dataclass(value) and not isinstance(value, type):
            names = [field.name for field in dataclasses.fields(value)]
            return self._fields({Quiet(name): getattr(value, name) for name in names}, depth)
        return self._items_or_scalar(value, depth)

    def _items_or_scalar(self, value: Any, depth: int) -> Plain:
        if isinstance(value, bytes | bytearray | memoryview):
            return f"<{len(value)} bytes>"
        names = getattr(value, "_fields", None)
        if names and isinstance(value, tuple):
            return self._fields(dict(zip(map(Quiet, names), value, strict=True)), depth)
        if isinstance(value, _LISTS):
            return self._items(value, depth)
        if isinstance(value, _SCALARS):
            return value.isoformat() if hasattr(value, "isoformat") else str(value)
        if hasattr(value, "dtype") and getattr(value, "shape", None) == ():
            return self.node(value.item(), depth)
        return _stand_in(value)

    def _items(self, items: Collection[Any], depth: int) -> Plain:
        kept: list[Plain] = []
        for item in items:
            self._left -= 1
            if self._left < 0:
                return [*kept, f"<{len(items) - len(kept)} more>"]
            kept.append(self.node(item, depth))
        return kept

    def _mapping(self, value: Mapping[Any, Any], depth: int) -> Plain:
        fields = {_key(key): item for key, item in list(value.items())}
        if len(fields) < len(value):
            fields = {f"{_key(key)} ({n})": item for n, (key, item) in enumerate(value.items(), 1)}
        return self._fields(fields, depth)

    def _fields(self, fields: dict[str, Any], depth: int) -> Plain:
        media = media_of(fields) or (is_media(fields) and "file")
        plain: dict[str, Plain] = {}
        for name, item in fields.items():
            if self._left < 0:
                plain["<more>"] = len(fields) - len(plain)
                break
            self._left -= 1
            if media and (name in BINARY_KEYS or name in ("data", "source", str(fields.get("type")))):
                plain[name] = self._media(item, depth)
            else:
                plain[name] = self._field(name, item, depth)
        return plain

    def _field(self, name: str, item: Any, depth: int) -> Plain:
        plain = self.node(item, depth)
        if type(plain) is str and (
            (name in _STRUCTURE and _NAME.fullmatch(plain)) or (name in _IDS and is_id(plain))
        ):
            return Quiet(plain)
        return plain

    def _media(self, item: Any, depth: int) -> Plain:
        """Keep where an image, a sound or a file is, and leave out what it shows."""
        if isinstance(item, str):
            return _base(item) if _ADDRESS.match(item) else f"<{len(item)} characters>"
        if isinstance(item, Mapping):
            return {
                _key(key): self._media(part, depth + 1)
                if key in ("data", "url", "bytes", *BINARY_KEYS)
                else self._field(_key(key), part, depth + 1)
                for key, part in item.items()
            }
        return self.node(item, depth)

    def _model(self, value: BaseModel, depth: int) -> Plain:
        if isinstance(value, SecretStr | SecretBytes):
            return _stand_in(value)
        kind = type(value)
        fields: dict[str, Any] = {
            Quiet(name): getattr(value, name)
            for name, field in kind.model_fields.items()
            if not field.exclude and hasattr(value, name)
        }
        fields |= {name: item for name, item in (value.model_extra or {}).items() if name not in fields}
        if isinstance(value, BaseMessage):
            fields = {name: item for name, item in fields.items() if item or name in ("content", "type")}
        return self._fields(fields, depth)

    def _error(self, error: BaseException, depth: int) -> Plain:
        fields: dict[str, Any] = {"error": type(error).__name__, "message": _message(error)}
        if notes := getattr(error, "__notes__", None):
            fields["notes"] = notes
        cause = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
        if cause is not None:
            fields["cause"] = cause
        if isinstance(error, BaseExceptionGroup):
            fields["exceptions"] = error.exceptions
        return self._fields(fields, depth)


def _message(error: BaseException) -> str:
    try:
        return str(error)
    except Exception:  # noqa: BLE001 - an error's own code may raise anything
        return _stand_in(error, "unreadable ")


def _base(value: Any) -> Plain:
    """Strip a subclass off a str or a number."""
    if isinstance(value, str):
        return str.__str__(value)
    number = int.__int__(value) if isinstance(value, int) else float.__float__(value)
    return number if isinstance(number, float) or number.bit_length() < _BITS else _stand_in(value)


def _key(key: Any) -> str:
    if isinstance(key, enum.Enum):
        key = key.value
    if isinstance(key, str):
        return str.__str__(key)
    if key is None or isinstance(key, (bool, int, float, *_SCALARS)):
        return str(key)
    if isinstance(key, tuple):
        return ", ".join(map(_key, key))
    return _stand_in(key)


def _stand_in(value: Any, why: str = "") -> str:
    return f"<{why}{type(value).__name__}>"
