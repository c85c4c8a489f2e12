"""Detectors, stores and a net for leaks, for tests that attack the pair."""

import asyncio
import contextlib
import io
import json
import logging
import re
import time
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from types import TracebackType
from typing import Any, Self
from urllib.parse import quote, quote_plus
from uuid import UUID

from langchain_core.callbacks import BaseCallbackHandler
from langchain_core.runnables import RunnableConfig

from langchain_secguard.detect import Span
from langchain_secguard.placeholders import Ref
from langchain_secguard.vault import Assignment, Entity, Entry, InMemoryVaultStore, PhraseIndex, Text


def config(vault_id: str = "case-42", *callbacks: BaseCallbackHandler) -> RunnableConfig:
    """Name a vault."""
    return RunnableConfig(configurable={"vault_id": vault_id}, callbacks=list(callbacks))


class LexiconDetector:
    """Mark the values that it was given, as whole words; the values map to entity types."""

    def __init__(self, values: Mapping[str, str]) -> None:
        self.values = dict(values)
        self.calls = 0
        listed = sorted(values, key=len, reverse=True)
        self._pattern = re.compile("|".join(map(_whole, listed))) if listed else None

    def detect(self, texts: Sequence[str]) -> list[list[Span]]:
        self.calls += 1
        return [self._spans(text) for text in texts]

    async def adetect(self, texts: Sequence[str]) -> list[list[Span]]:
        await asyncio.sleep(0)
        return self.detect(texts)

    def _spans(self, text: str) -> list[Span]:
        found = self._pattern.finditer(text) if self._pattern else ()
        return [Span(*match.span(), self.values[match[0]]) for match in found]


def _whole(value: str) -> str:
    before = r"(?<!\w)" if re.match(r"\w", value) else ""
    after = r"(?!\w)" if re.search(r"\w\Z", value) else ""
    return before + re.escape(value) + after


class PatternDetector:
    """Mark what a regular expression matches, as one entity type: values without end for load tests."""

    def __init__(self, pattern: str, entity_type: str = "PERSON") -> None:
        self._pattern = re.compile(pattern)
        self._entity_type = entity_type

    def detect(self, texts: Sequence[str]) -> list[list[Span]]:
        return [
            [Span(*match.span(), self._entity_type) for match in self._pattern.finditer(text)]
            for text in texts
        ]

    async def adetect(self, texts: Sequence[str]) -> list[list[Span]]:
        await asyncio.sleep(0)
        return self.detect(texts)


class FailingDetector:
    """Raise an error whose message, cause and notes hold the texts, as a careless engine does."""

    def __init__(self, make: Callable[[str], Exception] = RuntimeError) -> None:
        self._make = make

    def detect(self, texts: Sequence[str]) -> list[list[Span]]:
        error = self._make(f"cannot read {list(texts)!r}")
        error.add_note(f"while reading {list(texts)!r}")
        raise error from KeyError(*texts)

    async def adetect(self, texts: Sequence[str]) -> list[list[Span]]:
        return self.detect(texts)


class SlowDetector(LexiconDetector):
    """Mark as a lexicon does, after some seconds."""

    def __init__(self, values: Mapping[str, str], seconds: float) -> None:
        super().__init__(values)
        self.seconds = seconds

    def detect(self, texts: Sequence[str]) -> list[list[Span]]:
        time.sleep(self.seconds)
        return super().detect(texts)

    async def adetect(self, texts: Sequence[str]) -> list[list[Span]]:
        await asyncio.sleep(self.seconds)
        return super().detect(texts)


class WrongDetector:
    """Give what no detector may: made by a function from the texts."""

    def __init__(self, make: Callable[[Sequence[str]], Any]) -> None:
        self._make = make

    def detect(self, texts: Sequence[str]) -> list[list[Span]]:
        spans: list[list[Span]] = self._make(texts)
        return spans

    async def adetect(self, texts: Sequence[str]) -> list[list[Span]]:
        return self.detect(texts)


class FailingStore(InMemoryVaultStore):
    """Keep vaults in memory, but fail in the methods named, with a message that holds what was asked."""

    def __init__(self, *methods: str, error: Callable[[str], Exception] = ConnectionError) -> None:
        super().__init__()
        self.failing = set(methods)
        self._error = error

    def _fail(self, method: str, *asked: object) -> None:
        if method in self.failing:
            shown = [
                getattr(one, "value", getattr(one, "text", one))
                for part in asked
                for one in (part if isinstance(part, list | tuple) else [part])
            ]
            raise self._error(f"{method} failed for {shown!r}")

    def assign(self, vault_id: str, entities: Sequence[Entity], texts: Sequence[Text] = ()) -> Assignment:
        self._fail("assign", entities, texts)
        return super().assign(vault_id, entities, texts)

    def lookup(self, vault_id: str, refs: Sequence[Ref]) -> list[Entry | None]:
        self._fail("lookup", [entry.value for entry in super().entries(vault_id)])
        return super().lookup(vault_id, refs)

    def surrogates(self, vault_id: str) -> PhraseIndex[Entry]:
        self._fail("surrogates", [entry.value for entry in super().entries(vault_id)])
        return super().surrogates(vault_id)


