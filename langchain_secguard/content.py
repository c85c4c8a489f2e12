"""The text leaves of LangChain's types, and the way back to the same shape and class.

Shapes follow langchain-core's messages, its standard content blocks (``output_version="v1"``), and the
content blocks of the providers' own interfaces.
"""

import copy
import dataclasses
import datetime
import decimal
import enum
import inspect
import pathlib
import uuid
from collections.abc import Callable, Collection, Mapping
from functools import cached_property, lru_cache
from typing import Any, Literal, TypeAlias, TypeVar

from langchain_core.documents import Document
from langchain_core.messages import BaseMessage, FunctionMessage, ToolMessage
from langchain_core.prompt_values import ChatPromptValue, ImagePromptValue, PromptValue, StringPromptValue
from pydantic import BaseModel

from langchain_secguard.blocks import (
    DATA_KEYS,
    JSON_KEYS,
    MEDIA,
    STRUCTURE,
    TEXT_OF_MEDIA,
    Unscanned,
    is_encrypted,
    is_media,
    is_message,
    is_prose,
    media_of,
    names_tool,
)
from langchain_secguard.errors import UnsupportedContentError
from langchain_secguard.json_text import Edit, edit_strings

M = TypeVar("M", bound=BaseModel)
T = TypeVar("T")

Kind: TypeAlias = Literal["text", "name", "scalar"]
"""What a leaf is: text; a participant's name, which must stay one word; the ``str()`` of a number or date."""

Visit: TypeAlias = Callable[[str, Kind], str]
"""Take a leaf and return what stands in its place; a scalar must come back as it was."""

_MESSAGE_FIELDS = ("additional_kwargs", "tool_calls", "invalid_tool_calls", "tool_call_chunks", "artifact")
_SCALARS = (
    int, float, complex, decimal.Decimal, uuid.UUID, enum.Enum, pathlib.PurePath,
    datetime.date, datetime.time, datetime.timedelta,
)  # fmt: skip
_SMALL = 1_000_000
_DEEPEST = 100


def rewrite(
    value: Any,
    visit: Visit,
    *,
    allow: Collection[Unscanned] = (),
    keys: Collection[str] | None = None,
    visit_json: Callable[[str], str] | None = None,
    keep_keys: bool = False,
) -> Any:
    """Pass every text leaf of ``value`` through ``visit`` and return the same shape and class.

    What does not change is returned as the same object; nothing is changed in place. Left alone are ids,
    roles, tool names, usage and response metadata, and the keys of a dict that is the value itself.

    Args:
        value: A str, a prompt value, a message or chunk, a document, a pydantic model, a dataclass, or
            dicts, lists, tuples and sets of these.
        visit: Called with each leaf, always in the same order for the same value.
        allow: What cannot be scanned and is let through as it is.
        keys: The keys of ``value``, a dict, whose leaves are visited; all of them when ``None``.
        visit_json: Called with text that is JSON, or the beginning of it (tool-call arguments as strings);
            by default ``visit`` is called with each of its string literals.
        keep_keys: Leave a dict's key as it is where it would become one that the dict has already.

    Raises:
        UnsupportedContentError: ``value`` holds what cannot be scanned and is not allowed, or two keys of a
            dict become one and ``keep_keys`` is not set.
    """

    def edits_of(literal: str) -> list[Edit]:
        new = visit(literal, "text")
        return [(0, len(literal), new)] if new != literal else []

    as_json = visit_json or (lambda text: edit_strings(text, edits_of))
    walker = _Walker(visit, frozenset(allow), as_json, keep_keys=keep_keys)
    if isinstance(value, dict) and not is_message(value):
        return walker.named(value, keys)
    return walker.value(value, 0)


def _is_data(value: Any) -> bool:
    """Tell whether a value is of a class whose texts are known."""
    if isinstance(value, str | dict | list | tuple | set | frozenset | BaseModel):
        return True
    return dataclasses.is_dataclass(value) and not isinstance(value, type)


