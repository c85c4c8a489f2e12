"""A graph whose state holds placeholders, as its caller sees it: with values, in every mode."""

from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import AbstractContextManager, aclosing, closing
from typing import Any, Self

from langchain_core.callbacks import AsyncCallbackManager, CallbackManager
from langchain_core.runnables import Runnable, RunnableConfig
from langchain_core.runnables.config import (
    get_async_callback_manager_for_config,
    get_callback_manager_for_config,
)
from langchain_core.runnables.graph import Graph
from langchain_core.runnables.schema import StreamEvent
from langchain_core.runnables.utils import ConfigurableFieldSpec

from langchain_secguard.anonymize import Anonymizer
from langchain_secguard.deanonymize import Deanonymizer
from langchain_secguard.middleware.events import PROTECTED, EventRestorer
from langchain_secguard.middleware.framework import (
    GraphInterrupt,
    PregelProtocol,
    StateSnapshot,
    StateUpdate,
)
from langchain_secguard.middleware.pair import Call, Pair, Plan, adrive, drive, quiet_config
from langchain_secguard.middleware.parts import Shape, part_step
from langchain_secguard.middleware.runs import Run, ambient, merged_config
from langchain_secguard.middleware.shapes import given, state, update
from langchain_secguard.protect import vault_of_call
from langchain_secguard.wrapper import Wrapper

_TASK = "__pregel_task_id"


def protect_agent(
    agent: PregelProtocol[Any, Any, Any, Any],
    *,
    anonymizer: Anonymizer | None = None,
    deanonymizer: Deanonymizer | None = None,
) -> "ProtectedAgent":
    """Wrap a graph, so that it and its checkpointer see placeholders and its caller sees values.

    All of its nodes, and its tools, see placeholders; for an agent whose tools are to have values there is
    :meth:`AnonymizeMiddleware.protect`. The vault is the thread's (``thread_id``), or the one that the config
    names. Where it names none, each call has a vault of its own, which is erased when the call ends.

    Args:
        agent: A compiled graph of LangGraph.
        anonymizer: Hides what the graph is given; ``Anonymizer()`` by default.
        deanonymizer: Restores what it gives; one with the anonymizer's store, vault and form by default.

    Raises:
        ValueError: The two steps name different vaults, stores or forms, or one of them has ``keys``.
        TypeError: ``agent`` is no compiled graph.
    """
    return ProtectedAgent(agent, Pair(anonymizer, deanonymizer))


