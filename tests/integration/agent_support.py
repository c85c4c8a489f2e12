"""Agents to attack: values, tools, a checkpointer whose file is searched, and the ways to run them."""

import asyncio
import base64
import sqlite3
from collections.abc import Callable, Iterator, Mapping
from contextlib import asynccontextmanager, closing, contextmanager
from pathlib import Path
from typing import Any

import aiosqlite
from langchain.agents import create_agent
from langchain_core.tools import BaseTool, tool
from langgraph.checkpoint.sqlite import SqliteSaver
from langgraph.checkpoint.sqlite.aio import AsyncSqliteSaver

from langchain_secguard import Anonymizer
from langchain_secguard.middleware import AnonymizeMiddleware, ProtectedAgent
from langchain_secguard.vault import InMemoryVaultStore
from tests.integration.scripted_model import Answer, ScriptedModel, call
from tests.support import LexiconDetector, spellings

VALUES: Mapping[str, str] = {
    "Jane Doe": "PERSON",
    "jane.doe@example.com": "EMAIL_ADDRESS",
    'Zoë "Zed" O\'Hara': "PERSON",
    "AC-9911-X": "ACCOUNT",
}
"""What the detector of these tests finds: of the user the first two, of a tool's result the others."""

ASKED = "I am Jane Doe (jane.doe@example.com). Write me what my account is."
RESULT = 'Sent; account AC-9911-X, kept by Zoë "Zed" O\'Hara for Jane Doe.'
ANSWER = "Done, [PERSON_1]: account [ACCOUNT_1], kept by [PERSON_2]."
RESTORED = 'Done, Jane Doe: account AC-9911-X, kept by Zoë "Zed" O\'Hara.'

STREAM_MODES = ("values", "updates", "messages", "custom", "tasks", "checkpoints", "debug")


def config(thread_id: str = "thread-1", **more: Any) -> Any:
    return {"configurable": {"thread_id": thread_id, **more}}


def anonymizer(values: Mapping[str, str] = VALUES, **options: Any) -> Anonymizer:
    return Anonymizer(detector=LexiconDetector(values), **{"store": InMemoryVaultStore(), **options})


class Mailer:
    """A tool that remembers what it was called with."""

    def __init__(self, result: str = RESULT) -> None:
        self.seen: list[tuple[str, str]] = []
        self.result = result

    @property
    def tool(self) -> BaseTool:
        @tool
        def send_mail(to: str, body: str) -> str:
            """Send a mail."""
            self.seen.append((to, body))
            return self.result

        return send_mail


def mail() -> Answer:
    return call("send_mail", to="[EMAIL_ADDRESS_1]", body="Dear [PERSON_1]")


SCRIPT = (mail(), ANSWER)


def desk(
    checkpointer: Any = None,
    *,
    script: Any = SCRIPT,
    mailer: Mailer | None = None,
    before: Any = (),
    tools: Any = (),
    **options: Any,
) -> tuple[ProtectedAgent, ScriptedModel, Mailer]:
    """Make an agent that writes a mail and answers; ``options`` are the middleware's, or the agent's."""
    mailer, model = mailer or Mailer(), ScriptedModel(script=script)
    own = {name: options.pop(name) for name in ("tool_entity_types", "system_prompt") if name in options}
    hiding = options.pop("anonymizer", None) or anonymizer()
    secure = AnonymizeMiddleware(anonymizer=hiding, **own)
    agent = create_agent(
        model, [mailer.tool, *tools], middleware=[*before, secure], checkpointer=checkpointer, **options
    )
    return secure.protect(agent), model, mailer


class Checkpoints:
    """A checkpointer's database file."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / "checkpoints.sqlite"

    @contextmanager
    def saver(self) -> Iterator[SqliteSaver]:
        with closing(sqlite3.connect(self.path, check_same_thread=False)) as connection:
            yield SqliteSaver(connection)

    @asynccontextmanager
    async def asaver(self) -> Any:
        async with aiosqlite.connect(self.path) as connection:
            yield AsyncSqliteSaver(connection)

    def held(self) -> bytes:
        """Return all bytes of the database: its file, its log, and each cell of its tables as it is."""
        raw = b"".join(path.read_bytes() for path in sorted(self.path.parent.glob(f"{self.path.name}*")))
        with closing(sqlite3.connect(self.path)) as connection:
            names = [
                row[0] for row in connection.execute("SELECT name FROM sqlite_master WHERE type='table'")
            ]
            cells = [
                cell if isinstance(cell, bytes) else str(cell).encode()
                for name in names
                for row in connection.execute(f"SELECT * FROM {name}")
                for cell in row
            ]
        return raw + b"\0".join(cells)

    def holds(self, value: str) -> bool:
        """Tell whether a value stands in the database, in any spelling and encoding that may be met."""
        held = self.held()
        return any(form in held for form in forms(value))


def forms(value: str) -> set[bytes]:
    """List how a value may be written in bytes: each of its spellings in UTF-8, UTF-16, base64 and hex."""
    found: set[bytes] = set()
    for spelling in spellings(value):
        for encoding in ("utf-8", "utf-16-le", "utf-16-be"):
            encoded = spelling.encode(encoding)
            found |= {encoded, encoded.hex().encode(), encoded.hex().upper().encode()}
            found |= {_core(encoded, shift) for shift in range(3)}
    return found


def _core(encoded: bytes, shift: int) -> bytes:
    """Return what base64 writes of ``encoded`` when it stands so many bytes behind a third one."""
    written = base64.b64encode(b"\0" * shift + encoded)
    return written[4 if shift else 0 : len(written) // 4 * 4 - 4]


Run = Callable[..., list[Any]]


def streamed(agent: ProtectedAgent, given: Any, configured: Any, **options: Any) -> list[Any]:
    return list(agent.stream(given, configured, **options))


def astreamed(agent: ProtectedAgent, given: Any, configured: Any, **options: Any) -> list[Any]:
    async def run() -> list[Any]:
        return [chunk async for chunk in agent.astream(given, configured, **options)]

    return asyncio.run(run())


def invoked(agent: ProtectedAgent, given: Any, configured: Any, **options: Any) -> Any:
    return agent.invoke(given, configured, **options)


def ainvoked(agent: ProtectedAgent, given: Any, configured: Any, **options: Any) -> Any:
    return asyncio.run(agent.ainvoke(given, configured, **options))


STREAMS: Mapping[str, Run] = {"stream": streamed, "astream": astreamed}
INVOKES: Mapping[str, Callable[..., Any]] = {"invoke": invoked, "ainvoke": ainvoked}
