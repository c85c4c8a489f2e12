from collections.abc import Mapping
from typing import Any

import pytest
from langchain_core.runnables import RunnableLambda

from langchain_secguard.placeholders import Form
from langchain_secguard.sight import Sight
from langchain_secguard.tracing.langfuse.code import code_in, is_class_name, is_score_name, known_values


def sight(values: Mapping[str, str]) -> Sight:
    return Sight(None, Form(), lambda: values)


class TestClassNames:
    @pytest.mark.parametrize(
        "name", ["RunnableSequence", "Anonymizer", "RunnableLambda", "ChatPromptTemplate"]
    )
    def test_of_runnables_are_code(self, name: str) -> None:
        from langchain_core.prompts import ChatPromptTemplate  # noqa: F401, PLC0415

        import langchain_secguard  # noqa: F401, PLC0415 - its steps are among the classes

        assert is_class_name(name)

    @pytest.mark.parametrize("name", ["Jane", "Jane Doe", "", "dict", "summarize"])
    def test_are_not_what_people_write(self, name: str) -> None:
        assert not is_class_name(name)

    def test_may_be_of_a_class_that_is_defined_later(self) -> None:
        assert not is_class_name("DefinedLater")

        class DefinedLater(RunnableLambda[str, str]):
            pass

        assert is_class_name(DefinedLater.__name__)


class TestCodeIn:
    def test_is_a_class_a_model_and_what_a_model_says_of_itself(self) -> None:
        metadata = {"ls_provider": "anthropic", "ls_temperature": 0.5, "customer": "Jane", "ls_odd": ["Jane"]}
        fields = {"name": "RunnableLambda", "model": "claude-3", "metadata": metadata, "input": "x"}
        assert code_in(fields, None) == {
            "name": "RunnableLambda",
            "model": "claude-3",
            "metadata": {"ls_provider": "anthropic", "ls_temperature": 0.5},
        }

    def test_is_none_where_a_value_stands(self) -> None:
        known = known_values([sight({"claude": "[PERSON_1]", "RunnableLambda": "[PERSON_2]"})])
        fields: dict[str, Any] = {
            "name": "RunnableLambda",
            "model": "Claude-3",
            "metadata": {"ls_model_name": "Claude-3", "ls_provider": "anthropic"},
        }
        assert code_in(fields, known) == {"metadata": {"ls_provider": "anthropic"}}

    def test_a_value_inside_a_word_is_none(self) -> None:
        known = known_values([sight({"Ann": "[PERSON_1]"})])
        assert code_in({"name": "x", "model": "planner"}, known) == {"model": "planner"}


@pytest.mark.parametrize(
    ("name", "is_one"),
    [
        ("Anonymizer.risk", True),
        ("my-scan.valid", True),
        ("verdict", True),
        ("Jane Doe.risk", False),
        ("x", False),
    ],
)
def test_score_names_are_made_of_scanners(name: str, is_one: bool) -> None:
    assert is_score_name(name) is is_one