class Recorder(BaseCallbackHandler):
    """Hear every callback of a run; what a run was given and what it gave is left out of ``heard``."""

    def __init__(self) -> None:
        self.heard: list[object] = []
        self.errors: list[BaseException] = []
        self.events: list[tuple[str, Any]] = []
        self.chunks: list[object] = []

    def _start(self, serialized: object, kwargs: Mapping[str, Any]) -> None:
        self.heard += [serialized, *kwargs.values()]

    def on_chain_start(self, serialized: dict[str, Any], inputs: dict[str, Any], **kwargs: Any) -> None:
        self._start(serialized, kwargs)

    def on_chat_model_start(
        self, serialized: dict[str, Any], messages: list[list[Any]], **kwargs: Any
    ) -> None:
        # What the model is given is hidden by then, so it may hold no value either.
        self.heard.append(messages)
        self._start(serialized, kwargs)

    def on_llm_new_token(self, token: str | list[str | dict[str, Any]], **kwargs: Any) -> None:
        self.heard.append((token, kwargs))

    def on_llm_end(self, response: Any, **kwargs: Any) -> None:
        self.heard.append((response, kwargs))

    def on_chain_error(self, error: BaseException, **kwargs: Any) -> None:
        self.errors.append(error)
        self.heard.append({key: item for key, item in kwargs.items() if key not in ("inputs", "outputs")})

    def on_llm_error(self, error: BaseException, **kwargs: Any) -> None:
        self.errors.append(error)
        self.heard.append(kwargs)

    def on_retry(self, retry_state: Any, **kwargs: Any) -> None:
        self.heard.append(kwargs)

    def on_custom_event(
        self,
        name: str,
        data: Any,
        *,
        run_id: UUID,
        tags: list[str] | None = None,
        metadata: dict[str, Any] | None = None,
        **kwargs: Any,
    ) -> None:
        self.events.append((name, data))
        self.heard.append((name, data, tags, metadata, kwargs))


class Capture:
    """Catch all that is said on the side while the ``with`` block lasts.

    That is: logs of every logger at level DEBUG, warnings, standard output and error, callbacks (of
    ``recorder``, which goes into the config), and whatever is handed to ``add``: errors with all that hangs
    on them, and the ``repr`` of objects. What the block raises is added too.
    """

    def __init__(self) -> None:
        self.recorder = Recorder()
        self.logs: list[str] = []
        self._added: list[str] = []
        self._warned: list[warnings.WarningMessage] = []
        self._streams = (io.StringIO(), io.StringIO())
        self._exits = contextlib.ExitStack()

    def config(self, vault_id: str = "case-42") -> RunnableConfig:
        """Name a vault, and record what is called back."""
        return config(vault_id, self.recorder)

    def add(self, thing: object) -> None:
        """Search this, too."""
        self._added += error_texts(thing) if isinstance(thing, BaseException) else [repr(thing), str(thing)]

    def __enter__(self) -> Self:
        self._exits.enter_context(_debug_logs(self.logs))
        self._warned = self._exits.enter_context(warnings.catch_warnings(record=True))
        warnings.simplefilter("always")
        self._exits.enter_context(contextlib.redirect_stdout(self._streams[0]))
        self._exits.enter_context(contextlib.redirect_stderr(self._streams[1]))
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._exits.close()
        if error is not None:
            self.add(error)

    def texts(self) -> list[str]:
        """Return everything that was caught."""
        return [
            *self.logs,
            *self._added,
            *(str(one.message) for one in self._warned),
            *(stream.getvalue() for stream in self._streams),
            *map(repr, self.recorder.heard),
            *(text for error in self.recorder.errors for text in error_texts(error)),
        ]

    def holds(self, value: str) -> bool:
        """Tell whether ``value`` is anywhere in what was caught, however it is written."""
        return any(holds(text, value) for text in self.texts())


class _Lines(logging.Handler):
    def __init__(self, lines: list[str]) -> None:
        super().__init__(logging.DEBUG)
        self._lines = lines

    def emit(self, record: logging.LogRecord) -> None:
        self._lines += [record.getMessage(), repr(record.args)]
        if record.exc_info and record.exc_info[1] is not None:
            self._lines += error_texts(record.exc_info[1])


@contextlib.contextmanager
def _debug_logs(lines: list[str]) -> Iterator[None]:
    named = [one for one in logging.root.manager.loggerDict.values() if isinstance(one, logging.Logger)]
    loggers = [logging.root, *named]
    before = [(logger, logger.level, logger.disabled) for logger in loggers]
    closed = [logging.root, *(logger for logger in named if not logger.propagate)]
    handler = _Lines(lines)
    for logger in loggers:
        logger.setLevel(logging.DEBUG)
        logger.disabled = False
    for logger in closed:
        logger.addHandler(handler)
    try:
        yield
    finally:
        for logger in closed:
            logger.removeHandler(handler)
        for logger, level, disabled in before:
            logger.setLevel(level)
            logger.disabled = disabled


def error_texts(error: BaseException) -> list[str]:
    """Return every text that hangs on an error: its own, its notes', its causes', contexts' and groups'."""
    texts: list[str] = []
    seen: set[int] = set()
    queue: list[BaseException | None] = [error]
    while queue:
        one = queue.pop()
        if one is None or id(one) in seen:
            continue
        seen.add(id(one))
        texts += [str(one), repr(one), repr(one.args), repr(getattr(one, "__notes__", ())), repr(vars(one))]
        queue += [one.__cause__, one.__context__, *getattr(one, "exceptions", ())]
    return texts


def spellings(value: str) -> set[str]:
    """List how ``value`` may be written: as it is, and as JSON, URLs and ``repr`` write it."""
    return {
        value,
        json.dumps(value)[1:-1],
        json.dumps(value, ensure_ascii=False)[1:-1],
        json.dumps(json.dumps(value, ensure_ascii=False))[3:-3],
        quote(value, safe=""),
        quote(value),
        quote_plus(value),
        repr(value)[1:-1],
        repr(repr(value))[2:-2],
        ascii(value)[1:-1],
    }


def holds(text: str, value: str) -> bool:
    """Tell whether ``text`` holds ``value``, however it is written and cased."""
    folded = text.casefold()
    return any(spelling.casefold() in folded for spelling in spellings(value))
