"""What of a chain's events a client may hear: that it began, what it says, how it ended; not its steps."""

from collections.abc import Collection
from typing import Any

_PARTS = {"start": (), "stream": ("chunk",), "end": ("output",)}
"""What the data of an event of the chain itself keeps. Its input is the client's own."""

_PREFIX = "secguard."
_KEPT = frozenset(
    {"step", "entities", "risk", "cached", "read", "unknown", "withheld", "seconds", "scores", "error"}
    | {"scanner", "valid", "verdict"}
)
"""What the data of an event of this package keeps: counts, scores and durations, not the vault's id."""


def check_events(names: Collection[str]) -> frozenset[str]:
    """Return the names of events that a client may hear besides, all of this package.

    Raises:
        ValueError: One is not: nobody knows what it holds.
    """
    if unknown := sorted(name for name in names if not name.startswith(_PREFIX)):
        raise ValueError(f"only events whose names begin with {_PREFIX} hold no text; not so: {unknown}")
    return frozenset(names)


def shown_event(event: Any, run_id: str, allowed: frozenset[str]) -> dict[str, Any] | None:
    """Return what a client may hear of an event of ``astream_events``, or nothing."""
    kind, data = str(event["event"]), event.get("data")
    told = {"run_id": run_id, "parent_ids": [], "tags": [], "metadata": {}}
    if kind == "on_custom_event":
        if event["name"] not in allowed or not isinstance(data, dict):
            return None
        kept = {name: one for name, one in data.items() if name in _KEPT}
        return {"event": kind, "name": event["name"], "data": kept, **told}
    parts = _PARTS.get(kind.rpartition("_")[2])
    if event["run_id"] != run_id or event.get("parent_ids") or parts is None:
        return None
    return {
        "event": kind,
        "name": event["name"],
        "data": {part: data[part] for part in parts if part in (data or {})},
        **told,
    }
