import asyncio
import base64
import gc
import json
import logging
import threading
import types
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from langchain_core.callbacks import BaseCallbackHandler
from langchain_core.messages import AIMessage, HumanMessage

from langchain_secguard import Anonymizer, Deanonymizer, Vault, protect
from langchain_secguard.detect import Span
from langchain_secguard.placeholders import Form
from langchain_secguard.sight import Sight, sight_of
from langchain_secguard.tracing import WITHHELD, Mask
from langchain_secguard.vault import Entity, Finding, InMemoryVaultStore, Text
from tests.support import FailingDetector, LexiconDetector, WrongDetector, config

JANE, MAIL = "Jane Doe", "jane@x.com"
VALUES = {JANE: "PERSON", MAIL: "EMAIL_ADDRESS"}


class Counting(InMemoryVaultStore):
    """Count how often it is asked, and what for."""

    def __init__(self) -> None:
        super().__init__()
        self.finds: list[list[Text]] = []
        self.writes = 0

    def find(self, vault_id: str, texts: Sequence[Text]) -> Finding:
        self.finds.append(list(texts))
        return super().find(vault_id, texts)

    def assign(self, *args: Any, **kwargs: Any) -> Any:
        self.writes += 1
        return super().assign(*args, **kwargs)


class Keeper(BaseCallbackHandler):
    """Keep the sights of a chain's runs, as a tracer does."""

    run_inline = True

    def __init__(self) -> None:
        self.sights: list[Sight] = []

    def on_custom_event(self, name: str, data: Any, *, run_id: Any, **_: Any) -> None:
        sight = sight_of(run_id)
        assert sight is not None
        self.sights.append(sight)


def quiet(**options: Any) -> Mask:
    return Mask(detector=LexiconDetector({}), **options)


def sight(values: dict[str, str] | None = None, *, vault: Vault | None = None, failed: bool = False) -> Sight:
    return Sight(vault, Form(), lambda: values or {}, failed=failed)


