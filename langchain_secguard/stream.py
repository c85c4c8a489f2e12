"""How a streamed answer is restored: each leaf of its chunks is a stream of its own.

A leaf is known by its path: two chunks continue the same text where LangChain's merging would join them, that
is under the same keys, and in lists under the same ``index`` (``langchain_core.utils._merge``).
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple, TypeAlias

from langchain_core.messages import AIMessageChunk, BaseMessageChunk
from langchain_core.messages.tool import tool_call_chunk
from langchain_core.runnables.utils import AddableDict

from langchain_secguard.blocks import BINARY_KEYS, DATA_KEYS, JSON_KEYS, STRUCTURE, is_prose
from langchain_secguard.json_text import JsonStream
from langchain_secguard.leaf import TextStream
from langchain_secguard.placeholders import Placeholder
from langchain_secguard.restore import LookUp, Part, Restorer, look_up


class Item(NamedTuple):
    """One step of a path: the element of a list that has this index."""

    number: int | str


Path: TypeAlias = tuple[str | Item, ...]
Visit: TypeAlias = Callable[[str, Path | None, bool], str]
"""Take a leaf, its path (``None`` where no other chunk continues it), and whether it is JSON."""

_CONTENT: Path = ("content",)
_MESSAGE_FIELDS = ("additional_kwargs", "tool_call_chunks")


class StreamRestorer:
    """Restore the chunks of one stream: strings, message chunks, and dicts of them that add up.

    Anything else that comes in the stream (a whole message, a parsed object) is restored by itself.
    """

    def __init__(self, restorer: Restorer, keys: Sequence[str] | None) -> None:
        self._restorer = restorer
        self._keys = keys
        self._leaves: dict[Path, TextStream | JsonStream[Placeholder]] = {}
        self._types: dict[Path, Any] = {}
        self._roots: dict[Path, str | BaseMessageChunk] = {}

    def quick(self, chunk: Any) -> bool:
        """Take ``chunk`` if it goes on with the text that is open, and passes through as it is.

        It is what most chunks are, and is tried before :meth:`feed` because a stream's speed is felt.
        """
        leaf, open_ = self._leaves.get(_CONTENT), self._roots.get(())
        if (
            type(chunk) is not AIMessageChunk
            or type(open_) is not AIMessageChunk
            or type(leaf) is not TextStream
            or chunk.id != open_.id
            or chunk.chunk_position is not None
            or type(chunk.content) is not str
            or chunk.tool_call_chunks
            or chunk.additional_kwargs
        ):
            return False
        return leaf.passes(chunk.content)

    def feed(self, chunk: Any) -> LookUp:
        """Restore the next chunk; return the chunks that are certain by now."""
        if not isinstance(chunk, str | BaseMessageChunk | AddableDict):
            return [*(yield from self.flush()), (yield from self._restorer.whole(chunk))]
        before = yield from (self.flush() if self._is_another(chunk) else self._turn(chunk))
        if getattr(chunk, "chunk_position", None) == "last":
            return [*before, *(yield from self._last(chunk))]
        restored = yield from self._restore(chunk)
        return before if isinstance(restored, str) and not restored else [*before, restored]

    def flush(self) -> LookUp:
        """Return what was held back, as chunks: the stream ends here."""
        read = {path: leaf.flush() for path, leaf in self._leaves.items()}
        entries = (yield from look_up(list(read.values()))) or {}
        texts = {path: text for path, parts in read.items() if (text := self._restorer.write(parts, entries))}
        chunks = self._rest(texts) if texts else []
        self._leaves, self._types, self._roots = {}, {}, {}
        return chunks

    def _is_another(self, chunk: Any) -> bool:
        """Tell whether ``chunk`` belongs to another message than the one that is open."""
        open_ = self._roots.get(())
        if open_ is None:
            return False
        if isinstance(open_, str) or not isinstance(chunk, BaseMessageChunk):
            return isinstance(open_, str) is not isinstance(chunk, str)
        return type(open_) is not type(chunk) or bool(open_.id and chunk.id and open_.id != chunk.id)

    def _turn(self, chunk: Any) -> LookUp:
        """Return what was held back of a text, as chunks, before content blocks that come behind it."""
        leaf = self._leaves.get(_CONTENT)
        if leaf is None or not isinstance(chunk, BaseMessageChunk) or not isinstance(chunk.content, list):
            return []
        if not chunk.content:
            return []
        del self._leaves[_CONTENT]
        parts = leaf.flush()
        text = self._restorer.write(parts, (yield from look_up([parts])) or {})
        return self._rest({_CONTENT: text}) if text else []

    def _last(self, chunk: Any) -> LookUp:
        """Put what was held back before the chunk that closes its message."""
        if not chunk.content and not chunk.tool_call_chunks and not chunk.additional_kwargs:
            return [*(yield from self.flush()), chunk]
        restored = yield from self._restore(chunk.model_copy(update={"chunk_position": None}))
        closing = type(chunk)(
            content=[] if isinstance(chunk.content, list) else "", id=chunk.id, chunk_position="last"
        )
        return [restored, *(yield from self.flush()), closing]

    def _restore(self, chunk: Any) -> LookUp:
        leaves: list[str] = []
        read: list[Sequence[Part]] = []

        def take(text: str, path: Path | None, json: bool) -> str:
            leaves.append(text)
            read.append(self._read(text, path, json=json))
            return text

        self._walk(chunk, (), take)
        entries = (yield from look_up(read)) or {}
        texts = [self._restorer.write(parts, entries) for parts in read]
        if texts == leaves:
            return chunk
        written = iter(texts)
        return self._walk(chunk, (), lambda *_: next(written))

    def _read(self, text: str, path: Path | None, *, json: bool) -> Sequence[Part]:
        if path is None:
            return self._restorer.reader.read_json(text) if json else self._restorer.read(text)
        leaf = self._leaves.get(path)
        if leaf is None:
            leaf = self._leaves[path] = self._restorer.stream(json=json)
        return leaf.feed(text)

    def _walk(self, value: Any, path: Path, visit: Visit) -> Any:
        """Walk what adds up, and rebuild it."""
        if isinstance(value, str):
            self._roots[path] = value
            return visit(value, path, False)
        if isinstance(value, BaseMessageChunk):
            self._roots[path] = value
            return self._message(value, path, visit)
        if isinstance(value, AddableDict):
            keys = self._keys if not path and self._keys is not None else value
            new = {
                key: self._walk(item, (*path, key), visit) if key in keys else item
                for key, item in value.items()
            }
            return AddableDict(new)
        return self._restorer.rewrite(
            value, lambda text: visit(text, None, False), lambda text: visit(text, None, True)
        )

    def _message(self, chunk: BaseMessageChunk, path: Path, visit: Visit) -> BaseMessageChunk:
        content = chunk.content
        where = (*path, "content")
        new: Any = (
            visit(content, where, False) if isinstance(content, str) else self._list(content, where, visit)
        )
        update = {"content": new} if new is not content else {}
        for name in _MESSAGE_FIELDS:
            old = getattr(chunk, name, None)
            if old:
                walk: Callable[..., Any] = self._list if isinstance(old, list) else self._dict
                new = walk(old, (*path, name), visit)
                if new != old:
                    update[name] = new
        if "tool_call_chunks" in update:
            return _rebuilt(chunk, update)
        return chunk.model_copy(update=update) if update else chunk

    def _list(self, items: Sequence[Any], path: Path | None, visit: Visit) -> list[Any]:
        return [self._item(item, path, visit) for item in items]

    def _item(self, item: Any, path: Path | None, visit: Visit) -> Any:
        if not isinstance(item, dict):
            return self._any("", item, None, visit)
        index = item.get("index")
        if path is None or not (
            isinstance(index, int) or (isinstance(index, str) and index.startswith("lc_"))
        ):
            return self._dict(item, None, visit)
        where = (*path, Item(index))
        if item.get("type"):
            self._types[where] = item["type"]
        return self._dict(item, where, visit)

    def _dict(self, fields: Mapping[str, Any], path: Path | None, visit: Visit) -> dict[str, Any]:
        return {
            key: item
            if key in BINARY_KEYS or (key in STRUCTURE and (key == "name" or not is_prose(item)))
            else self._any(key, item, None if path is None or key in STRUCTURE else (*path, key), visit)
            for key, item in fields.items()
        }

    def _any(self, key: str, item: Any, path: Path | None, visit: Visit) -> Any:
        if isinstance(item, str):
            return visit(item, path, key in JSON_KEYS)
        if isinstance(item, dict) and key not in DATA_KEYS:
            return self._dict(item, path, visit)
        if isinstance(item, list) and key not in DATA_KEYS:
            return self._list(item, path, visit)
        return self._restorer.rewrite(
            item, lambda text: visit(text, None, False), lambda text: visit(text, None, True)
        )

    def _rest(self, texts: Mapping[Path, str]) -> list[Any]:
        chunks: dict[Path, Any] = {}
        for root, template in self._roots.items():
            own = {path[len(root) :]: text for path, text in texts.items() if path[: len(root)] == root}
            if own:
                chunks[root] = own[()] if isinstance(template, str) else self._rest_of(template, root, own)
        if () in chunks:
            return [chunks[()]]
        return [_nested(root, chunk) for root, chunk in chunks.items()]

    def _rest_of(self, template: BaseMessageChunk, root: Path, texts: Mapping[Path, str]) -> BaseMessageChunk:
        fields = self._tree(texts, root)
        fields.setdefault("content", [] if isinstance(template.content, list) else "")
        if isinstance(template, AIMessageChunk):
            fields["tool_call_chunks"] = [
                tool_call_chunk(**part) for part in fields.pop("tool_call_chunks", [])
            ]
            return type(template)(id=template.id, **fields)
        return template.model_copy(update={"additional_kwargs": {}, "response_metadata": {}, **fields})

    def _tree(self, texts: Mapping[Path, str], where: Path) -> Any:
        """Build the dicts and lists that ``texts`` are the leaves of."""
        if () in texts:
            return texts[()]
        branches: dict[str | Item, dict[Path, str]] = {}
        for path, text in texts.items():
            branches.setdefault(path[0], {})[path[1:]] = text
        built = {step: self._tree(branch, (*where, step)) for step, branch in branches.items()}
        if any(isinstance(step, Item) for step in built):
            return [
                self._typed((*where, step)) | {"index": step.number} | branch
                for step, branch in built.items()
                if isinstance(step, Item)
            ]
        return built

    def _typed(self, path: Path) -> dict[str, Any]:
        kind = self._types.get(path)
        return {"type": kind} if kind and kind != "tool_call_chunk" else {}


def _rebuilt(chunk: BaseMessageChunk, update: Mapping[str, Any]) -> BaseMessageChunk:
    """Build the chunk anew, so that its tool calls are parsed from its tool-call chunks."""
    fields = {
        name: getattr(chunk, name)
        for name in type(chunk).model_fields
        if name not in ("tool_calls", "invalid_tool_calls")
    }
    return type(chunk)(**{**fields, **update})


def _nested(path: Path, chunk: Any) -> Any:
    for key in reversed(path):
        chunk = AddableDict({str(key): chunk})
    return chunk
