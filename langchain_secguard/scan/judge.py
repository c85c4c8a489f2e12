"""A chat model as judge: any that LangChain can call, asked for a score in a fixed form."""

import secrets
from collections.abc import Callable, Sequence
from typing import Any, Literal

from langchain_core.language_models import BaseChatModel
from langchain_core.messages import BaseMessage, HumanMessage, SystemMessage
from langchain_core.runnables import RunnableConfig
from pydantic import BaseModel, Field, create_model

from langchain_secguard.errors import ScannerError
from langchain_secguard.scan.asking import AskingScanner
from langchain_secguard.scan.base import ScanResult, Sees
from langchain_secguard.scan.hosted import pieces
from langchain_secguard.scan.judge_prompts import (
    CATEGORY_PART,
    PROMPT_PART,
    QUESTIONS,
    SYSTEM,
    Criterion,
    Question,
)
from langchain_secguard.scan.named import checked_threshold

_OVERLAP = 500
_AT_ONCE = 4


class JudgeScanner(AskingScanner):
    """Scan by asking a chat model for a score, through its structured output.

    The text is put between marks that are drawn anew for each scan, with the order to obey nothing within;
    that makes it hard to talk the judge round, not impossible. What is no score from 0 to 1 is an error, and
    an error counts as a refusal. The model's call is a run of its own below the guard's, so it stands in
    traces; where chains stream messages, it is not among them.

    Example:
        .. code-block:: python

            judge = ChatOpenAI(model="gpt-4o-mini", temperature=0)
            guard = Guard([JudgeScanner(judge, "injection"), JudgeScanner(judge, "toxicity")])

    Args:
        model: The chat model; it needs ``with_structured_output``. Give it a timeout and a temperature of 0.
        criterion: What to look for: ``"injection"``, ``"toxicity"``, ``"relevance"`` (of an answer to its
            prompt), ``"refusal"``, ``"sensitive"`` or ``"banned_topics"``.
        question: Something else to look for, as the end of "How far is it true that ...?".
        topics: The topics of ``"banned_topics"``.
        threshold: The score from which a text is refused.
        window: Characters that are judged at once; of a longer text, the worst window counts.
        method: How the model is made to keep the form, if not its own way: ``"json_schema"``,
            ``"function_calling"`` or ``"json_mode"``.
        name: The scanner's name; by default, LLM Guard's name for the criterion.
        sees: The form of the text that is sent where both exist.

    Raises:
        TypeError: ``model`` is no chat model.
        ValueError: There is not exactly one of a criterion and a question, or an option is out of its range.
        NotImplementedError: The model has no structured output.
    """

    engine: str = "LangChain judge"
    whom = "the model"

    def __init__(  # noqa: PLR0913 - the options of a judge
        self,
        model: BaseChatModel,
        criterion: Criterion | None = None,
        *,
        question: str | None = None,
        topics: Sequence[str] = (),
        threshold: float = 0.5,
        window: int = 20_000,
        method: Literal["json_schema", "function_calling", "json_mode"] | None = None,
        name: str | None = None,
        sees: Sees = "placeholders",
    ) -> None:
        if not callable(getattr(model, "with_structured_output", None)):
            raise TypeError("JudgeScanner takes a chat model, such as ChatOpenAI(...)")
        if window <= _OVERLAP:
            raise ValueError(f"window must be more than {_OVERLAP} characters")
        self._question = _question(criterion, question, topics)
        super().__init__(name=name or self._question.name, sees=sees)
        self._threshold = checked_threshold(threshold)
        self._window = window
        self._schema = _schema(self._question)
        options: dict[str, Any] = {"method": method} if method else {}
        self._model = model.with_structured_output(self._schema, **options)

    def _ask(self, text: str, prompt: str | None) -> list[Any]:
        return self._model.batch(self._asked(text, prompt), self._config())

    async def _aask(self, text: str, prompt: str | None) -> list[Any]:
        return await self._model.abatch(self._asked(text, prompt), self._config())

    def _asked(self, text: str, prompt: str | None) -> list[Any]:
        """Write what the model is asked, for each window."""
        if prompt is None and self._question.needs_prompt:
            raise ScannerError(f"{self._name} needs the prompt of an answer: use it as an output guard.")
        return [
            _messages(self._question, piece, prompt)
            for piece in pieces(text, size=self._window, overlap=_OVERLAP)
        ]

    def _config(self) -> RunnableConfig:
        """Name the run; LangGraph streams no messages of a model with this tag."""
        return {"run_name": f"{self._name} judge", "tags": ["nostream"], "max_concurrency": _AT_ONCE}

    def _result(self, text: str, said: Sequence[Any]) -> ScanResult:
        details: dict[str, float] = {}
        risk = 0.0
        for score, category in map(self._read, said):
            risk = max(risk, score)
            if category is not None:
                details[category] = max(score, details.get(category, 0.0))
        return ScanResult(
            name=self._name, text=text, valid=risk < self._threshold, risk_score=risk, details=details
        )

    def _read(self, answer: Any) -> tuple[float, str | None]:
        """Return the score and the category, if any; the category is one of ours, never the model's words."""
        if isinstance(answer, self._schema):
            score, category = answer.score, getattr(answer, "category", None)  # type: ignore[attr-defined]
            if 0 <= score <= 1:
                return score, category if category in self._question.categories else None
        raise ScannerError(f"{self._name} got no score from 0 to 1; the text counts as refused.")


def _question(criterion: Criterion | None, question: str | None, topics: Sequence[str]) -> Question:
    if (criterion is None) == (question is None):
        raise ValueError("give a criterion, or a question of your own")
    if question is not None:
        return Question(name="Judge", asks=question.strip().rstrip("?."), hints="")
    known = QUESTIONS.get(criterion) if criterion else None
    if known is None:
        raise ValueError(f"criterion is one of {', '.join(QUESTIONS)}")
    if (criterion == "banned_topics") != bool(topics) or isinstance(topics, str):
        raise ValueError('"banned_topics", and no other criterion, takes topics=["...", ...]')
    if not topics:
        return known
    return Question(name=known.name, asks=known.asks.format(topics="; ".join(topics)), hints=known.hints)


def _schema(question: Question) -> type[BaseModel]:
    """Make the form of an answer; its name and descriptions are read by the model."""
    fields: dict[str, Any] = {
        "score": (float, Field(description="From 0.0 (not at all true) to 1.0 (certainly true)"))
    }
    if question.categories:
        choices = Literal[(*question.categories, "none")]  # type: ignore[valid-type] # they are known here alone
        fields["category"] = (choices, Field(description="What was found"))
    make: Callable[..., type[BaseModel]] = create_model
    return make("Verdict", __doc__="Say how far the statement is true of the text.", **fields)


def _messages(question: Question, text: str, prompt: str | None) -> list[BaseMessage]:
    fence = secrets.token_hex(8)
    system = SYSTEM.format(
        fence=fence,
        asks=question.asks,
        hints=question.hints,
        prompt_part=PROMPT_PART.format(fence=fence) if prompt is not None else "",
        category_part=CATEGORY_PART if question.categories else "",
    )
    parts = [_fenced("prompt", fence, prompt)] if prompt is not None else []
    parts.append(_fenced("text", fence, text))
    return [SystemMessage(system), HumanMessage("\n".join(parts))]


def _fenced(kind: str, fence: str, text: str) -> str:
    return f"<{kind}-{fence}>\n{text}\n</{kind}-{fence}>"