def _changed(old: Mapping[Any, Any], new: dict[Any, Any]) -> bool:
    return any(old[key] is not item for key, item in new.items())


def _refuse(kind: Unscanned, what: str) -> UnsupportedContentError:
    return UnsupportedContentError(
        f"{what} cannot be scanned for personal data. Take it out, turn it into text, or let it through "
        f'unscanned with Anonymizer(allow_unscanned=["{kind}"]).'
    )


def _check(depth: int) -> None:
    if depth > _DEEPEST:
        raise UnsupportedContentError(
            f"content nested more than {_DEEPEST} levels deep is not scanned; flatten it"
        )


class _Walker:
    """Walk one value; each method returns its argument itself where nothing changed."""

    def __init__(
        self,
        visit: Visit,
        allow: frozenset[Unscanned],
        as_json: Callable[[str], str],
        *,
        keep_keys: bool = False,
    ) -> None:
        self._take = visit
        self._allow = allow
        self._take_json = as_json
        self._keep_keys = keep_keys

    def _visit(self, text: str, kind: Kind) -> str:
        new = self._take(text, kind)
        return text if new == text else new

    def _visit_json(self, text: str) -> str:
        new = self._take_json(text)
        return text if new == text else new

    def value(self, value: Any, depth: int) -> Any:
        """Rewrite a value of any type."""
        _check(depth)
        if isinstance(value, str) and not isinstance(value, enum.Enum):
            return self._visit(value, "text")
        if value is None or isinstance(value, bool):
            return value
        if isinstance(value, BaseMessage):
            return self._message(value, depth)
        if isinstance(value, dict):
            return self._fields(value, depth) if is_message(value) else self._data(value, depth)
        if isinstance(value, list | tuple | set | frozenset):
            return self._items(value, self.value, depth)
        if isinstance(value, _SCALARS):
            return self._scalar(value)
        return self._object(value, depth)

    def named(self, value: dict[Any, Any], keys: Collection[str] | None) -> Any:
        """Rewrite a dict whose keys are names: of prompt variables, or of a chain's outputs."""
        new = {key: self._block_or_value(item) for key, item in value.items() if keys is None or key in keys}
        return _like(value, {**value, **new}) if _changed(value, new) else value

    def _block_or_value(self, item: Any) -> Any:
        return self.value(item, 1)

    def _message(self, message: BaseMessage, depth: int) -> BaseMessage:
        update: dict[str, Any] = {}
        content = message.content
        if isinstance(content, str):
            new: Any = self._visit(content, "text") if content else content
        else:
            new = self._items(content, self._block, depth)
        if new is not content:
            update["content"] = new
        fields, kind = vars(message), type(message)
        for name in _provider_fields(kind):
            old = fields[name]
            if old:
                new = self._artifact(old, depth) if name == "artifact" else self._provider(old, depth + 1)
                if new is not old:
                    update[name] = new
        if message.name and not isinstance(message, ToolMessage | FunctionMessage):
            name = self._visit(message.name, "name")
            if name != message.name:
                update["name"] = name
        for name in (*_own_fields(kind), *(message.model_extra or ())):
            old = getattr(message, name)
            new = self._provider(old, depth + 1)
            if new is not old:
                update[name] = new
        return _copied(message, update)

    def _artifact(self, artifact: Any, depth: int) -> Any:
        """Rewrite a tool's artifact if its class is known; no model is sent it, so other objects stay."""
        return self.value(artifact, depth + 1) if _is_data(artifact) else artifact

    def _block(self, block: Any, depth: int) -> Any:
        """Rewrite a content block: a str, or a dict with a type."""
        return self._fields(block, depth) if isinstance(block, dict) else self.value(block, depth)

    def _provider(self, value: Any, depth: int) -> Any:
        """Rewrite what is shaped by a provider's interface rather than by the user."""
        if isinstance(value, dict):
            return self._fields(value, depth)
        if isinstance(value, list | tuple):
            return self._items(value, self._provider, depth)
        return self.value(value, depth)

    def _fields(self, fields: dict[Any, Any], depth: int) -> Any:
        """Rewrite a provider's dict, whose keys are structure: a block, a call, an OpenAI-style message."""
        _check(depth)
        kind, media = fields.get("type"), media_of(fields)
        if media is not None:
            return self._media(fields, media, kind)
        new = {
            key: item if is_encrypted(fields, key) else self._field(fields, key, item, depth)
            for key, item in fields.items()
        }
        return _like(fields, new) if _changed(fields, new) else fields

    def _field(self, fields: dict[Any, Any], key: Any, item: Any, depth: int) -> Any:
        if isinstance(item, str):
            if key == "name" and fields.get("role") not in (None, "tool", "function"):
                return self._visit(item, "name")
            if names_tool(fields) if key == "name" else key in STRUCTURE and not is_prose(item):
                return item
            return self._visit_json(item) if key in JSON_KEYS else self._visit(item, "text")
        if key == "audio" and isinstance(item, dict) and "data" in item:
            return self._media(item, "audio", "audio")
        if key in DATA_KEYS:
            return self._nested(item, depth + 1)
        return item if isinstance(item, int | float) else self._provider(item, depth + 1)

    def _media(self, block: dict[Any, Any], kind: Unscanned, label: Any) -> Any:
        if kind not in self._allow:
            raise _refuse(kind, f"a content block of type {label!r}" if label in MEDIA else "binary content")
        texts = {key: block[key] for key in TEXT_OF_MEDIA if isinstance(block.get(key), str)}
        new = {key: self._visit(text, "text") for key, text in texts.items()}
        return _like(block, {**block, **new}) if _changed(block, new) else block

    def _data(self, data: dict[Any, Any], depth: int) -> Any:
        """Rewrite a dict of the user's own, keys and all."""
        if is_media(data):
            return self._fields(data, depth)
        new: dict[Any, Any] = {}
        for key, item in data.items():
            renamed = self._key(key)
            if self._keep_keys and renamed is not key and (renamed in new or renamed in data):
                renamed = key
            new[renamed] = self.value(item, depth + 1)
        if len(new) < len(data):
            raise UnsupportedContentError(
                "two keys of a dict become one when they are hidden; use a reversible policy"
            )
        same = all(a is b and data[a] is new[b] for a, b in zip(data, new, strict=True))
        return data if same else _like(data, new)

    def _nested(self, value: Any, depth: int) -> Any:
        return self._data(value, depth) if isinstance(value, dict) else self.value(value, depth)

    def _key(self, key: Any) -> Any:
        return self._visit(key, "text") if isinstance(key, str) and not isinstance(key, enum.Enum) else key

    def _items(self, items: Any, walk: Callable[[Any, int], Any], depth: int) -> Any:
        _check(depth)
        new = [walk(item, depth + 1) for item in items]
        if all(a is b for a, b in zip(items, new, strict=True)):
            return items
        return type(items)(*new) if hasattr(items, "_fields") else type(items)(new)

    def _scalar(self, value: Any) -> Any:
        if "scalar" in self._allow or (isinstance(value, int | float) and abs(value) < _SMALL):
            return value
        text = str(value.value if isinstance(value, enum.Enum) else value)
        if self._visit(text, "scalar") != text:
            raise _refuse("scalar", f"a {type(value).__name__} that holds personal data")
        return value

    def _object(self, value: Any, depth: int) -> Any:
        if isinstance(value, StringPromptValue):
            return self._copy(value, {"text": self._visit(value.text, "text")}, depth)
        if isinstance(value, ChatPromptValue):
            return self._copy(value, {"messages": self._items(value.messages, self.value, depth)}, depth)
        if isinstance(value, Document):
            content = self._visit(value.page_content, "text")
            metadata = self._nested(value.metadata, depth + 1)
            own = (*_own_fields(type(value)), *(value.model_extra or ()))
            new = {name: self.value(getattr(value, name), depth + 1) for name in own}
            return self._copy(value, {"page_content": content, "metadata": metadata, **new}, depth)
        if isinstance(value, BaseModel) and not isinstance(value, PromptValue):
            fields = {name: getattr(value, name) for name in type(value).model_fields} | (
                value.model_extra or {}
            )
            return self._copy(
                value, {name: self.value(item, depth + 1) for name, item in fields.items()}, depth
            )
        if dataclasses.is_dataclass(value) and not isinstance(value, type):
            return self._dataclass(value, depth)
        kind: Unscanned = "image" if isinstance(value, ImagePromptValue) else "object"
        if kind not in self._allow:
            raise _refuse(kind, f"an object of type {type(value).__name__!r}")
        return value

    def _copy(self, model: BaseModel, new: dict[str, Any], depth: int) -> BaseModel:
        update = {name: item for name, item in new.items() if item is not getattr(model, name)}
        private = model.__pydantic_private__ or {}
        hidden = self._attributes(private, depth)
        if not _changed(private, hidden):
            return _copied(model, update)
        clone = _without_computed(model.model_copy(update=update))
        object.__setattr__(clone, "__pydantic_private__", {**private, **hidden})
        return clone

    def _attributes(self, attributes: Mapping[str, Any], depth: int) -> dict[str, Any]:
        """Rewrite what an object keeps beside its fields, which may have been made of them; others stay."""
        return {name: self.value(item, depth + 1) for name, item in attributes.items() if _is_data(item)}

    def _dataclass(self, value: Any, depth: int) -> Any:
        fields = {field.name: getattr(value, field.name) for field in dataclasses.fields(value)}
        new = {name: self.value(item, depth + 1) for name, item in fields.items()}
        kind: Any = type(value)
        computed = _computed(kind)
        others = getattr(value, "__dict__", {}).items()
        besides = {name: item for name, item in others if name not in fields and name not in computed}
        fields |= besides
        new |= self._attributes(besides, depth)
        if not _changed(fields, new):
            return value
        clone = copy.copy(value)
        for name, item in new.items():
            object.__setattr__(
                clone, name, item
            )  # a frozen dataclass too, and no __post_init__ over placeholders
        return _without_computed(clone)


