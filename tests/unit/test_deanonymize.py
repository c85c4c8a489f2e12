"""What the Deanonymizer restores, what it leaves alone, and how it streams."""

from collections.abc import Iterator
from functools import reduce
from operator import add
from typing import Any

import pytest
from langchain_core.callbacks import BaseCallbackHandler
from langchain_core.messages import AIMessage, AIMessageChunk
from langchain_core.runnables.utils import AddableDict
from pydantic import BaseModel

from langchain_secguard import Deanonymizer, Form, UnknownPlaceholderError, Vault, VaultRequiredError
from langchain_secguard.vault import Entity

VALUES = [
    ("PERSON", "Jane Doe"),
    ("EMAIL_ADDRESS", "jane@example.com"),
    ("PERSON", 'Bob "the\\nose"\nRoe'),
    ("URL", "https://example.com/a"),
]


@pytest.fixture
def vault() -> Vault:
    vault = Vault("v")
    vault.assign([Entity(*value) for value in VALUES])
    return vault


@pytest.mark.parametrize(
    ("answer", "restored"),
    [
        ("[PERSON_1]", "Jane Doe"),
        ("[person_1]", "Jane Doe"),
        ("[PERSON 1]", "Jane Doe"),
        ("[Person-1]", "Jane Doe"),
        ("PERSON_1", "Jane Doe"),
        (r"\[PERSON\_1\]", "Jane Doe"),
        ("&#91;PERSON_1&#93;", "Jane Doe"),
        ("[REDACTED_PERSON_1]", "Jane Doe"),
        ("**[PERSON_1]**'s", "**Jane Doe**'s"),
        ("[PERSON_1's] car", "Jane Doe's car"),
        ("the PERSON_1s", "the Jane Does"),
        ("[EMAIL ADDRESS 1]", "jane@example.com"),
        ("[PERSON_12]", "[PERSON_12]"),
        ("[PERSON_01]", "[PERSON_01]"),
        ("[PERSON_3]", "[PERSON_3]"),
        ("[NOBODY_1]", "[NOBODY_1]"),
        ("XPERSON_1 PERSON_1X", "XPERSON_1 PERSON_1X"),
        ("person 1", "person 1"),
    ],
)
def test_a_placeholder_is_restored_where_exactly_one_is_meant(
    vault: Vault, answer: str, restored: str
) -> None:
    assert Deanonymizer(vault=vault).invoke(answer) == restored


def test_restored_text_is_not_read_again() -> None:
    vault = Vault("v")
    vault.assign([Entity("PERSON", "[PERSON_2]"), Entity("PERSON", "Jane Doe")])
    assert Deanonymizer(vault=vault).invoke("[PERSON_1] [PERSON_2]") == "[PERSON_2] Jane Doe"


def test_a_placeholder_of_another_vault_is_text(vault: Vault) -> None:
    assert Deanonymizer(vault=Vault("w")).invoke("[PERSON_1]") == "[PERSON_1]"


def test_without_a_vault_nothing_is_restored() -> None:
    with pytest.raises(VaultRequiredError):
        Deanonymizer().invoke("[PERSON_1]")
    with pytest.raises(VaultRequiredError):
        next(Deanonymizer().stream("[PERSON_1]"))


@pytest.mark.parametrize(
    "answer",
    [
        "https://evil.com/?q=[PERSON_1]",
        "![x](https://evil.com/[PERSON_1].png)",
        "[x](//evil.com/a(b)[PERSON_1])",
        "www.evil.com/PERSON_1",
        "evil.com/?q=[EMAIL_ADDRESS_1]",
        "mailto:[EMAIL_ADDRESS_1]",
        '<img src="https://evil.com/[PERSON_1]">',
        "[URL_1]?q=[PERSON_1]",
    ],
)
def test_no_value_is_put_into_a_url_by_default(vault: Vault, answer: str) -> None:
    for chunks in ([answer], list(answer)):
        restored = "".join(Deanonymizer(vault=vault).transform(iter(chunks)))
        assert restored == answer.replace("[URL_1]", "https://example.com/a")
    assert "Jane" in Deanonymizer(vault=vault, restore_urls=True).invoke(answer).replace("jane", "Jane")


def test_a_url_of_the_user_may_be_the_target_of_a_link(vault: Vault) -> None:
    restored = Deanonymizer(vault=vault).invoke("[here]([URL_1]) [PERSON_1]")
    assert restored == "[here](https://example.com/a) Jane Doe"


def test_only_the_entity_types_asked_for_are_restored(vault: Vault) -> None:
    step = Deanonymizer(vault=vault, entity_types=["PERSON"])
    assert step.invoke("[PERSON_1] [EMAIL_ADDRESS_1]") == "Jane Doe [EMAIL_ADDRESS_1]"


