"""JSON inside a text: its strings are masked one by one, so that it stays JSON.

What is outside a string keeps its bytes, but for a number that becomes a placeholder in quotes.
"""

import json
import re
from collections.abc import Callable, Iterator

from langchain_secguard.json_text import escape

_NESTED = 8
_STRING = re.compile(r'"((?:[^"\\]|\\.)*)"', re.DOTALL)
_WHOLE = re.compile(r"\.0+\Z")
_NUMBER = re.compile(r"-?[0-9][0-9.]{3,}(?:[eE][+-]?[0-9]+)?")


def leaves(text: str, depth: int = 0) -> Iterator[str]:
    """List the texts in ``text``: its strings and numbers where it is JSON, and itself where it is not."""
    if not _is_json(text, depth):
        yield text
        return
    for position, part in enumerate(_STRING.split(text)):
        if position % 2:
            yield from leaves(_content(part), depth + 1)
        else:
            yield from map(digits, _NUMBER.findall(part))


def rewrite(text: str, write: Callable[[str], str], depth: int = 0) -> str:
    """Write ``text`` with each of its leaves written anew."""
    if not _is_json(text, depth):
        return write(text)
    parts = _STRING.split(text)
    for position, part in enumerate(parts):
        parts[position] = (
            _rewritten(part, write, depth)
            if position % 2
            else _NUMBER.sub(lambda match: _number(match[0], write), part)
        )
    return "".join(parts)


def _rewritten(part: str, write: Callable[[str], str], depth: int) -> str:
    content = _content(part)
    new = rewrite(content, write, depth + 1)
    if new == content:
        return f'"{part}"'
    return json.dumps(new) if part.isascii() else f'"{escape(new)}"'


def _number(number: str, write: Callable[[str], str]) -> str:
    text = digits(number)
    new = write(text)
    return number if new == text else json.dumps(new)


def digits(number: str) -> str:
    """Write a number as an id or a telephone number is written: a table may have made a float of it."""
    return _WHOLE.sub("", number)


def _content(part: str) -> str:
    return str(json.loads(f'"{part}"', strict=False)) if "\\" in part else part


def _is_json(text: str, depth: int) -> bool:
    """Tell whether ``text`` is JSON of more than a number or a word."""
    if (
        depth >= _NESTED
        or text.lstrip()[:1] not in ("{", "[", '"')
        or text.rstrip()[-1:] not in ("}", "]", '"')
    ):
        return False
    try:
        json.loads(text, strict=False)
    except (ValueError, RecursionError):
        return False
    return True