@lru_cache(maxsize=1024)
def _provider_fields(kind: type[BaseModel]) -> tuple[str, ...]:
    """List the fields of a message class that a provider's interface shapes."""
    return tuple(name for name in _MESSAGE_FIELDS if name in kind.model_fields)


@lru_cache(maxsize=1024)
def _own_fields(kind: type[BaseModel]) -> tuple[str, ...]:
    """List the fields that a subclass adds to LangChain's own messages and documents."""
    known: Any = next(base for base in kind.__mro__ if base.__module__.startswith("langchain_core."))
    return tuple(name for name in kind.model_fields if name not in known.model_fields)


def _copied(model: M, update: Mapping[str, Any]) -> M:
    if not update:
        return model
    if update.keys() == {"content"}:  # what most messages need, without what model_copy looks for besides
        clone = model.__copy__()
        vars(clone)["content"] = update["content"]
        clone.model_fields_set.add("content")
        return _without_computed(clone)
    return _without_computed(model.model_copy(update=update))


def _without_computed(clone: T) -> T:
    """Drop what a cached property made of the values that are hidden now."""
    kind: Any = type(clone)
    for name in _computed(kind):
        vars(clone).pop(name, None)
    return clone


@lru_cache(maxsize=1024)
def _computed(kind: type) -> tuple[str, ...]:
    """List the cached properties of a class."""
    return tuple(
        name for name in dir(kind) if isinstance(inspect.getattr_static(kind, name, None), cached_property)
    )


def _like(old: dict[Any, Any], new: dict[Any, Any]) -> Any:
    if type(old) is dict:
        return new
    clone = copy.copy(old)
    clone.clear()
    clone.update(new)
    return clone
