"""Messages that are hidden already say so, by a mark that holds for their very content and vault.

A text must not be hidden twice, since what looks like a placeholder in it would then be taken for the user's
own. So a message is marked, in its response metadata, which no model is sent, by a digest of what was hidden.
Who changes the message afterwards, or restores it, breaks the mark.
"""

import hashlib
import json
from typing import Any

from langchain_core.messages import BaseMessage

MARK = "secguard"
"""The key of a mark in the response metadata of a message."""

_READ = ("content", "name", "additional_kwargs", "tool_calls", "invalid_tool_calls")


def marked(message: BaseMessage, vault_id: str) -> BaseMessage:
    """Mark a message, a copy of it, as hidden in a vault."""
    mark = mark_of(message, vault_id)
    if message.response_metadata.get(MARK) == mark:
        return message
    return message.model_copy(update={"response_metadata": {**message.response_metadata, MARK: mark}})


def is_marked(message: BaseMessage, vault_id: str) -> bool:
    """Tell whether a message is what was marked in this vault."""
    return message.response_metadata.get(MARK) == mark_of(message, vault_id)


def mark_all(value: Any, vault_id: str) -> Any:
    """Mark a message, or the messages of a list; anything else is returned as it is."""
    if isinstance(value, BaseMessage):
        return marked(value, vault_id)
    if isinstance(value, list) and any(isinstance(item, BaseMessage) for item in value):
        return [marked(item, vault_id) if isinstance(item, BaseMessage) else item for item in value]
    return value


def mark_of(message: BaseMessage, about: str) -> str:
    """Return a digest of what a message says, and of what it is said about: a vault's id, for instance."""
    read = [about, *(getattr(message, name, None) or None for name in _READ)]
    written = json.dumps(read, sort_keys=True, default=str).encode("utf-8", "surrogatepass")
    return hashlib.blake2b(written, digest_size=16).hexdigest()
