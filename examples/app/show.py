"""The chain that the page shows: the pair around a model, telling at each step what each side sees."""

import os
import re
import time
from collections import deque
from collections.abc import AsyncIterator
from typing import Annotated, Any, Literal

from langchain_core.language_models import BaseChatModel
from langchain_core.messages import BaseMessage
from langchain_core.runnables import Runnable, RunnableConfig, RunnableGenerator, ensure_config
from langchain_core.runnables.utils import ConfigurableFieldSpec
from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from langchain_secguard import Anonymizer, BlockedError, Deanonymizer, SecGuardError
from langchain_secguard.config import find_vault
from langchain_secguard.detect import EmbeddedDetector, Span, resolve
from langchain_secguard.policy import Action
from langchain_secguard.scan import LinkExfiltrationScanner, PromptInjectionScanner, ScanResult
from langchain_secguard.vault import Text, VaultStore

TASK = "Summarize the text in three sentences. Keep each placeholder, such as [PERSON_1], as it is."


class Ask(BaseModel):
    """Say what the page asks for.

    With ``answer`` false the text is only looked at: nothing is kept, and no model is asked.
    """

    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True)

    text: str = Field(max_length=50_000, pattern=r"\S")
    policies: dict[str, Action] = Field(default_factory=dict, max_length=64)
    hidden_names: list[Annotated[str, StringConstraints(strip_whitespace=True, min_length=1)]] = Field(
        default_factory=list, max_length=50
    )
    threshold: float = Field(default=0.5, ge=0, le=1)
    guard: bool = True
    answer: bool = True


class Seen(BaseModel):
    """Tell one thing that happened; which fields are set depends on ``kind``."""

    kind: Literal["entities", "sent", "model", "answer", "risk", "refused", "error", "done"]
    text: str | None = None
    entities: list["Mark"] | None = None
    name: str | None = None
    risk: float | None = None
    valid: bool | None = None
    timings: dict[str, float] | None = None


class Mark(BaseModel):
    """Mark characters ``start`` to ``end`` (exclusive, in UTF-16 units, as browsers count) of the text."""

    start: int
    end: int
    entity_type: str
    score: float


def make_chain(store: VaultStore, model: BaseChatModel) -> Runnable[Ask, Seen]:
    """Make the chain; its input is an :class:`Ask`, and it streams :class:`Seen`."""
    show = _Show(store, model)
    return _Generator(show.stream, name="show").with_types(input_type=Ask, output_type=Seen)


def choose_model() -> BaseChatModel:
    """Take OpenAI's model where there is a key, and the offline one elsewhere."""
    if os.environ.get("OPENAI_API_KEY"):
        from langchain_openai import ChatOpenAI  # noqa: PLC0415 - needed with a key only

        return ChatOpenAI(model="gpt-4o-mini")
    from extractive_summarizer import ExtractiveSummarizer  # noqa: PLC0415 - the other example's

    return ExtractiveSummarizer()


class _Generator(RunnableGenerator[Any, Any]):
    @property
    def config_specs(self) -> list[ConfigurableFieldSpec]:
        """Declare the vault id, under which the steps within look for their vault."""
        return Deanonymizer().config_specs


