"""How the events of a run (``astream_events``, version 2) are restored: each run's stream by itself.

Events of the graph and what runs in it hold placeholders. Those of its tools, and of what runs in a tool,
hold values already, and a text that is restored is not restored again.
"""

from collections.abc import Mapping
from typing import Any

from langchain_core.runnables import RunnableConfig

from langchain_secguard.anonymize import Anonymizer
from langchain_secguard.deanonymize import Deanonymizer
from langchain_secguard.middleware.parts import PartDeanonymizer
from langchain_secguard.steps import adrive, aguarded
from langchain_secguard.stream import StreamRestorer

PROTECTED = "secguard:protected"
"""The tag of the run of a protected agent: what runs right below it is the graph, and the steps."""

STEPS = frozenset({Anonymizer.__name__, Deanonymizer.__name__})
"""The names of the runs of the steps."""


class EventRestorer:
    """Restore the events of one run of a protected agent."""

    def __init__(self, step: PartDeanonymizer, config: RunnableConfig) -> None:
        self._vault, self._restorer = step.open(config)
        self._hidden: dict[str, bool] = {}
        self._protected: set[str] = set()
        self._streams: dict[str, tuple[StreamRestorer, dict[str, Any]]] = {}

    async def feed(self, event: Any) -> list[Any]:
        """Restore the next event; return those that are certain by now."""
        if not self._holds_placeholders(event):
            return [event]
        self._restorer.reader.surrogates = await aguarded(self._vault.asurrogates)
        kind = event["event"]
        if kind.endswith("_stream"):
            return await self._chunk(event)
        before = await self._rest(event["run_id"]) if kind.endswith("_end") else []
        data = await adrive(self._restorer.whole(event["data"]), self._vault.alookup)
        return [*before, {**event, "data": data}]

    async def _chunk(self, event: dict[str, Any]) -> list[Any]:
        stream, _ = self._streams.get(event["run_id"]) or (StreamRestorer(self._restorer, None), event)
        self._streams[event["run_id"]] = (stream, event)
        chunks = await adrive(stream.feed(event["data"]["chunk"]), self._vault.alookup)
        return [_with(event, chunk) for chunk in chunks]

    async def _rest(self, run_id: str) -> list[Any]:
        """Give what the stream of a run held back: it ends here."""
        stream, template = self._streams.pop(run_id, (None, {}))
        if stream is None:
            return []
        return [_with(template, chunk) for chunk in await adrive(stream.flush(), self._vault.alookup)]

    def _holds_placeholders(self, event: Mapping[str, Any]) -> bool:
        run_id = event["run_id"]
        if run_id not in self._hidden:
            if PROTECTED in event.get("tags", ()):
                self._protected.add(run_id)
            self._hidden[run_id] = self._is_hidden(event)
        return self._hidden[run_id]

    def _is_hidden(self, event: Mapping[str, Any]) -> bool:
        parents = event.get("parent_ids") or ()
        if not parents or event["run_id"] in self._protected or event.get("name") in STEPS:
            return False
        if event["event"].startswith("on_tool"):
            return False
        return parents[-1] in self._protected or self._hidden.get(parents[-1], True)


def _with(event: Mapping[str, Any], chunk: Any) -> dict[str, Any]:
    return {**event, "data": {**event["data"], "chunk": chunk}}
