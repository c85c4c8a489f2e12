"""How the stream of a graph is restored: tokens of each message as a stream, everything else whole."""

from collections.abc import Mapping
from typing import Any, NamedTuple

from langchain_core.messages import BaseMessageChunk
from langchain_core.runnables import RunnableConfig

from langchain_secguard.deanonymize import Deanonymizer
from langchain_secguard.leaf import Reader
from langchain_secguard.restore import LookUp, Restorer
from langchain_secguard.stream import StreamRestorer
from langchain_secguard.vault import Vault

_REAL = frozenset({"tools"})
"""The stream modes that tell of tools from their own side, where values are."""


class Shape(NamedTuple):
    """Say how a graph shapes what it streams, after how it was asked."""

    mode: str | None
    """The one mode, where it is not named in each chunk."""

    subgraphs: bool
    version: str

    def read(self, chunk: Any) -> dict[str, Any]:
        """Read a chunk of the graph."""
        if self.version == "v2":
            return dict(chunk)
        namespace, chunk = (chunk[0], chunk[1:]) if self.subgraphs else ((), (chunk,))
        if self.mode is not None:
            return {"type": self.mode, "ns": namespace, "data": chunk[0]}
        mode, data = chunk if self.subgraphs else chunk[0]
        return {"type": mode, "ns": namespace, "data": data}

    def write(self, part: Mapping[str, Any]) -> Any:
        """Write what :meth:`read` read, as the graph had shaped it."""
        if self.version == "v2":
            return part
        chunk = [part["data"]] if self.mode is not None else [part["type"], part["data"]]
        chunk = [part["ns"], *chunk] if self.subgraphs else chunk
        return tuple(chunk) if len(chunk) > 1 else chunk[0]


class PartRestorer:
    """Restore the parts of one stream; the tokens of several messages may come in turns."""

    def __init__(self, restorer: Restorer) -> None:
        self._restorer = restorer
        self._messages: dict[tuple[Any, ...], tuple[StreamRestorer, dict[str, Any]]] = {}

    def quick(self, part: Any) -> bool:
        """Take a part if it goes on with a message that is open, and passes through as it is."""
        if part["type"] != "messages" or not isinstance(part["data"], tuple):
            return False
        open_ = self._messages.get(_key(part))
        return open_ is not None and open_[0].quick(part["data"][0])

    def feed(self, part: Any) -> LookUp:
        """Restore the next part; return the parts that are certain by now."""
        mode, data = part["type"], part["data"]
        if mode in _REAL:
            return [part]
        if mode == "messages" and isinstance(data, tuple) and isinstance(data[0], BaseMessageChunk):
            return (yield from self._token(part))
        return [{**part, **(yield from self._restorer.whole(_texts(part)))}]

    def flush(self) -> LookUp:
        """Return what was held back: the stream ends here."""
        rest: list[Any] = []
        for stream, template in self._messages.values():
            chunks = yield from stream.flush()
            rest += [_with(template, chunk) for chunk in chunks]
        self._messages = {}
        return rest

    def _token(self, part: dict[str, Any]) -> LookUp:
        key = _key(part)
        stream, _ = self._messages.get(key) or (StreamRestorer(self._restorer, None), part)
        self._messages[key] = (stream, part)
        chunk = part["data"][0]
        chunks = yield from stream.feed(chunk)
        if getattr(chunk, "chunk_position", None) == "last":
            del self._messages[key]
        return [_with(part, one) for one in chunks]


class PartDeanonymizer(Deanonymizer):
    """Restore the stream of a graph."""

    def open(self, config: RunnableConfig) -> tuple[Vault, Restorer]:
        """Return the vault of a call, and what restores from it."""
        vault = self._vault_of(config)
        return vault, Restorer(Reader(self.form, vault.vault_id), self._rules, None)

    def _begin(self, restorer: Restorer) -> Any:
        return PartRestorer(restorer)


def part_step(step: Deanonymizer) -> PartDeanonymizer:
    """Make the step that restores the stream of a graph of the one that restores what it gives whole."""
    given: dict[str, Any] = {name: getattr(step, name) for name in step.model_fields_set}
    return PartDeanonymizer(**{"name": Deanonymizer.__name__, **given})


def _key(part: Mapping[str, Any]) -> tuple[Any, ...]:
    message, about = part["data"]
    return (part["ns"], message.id, about.get("langgraph_checkpoint_ns"), about.get("ls_model_name"))


def _texts(part: Mapping[str, Any]) -> dict[str, Any]:
    return {key: item for key, item in part.items() if key in ("data", "interrupts")}


def _with(part: Mapping[str, Any], chunk: Any) -> dict[str, Any]:
    return {**part, "data": (chunk, *part["data"][1:])}