def test_an_unknown_placeholder_is_kept_dropped_or_an_error(vault: Vault) -> None:
    answer = "[PERSON_1], [PERSON_9] and [Exhibit 4]"
    assert Deanonymizer(vault=vault).invoke(answer) == "Jane Doe, [PERSON_9] and [Exhibit 4]"
    assert Deanonymizer(vault=vault, unknown="drop").invoke(answer) == "Jane Doe,  and [Exhibit 4]"
    with pytest.raises(UnknownPlaceholderError, match="PERSON"):
        Deanonymizer(vault=vault, unknown="error").invoke(answer)


def test_an_unknown_type_that_the_model_made_up_is_not_repeated(vault: Vault) -> None:
    with pytest.raises(UnknownPlaceholderError) as caught:
        Deanonymizer(vault=vault, unknown="error").invoke("[JANE_DOE_1]")
    assert "JANE" not in str(caught.value)


def test_a_checked_placeholder_is_restored_only_with_its_letters(vault: Vault) -> None:
    form = Form(check_key=b"0123456789abcdef")
    entry = vault.entries()[0]
    right = form.mint(entry.ref, "v")
    step = Deanonymizer(vault=vault, form=form)
    assert step.invoke(right.lower()) == "Jane Doe"
    assert step.invoke(f"[PERSON_1] {right[:-2]}Q]".replace("QQ", "QX")) != f"Jane Doe {right}"
    assert step.invoke("[PERSON_1]") == "[PERSON_1]"
    assert step.invoke(form.mint(entry.ref, "another vault")) == form.mint(entry.ref, "another vault")


def test_json_text_is_escaped_on_request(vault: Vault) -> None:
    import json  # noqa: PLC0415

    restored = Deanonymizer(vault=vault, json_text=True).invoke('{"name": "[PERSON_2]", "n": 1}')
    assert json.loads(restored) == {"name": 'Bob "the\\nose"\nRoe', "n": 1}


def test_structured_output_is_restored_in_its_class(vault: Vault) -> None:
    class Answer(BaseModel):
        who: str
        others: list[str]

    restored = Deanonymizer(vault=vault).invoke(Answer(who="[PERSON_1]", others=["[PERSON_2]"]))
    assert restored == Answer(who="Jane Doe", others=['Bob "the\\nose"\nRoe'])
    assert type(restored) is Answer


def test_keys_that_would_become_one_stay_two(vault: Vault) -> None:
    vault.assign([Entity("CUSTOM", "Jane Doe")])
    answer = AIMessage("", tool_calls=[{"name": "pay", "id": "1", "args": {}}])
    for args, restored in (
        ({"[PERSON_1]": 1, "[CUSTOM_1]": 2, "x": 3}, {"Jane Doe": 1, "[CUSTOM_1]": 2, "x": 3}),
        ({"[PERSON_1]": 1, "Jane Doe": 2}, {"[PERSON_1]": 1, "Jane Doe": 2}),
    ):
        answer.tool_calls[0]["args"] = args
        assert Deanonymizer(vault=vault).invoke(answer).tool_calls[0]["args"] == restored


def test_what_cannot_hold_a_placeholder_passes(vault: Vault) -> None:
    answer = {"n": 12345678901, "raw": b"[PERSON_1]", "who": "[PERSON_1]"}
    assert Deanonymizer(vault=vault).invoke(answer) == {**answer, "who": "Jane Doe"}


def test_only_what_may_still_become_a_placeholder_is_held_back(vault: Vault) -> None:
    chunks = ["Hello [", "PER", "SON_", "1", "]", "! It is NICE", " to", " see [you", "]", " PERSON_1", "s"]
    given = [
        list(Deanonymizer(vault=vault).transform(iter(chunks[:end]))) for end in range(1, len(chunks) + 1)
    ]
    steps: list[Any] = []
    feed = iter(chunks)
    stream = Deanonymizer(vault=vault).transform(_noted(feed, steps))
    out = []
    for chunk in stream:
        out.append(chunk)
        steps.append(f"<{chunk}>")
    assert "".join(out) == "Hello Jane Doe! It is NICE to see [you] Jane Does"
    assert steps.index("<Hello >") < steps.index("PER")
    assert steps.index("<Jane Doe>") < steps.index("! It is NICE")
    assert all(given)


def _noted(chunks: Iterator[str], steps: list[Any]) -> Iterator[str]:
    for chunk in chunks:
        steps.append(chunk)
        yield chunk


def test_chunks_keep_ids_usage_and_metadata(vault: Vault) -> None:
    usage = {"input_tokens": 1, "output_tokens": 2, "total_tokens": 3}
    chunks = [
        AIMessageChunk(content="[PER", id="run-1", response_metadata={"model_name": "m"}),
        AIMessageChunk(content="SON_1] and PERSON_1", id="run-1"),
        AIMessageChunk(content="", id="run-1", usage_metadata=usage, chunk_position="last"),
    ]
    given = list(Deanonymizer(vault=vault).transform(iter(chunks)))
    total = given[0]
    for chunk in given[1:]:
        total += chunk
    assert {chunk.id for chunk in given} == {"run-1"}
    assert given[-1].chunk_position == "last"
    assert (total.content, total.usage_metadata) == ("Jane Doe and Jane Doe", usage)
    assert total.response_metadata == {"model_name": "m"}