class _Show:
    def __init__(self, store: VaultStore, model: BaseChatModel) -> None:
        self._store = store
        self._model = model
        self._detector = EmbeddedDetector()
        self._detector.detect(["Jane Doe"])  # loads its model now, not with the first text
        self._deanonymizer = Deanonymizer(store=store)
        self._injection = PromptInjectionScanner()
        self._links = LinkExfiltrationScanner(sees="placeholders")

    async def stream(self, asks: AsyncIterator[Any]) -> AsyncIterator[Seen]:
        """Answer the one thing that is asked."""
        config = ensure_config()
        async for given in asks:
            ask = given if isinstance(given, Ask) else Ask.model_validate(given)
            try:
                async for seen in self._answer(ask, config):
                    yield seen
            except BlockedError as error:
                worst = max(error.scores.items(), key=lambda score: score[1], default=("", 1.0))
                yield Seen(kind="refused", name=worst[0], risk=worst[1], text=str(error))
            except SecGuardError as error:  # whose message holds no text
                yield Seen(kind="error", name=type(error).__name__, text=str(error))

    async def _answer(self, ask: Ask, config: RunnableConfig) -> AsyncIterator[Seen]:
        clock = _Clock()
        spans = await self._look(ask)
        clock.lap("detect")
        yield Seen(kind="entities", entities=_marks(ask.text, spans))
        if not ask.answer:
            yield Seen(kind="done", timings=clock.laps)
            return
        guarded = await self._injection.ascan(ask.text)
        clock.lap("guard")
        yield _risk(guarded)
        if ask.guard and not guarded.valid:
            raise BlockedError(
                "The text looks like an attempt to turn the model against its task; it was not sent.",
                scores={guarded.name: guarded.risk_score},
            )
        sent = await self._anonymizer(ask).ainvoke(ask.text, config)
        clock.lap("hide")
        yield Seen(kind="entities", entities=_marks(ask.text, [*spans, *await self._known(ask.text, config)]))
        yield Seen(kind="sent", text=sent)
        answer = ""
        async for seen in self._restored(sent, config, clock):
            answer += seen.text or "" if seen.kind == "model" else ""
            yield seen
        yield _risk(await self._links.ascan(answer))
        yield Seen(kind="done", timings=clock.laps)

    def _anonymizer(self, ask: Ask) -> Anonymizer:
        return Anonymizer(
            store=self._store,
            detector=self._detector,
            policies=ask.policies,
            hidden_names=ask.hidden_names,
            threshold=ask.threshold,
        )

    async def _look(self, ask: Ask) -> list[Span]:
        (spans,) = await self._detector.adetect([ask.text])
        named = [
            Span(*match.span(), "CUSTOM")
            for name in ask.hidden_names
            for match in re.finditer(rf"(?<!\w){re.escape(name)}(?!\w)", ask.text, re.IGNORECASE)
        ]
        wanted = (
            span
            for span in spans
            if span.score >= ask.threshold and ask.policies.get(span.entity_type) != "allow"
        )
        return resolve([*named, *wanted])

    async def _known(self, text: str, config: RunnableConfig) -> list[Span]:
        """Return where values stand that the vault knows, such as hidden names."""
        finding = await find_vault(config, None, self._store).afind([Text(text)])
        return [Span(hit.start, hit.end, hit.entity_type) for hit in finding.hits[0]]

    async def _restored(self, sent: str, config: RunnableConfig, clock: "_Clock") -> AsyncIterator[Seen]:
        """Stream what the model writes, and what becomes of it."""
        written: deque[str] = deque()

        async def watched() -> AsyncIterator[BaseMessage]:
            async for chunk in self._model.astream([("system", TASK), ("human", sent)], config):
                clock.first("first word")
                written.append(chunk.text)
                yield chunk

        async for chunk in self._deanonymizer.atransform(watched(), config):
            while written:
                yield Seen(kind="model", text=written.popleft())
            yield Seen(kind="answer", text=chunk.text)
        for rest in written:
            yield Seen(kind="model", text=rest)
        clock.lap("answer")


class _Clock:
    """Take the time of each step, in milliseconds."""

    def __init__(self) -> None:
        self.laps: dict[str, float] = {}
        self._last = time.perf_counter()

    def lap(self, name: str) -> None:
        now = time.perf_counter()
        self.laps[name] = (now - self._last) * 1000
        self._last = now

    def first(self, name: str) -> None:
        self.laps.setdefault(name, (time.perf_counter() - self._last) * 1000)


def _risk(result: ScanResult) -> Seen:
    return Seen(kind="risk", name=result.name, risk=result.risk_score, valid=result.valid)


def _marks(text: str, spans: list[Span]) -> list[Mark]:
    """Count as a browser does: a character beyond the basic plane is two."""
    offsets = _Offsets(text)
    return [
        Mark(start=offsets[span.start], end=offsets[span.end], entity_type=span.entity_type, score=span.score)
        for span in resolve(spans)
    ]


class _Offsets:
    def __init__(self, text: str) -> None:
        self._wide = [at for at, character in enumerate(text) if ord(character) > 0xFFFF]

    def __getitem__(self, offset: int) -> int:
        return offset + sum(at < offset for at in self._wide)
