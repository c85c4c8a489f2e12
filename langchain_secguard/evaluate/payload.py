"""The text of an input as Langfuse keeps it: a string, JSON, messages, a dict."""

import json
from collections.abc import Iterator
from typing import Any

_TECHNICAL = frozenset(
    {"role", "type", "id", "name", "tool_call_id", "index", "additional_kwargs", "response_metadata"}
)


def text_of(payload: Any) -> str:
    """Return the text that a scanner would read in ``payload``, its parts set apart by newlines.

    What says who speaks, and of which kind a part is, is left out.
    """
    if isinstance(payload, str):
        parsed = _parsed(payload)
        return payload if parsed is None else text_of(parsed)
    return "\n".join(_texts(payload))


def _parsed(text: str) -> Any:
    """Parse a string that is JSON of a structure or of a string."""
    if text[:1] not in ('"', "{", "["):
        return None
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None


def _texts(payload: Any) -> Iterator[str]:
    waiting = [payload]
    while waiting:
        value = waiting.pop()
        if isinstance(value, str):
            yield value
        elif isinstance(value, dict):
            waiting += reversed([part for key, part in value.items() if key not in _TECHNICAL])
        elif isinstance(value, list):
            waiting += reversed(value)
