"""The texts of plain data, and plain data with other texts in their place."""

from collections.abc import Iterable, Mapping
from typing import TypeGuard

from langchain_secguard.tracing.masking import documents
from langchain_secguard.tracing.masking.plain import Plain, Quiet

_QUIET = 1_000
"""Numbers from here on are compared with known values."""
_LOUD = 1_000_000
"""Numbers from here on are read by a detector, too."""


def gather(trees: Iterable[Plain], most: int) -> dict[str, bool]:
    """List the texts of ``trees``, and whether a detector is to read them.

    Texts of more than ``most`` characters are not looked into for JSON.
    """
    leaves: dict[str, bool] = {}
    for tree in trees:
        _gather(tree, leaves, most)
    return leaves


def _gather(node: Plain, leaves: dict[str, bool], most: int) -> None:
    if isinstance(node, dict):
        for key, item in node.items():
            _note(str(key), leaves, loud=type(key) is not Quiet)
            _gather(item, leaves, most)
    elif isinstance(node, list):
        for item in node:
            _gather(item, leaves, most)
    elif isinstance(node, str):
        for leaf in documents.leaves(str(node)) if len(node) <= most else [str(node)]:
            _note(leaf, leaves, loud=type(node) is not Quiet)
    elif _is_number(node):
        _note(documents.digits(str(node)), leaves, loud=not -_LOUD < node < _LOUD)


def _note(text: str, leaves: dict[str, bool], *, loud: bool) -> None:
    leaves[text] = leaves.get(text, False) or loud


def rebuild(node: Plain, written: Mapping[str, str], most: int) -> Plain:
    """Write a tree anew with what stands for its texts."""
    if isinstance(node, dict):
        items = [(written[key], rebuild(item, written, most)) for key, item in node.items()]
        return dict(items) if len(dict(items)) == len(items) else _numbered(items)
    if isinstance(node, list):
        return [rebuild(item, written, most) for item in node]
    if isinstance(node, str):
        text = str(node)
        return documents.rewrite(text, written.__getitem__) if len(text) <= most else written[text]
    if _is_number(node):
        text = documents.digits(str(node))
        return node if written[text] == text else written[text]
    return node


def _numbered(items: Iterable[tuple[str, Plain]]) -> Plain:
    """Keep apart keys that became one."""
    fields: dict[str, Plain] = {}
    for key, item in items:
        number, name = 1, key
        while name in fields:
            number += 1
            name = f"{key} ({number})"
        fields[name] = item
    return fields


def _is_number(node: Plain) -> TypeGuard[int | float]:
    """Tell whether ``node`` is a number long enough to be somebody's."""
    return type(node) in (int, float) and not -_QUIET < node < _QUIET  # type: ignore[operator]
