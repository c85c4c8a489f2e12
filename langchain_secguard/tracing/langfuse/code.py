"""Names that come from code and configuration, not from people: of classes and of models.

A detector takes some of them for a person's or a firm's (Anonymizer, Claude), which would make a trace
unreadable. They are left alone unless a value that is known stands in them.
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from langchain_core.runnables import Runnable

from langchain_secguard.lru import Lru
from langchain_secguard.sight import Sight

_CONFIGURED = "ls_"  # what a chat model says of itself: ls_provider, ls_model_name, ...

_SCORE_NAME = re.compile(r"[A-Za-z_][\w-]*\.(?:risk|valid)|verdict")

_classes: Lru[str, bool] = Lru(1024)


def known_values(sights: Sequence[Sight]) -> re.Pattern[str] | None:
    """Compile what finds the values that the steps saw, as whole words, in any case."""
    values = {value for sight in sights for value in sight.values}
    return re.compile(_any_of(values), re.IGNORECASE) if values else None


def is_class_name(name: str) -> bool:
    """Tell whether ``name`` is that of a Runnable's class, which LangChain gives to a run without another."""
    known = _classes.get(name)
    if known is None:
        known = any(each.__name__ == name for each in _below(Runnable))
        if known:  # what is no class today may be one tomorrow
            _classes.put(name, known)
    return known


def is_score_name(name: str) -> bool:
    """Tell whether a score is named after a scanner, by its class or in words without spaces."""
    return _SCORE_NAME.fullmatch(name) is not None


def code_in(fields: Mapping[str, Any], known: re.Pattern[str] | None) -> dict[str, Any]:
    """Return the fields of an observation, and the entries of its metadata, that come from code."""
    code = {}
    if is_class_name(fields["name"]) and not _holds(fields["name"], known):
        code["name"] = fields["name"]
    if isinstance(fields.get("model"), str) and not _holds(fields["model"], known):
        code["model"] = fields["model"]
    if isinstance(fields.get("metadata"), Mapping):
        code["metadata"] = configured_in(fields["metadata"], known)
    return code


def configured_in(metadata: Mapping[str, Any], known: re.Pattern[str] | None = None) -> dict[str, Any]:
    """Return the entries of metadata that a chat model made of its configuration."""
    return {
        key: value
        for key, value in metadata.items()
        if isinstance(key, str)
        and key.startswith(_CONFIGURED)
        and (isinstance(value, int | float) or (isinstance(value, str) and not _holds(value, known)))
    }


def _holds(text: str, known: re.Pattern[str] | None) -> bool:
    return known is not None and known.search(text) is not None


def _any_of(values: Iterable[str]) -> str:
    listed = "|".join(re.escape(value) for value in sorted(values, key=len, reverse=True))
    return rf"(?<!\w)(?:{listed})(?!\w)"


def _below(base: type[Any]) -> Iterator[type[Any]]:
    each: type[Any]
    for each in base.__subclasses__():
        yield each
        yield from _below(each)