class TestWhatIsMasked:
    def test_values_of_the_sights(self) -> None:
        assert quiet().text("I am Jane Doe.", [sight({JANE: "[PERSON_1]"})]) == "I am [PERSON_1]."

    def test_values_that_the_vault_knows(self) -> None:
        vault = Vault("v")
        vault.assign([Entity("PERSON", JANE), Entity("EMAIL_ADDRESS", MAIL)])
        texts = ["Jane Doe", "JANE  doe", json.dumps(f'"{JANE}"\n{MAIL}')]
        assert quiet().apply(texts, [sight(vault=vault)]) == [
            "[PERSON_1]",
            "[PERSON]",
            json.dumps('"[PERSON_1]"\n[EMAIL_ADDRESS_1]'),
        ]

    def test_hidden_names_of_every_living_anonymizer_and_of_its_own(self) -> None:
        anonymizer = Anonymizer(detector=LexiconDetector({}), hidden_names=("Maskworthy & Co",))
        mask = quiet(hidden_names=("Project Blue",))
        assert mask.text("MASKWORTHY & CO, project%20blue") == "[CUSTOM], [CUSTOM]"
        del anonymizer
        gc.collect()
        assert mask.text("MASKWORTHY & CO, project%20blue") == "MASKWORTHY & CO, [CUSTOM]"

    def test_what_its_detector_finds(self) -> None:
        mask = Mask(detector=LexiconDetector(VALUES), allowed_names=("Jane Doe",))
        assert mask.text("Jane Doe, jane@x.com") == "Jane Doe, [EMAIL_ADDRESS]"
        assert Mask(detector=LexiconDetector(VALUES), entity_types={"PERSON"}).text(MAIL) == MAIL
        assert Mask().text("I am Jane Doe of Springfield, jane@x.com") == (
            "I am [PERSON] of [LOCATION], [EMAIL_ADDRESS]"
        )

    def test_what_its_detector_is_sure_enough_of(self) -> None:
        def found(score: float) -> Callable[[Sequence[str]], list[list[Span]]]:
            return lambda texts: [[Span(0, 4, "PERSON", score)] for _ in texts]

        for score, expected in ((0.4, "Jane"), (0.6, "[PERSON]"), (float("nan"), "[PERSON]")):
            assert Mask(detector=WrongDetector(found(score)), threshold=0.5).text("Jane") == expected

    def test_a_placeholder_goes_before_a_label(self) -> None:
        mask = Mask(detector=LexiconDetector({f"Ms. {JANE}": "PERSON"}))
        assert mask.text(f"Ms. {JANE}!", [sight({JANE: "[PERSON_1]"})]) == "[PERSON_1]!"

    def test_keys_that_become_one_stay_apart(self) -> None:
        mask = Mask(detector=LexiconDetector({"Jane": "PERSON", "Bob": "PERSON"}))
        assert mask.apply([{"Jane": 1, "Bob": 2}]) == [{"[PERSON]": 1, "[PERSON] (2)": 2}]

    def test_numbers_that_are_values(self) -> None:
        masked = quiet().apply(
            [{"a": 15550100142, "b": 4711, "c": 15550100142.0, "d": 7, "e": True, "f": -4711}],
            [sight({"+1 555-010-0142": "[PHONE_NUMBER_1]", "4711": "[ID_NUMBER_1]", "7": "[X]"})],
        )
        assert masked == [
            {
                "a": "[PHONE_NUMBER_1]",
                "b": "[ID_NUMBER_1]",
                "c": "[PHONE_NUMBER_1]",
                "d": 7,
                "e": True,
                "f": "-[ID_NUMBER_1]",
            }
        ]

    def test_a_name_in_a_model_s_field_that_a_detector_is_not_shown(self) -> None:
        mask = Mask(detector=LexiconDetector({"gpt-Jane-4": "PERSON"}))
        assert mask.apply([{"model_name": "gpt-Jane-4"}], [sight({"Jane": "[PERSON_1]"})]) == [
            {"model_name": "gpt-[PERSON_1]-4"}
        ]

    def test_files_in_texts(self) -> None:
        data = base64.b64encode(bytes(range(256))).decode()
        uri = f"data:image/png;base64,{data}"
        assert quiet().text(f"see ![]({uri})") == f"see ![](<{len(uri)} characters>)"
        assert quiet().text(f"x {data}") == f"x <{len(data)} characters>"
        assert quiet().text("x " + "-" * 300) == "x " + "-" * 300


class TestARun:
    def test_of_a_pair_leaves_nothing(self) -> None:
        keeper, vault = Keeper(), Vault("v")
        pair = Anonymizer(detector=LexiconDetector(VALUES), vault=vault) | Deanonymizer(vault=vault)
        given = [HumanMessage(f"I am {JANE}", additional_kwargs={"mail": MAIL})]
        answer = pair.invoke(given, config("v", keeper))
        masked = quiet().apply([given, answer], keeper.sights)
        assert masked[0] == masked[1]
        assert JANE not in str(masked)
        assert MAIL not in str(masked)
        assert "[PERSON_1]" in str(masked)

    def test_whose_vault_is_erased_by_then(self) -> None:
        keeper = Keeper()
        protect(
            lambda value: value,
            anonymizer=Anonymizer(detector=LexiconDetector(VALUES)),
        ).invoke(f"I am {JANE}", {"callbacks": [keeper]})
        assert quiet().text(f"I am {JANE}", keeper.sights) == "I am [PERSON_1]"

    def test_whose_policies_keep_nothing(self) -> None:
        keeper = Keeper()
        step = Anonymizer(
            detector=LexiconDetector(VALUES),
            vault=Vault("v"),
            policies={"PERSON": "redact", "EMAIL_ADDRESS": "hash"},
        )
        sent = step.invoke(f"{JANE} {MAIL}", config("v", keeper))
        assert quiet().text(f"{JANE} {MAIL}", keeper.sights) == sent

    def test_of_surrogates_shows_no_fake_as_a_person(self) -> None:
        keeper, vault = Keeper(), Vault("v")
        step = Anonymizer(detector=LexiconDetector(VALUES), vault=vault, default_policy="surrogate")
        sent = step.invoke(f"I am {JANE}", config("v", keeper))
        assert quiet().apply([f"I am {JANE}", sent], keeper.sights) == ["I am [PERSON_1]", "I am [PERSON]"]

    def test_with_a_checked_form(self) -> None:
        keeper, form = Keeper(), Form(check_key=b"0123456789abcdef")
        step = Anonymizer(detector=LexiconDetector(VALUES), vault=Vault("v"), form=form)
        sent = step.invoke(JANE, config("v", keeper))
        assert quiet().apply([JANE, sent], keeper.sights) == [sent, sent]


