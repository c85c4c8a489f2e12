"""Read docstrings as Markdown: roles and code directives of reStructuredText become links and fences."""

import re
import textwrap
from typing import Any

import griffe

_ROLE = re.compile(r":(?:class|func|meth|mod|data|attr|exc):`~?\.{0,2}([\w.]+)`")
_LITERAL = re.compile(r"(?<!`)``([^`]+)``(?!`)")
_CODE = re.compile(r"^( *)\.\. code-block:: (\w+)\n\n((?:\1 +.*\n|\n)+)", re.MULTILINE)
_DRAWING = re.compile(r"::\n\n((?: {4}.*(?:\n|$)|\n)+)")


def as_markdown(docstring: str) -> str:
    """Write a docstring as Markdown."""
    text = _CODE.sub(_fenced, docstring + "\n")
    text = _DRAWING.sub(lambda match: f"\n\n```text\n{textwrap.dedent(match[1]).rstrip()}\n```\n\n", text)
    text = _ROLE.sub(lambda match: f"`{match[1].rpartition('.')[2]}`", text)
    return _LITERAL.sub(r"`\1`", text).rstrip()


def _fenced(match: re.Match[str]) -> str:
    indent, language, body = match.groups()
    code = textwrap.indent(textwrap.dedent(body).rstrip(), indent)
    return f"{indent}```{language}\n{code}\n{indent}```\n\n"


class Roles(griffe.Extension):
    """Rewrite each docstring as it is read."""

    def on_object(self, *, obj: griffe.Object, **kwargs: Any) -> None:  # noqa: ARG002 - griffe's signature
        """Rewrite the docstring of an object."""
        if obj.docstring is not None:
            obj.docstring.value = as_markdown(obj.docstring.value)
