"""What the keys of messages, content blocks and calls mean."""

from typing import Any

import pytest
from langchain_core.messages import HumanMessage

from langchain_secguard import UnsupportedContentError
from langchain_secguard.blocks import is_message, media_of, names_tool
from langchain_secguard.content import Kind, rewrite


@pytest.mark.parametrize(
    ("block", "media"),
    [
        ({"type": "image", "url": "https://example.com/a.png"}, "image"),
        ({"type": "input_audio", "input_audio": {"data": "AA==", "format": "wav"}}, "audio"),
        ({"inline_data": 1, "mime_type": "image/png", "data": "AA=="}, "file"),
        ({"mimeType": "image/png", "data": "AA=="}, "file"),
        ({"type": "document", "source": {"type": "base64", "data": "AA=="}}, "file"),
        ({"type": "document", "source": {"type": "text", "data": "read me"}}, None),
        ({"type": "text-plain", "text": "read me", "mime_type": "text/plain"}, None),
        ({"type": "text", "text": "read me"}, None),
    ],
)
def test_media_is_told_from_text(block: dict[str, Any], media: str | None) -> None:
    assert media_of(block) == media


def test_a_row_with_a_role_of_its_own_is_no_message() -> None:
    assert is_message({"role": "user", "content": "hi"})
    assert not is_message({"role": "surgeon", "content": "hi"})
    assert not is_message({"role": "user"})


def test_a_tools_name_is_told_from_somebodys() -> None:
    assert names_tool({"name": "search", "arguments": "{}"})
    assert not names_tool({"name": "Jane Doe", "age": 40})


def test_binary_data_in_a_providers_own_shape_is_refused() -> None:
    message = HumanMessage([{"inline_data": {"mime_type": "image/png", "data": "AA=="}}])
    with pytest.raises(UnsupportedContentError):
        rewrite(message, lambda text, _: text)


def test_what_a_function_answered_is_data_of_the_user() -> None:
    def upper(text: str, _: Kind) -> str:
        return text.upper()

    answer = {"function_response": {"name": "find", "id": "7", "response": {"id": "jane", "name": "doe"}}}
    changed = rewrite(HumanMessage([answer]), upper)
    assert changed.content[0]["function_response"]["response"] == {"ID": "JANE", "NAME": "DOE"}