class TestWithholding:
    def test_where_a_step_failed(self) -> None:
        masked = quiet().apply([{"a": 1}, "text", None], [sight(), sight(failed=True)])
        assert masked == [WITHHELD, WITHHELD, None]

    @pytest.mark.parametrize(
        "detector",
        [FailingDetector(), WrongDetector(lambda _: []), WrongDetector(lambda texts: [[Span(0, 999, "X")]])],
    )
    def test_where_the_detector_fails(self, detector: Any, caplog: pytest.LogCaptureFixture) -> None:
        with caplog.at_level(logging.DEBUG):
            assert Mask(detector=detector).apply([JANE, None]) == [WITHHELD, None]
        assert "DetectorError" in caplog.text
        assert JANE not in caplog.text

    def test_where_a_vault_fails(self, caplog: pytest.LogCaptureFixture) -> None:
        class Broken(InMemoryVaultStore):
            def find(self, vault_id: str, texts: Sequence[Text]) -> Finding:
                raise ConnectionError(f"lost {texts}")

        with caplog.at_level(logging.DEBUG):
            assert quiet().text(JANE, [sight(vault=Vault("v", store=Broken()))]) == WITHHELD
        assert "ConnectionError" in caplog.text
        assert JANE not in caplog.text

    def test_where_the_values_cannot_be_had(self) -> None:
        def fail() -> dict[str, str]:
            raise RuntimeError(JANE)

        assert quiet().text(JANE, [Sight(None, Form(), fail)]) == WITHHELD

    def test_a_detector_that_failed_once_is_asked_again(self) -> None:
        answers = [[], [[Span(0, 4, "PERSON")]]]
        mask = Mask(detector=WrongDetector(lambda _: answers.pop(0)))
        assert mask.text("Jane") == WITHHELD
        assert mask.text("Jane") == "[PERSON]"


class TestBounds:
    def test_a_long_text_is_cut_behind_a_value_and_never_in_it(self) -> None:
        mask, seen = quiet(max_characters=100), [sight({JANE: "[PERSON_1]"})]
        for before in range(85, 101):
            text = "x" * before + f" {JANE} " + "y" * 10_000
            masked = mask.text(text, seen)
            assert "more characters>" in masked
            assert len(masked) < 160
            assert not any(part in masked for part in ("Jane", "Jan ", "Doe", " Ja"))

    def test_a_text_that_is_long_for_its_last_value_is_whole(self) -> None:
        text = "x" * 95 + f" {JANE}"
        assert quiet(max_characters=100).text(text, [sight({JANE: "[PERSON_1]"})]) == "x" * 95 + " [PERSON_1]"

    def test_a_long_json_text_is_masked_as_a_text(self) -> None:
        text = json.dumps({"a": JANE, "b": "y" * 500})
        assert "[PERSON_1]" in quiet(max_characters=100).text(text, [sight({JANE: "[PERSON_1]"})])

    def test_what_is_long_in_all_is_masked(self) -> None:
        payload = [{"text": f"{JANE} {n}"} for n in range(2_000)]
        masked = quiet().apply([payload], [sight({JANE: "[PERSON_1]"})])[0]
        assert masked == [{"text": f"[PERSON_1] {n}"} for n in range(2_000)]

    @pytest.mark.parametrize(
        "options", [{"threshold": 2}, {"max_characters": 0}, {"pseudonym_key": b"short"}, {"thresold": 0.5}]
    )
    def test_wrong_options_are_errors(self, options: dict[str, Any]) -> None:
        with pytest.raises((ValueError, TypeError)):
            quiet(**options)


