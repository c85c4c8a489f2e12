"""What is answered in the place of a text that a guard refused, and what a prompt asked."""

from collections.abc import Collection, Mapping, Sequence
from functools import singledispatch
from typing import Annotated, Any, Literal, TypeAlias, Union, get_args, get_origin

from langchain_core.messages import AIMessage, AIMessageChunk, BaseMessage, HumanMessage, HumanMessageChunk
from langchain_core.prompt_values import PromptValue
from langchain_core.runnables import Runnable

Refusal: TypeAlias = str | BaseMessage
"""The sentence that a refused call is answered with."""

AnswerKind: TypeAlias = Literal["text", "message", "unknown", "other"]
"""What a Runnable gives: a str, a message, whatever it was given no type for, or something else."""

_HUMAN = frozenset({"human", "user"})


def text_of(refusal: Refusal) -> str:
    """Return a refusal as a str."""
    return refusal if isinstance(refusal, str) else str(refusal.text)


def message_of(refusal: Refusal) -> AIMessage:
    """Return a refusal as a message of the model."""
    if isinstance(refusal, AIMessage) and not isinstance(refusal, AIMessageChunk):
        return refusal.model_copy()
    return AIMessage(content=text_of(refusal))


def chunk_of(refusal: Refusal, like: AIMessageChunk | None = None) -> AIMessageChunk:
    """Return a refusal as the last chunk of a message, of that which ``like`` belongs to."""
    message = message_of(refusal)
    return AIMessageChunk(
        content=message.content,
        additional_kwargs=message.additional_kwargs,
        response_metadata=message.response_metadata,
        usage_metadata=like.usage_metadata if like else None,
        id=like.id if like else message.id,
        chunk_position="last",
    )


def in_place_of(answer: Any, refusal: Refusal, keys: Collection[str] | None) -> Any:
    """Put a refusal in the place of an answer: a str for a str, a message for a message.

    Of a dict, the values of ``keys`` are answers; of a graph's state, the messages behind the last of a
    person's.

    Returns:
        ``None`` where ``answer`` is no answer but a prompt, or of a type that a refusal cannot have.
    """
    if isinstance(answer, str):
        return text_of(refusal)
    if isinstance(answer, AIMessageChunk):
        return chunk_of(refusal, answer)
    if isinstance(answer, AIMessage):
        return message_of(refusal)
    if _is_answered(answer):
        return [message_of(refusal)]
    if isinstance(answer, dict) and not keys and _is_answered(answer.get("messages")):
        return {**answer, "messages": [*_until_asked(answer["messages"]), message_of(refusal)]}
    if isinstance(answer, dict) and keys:
        new = {key: in_place_of(answer[key], refusal, None) for key in keys if key in answer}
        return {**answer, **new} if new and None not in new.values() else None
    return None


def _is_answered(messages: Any) -> bool:
    return isinstance(messages, list) and bool(messages) and isinstance(messages[-1], AIMessage)


def _until_asked(messages: list[Any]) -> list[Any]:
    """Return messages up to the last one of a person: what follows may hold what was refused."""
    asking = [number for number, one in enumerate(messages, 1) if asked(one) is not None]
    return messages[: asking[-1]] if asking else []


def kind_of(runnable: Runnable[Any, Any]) -> AnswerKind:
    """Tell what a Runnable gives, by its ``OutputType``."""
    try:
        given: Any = runnable.OutputType
    except Exception:  # noqa: BLE001 - a Runnable that has no type says so by whatever error
        return "unknown"
    kinds = {_kind_of_type(one) for one in _members(given)}
    return kinds.pop() if len(kinds) == 1 else "message" if "message" in kinds else "unknown"


def as_answer(refusal: Refusal, kind: AnswerKind, given: Any) -> Any:
    """Make a refusal the answer of a chain that gives ``kind``, and was ``given`` its input.

    Where the kind is not known, a graph's state is answered with a state, messages and prompts with a
    message, and all else with what the refusal is.

    Returns:
        ``None`` where the chain gives something that a refusal cannot be.
    """
    if kind == "text":
        return text_of(refusal)
    if kind == "message":
        return message_of(refusal)
    if isinstance(given, dict) and isinstance(given.get("messages"), list):
        return {**given, "messages": [*given["messages"], message_of(refusal)]}
    if kind == "other":
        return None
    if isinstance(given, BaseMessage | PromptValue | list):
        return message_of(refusal)
    return refusal if isinstance(refusal, str) else message_of(refusal)


def as_chunk(answer: Any) -> Any:
    """Return a whole answer as a chunk of a stream."""
    is_whole = isinstance(answer, AIMessage) and not isinstance(answer, AIMessageChunk)
    return chunk_of(answer) if is_whole else answer


def _members(given: Any) -> list[Any]:
    origin = get_origin(given)
    if origin is Annotated:
        return _members(get_args(given)[0])
    if origin is Union or type(given).__name__ == "UnionType":
        return [member for one in get_args(given) for member in _members(one)]
    return [given]


def _kind_of_type(given: Any) -> AnswerKind:
    if given is Any or not isinstance(given, type):  # Any is a class from Python 3.11 on
        return "other" if get_origin(given) is not None else "unknown"
    if issubclass(given, str):
        return "text"
    if issubclass(given, BaseMessage):
        return "message"
    return "unknown" if given is object else "other"


@singledispatch
def asked(value: Any) -> str | None:  # noqa: ARG001 - its type is all that matters
    """Return what a prompt asks: a str itself, or the text of the last message of a person.

    Of a dict without messages it is all strings in it, in order.
    """
    return None


@asked.register
def _(value: str) -> str | None:
    return value


@asked.register
def _(value: BaseMessage) -> str | None:
    return str(value.text) if isinstance(value, HumanMessage | HumanMessageChunk) else None


@asked.register
def _(value: PromptValue) -> str | None:
    return asked(value.to_messages())


@asked.register(list)
@asked.register(tuple)
def _(value: Sequence[Any]) -> str | None:
    if len(value) == 2 and isinstance(value[0], str) and value[0] in _HUMAN and isinstance(value[1], str):
        return value[1]
    found = (asked(one) for one in reversed(value) if not isinstance(one, str))
    return next((text for text in found if text is not None), None)


@asked.register
def _(value: Mapping) -> str | None:  # type: ignore[type-arg]
    if isinstance(value.get("role"), str) and "content" in value:
        content = value["content"]
        return content if value["role"] in _HUMAN and isinstance(content, str) else None
    if "messages" in value:
        return asked(value["messages"])
    texts = [text for one in value.values() if (text := asked(one)) is not None]
    return "\n".join(texts) if texts else None
