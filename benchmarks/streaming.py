"""What restoring adds to each chunk of a streamed answer, beside a step that does nothing."""

from collections import deque
from collections.abc import Iterator, Sequence
from typing import Any

from langchain_core.messages import AIMessageChunk
from langchain_core.runnables import Runnable, RunnableConfig, RunnableGenerator

from benchmarks.clock import Action, side_by_side
from benchmarks.report import Row, at_most_more
from benchmarks.texts import pieces, prose, sprinkled
from langchain_secguard import Deanonymizer, Vault
from langchain_secguard.vault import Entity

_SIZE = 2_000
_LIMIT = 10e-6


def measure() -> Iterator[Row]:
    """Stream text without placeholders and text with them, split as a tokenizer does."""
    vault = Vault()
    vault.assign([Entity("PERSON", f"Person Number{number}") for number in range(1, 21)])
    placeholders = [f"[PERSON_{number}]" for number in range(1, 21)]
    for what, text in (
        ("without placeholders", prose(_SIZE)),
        ("with a placeholder every 100 characters", sprinkled(placeholders, _SIZE)),
    ):
        chunks = [AIMessageChunk(content=piece, id="answer") for piece in pieces(text)]
        ours, base = side_by_side(
            _stream(chunks, Deanonymizer(vault=vault)),
            _stream(chunks, RunnableGenerator(_nothing)),
            seconds=3,
        )
        yield at_most_more(f"a streamed chunk, {what}", ours, base, _LIMIT, units=len(chunks))


def _stream(chunks: Sequence[AIMessageChunk], step: Runnable[Any, Any]) -> Action:
    def model(_: Iterator[Any]) -> Iterator[AIMessageChunk]:
        yield from chunks

    chain = RunnableGenerator(model) | step
    config: RunnableConfig = {}
    return lambda: deque(chain.stream("", config), maxlen=0)


def _nothing(chunks: Iterator[Any]) -> Iterator[Any]:
    yield from chunks
