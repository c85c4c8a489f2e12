"""Other ways to write a name, from the text to the model and back."""

import json
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import reduce
from operator import add
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from langchain_core.messages import AIMessage, AIMessageChunk, HumanMessage

from langchain_secguard import Anonymizer, Deanonymizer, Form, Policy, Vault
from langchain_secguard.placeholders import Ref
from langchain_secguard.vault import InMemoryVaultStore
from tests.support import LexiconDetector

PEOPLE = [
    "Jane Doe", "JANE DOE", "jane doe", "Jane  Doe", "Doe", "DOE", "Jane", "JANE", "John Doe", "John",
    "Bob Roe", "Roe", "Doe Jr.", "Ms. Doe's", "van Doe", "J. Doe",
]  # fmt: skip
LEXICON = {
    **dict.fromkeys(PEOPLE, "PERSON"),
    **dict.fromkeys(["Acme Corp", "ACME CORP", "Acme"], "ORGANIZATION"),
    **dict.fromkeys(["jane@x.com", "Jane@X.com"], "EMAIL_ADDRESS"),
    **dict.fromkeys(["key-Ab1", "KEY-AB1"], "SECRET"),
}
FORMS = [Form(), Form("llm_guard"), Form(check_key=b"0123456789abcdef")]
COMPLAINT = Path(__file__).parents[2] / "examples" / "complaint.txt"


def pair(vault: Vault | None = None, form: Form = FORMS[0]) -> tuple[Anonymizer, Deanonymizer]:
    vault = vault if vault is not None else Vault("v")
    return (
        Anonymizer(detector=LexiconDetector(LEXICON), vault=vault, form=form),
        Deanonymizer(vault=vault, form=form),
    )


def hidden(*texts: str) -> list[str]:
    """Hide texts, one call for each, in one vault; each comes back as it was."""
    before, after = pair()
    answers = [before.invoke(text) for text in texts]
    assert [after.invoke(answer) for answer in answers] == list(texts)
    return answers


