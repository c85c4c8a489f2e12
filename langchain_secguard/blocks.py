"""What the keys of messages, content blocks and calls mean: what is text, what is structure, what is media.

The names are langchain-core's (standard content blocks), OpenAI's (Chat Completions and Responses),
Anthropic's (Messages), Google's and Bedrock's.
"""

import re
from collections.abc import Mapping
from typing import Any, Literal, TypeAlias

Unscanned: TypeAlias = Literal["image", "audio", "video", "file", "scalar", "object"]
"""What cannot be scanned, and is let through only where it is named."""

UNSCANNED: frozenset[Unscanned] = frozenset({"image", "audio", "video", "file", "scalar", "object"})

MEDIA: Mapping[str, Unscanned] = {
    "image": "image", "image_url": "image", "input_image": "image", "image_generation_call": "image",
    "audio": "audio", "input_audio": "audio", "output_audio": "audio",
    "video": "video", "video_url": "video", "input_video": "video",
    "file": "file", "input_file": "file", "document": "file", "media": "file", "container_upload": "file",
    "text-plain": "file",
}  # fmt: skip
BINARY_KEYS = frozenset({"base64", "file_data", "image_url", "bytes", "b64_json"})
TEXT_OF_MEDIA = ("text", "title", "context", "caption", "transcript")
STRUCTURE = frozenset(
    {
        "type", "id", "index", "name", "role", "status", "model", "call_id", "tool_call_id", "tool_use_id",
        "signature", "encrypted_content", "thought_signature", "mime_type", "media_type", "cache_control",
        "file_id", "format", "phase",
    }
)  # fmt: skip
"""Keys whose values are no text, unless they look like one: see :func:`is_prose`."""
JSON_KEYS = frozenset({"arguments", "partial_json", "args", "input"})
DATA_KEYS = frozenset({"args", "attributes", "input", "json", "value", "parsed", "output", "response"})
_TOOL_KEYS = frozenset(
    {
        "arguments", "args", "input", "parameters", "partial_json", "input_schema", "inputSchema", "index",
        "call_id", "tool_call_id", "tool_use_id", "toolUseId", "description",
    }
)  # fmt: skip
_PROSE = re.compile(r"[\s\[]")
_ROLES = frozenset({"user", "human", "assistant", "ai", "system", "developer", "tool", "function", "model"})


def is_message(value: Mapping[Any, Any]) -> bool:
    """Tell whether a dict is a chat message as OpenAI's interface writes it."""
    role = value.get("role")
    return isinstance(role, str) and role in _ROLES and ("content" in value or "tool_calls" in value)


def media_of(fields: Mapping[Any, Any]) -> Unscanned | None:
    """Tell what a provider's dict holds that is no text, if it does."""
    kind = fields.get("type")
    if isinstance(kind, str) and kind in MEDIA and not _is_readable(fields):
        return MEDIA[kind]
    encoded = "data" in fields and ("mime_type" in fields or "mimeType" in fields)
    return "file" if encoded or not BINARY_KEYS.isdisjoint(fields) else None


def is_prose(value: Any) -> bool:
    """Tell whether what stands where structure should (an id, a status) is text, or a placeholder of it.

    No id holds white space or a bracket.
    """
    return isinstance(value, str) and _PROSE.search(value) is not None


def is_encrypted(fields: Mapping[Any, Any], key: Any) -> bool:
    """Tell whether what a provider's dict has under ``key`` is thinking that only the provider can read."""
    is_data = fields.get("type") == "redacted_thinking" and key == "data"
    return is_data and isinstance(fields[key], str) and not is_prose(fields[key])


def names_tool(fields: Mapping[Any, Any]) -> bool:
    """Tell whether the name in a provider's dict is a tool's, and not somebody's."""
    kind = fields.get("type")
    return (
        fields.get("role") is not None
        or not _TOOL_KEYS.isdisjoint(fields)
        or (isinstance(kind, str) and any(word in kind for word in ("tool", "call", "function", "mcp")))
    )


def is_media(data: Mapping[Any, Any]) -> bool:
    """Tell whether a dict of the user's own is a content block that holds, or names, what is no text."""
    kind = data.get("type")
    if not isinstance(kind, str) or kind not in MEDIA:
        return False
    held = data.keys() & {kind, "source", "url", "file_id", *BINARY_KEYS}
    return bool(held) or ("data" in data and not data.keys().isdisjoint({"mime_type", "media_type"}))


def _is_readable(block: Mapping[Any, Any]) -> bool:
    """Tell whether a document block holds its text as text."""
    source = block.get("source")
    if isinstance(source, dict):
        return source.get("type") in ("text", "content")
    return (
        block.get("type") == "text-plain"
        and "text" in block
        and not ({"base64", "url", "file_id"} & block.keys())
    )
