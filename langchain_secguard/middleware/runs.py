"""The run of a protected agent, around its graph and the steps, as tracers see it."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any, Self
from uuid import UUID

from langchain_core.callbacks import AsyncCallbackManager, BaseCallbackHandler, CallbackManager
from langchain_core.runnables import RunnableConfig, ensure_config, patch_config
from langchain_core.runnables.config import var_child_runnable_config

from langchain_secguard.middleware.events import STEPS

_COORDINATES = ("thread_id", "checkpoint_ns", "checkpoint_id", "checkpoint_map")


@contextmanager
def ambient(config: RunnableConfig) -> Iterator[None]:
    """Let a graph that runs in a tool find our run as its parent, and not the tool's."""
    token = var_child_runnable_config.set(config)
    try:
        yield
    finally:
        var_child_runnable_config.reset(token)


def merged_config(config: RunnableConfig | None) -> RunnableConfig:
    """Do as LangGraph does: a config that names no thread adds to that of the graph around it, if any."""
    around = ensure_config().get("configurable") or {}
    merged = ensure_config(config)
    own = merged.get("configurable") or {}
    if around and not any(own.get(key) for key in _COORDINATES):
        merged["configurable"] = {**around, **own}
    return merged


class Given(BaseCallbackHandler):
    """Hear what the graph gave in the end, which its stream may not say."""

    run_inline = True

    def __init__(self) -> None:
        self.output: Any = None
        self._graph: UUID | None = None

    def on_chain_start(self, *_: Any, run_id: UUID, name: str | None = None, **__: Any) -> None:
        """Learn which run the graph is."""
        if name not in STEPS:
            self._graph = run_id

    def on_chain_end(self, outputs: Any, *, run_id: UUID, **_: Any) -> None:
        """Keep what the graph gave."""
        if run_id == self._graph:
            self.output = outputs


class Run:
    """Let tracers see one run of a protected agent, around the graph and the steps.

    It is entered by ``with``, or by ``async with`` where its manager is an async one.
    """

    def __init__(
        self, manager: CallbackManager | AsyncCallbackManager, name: str, given_: Any, config: RunnableConfig
    ) -> None:
        self.output: Any = None
        self.given = Given()
        self._config = config
        name = config.get("run_name") or name
        self._start: Callable[[], Any] = partial(
            manager.on_chain_start, None, given_, name=name, run_id=config.get("run_id")
        )

    def __enter__(self) -> Self:
        return self._begun(self._start())

    async def __aenter__(self) -> Self:
        return self._begun(await self._start())

    def __exit__(self, _: object, error: BaseException | None, __: object) -> None:
        self._end(error)

    async def __aexit__(self, _: object, error: BaseException | None, __: object) -> None:
        await self._end(error)

    def _begun(self, manager: Any) -> Self:
        self._manager = manager
        child = manager.get_child()
        child.add_handler(self.given, inherit=False)
        self.config = patch_config(self._config, callbacks=child)
        return self

    def _end(self, error: BaseException | None) -> Any:
        """Tell how the run ended; with an async manager, what is returned is awaited."""
        if error is None:
            return self._manager.on_chain_end(self.output)
        return self._manager.on_chain_error(error)
