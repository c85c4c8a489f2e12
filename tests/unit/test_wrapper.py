from typing import Any

from langchain_core.prompts import ChatPromptTemplate
from langchain_core.runnables import Runnable, RunnableConfig, RunnableLambda
from pydantic import BaseModel

from langchain_secguard.wrapper import Wrapper


class Question(BaseModel):
    text: str


class Answer(BaseModel):
    text: str


class Around(Wrapper):
    """Run another Runnable."""

    def __init__(self, runnable: Runnable[Any, Any]) -> None:
        self._runnable = runnable

    def _wrapped(self) -> Runnable[Any, Any]:
        return self._runnable

    def invoke(self, input: Any, config: RunnableConfig | None = None, **kwargs: Any) -> Any:
        return self._runnable.invoke(input, config, **kwargs)


def answer(question: Question) -> Answer:
    return Answer(text=question.text)


def test_has_the_types_and_schemas_of_what_it_is_around() -> None:
    inner: Runnable[Any, Any] = RunnableLambda(answer)
    around = Around(inner)
    assert (around.InputType, around.OutputType) == (Question, Answer)
    assert around.get_input_schema() is inner.get_input_schema()
    assert around.get_output_jsonschema() == inner.get_output_jsonschema()


def test_names_the_variables_of_a_prompt_in_a_chain() -> None:
    around = Around(ChatPromptTemplate.from_messages([("human", "{question} of {name}")]))
    assert around.get_input_jsonschema()["required"] == ["name", "question"]
    assert (around | RunnableLambda(str)).get_input_jsonschema()["required"] == ["name", "question"]