class TestOneText:
    @pytest.mark.parametrize(
        ("text", "expected"),
        [
            ("Jane Doe paid. Ms. Doe left.", "[PERSON_1] paid. Ms. [PERSON_1b] left."),
            ("Ms. Doe left. Jane Doe paid.", "Ms. [PERSON_1b] left. [PERSON_1] paid."),
            ("DOE: yes. Jane Doe", "[PERSON_1b]: yes. [PERSON_1]"),
            ("Jane Doe, JANE DOE", "[PERSON_1], [PERSON_1b]"),
            ("JANE DOE v. Roe: Jane Doe", "[PERSON_1] v. [PERSON_2]: [PERSON_1b]"),
            ("Jane Doe's car, Jane's car", "[PERSON_1]'s car, [PERSON_1b]'s car"),
            ("Jane Doe and Ms. Doe's car", "[PERSON_1] and [PERSON_1b] car"),
            ("Bob Roe, Jane Doe, Doe, Roe", "[PERSON_1], [PERSON_2], [PERSON_2b], [PERSON_1b]"),
            # two people
            ("Jane Doe, John Doe, Doe", "[PERSON_1], [PERSON_2], [PERSON_3]"),
            ("Doe: Jane Doe and John Doe", "[PERSON_3]: [PERSON_1] and [PERSON_2]"),
            ("Mr. Doe and Jane Doe", "Mr. [PERSON_2] and [PERSON_1]"),
            ("Jane Doe and Mr. Doe", "[PERSON_1] and Mr. [PERSON_2]"),
            ("John Doe and Mr. Doe", "[PERSON_1] and Mr. [PERSON_1b]"),
            ("Jane Doe; Mr. and Mrs. Doe", "[PERSON_1]; Mr. and Mrs. [PERSON_2]"),
            ("Jane Doe. Ms. Doe, Mr. Doe", "[PERSON_1]. Ms. [PERSON_2], Mr. [PERSON_2]"),
            ("Jane Doe and J. Doe", "[PERSON_1] and [PERSON_2]"),
            # other types
            ("Acme Corp, ACME CORP, Acme", "[ORGANIZATION_1], [ORGANIZATION_1b], [ORGANIZATION_2]"),
            ("jane@x.com, Jane@X.com", "[EMAIL_ADDRESS_1], [EMAIL_ADDRESS_1b]"),
            ("key-Ab1, KEY-AB1", "[SECRET_1], [SECRET_2]"),
        ],
    )
    def test_shows_the_model_which_names_are_one_persons(self, text: str, expected: str) -> None:
        assert hidden(text) == [expected]

    def test_restores_what_was_written_and_not_the_whole_name(self) -> None:
        before, after = pair()
        before.invoke("Jane Doe paid. Ms. Doe left. JANE!")
        answer = "Ms. [PERSON_1b] is [PERSON_1], or [PERSON_1c]; [person 1b], PERSON_1B's, \\[PERSON\\_1b\\]"
        assert after.invoke(answer) == "Ms. Doe is Jane Doe, or JANE; Doe, Doe's, Doe"

    @pytest.mark.parametrize(
        "answer", ["[PERSON_1c]", "[PERSON_2b]", "PERSON_1c", "[person 1 c]", "[PERSON_1bb]"]
    )
    def test_a_variant_that_was_never_issued_stays(self, answer: str) -> None:
        before, after = pair()
        before.invoke("Jane Doe, Doe, Bob Roe")
        assert after.invoke(answer) == answer

    def test_a_variant_that_somebody_types_is_text(self) -> None:
        text = "Jane Doe, Doe, [PERSON_1b], PERSON_1b, [person 1B]"
        assert hidden(text) == ["[PERSON_1], [PERSON_1b], [CUSTOM_1], [CUSTOM_2], [CUSTOM_3]"]

    def test_links_nothing_when_told_so(self) -> None:
        step = Anonymizer(detector=LexiconDetector(LEXICON), vault=Vault(), link_names=False)
        assert step.invoke("Jane Doe, JANE DOE, Doe") == "[PERSON_1], [PERSON_2], [PERSON_3]"
        assert (
            step.invoke("jane doe, Acme Corp, ACME CORP") == "[PERSON_4], [ORGANIZATION_1], [ORGANIZATION_2]"
        )

    def test_a_check_holds_for_one_variant(self) -> None:
        before, after = pair(form=FORMS[2])
        text = before.invoke("Jane Doe, Doe")
        first, second = text.split(", ")
        assert after.invoke(text) == "Jane Doe, Doe"
        forged = first.replace("_1_", "_1b_"), second.replace("_1b_", "_1_")
        assert [after.invoke(placeholder) for placeholder in forged] == list(forged)

    def test_a_policy_that_hides_for_good_gives_no_variants(self) -> None:
        step = Anonymizer(
            detector=LexiconDetector(LEXICON), vault=Vault(), policies={"PERSON": Policy("redact")}
        )
        assert step.invoke("Jane Doe, Doe") == "[PERSON], [PERSON]"

    def test_a_linked_value_has_a_surrogate_of_its_own(self) -> None:
        vault = Vault()
        step = Anonymizer(detector=LexiconDetector(LEXICON), vault=vault, policies={"PERSON": "surrogate"})
        text = "Jane Doe paid. Ms. Doe left."
        assert Deanonymizer(vault=vault).invoke(step.invoke(text)) == text
        assert len({entry.surrogate for entry in vault.entries()}) == 2
        assert [entry.ref for entry in vault.entries()] == [Ref("PERSON", 1), Ref("PERSON", 1, "b")]

    def test_the_example_tells_that_the_plaintiff_is_one_person(self) -> None:
        vault = Vault()
        text = COMPLAINT.read_text(encoding="utf-8")
        seen = Anonymizer(vault=vault).invoke(text)
        assert "Plaintiff [PERSON_1], by her attorney" in seen
        assert "Ms. [PERSON_1b], then a line operator" in seen
        assert Deanonymizer(vault=vault).invoke(seen) == text


