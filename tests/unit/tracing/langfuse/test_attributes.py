import pytest

from langchain_secguard.tracing.langfuse.attributes import texts


@pytest.mark.parametrize(
    "name",
    [
        "langfuse.observation.input",
        "langfuse.observation.metadata.customer",
        "langfuse.trace.name",
        "user.id",
        "gen_ai.prompt",
        "anything",
    ],
)
def test_what_may_hold_a_value_is_a_text(name: str) -> None:
    assert texts({name: "Jane"}) == {name: "Jane"}


@pytest.mark.parametrize(
    "name",
    [
        "langfuse.observation.type",
        "langfuse.observation.level",
        "langfuse.observation.completion_start_time",
        "langfuse.internal.is_app_root",
        "langfuse.environment",
    ],
)
def test_what_langfuse_sorts_by_is_none(name: str) -> None:
    assert texts({name: "x"}) == {}


def test_lists_and_numbers_are_texts_and_truth_values_are_none() -> None:
    attributes = {"tags": ("a", "b"), "phone": 49309018, "flag": True, "share": 0.5, "counts": (0.5, 1.5)}
    assert texts(attributes) == {"tags": ("a", "b"), "phone": 49309018}
    assert texts(None) == {}
