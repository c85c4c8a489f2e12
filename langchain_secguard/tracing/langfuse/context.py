"""Where a run stands in OpenTelemetry's context: below its parent, beside its siblings, gone when it ends.

LangChain starts and ends runs in whatever thread or task it is in: all items of a sync batch in one, a child
in another than its parent. So a run carries the context that its children are made in, and what was ambient
before it; nothing is ever taken from the ambient context that LangChain's own tree contradicts.
"""

from collections.abc import Mapping
from typing import TYPE_CHECKING
from uuid import UUID

from langchain_core.callbacks import BaseCallbackManager
from langchain_core.runnables.config import var_child_runnable_config
from opentelemetry.context import Context, create_key, get_value, set_value
from opentelemetry.trace import get_current_span, set_span_in_context

if TYPE_CHECKING:
    from langchain_secguard.tracing.langfuse.runs import Run

_RUN = create_key("langchain-secguard-run")

_HOSTS = frozenset({"tool", "retriever"})
"""Kinds of runs that call other Runnables without naming themselves in LangChain's ambient config."""


def run_in(context: Context) -> "Run | None":
    """Return the run that ``context`` was made for, or was copied from."""
    run: Run | None = get_value(_RUN, context)  # type: ignore[assignment]
    return run


def context_of(run: "Run", surrounding: Context) -> Context:
    """Make the context that the children of ``run`` are started in."""
    return set_value(_RUN, run, set_span_in_context(run.span, surrounding))


def is_ambient(run: "Run", context: Context) -> bool:
    """Tell whether ``run``, and not a span that was opened in it, is what ``context`` is in."""
    return run_in(context) is run and get_current_span(context) is run.span


def caller(runs: Mapping[UUID, "Run"]) -> "Run | UUID | None":
    """Return the run whose code is running, as LangChain tells; its id if it is none of ``runs``."""
    config = var_child_runnable_config.get()
    callbacks = config.get("callbacks") if config else None
    run_id = callbacks.parent_run_id if isinstance(callbacks, BaseCallbackManager) else None
    return None if run_id is None else runs.get(run_id, run_id)


def place_child(parent: "Run", current: Context) -> tuple[Context, Context]:
    """Return the context that a child starts in, and the one to leave behind when it ends.

    A span that was opened by hand in the code of the parent is kept between the two.
    """
    below = run_in(current) is parent
    return (current if below else parent.context), _clean(current, parent)


def place_root(run_id: UUID, runs: Mapping[UUID, "Run"], current: Context) -> tuple[Context, Context]:
    """Return the same for a run without a parent of ours.

    It stands below the run whose code calls it, if there is one, and else where the outermost run around it
    does: a run that merely happens to be open in this thread is a sibling.
    """
    calling = caller(runs)
    if calling is not None and not isinstance(calling, UUID):
        return place_child(calling, current)
    context = current
    while (nearest := run_in(context)) is not None:
        if nearest.run_id != run_id and _hosts(nearest, calling, context):
            break
        context = nearest.resume
    return context, context


def _hosts(run: "Run", calling: UUID | None, context: Context) -> bool:
    opened_by_hand = get_current_span(context) is not run.span
    return run.run_id == calling or opened_by_hand or (run.kind in _HOSTS and not run.ended)


def _clean(current: Context, parent: "Run") -> Context:
    """Leave out of ``current`` the siblings that were started in the same thread."""
    above = parent.line()
    context = current
    while (nearest := run_in(context)) is not None and nearest.run_id not in above:
        context = nearest.resume
    return context