class TestConversation:
    def test_links_over_turns(self) -> None:
        assert hidden(
            "I am Jane Doe.", "Dear Ms. Doe,", "It is Jane.", "JANE DOE", "Jane Doe, Doe, Jane"
        ) == [
            "I am [PERSON_1].",
            "Dear Ms. [PERSON_1b],",
            "It is [PERSON_1c].",
            "[PERSON_1d]",
            "[PERSON_1], [PERSON_1b], [PERSON_1c]",
        ]

    def test_a_second_doe_changes_no_placeholder_and_ends_the_linking(self) -> None:
        assert hidden("Jane Doe, Doe", "John Doe", "Doe, Jane Doe, John, DOE") == [
            "[PERSON_1], [PERSON_1b]",
            "[PERSON_2]",
            "[PERSON_1b], [PERSON_1], [PERSON_2b], [PERSON_3]",
        ]

    def test_a_short_name_that_came_first_stays_by_itself(self) -> None:
        assert hidden("Hi, Jane here", "Jane Doe", "Jane, Doe") == [
            "Hi, [PERSON_1] here",
            "[PERSON_2]",
            "[PERSON_1], [PERSON_2b]",
        ]

    def test_links_what_the_detector_misses(self) -> None:
        before, after = pair()
        before.invoke("Jane Doe, Acme Corp")
        text = "jAnE\nDoE of acme corp"
        assert before.invoke(text) == "[PERSON_1b] of [ORGANIZATION_1b]"
        assert after.invoke("[PERSON_1b] of [ORGANIZATION_1b]") == text

    def test_messages_of_one_call_are_read_together(self) -> None:
        before, after = pair()
        messages = [HumanMessage("Ms. Doe here"), AIMessage("Hello"), HumanMessage("Jane Doe, to be exact")]
        seen = before.invoke(messages)
        assert [message.content for message in seen] == [
            "Ms. [PERSON_1b] here",
            "Hello",
            "[PERSON_1], to be exact",
        ]
        assert after.invoke(seen) == messages

    def test_a_participants_name_and_tool_calls_are_linked_too(self) -> None:
        before, after = pair()
        call = {"name": "send", "args": {"to": "Doe", "cc": ["JANE"]}, "id": "1", "type": "tool_call"}
        messages = [HumanMessage("I am Jane Doe", name="Jane"), AIMessage("", tool_calls=[call])]
        seen = before.invoke(messages)
        assert (seen[0].content, seen[0].name) == ("I am [PERSON_1]", "PERSON_1b")
        assert seen[1].tool_calls[0]["args"] == {"to": "[PERSON_1d]", "cc": ["[PERSON_1c]"]}
        assert after.invoke(seen) == messages

    def test_erasing_a_person_erases_what_she_was_called(self) -> None:
        vault = Vault()
        before, after = pair(vault)
        seen = before.invoke("Jane Doe, Ms. Doe, Jane, Bob Roe, Roe")
        assert vault.erase_value("jane doe") == 3
        assert after.invoke(seen) == "[PERSON_1], Ms. [PERSON_1b], [PERSON_1c], Bob Roe, Roe"
        assert before.invoke("Ms. Doe, Jane Doe") == "Ms. [PERSON_3b], [PERSON_3]"

    def test_erasing_a_short_name_erases_that_alone(self) -> None:
        vault = Vault()
        before, after = pair(vault)
        seen = before.invoke("Jane Doe, Doe")
        assert vault.erase_value("Doe") == 1
        assert after.invoke(seen) == "Jane Doe, [PERSON_1b]"
        assert before.invoke("Jane Doe, Doe") == "[PERSON_1], [PERSON_1c]"

    def test_threads_that_hide_at_once_agree(self) -> None:
        store = InMemoryVaultStore()
        before = Anonymizer(detector=LexiconDetector(LEXICON), store=store)
        texts = ["Jane Doe, Doe", "Doe, Jane Doe", "Ms. Doe: JANE DOE, Jane Doe"]

        def work(worker: int) -> tuple[str, str]:
            config = {"configurable": {"vault_id": f"v{worker % 5}"}}
            text = texts[worker % 3]
            seen = before.invoke(text, config)  # type: ignore[arg-type]
            return text, Deanonymizer(store=store).invoke(seen, config)  # type: ignore[arg-type]

        with ThreadPoolExecutor(16) as pool:
            assert [text for text, back in pool.map(work, range(300)) if text != back] == []
        for number in range(5):
            entries = Vault(f"v{number}", store=store).entries()
            assert len({entry.ref for entry in entries}) == len({entry.value for entry in entries}) == 3


