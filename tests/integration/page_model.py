"""The model that the pages of the documentation talk to: it repeats, calls a tool, or fills a schema."""

import json
import re
from typing import Any

from tests.integration.openai_server import Reply, ToolCall

_PLACEHOLDER = re.compile(r"\[([A-Z_]+)_[0-9]+[a-z]?\]")
_WORDS = {
    "name": "PERSON",
    "who": "PERSON",
    "mail": "EMAIL_ADDRESS",
    "to": "EMAIL_ADDRESS",
    "phone": "PHONE_NUMBER",
}


def answer(request: dict[str, Any]) -> Reply:
    """Answer with JSON where a schema is given, by a tool where one may be called, or in words."""
    last = request["messages"][-1]
    said = _text(last["content"])
    wanted = request.get("response_format", {}).get("json_schema")
    if wanted:
        return Reply(text=json.dumps(_filled(wanted["schema"], said)))
    tools = request.get("tools")
    if tools and last["role"] == "user":
        function = tools[0]["function"]
        arguments = _filled(function["parameters"], said)
        return Reply(
            tool_calls=(ToolCall(name=function["name"], arguments=arguments, id="call-1"),), chunk_size=3
        )
    return Reply(text=f"About: {said}", chunk_size=3)


def _text(content: Any) -> str:
    if isinstance(content, str):
        return content
    return " ".join(block["text"] for block in content or () if block.get("type") == "text")


def _filled(schema: dict[str, Any], said: str) -> dict[str, Any]:
    return {name: _value(name, said) for name in schema.get("properties", {})}


def _value(name: str, said: str) -> str:
    """Take a placeholder of the type that a field's name speaks of, or else all that was said."""
    wanted = next((kind for word, kind in _WORDS.items() if word in name), None)
    found = [match[0] for match in _PLACEHOLDER.finditer(said) if match[1] == wanted]
    return found[0] if found else said