class TestCost:
    def test_each_vault_is_asked_once_and_not_written_to(self) -> None:
        stores = [Counting(), Counting()]
        vaults = [Vault("a", store=stores[0]), Vault("b", store=stores[0]), Vault("a", store=stores[1])]
        quiet().apply(["x", {"y": ["z"]}], [sight(vault=vault) for vault in [*vaults, *vaults]])
        assert [len(store.finds) for store in stores] == [2, 1]
        assert [store.writes for store in stores] == [0, 0]

    def test_a_text_is_detected_in_once(self) -> None:
        detector = LexiconDetector(VALUES)
        mask = Mask(detector=detector)
        for payload in (JANE, [JANE, JANE], {"a": HumanMessage(JANE)}):
            mask.apply([payload])
        calls = detector.calls
        mask.apply([JANE, [JANE], {"a": HumanMessage(JANE)}])
        assert detector.calls == calls

    def test_a_vault_is_asked_about_old_texts_only_for_what_is_new(self) -> None:
        store, mask = Counting(), quiet()
        vault = Vault("v", store=store)
        vault.assign([Entity("PERSON", JANE)])
        assert mask.text(f"{JANE} and Bob Roe", [sight(vault=vault)]) == "[PERSON_1] and Bob Roe"
        vault.assign([Entity("PERSON", "Bob Roe")])
        assert mask.text(f"{JANE} and Bob Roe", [sight(vault=vault)]) == "[PERSON_1] and [PERSON_2]"
        assert [texts[0].generation for texts in store.finds] == [0, 1]

    def test_a_value_that_is_new_is_looked_for_in_old_texts(self) -> None:
        mask, vault = quiet(), Vault("v")
        assert mask.text(f"{JANE}, Bob", [sight({JANE: "[PERSON_1]"}, vault=vault)]) == "[PERSON_1], Bob"
        assert mask.text(f"{JANE}, Bob", [sight({"Bob": "[PERSON_2]"}, vault=vault)]) == (
            "[PERSON_1], [PERSON_2]"
        )

    def test_a_value_of_another_run_is_looked_for_too(self) -> None:
        mask, vault = quiet(), Vault("v")
        jane, bob = (sight({name: f"[{name[0]}]"}, vault=vault) for name in (JANE, "Bob"))
        text = f"{JANE}, Bob"
        assert mask.text(text, [jane]) == "[J], Bob"
        assert mask.text("about Bob", [bob]) == "about [B]"
        assert mask.text(text, [jane]) == "[J], Bob"
        assert mask.text(text, [bob]) == "[J], [B]"

    @settings(max_examples=100, deadline=None)
    @given(st.lists(st.tuples(st.sets(st.integers(0, 5)), st.sets(st.integers(0, 5))), max_size=8))
    def test_what_is_remembered_hides_nothing(self, runs: list[tuple[set[int], set[int]]]) -> None:
        mask, vault = quiet(), Vault("v")
        names = [f"Name{chr(65 + number)}" for number in range(6)]
        for values, texts in runs:
            seen = sight({names[value]: f"[{value}]" for value in values}, vault=vault)
            written = mask.apply([f"{names[text]} and {' '.join(names)}" for text in texts], [seen])
            assert not [name for name in (names[value] for value in values) if name in str(written)]

    def test_what_one_tenant_hid_is_not_masked_for_another(self) -> None:
        mask = quiet()
        ours, theirs = Vault("ours"), Vault("theirs")
        assert mask.text(JANE, [sight({JANE: "[PERSON_1]"}, vault=ours)]) == "[PERSON_1]"
        assert mask.text(JANE, [sight(vault=theirs)]) == JANE
        assert mask.text(JANE, [sight({JANE: "[PERSON_7]"}, vault=theirs)]) == "[PERSON_7]"

    def test_a_store_that_is_gone_is_not_taken_for_a_new_one(self) -> None:
        mask = quiet()
        for number in range(50):
            vault = Vault("v")
            vault.assign([Entity("PERSON", f"Nobody {n}") for n in range(number)] + [Entity("PERSON", JANE)])
            assert mask.text(JANE, [sight(vault=vault)]) == f"[PERSON_{number + 1}]"

    def test_nothing_is_remembered_with_a_cache_of_none(self) -> None:
        mask = quiet(cache_size=0)
        for _ in range(2):
            assert mask.text(JANE, [sight({JANE: "[PERSON_1]"})]) == "[PERSON_1]"

    def test_no_text_and_no_value_is_kept(self) -> None:
        mask = Mask(detector=LexiconDetector(VALUES))
        seen = sight({"Secretary Bird": "[PERSON_1]"}, vault=Vault("v"))
        mask.apply([{"q": f"{JANE} met Secretary Bird about the heist"}], [seen])
        kept = _strings(mask)
        assert "[PERSON_1]" in kept
        assert not [text for text in kept if "heist" in text or "Bird" in text]

    def test_from_many_threads(self) -> None:
        mask, vault = quiet(), Vault("v")
        barrier = threading.Barrier(8)

        def work(number: int) -> list[Any]:
            barrier.wait()
            name = f"Person{number}"
            seen = sight({name: f"[PERSON_{number}]", JANE: "[PERSON_99]"}, vault=vault)
            return [mask.text(f"{name} and {JANE} {turn}", [seen]) for turn in range(50)]

        with ThreadPoolExecutor(8) as pool:
            results = list(pool.map(work, range(1, 9)))
        assert results == [
            [f"[PERSON_{number}] and [PERSON_99] {turn}" for turn in range(50)] for number in range(1, 9)
        ]