def texts() -> st.SearchStrategy[str]:
    """Make texts of names, titles and what stands between them."""
    between = [
        "Mr. ",
        "Ms. ",
        "Mr. and Mrs. ",
        " ",
        ", ",
        "'s ",
        "\n",
        "[PERSON_1b]",
        "PERSON_1c",
        "[person 2B]",
        "b",
        "s",
    ]
    return st.lists(st.sampled_from([*LEXICON, *between]), max_size=12).map("".join)


class TestRoundTrip:
    @settings(deadline=None, max_examples=200)
    @given(st.lists(texts(), min_size=1, max_size=3), st.sampled_from(FORMS))
    def test_gives_back_every_text_of_a_conversation(self, turns: list[str], form: Form) -> None:
        before, after = pair(form=form)
        seen = [before.invoke(turn) for turn in turns]
        assert [after.invoke(answer) for answer in seen] == turns
        again = [before.invoke(turn) for turn in turns]
        assert [after.invoke(answer) for answer in again] == turns

    @settings(deadline=None, max_examples=100)
    @given(texts(), st.sampled_from(FORMS))
    def test_gives_back_a_stream_cut_anywhere(self, text: str, form: Form) -> None:
        before, after = pair(form=form)
        seen = before.invoke(text)
        for cut in range(len(seen) + 1):
            assert "".join(after.transform(iter([seen[:cut], seen[cut:]]))) == text
        assert "".join(after.transform(iter(list(seen)))) == text

    @settings(deadline=None, max_examples=100)
    @given(st.lists(texts(), min_size=1, max_size=4))
    def test_a_placeholder_never_stands_for_two_values(self, turns: Sequence[str]) -> None:
        vault = Vault()
        before, _ = pair(vault)
        owners: dict[Ref, str] = {}
        for turn in turns:
            before.invoke(turn)
            for entry in vault.entries():
                assert owners.setdefault(entry.ref, entry.value) == entry.value
        assert len(set(owners)) == len({(ref.entity_type, value) for ref, value in owners.items()})

    @pytest.mark.parametrize("size", [1, 2, 3, 5])
    def test_streams_message_chunks_and_tool_call_arguments(self, size: int) -> None:
        before, after = pair()
        seen = before.invoke("Jane Doe wrote that Ms. Doe and JANE agree")
        arguments = json.dumps({"to": before.invoke("Doe"), "text": seen})
        chunks = [
            *(AIMessageChunk(content=seen[at : at + size], id="1") for at in range(0, len(seen), size)),
            *(
                AIMessageChunk(
                    content="",
                    id="1",
                    tool_call_chunks=[
                        {
                            "name": "send" if not at else None,
                            "args": arguments[at : at + size],
                            "id": "c" if not at else None,
                            "index": 0,
                            "type": "tool_call_chunk",
                        }
                    ],
                )
                for at in range(0, len(arguments), size)
            ),
        ]
        answer = reduce(add, after.transform(iter(chunks)))
        assert answer.content == "Jane Doe wrote that Ms. Doe and JANE agree"
        assert answer.tool_calls[0]["args"] == {"to": "Doe", "text": answer.content}
