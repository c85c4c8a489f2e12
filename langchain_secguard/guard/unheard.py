"""Configs for runs of which no stream of events tells: what they hold may be refused afterwards.

``astream_events``, ``astream_log`` and LangGraph's stream modes hear a chain through handlers of their own
kind, and hand on all that its runs are given and give. Tracers are none of them, and go on hearing.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from langchain_core.callbacks import BaseCallbackHandler, BaseCallbackManager
from langchain_core.runnables import RunnableConfig
from langchain_core.runnables.config import var_child_runnable_config
from langchain_core.tracers import _streaming

_KINDS: tuple[Any, ...] = (
    _streaming._StreamingCallbackHandler,  # noqa: SLF001 - LangGraph knows them by it, too
    *([marker] if (marker := getattr(_streaming, "_V2StreamingCallbackHandler", None)) else []),
)


def unheard(config: RunnableConfig) -> RunnableConfig:
    """Return ``config`` without the handlers that hand events on."""
    callbacks = config.get("callbacks")
    if isinstance(callbacks, BaseCallbackManager):
        if not any(map(_hands_on, (*callbacks.handlers, *callbacks.inheritable_handlers))):
            return config
        quiet = callbacks.copy()
        quiet.handlers = [one for one in quiet.handlers if not _hands_on(one)]
        quiet.inheritable_handlers = [one for one in quiet.inheritable_handlers if not _hands_on(one)]
        return {**config, "callbacks": quiet}
    if callbacks and any(map(_hands_on, callbacks)):
        return {**config, "callbacks": [one for one in callbacks if not _hands_on(one)]}
    return config


@contextmanager
def unheard_runs(config: RunnableConfig) -> Iterator[None]:
    """Let the runs that begin in the block be children of ``config``'s run, and unheard."""
    quiet = unheard(config)
    if quiet is config:
        yield
        return
    token = var_child_runnable_config.set(quiet)
    try:
        yield
    finally:
        var_child_runnable_config.reset(token)


def _hands_on(handler: BaseCallbackHandler) -> bool:
    return isinstance(handler, _KINDS)