def _strings(root: object) -> list[str]:
    """List every text that can be reached from an object, through objects alone."""
    found: list[str] = []
    seen: set[int] = set()
    queue = [root]
    while queue:
        thing = queue.pop()
        if id(thing) in seen or isinstance(thing, type | types.ModuleType | types.FunctionType):
            continue
        seen.add(id(thing))
        if isinstance(thing, str):
            found.append(thing)
        queue += gc.get_referents(thing)
    return found


class TestIdentifiers:
    KEY = b"0123456789abcdef0123456789abcdef"

    @pytest.mark.parametrize(
        "value", ["user-123", "case-42", "8f14e45f-ceea-467f-a6e7-5b7f0d1a2b3c", "thread_8f3a99", ""]
    )
    def test_that_hold_no_value_stay(self, value: str) -> None:
        assert Mask().identifier(value) == value

    def test_that_hold_one_become_a_pseudonym_of_the_key(self) -> None:
        ours, same, other = Mask(pseudonym_key=self.KEY), Mask(pseudonym_key=self.KEY), Mask()
        pseudonym = ours.identifier(MAIL)
        assert pseudonym.startswith("pseudonym-")
        assert MAIL not in pseudonym
        assert same.identifier(MAIL) == pseudonym
        assert other.identifier(MAIL) != pseudonym
        assert ours.identifier("bob@x.com") != pseudonym
        assert ours.identifier(pseudonym) == pseudonym

    def test_that_a_run_hid_become_one_too(self) -> None:
        assert quiet().identifier("emp-4711", [sight({"4711": "[ID_NUMBER_1]"})]).startswith("pseudonym-")

    def test_that_cannot_be_looked_at_become_one_too(self) -> None:
        assert Mask(detector=FailingDetector()).identifier("user-123").startswith("pseudonym-")
        assert quiet().identifier("user-123", [sight(failed=True)]).startswith("pseudonym-")


def test_an_answer_s_tool_call_keeps_its_shape() -> None:
    call = {"name": "mail", "args": {"to": MAIL, "n": 1}, "id": "call_1", "type": "tool_call"}
    masked = quiet().apply([AIMessage("", tool_calls=[call])], [sight({MAIL: "[EMAIL_ADDRESS_1]"})])[0]
    assert masked["tool_calls"] == [{**call, "args": {"to": "[EMAIL_ADDRESS_1]", "n": 1}}]


async def test_it_may_be_called_from_an_event_loop() -> None:
    assert await asyncio.to_thread(quiet().text, JANE, [sight({JANE: "[PERSON_1]"})]) == "[PERSON_1]"


def test_it_shows_nothing_in_its_repr() -> None:
    assert repr(quiet(hidden_names=(JANE,))) == "Mask()"