class ProtectedAgent(Wrapper):
    """Run a graph on placeholders; made by :func:`protect_agent` or ``AnonymizeMiddleware.protect``.

    It has the graph's own methods: ``invoke``, ``stream`` with every ``stream_mode``, ``astream_events``,
    ``get_state``, ``update_state`` and the like, and their async forms; what is given to them is hidden, what
    comes back is restored. ``agent`` is the graph itself, and sees placeholders.

    Raises:
        TypeError: ``agent`` is no compiled graph.
    """

    def __init__(self, agent: PregelProtocol[Any, Any, Any, Any], pair: Pair) -> None:
        if not isinstance(agent, PregelProtocol):
            raise TypeError("what is protected is a compiled graph, as create_agent() and compile() give it")
        self.agent = agent
        self.name = agent.get_name()
        self._pair = pair
        self._whole = pair.deanonymizer
        self._parts = part_step(pair.deanonymizer)

    def _wrapped(self) -> Runnable[Any, Any]:
        return self.agent

    @property
    def config_specs(self) -> list[ConfigurableFieldSpec]:
        """Declare what the graph and the steps declare."""
        own = {spec.id: spec for spec in (*self.agent.config_specs, *self._pair.anonymizer.config_specs)}
        return list(own.values())

    def get_graph(self, config: RunnableConfig | None = None, **kwargs: Any) -> Graph:
        """Draw the graph."""
        return self.agent.get_graph(config, **kwargs)

    def with_config(self, config: RunnableConfig | None = None, **kwargs: Any) -> Self:
        """Bind a config to the graph."""
        return type(self)(self.agent.with_config(config, **kwargs), self._pair)

    # Runs.

    def invoke(self, input: Any, config: RunnableConfig | None = None, **kwargs: Any) -> Any:
        """Run the graph on placeholders, and restore what it gives."""
        if kwargs.get("stream_mode", "values") != "values":
            return list(self.stream(input, config, **kwargs))
        with self._vault(config) as named, Run(self._manager(named), self.get_name(), input, named) as run:
            try:
                hidden = drive(self._hidden(input, run.config), run.config)
                with ambient(run.config):
                    given_back = self.agent.invoke(hidden, run.config, **kwargs)
                run.output = self._whole.invoke(given_back, run.config)
            except GraphInterrupt as interrupt:
                asked = _asked(interrupt)
            else:
                return run.output
            raise GraphInterrupt(self._whole.invoke(asked, quiet_config(run.config)))

    async def ainvoke(self, input: Any, config: RunnableConfig | None = None, **kwargs: Any) -> Any:
        """Do what :meth:`invoke` does, without blocking the event loop."""
        if kwargs.get("stream_mode", "values") != "values":
            return [chunk async for chunk in self.astream(input, config, **kwargs)]
        with self._vault(config) as named:
            async with Run(self._amanager(named), self.get_name(), input, named) as run:
                try:
                    hidden = await adrive(self._hidden(input, run.config), run.config)
                    with ambient(run.config):
                        given_back = await self.agent.ainvoke(hidden, run.config, **kwargs)
                    run.output = await self._whole.ainvoke(given_back, run.config)
                except GraphInterrupt as interrupt:
                    asked = _asked(interrupt)
                else:
                    return run.output
                raise GraphInterrupt(await self._whole.ainvoke(asked, quiet_config(run.config)))

    def stream(self, input: Any, config: RunnableConfig | None = None, **kwargs: Any) -> Iterator[Any]:
        """Restore what the graph streams, in every ``stream_mode``."""
        with self._vault(config) as named, Run(self._manager(named), self.get_name(), input, named) as run:
            shape, kwargs = self._shape(named, kwargs)
            try:
                hidden = drive(self._hidden(input, run.config), run.config)
                parts = _read(shape, self.agent.stream(hidden, run.config, **kwargs), run.config)
                restored: Any = self._parts.transform(parts, run.config)
                with closing(restored):
                    for part in restored:
                        yield shape.write(part)
                run.output = self._whole.invoke(run.given.output, quiet_config(run.config))
            except GraphInterrupt as interrupt:
                asked = _asked(interrupt)
            else:
                return
            raise GraphInterrupt(self._whole.invoke(asked, quiet_config(run.config)))

    async def astream(
        self, input: Any, config: RunnableConfig | None = None, **kwargs: Any
    ) -> AsyncIterator[Any]:
        """Do what :meth:`stream` does, without blocking the event loop."""
        with self._vault(config) as named:
            async with Run(self._amanager(named), self.get_name(), input, named) as run:
                shape, kwargs = self._shape(named, kwargs)
                try:
                    hidden = await adrive(self._hidden(input, run.config), run.config)
                    parts = _aread(shape, self.agent.astream(hidden, run.config, **kwargs), run.config)
                    restored: Any = self._parts.atransform(parts, run.config)
                    async with aclosing(restored):
                        async for part in restored:
                            yield shape.write(part)
                    run.output = await self._whole.ainvoke(run.given.output, quiet_config(run.config))
                except GraphInterrupt as interrupt:
                    asked = _asked(interrupt)
                else:
                    return
                raise GraphInterrupt(await self._whole.ainvoke(asked, quiet_config(run.config)))

    async def astream_events(  # type: ignore[override]
        self, input: Any, config: RunnableConfig | None = None, *, version: str = "v2", **kwargs: Any
    ) -> AsyncIterator[StreamEvent]:
        """Restore the events of the graph and its parts; what a tool sees of itself is left as it is.

        Raises:
            NotImplementedError: ``version`` is not ``"v2"``.
        """
        if version != "v2":
            raise NotImplementedError('a protected agent streams events of version "v2"')
        with self._vault(config) as named:
            restorer = EventRestorer(self._parts, named)
            events: Any = super().astream_events(input, named, version="v2", **kwargs)
            async with aclosing(events):
                async for event in events:
                    for restored in await restorer.feed(event):
                        yield restored

    # State.

    def get_state(self, config: RunnableConfig, *, subgraphs: bool = False) -> StateSnapshot:
        """Return the state of a thread, restored."""
        return self._snapshot(self.agent.get_state(config, subgraphs=subgraphs), config)

    async def aget_state(self, config: RunnableConfig, *, subgraphs: bool = False) -> StateSnapshot:
        """Do what :meth:`get_state` does, without blocking the event loop."""
        return await self._asnapshot(await self.agent.aget_state(config, subgraphs=subgraphs), config)

    def get_state_history(self, config: RunnableConfig, **kwargs: Any) -> Iterator[StateSnapshot]:
        """Return the states that a thread had, restored, the newest first."""
        for snapshot in self.agent.get_state_history(config, **kwargs):
            yield self._snapshot(snapshot, config)

    async def aget_state_history(self, config: RunnableConfig, **kwargs: Any) -> AsyncIterator[StateSnapshot]:
        """Do what :meth:`get_state_history` does, without blocking the event loop."""
        async for snapshot in self.agent.aget_state_history(config, **kwargs):
            yield await self._asnapshot(snapshot, config)

    def update_state(self, config: RunnableConfig, values: Any, *args: Any, **kwargs: Any) -> RunnableConfig:
        """Hide values, and write them into the state of a thread."""
        hidden = drive(self._pair.hide(values, state, self._pair.vault(config)), config)
        return self.agent.update_state(config, hidden, *args, **kwargs)

    async def aupdate_state(
        self, config: RunnableConfig, values: Any, *args: Any, **kwargs: Any
    ) -> RunnableConfig:
        """Do what :meth:`update_state` does, without blocking the event loop."""
        hidden = await adrive(self._pair.hide(values, state, self._pair.vault(config)), config)
        return await self.agent.aupdate_state(config, hidden, *args, **kwargs)

    def bulk_update_state(
        self, config: RunnableConfig, updates: Sequence[Sequence[StateUpdate]]
    ) -> RunnableConfig:
        """Hide many updates, and write them."""
        hidden = drive(self._pair.hide(updates, _bulk, self._pair.vault(config)), config)
        return self.agent.bulk_update_state(config, hidden)

    async def abulk_update_state(
        self, config: RunnableConfig, updates: Sequence[Sequence[StateUpdate]]
    ) -> RunnableConfig:
        """Do what :meth:`bulk_update_state` does, without blocking the event loop."""
        hidden = await adrive(self._pair.hide(updates, _bulk, self._pair.vault(config)), config)
        return await self.agent.abulk_update_state(config, hidden)

    # What these share.

    def _hidden(self, value: Any, config: RunnableConfig) -> Plan[Any]:
        if value is None:
            return value
        return (yield from self._pair.hide(value, given, self._pair.vault(config)))

    def _snapshot(self, snapshot: StateSnapshot, config: RunnableConfig) -> StateSnapshot:
        return drive(self._shown(snapshot), config)

    async def _asnapshot(self, snapshot: StateSnapshot, config: RunnableConfig) -> StateSnapshot:
        return await adrive(self._shown(snapshot), config)

    def _shown(self, snapshot: StateSnapshot) -> Plan[StateSnapshot]:
        texts = {"values": snapshot.values, "tasks": snapshot.tasks, "interrupts": snapshot.interrupts}
        return snapshot._replace(**(yield Call(self._whole, texts, quiet=True)))

    def _shape(self, config: RunnableConfig, kwargs: dict[str, Any]) -> tuple[Shape, dict[str, Any]]:
        modes = kwargs.get("stream_mode")
        if modes is None:
            is_node = _TASK in (config.get("configurable") or {})
            modes = "values" if is_node else getattr(self.agent, "stream_mode", "updates")
        if not isinstance(modes, str):
            modes = list(modes)
        version = kwargs.get("version", "v1")
        if version not in ("v1", "v2"):
            raise NotImplementedError('a protected agent streams in versions "v1" and "v2"')
        mode = modes if isinstance(modes, str) else None
        return Shape(mode, bool(kwargs.get("subgraphs")), version), {**kwargs, "stream_mode": modes}

    def _manager(self, config: RunnableConfig) -> CallbackManager:
        manager = get_callback_manager_for_config(config)
        manager.add_tags([PROTECTED], inherit=False)
        return manager

    def _amanager(self, config: RunnableConfig) -> AsyncCallbackManager:
        manager = get_async_callback_manager_for_config(config)
        manager.add_tags([PROTECTED], inherit=False)
        return manager

    def _vault(self, config: RunnableConfig | None) -> AbstractContextManager[RunnableConfig]:
        return vault_of_call(merged_config(config), self._pair.anonymizer)


def _asked(interrupt: GraphInterrupt) -> Any:
    return interrupt.args[0] if interrupt.args else ()


def _bulk(updates: Any, visit: Any) -> Any:
    return [[update(one, visit) for one in superstep] for superstep in updates]


_END = object()


def _read(shape: Shape, chunks: Any, config: RunnableConfig) -> Iterator[Any]:
    with closing(chunks):
        while True:
            with ambient(config):
                chunk = next(chunks, _END)
            if chunk is _END:
                return
            yield shape.read(chunk)


async def _aread(shape: Shape, chunks: Any, config: RunnableConfig) -> AsyncIterator[Any]:
    async with aclosing(chunks):
        while True:
            with ambient(config):
                chunk = await anext(chunks, _END)
            if chunk is _END:
                return
            yield shape.read(chunk)
