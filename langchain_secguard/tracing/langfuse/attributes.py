"""Which attributes of a span are texts, which are ids of people, and which are neither.

Names: https://langfuse.com/integrations/native/opentelemetry#property-mapping
"""

from collections.abc import Mapping, Sequence
from typing import Any

IDENTIFIERS = frozenset({"user.id", "session.id", "enduser.id", "gen_ai.conversation.id"})
"""Ids of a person or a conversation: one that holds a value becomes a pseudonym, so that two stay two."""

_TECHNICAL = frozenset(
    {
        *(
            f"langfuse.observation.{name}"
            for name in (
                "type",
                "level",
                "completion_start_time",
                "usage_details",
                "cost_details",
                "prompt.version",
            )
        ),
        *(f"langfuse.{name}" for name in ("environment", "release", "version", "trace.public")),
        *(
            f"langfuse.experiment.{name}"
            for name in ("id", "dataset.id", "item.id", "item.version", "item.root_observation_id")
        ),
        *(f"telemetry.sdk.{name}" for name in ("name", "language", "version")),
    }
)


def texts(attributes: Mapping[str, Any] | None) -> dict[str, Any]:
    """Return the attributes that may hold personal data; those that Langfuse counts or sorts by may not."""
    return {
        name: value
        for name, value in (attributes or {}).items()
        if name not in _TECHNICAL and not name.startswith("langfuse.internal.") and _is_text(value)
    }


def _is_text(value: object) -> bool:
    if isinstance(value, str | bytes | int) and not isinstance(value, bool):
        return True
    return isinstance(value, Sequence) and any(map(_is_text, value))