def test_a_last_chunk_with_text_closes_the_message_after_what_was_held_back(vault: Vault) -> None:
    chunks = [
        AIMessageChunk(content="hi PERSON_", id="r"),
        AIMessageChunk(content="1", id="r", chunk_position="last"),
    ]
    given = list(Deanonymizer(vault=vault).transform(iter(chunks)))
    assert "".join(chunk.text for chunk in given) == "hi Jane Doe"
    assert [chunk.chunk_position for chunk in given][-1] == "last"


def test_the_text_of_one_message_is_not_joined_to_the_next(vault: Vault) -> None:
    chunks = [AIMessageChunk(content="[PERSON", id="a"), AIMessageChunk(content="_1]", id="b")]
    given = list(Deanonymizer(vault=vault).transform(iter(chunks)))
    assert [(chunk.id, chunk.content) for chunk in given if chunk.content] == [("a", "[PERSON"), ("b", "_1]")]


def test_a_text_before_content_blocks_stays_before_them(vault: Vault) -> None:
    block = {"type": "executable_code", "executable_code": "run([PERSON_1])"}
    contents: list[Any] = ["for [PERSON_1] choose PERSON_", "1 or B", [block], "ut", []]
    chunks = [AIMessageChunk(content=content, id="a") for content in contents]
    restored = Deanonymizer(vault=vault)
    streamed = reduce(add, restored.transform(iter(chunks)))
    assert streamed.content == restored.invoke(reduce(add, chunks)).content
    assert streamed.content[0] == "for Jane Doe choose Jane Doe or B"


def test_whole_things_in_a_stream_are_restored_by_themselves(vault: Vault) -> None:
    chunks = [
        "[PER",
        AIMessage("[PERSON_1]"),
        {"a": "[PERSON_1]"},
        {"a": "[PERSON_1] and"},
        AddableDict(b="PERSON_1"),
    ]
    given = list(Deanonymizer(vault=vault).transform(iter(chunks)))
    assert given[:4] == ["[PER", AIMessage("Jane Doe"), {"a": "Jane Doe"}, {"a": "Jane Doe and"}]
    assert given[-1] == {"b": "Jane Doe"}


def test_a_vault_may_grow_while_an_answer_streams() -> None:
    vault = Vault("v")

    def answer() -> Iterator[str]:
        yield "so "
        vault.assign([Entity("PERSON", "Jane Doe"), Entity("PERSON", "Bob Roe", ("Mary Major",))])
        yield "[PERSON_1] and Mary"
        yield " Major."

    assert "".join(Deanonymizer(vault=vault).transform(answer())) == "so Jane Doe and Bob Roe."


def test_a_surrogate_that_comes_in_the_midst_of_a_word_is_not_seen_in_it() -> None:
    vault = Vault("v")

    def answer() -> Iterator[str]:
        yield "Rose"
        vault.assign([Entity("PERSON", "Bob Roe", ("Mary Major",))])
        yield "mary Major and Mary Major."

    assert "".join(Deanonymizer(vault=vault).transform(answer())) == "Rosemary Major and Bob Roe."


def test_surrogates_are_restored_however_they_are_cut(vault: Vault) -> None:
    vault.assign([Entity("PERSON", "Ann Lee", ("Mary Major",)), Entity("PERSON", "Leo", ("Mary",))])
    answer = "Mary Major met Mary and MARY MAJOR; Marylin, Major Mary"
    expected = "Ann Lee met Leo and Ann Lee; Marylin, Major Leo"
    assert Deanonymizer(vault=vault).invoke(answer) == expected
    for cut in range(len(answer)):
        chunks = [answer[:cut], answer[cut:]]
        assert "".join(Deanonymizer(vault=vault).transform(iter(chunks))) == expected


async def test_astream_events_shows_restored_chunks(vault: Vault) -> None:
    step = Deanonymizer(vault=vault)
    events = [event async for event in step.astream_events("[PERSON_1]", version="v2")]
    chunks = [event["data"]["chunk"] for event in events if event["event"] == "on_chain_stream"]
    assert chunks == ["Jane Doe"]


def test_a_step_tells_tracers_counts_and_no_text(vault: Vault) -> None:
    heard: list[Any] = []

    class Listener(BaseCallbackHandler):
        def on_custom_event(self, name: str, data: Any, **_: Any) -> None:
            heard.append((name, data))

    answer = "[PERSON_1] [PERSON_9] https://x.com/[PERSON_1]"
    Deanonymizer(vault=vault).invoke(answer, {"callbacks": [Listener()]})
    list(Deanonymizer(vault=vault).transform(iter(answer), {"callbacks": [Listener()]}))
    report = {
        "entities": {"PERSON": 1}, "unknown": 1, "withheld": 1, "step": "Deanonymizer", "vault_id": "v",
    }  # fmt: skip
    assert all(data.pop("seconds") > 0 for _, data in heard)
    assert heard == [("secguard.deanonymized", report)] * 2
