"""What is cancelled at each of its awaits: the pair and its wrappings around a model, over any store."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from langchain_core.messages import AIMessageChunk
from langchain_core.runnables import Runnable, RunnableConfig, RunnableGenerator

from langchain_secguard import Anonymizer, Deanonymizer, Guard, Vault, protect
from langchain_secguard.vault import VaultStore
from tests.cancelling import PATIENCE, Ended, cancel_at
from tests.support import LexiconDetector, config
from tests.unit.scanners import Words

VALUES = {"Jane Doe": "PERSON", "Bob Roe": "PERSON", "jane@x.com": "EMAIL_ADDRESS", "Springfield": "LOCATION"}
TEXT = "Jane Doe (jane@x.com) met Bob Roe in Springfield; Jane Doe left."


@dataclass
class Model:
    """Say in small chunks what it is told, and remember it."""

    told: list[str] = field(default_factory=list)

    def runnable(self) -> Runnable[Any, Any]:
        async def say(given: AsyncIterator[Any]) -> AsyncIterator[Any]:
            async for text in given:
                self.told.append(str(text))
                for start in range(0, len(text), 16):
                    await asyncio.sleep(0)
                    yield AIMessageChunk(content=text[start : start + 16], id="run-1")

        return RunnableGenerator(say)


Make = Callable[[VaultStore, Model], Runnable[Any, Any]]


def pair(store: VaultStore, model: Model) -> Runnable[Any, Any]:
    """Put the two steps around the model; places are hidden behind surrogates."""
    return _anonymizer(store) | model.runnable() | Deanonymizer(store=store)


def guarded(store: VaultStore, model: Model) -> Runnable[Any, Any]:
    """Put guards around the pair, too."""
    guard = Guard([Words("secret"), Words("bomb", name="More")])
    chain: Runnable[Any, Any] = guard | pair(store, model) | Guard([Words("secret")])
    return chain


def protected(store: VaultStore, model: Model) -> Runnable[Any, Any]:
    """Protect the model, with a guard that runs beside it, one before it and one behind it."""
    return protect(
        model.runnable(),
        anonymizer=_anonymizer(store),
        input_guards=[Guard([Words("secret")]), Guard([Words("bomb", name="Beside")], concurrent=True)],
        output_guards=[Guard([Words("secret")])],
    )


def _anonymizer(store: VaultStore) -> Anonymizer:
    return Anonymizer(detector=LexiconDetector(VALUES), store=store, policies={"LOCATION": "surrogate"})


async def invoked(chain: Runnable[Any, Any], given: RunnableConfig) -> str:
    """Call a chain, and return the text of its answer."""
    return str((await chain.ainvoke(TEXT, given)).content)


async def streamed(chain: Runnable[Any, Any], given: RunnableConfig) -> str:
    """Stream a chain, and return the text of its answer."""
    return "".join([str(chunk.content) async for chunk in chain.astream(TEXT, given)])


MAKES: Mapping[str, Make] = {"pair": pair, "guarded": guarded, "protected": protected}
CALLS: Mapping[str, Callable[[Runnable[Any, Any], RunnableConfig], Awaitable[str]]] = {
    "invoked": invoked,
    "streamed": streamed,
}


def sweep(
    store: VaultStore, make: Make, call: str, *, first: int = 1, step: int = 1, most: int = 10_000
) -> int:
    """Cancel a call at each of its awaits, ``step`` apart, and check what is left; return how many.

    Each time in a vault of its own: it must hold nothing, or all that a whole call leaves in it; the same
    call must then work; and the model was sent no value.
    """
    whole = _entries_of_a_whole_call(store, make, call)
    number, done = first, 0
    while done < most:
        vault_id = f"{call}-{make.__name__}-{number}"
        ended = _sweep_once(store, make, call, vault_id, number, whole)
        done += ended.cancelled
        if not ended.reached:
            return done
        number += step
    return done


def _entries_of_a_whole_call(store: VaultStore, make: Make, call: str) -> list[tuple[str, str, int]]:
    vault_id = f"{call}-{make.__name__}-whole"
    asyncio.run(_whole(store, make, call, vault_id))
    return _listed(store, vault_id)


def _sweep_once(
    store: VaultStore, make: Make, call: str, vault_id: str, number: int, whole: list[tuple[str, str, int]]
) -> Ended:
    model = Model()
    chain = make(store, model)
    ended = cancel_at(number, lambda: CALLS[call](chain, config(vault_id)))
    assert ended.left == 0, f"await {number}: {ended.left} tasks went on"
    listed = _listed(store, vault_id)
    assert listed in ([], whole), f"await {number}: the vault holds {len(listed)} of {len(whole)} entries"
    assert ended.cancelled or listed == whole
    assert not [value for value in VALUES for told in model.told if value in told]
    asyncio.run(_whole(store, make, call, vault_id))
    assert _listed(store, vault_id) == whole
    return ended


async def _whole(store: VaultStore, make: Make, call: str, vault_id: str) -> None:
    """Make the call to its end: nothing that was cancelled before it holds a lock."""
    model = Model()
    answer = await asyncio.wait_for(CALLS[call](make(store, model), config(vault_id)), PATIENCE)
    assert answer == TEXT
    assert model.told
    assert not [value for value in VALUES for told in model.told if value in told]
    aclose = getattr(store, "aclose", None)
    if aclose is not None:
        await aclose()


def _listed(store: VaultStore, vault_id: str) -> list[tuple[str, str, int]]:
    entries = Vault(vault_id, store=store).entries()
    return [(entry.ref.entity_type, entry.value, entry.ref.number) for entry in entries]
