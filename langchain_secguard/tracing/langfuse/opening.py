"""How a span is started: with its type, its parent and the trace's attributes, and with no text."""

from collections.abc import Mapping, Sequence
from typing import Any

from langfuse import Langfuse

from langchain_secguard.tracing.langfuse.code import configured_in
from langchain_secguard.tracing.langfuse.runs import Opening, Run
from langchain_secguard.tracing.masking.mask import Mask

_POSITIONS = ("seq:step:", "map:key:")  # tags in which LangChain says where a run stands in its parent


class ChildOpener:
    """Stand in for the observation, or the client, on which Langfuse's handler starts an observation.

    The span is started in the current context, so whoever calls has put the right one there. Its name until
    the run is sent is its type.
    """

    def __init__(self, client: Any, opening: Opening) -> None:
        self._real = client
        self._opening = opening

    def start_observation(self, *, name: str, as_type: str, trace_context: Any = None, **given: Any) -> Run:
        """Start a span, and keep what was meant to be written to it."""
        where = {"trace_context": trace_context} if trace_context else {}
        observation = self._real.start_observation(name=as_type, as_type=as_type, **where)
        return Run(self._opening, name=name, as_type=as_type, observation=observation).update(**given)


class RootOpener(ChildOpener, Langfuse):  # type: ignore[misc]
    """Do the same for a root: what is a client, and that alone, is given a trace context."""


def trace_attributes(attributes: Mapping[str, Any], mask: Mask | None) -> dict[str, Any]:
    """Mask what is written to every span of a trace from its start; ids become pseudonyms."""
    shown = dict(attributes)
    if isinstance(shown.get("tags"), Sequence):
        shown["tags"] = sorted(tag for tag in shown["tags"] if not tag.startswith(_POSITIONS))
    if mask is None:
        return shown
    for name in ("user_id", "session_id"):
        if isinstance(shown.get(name), str):
            shown[name] = mask.identifier(shown[name])
    rest = {name: shown[name] for name in ("tags", "metadata", "trace_name") if shown.get(name) is not None}
    if rest:
        shown |= zip(rest, mask.apply(list(rest.values())), strict=True)
    if isinstance(rest.get("metadata"), Mapping) and isinstance(shown["metadata"], Mapping):
        shown["metadata"] = {**shown["metadata"], **configured_in(rest["metadata"])}
    return shown
