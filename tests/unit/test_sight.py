import asyncio
import gc
import weakref
from collections.abc import AsyncIterator, Iterator
from typing import Any
from uuid import UUID, uuid4

import pytest
from langchain_core.callbacks import BaseCallbackHandler
from langchain_core.messages import HumanMessage
from langchain_core.runnables import Runnable

from langchain_secguard import Anonymizer, BlockedError, Deanonymizer, SecGuardError, Vault
from langchain_secguard.placeholders import Form
from langchain_secguard.sight import Sight, hidden_names, show, sight_of
from tests.support import (
    FailingDetector,
    FailingStore,
    LexiconDetector,
    PatternDetector,
    SlowDetector,
    config,
)

VALUES = {"Jane Doe": "PERSON", "jane@x.com": "EMAIL_ADDRESS", "219-09-9999": "US_SSN"}
TEXT = "Jane Doe, jane@x.com, 219-09-9999"


class Watcher(BaseCallbackHandler):
    """Look, at each event, at what the step saw."""

    run_inline = True

    def __init__(self) -> None:
        self.names: list[str] = []
        self.data: list[dict[str, Any]] = []
        self.values: list[dict[str, str]] = []
        self.failed: list[bool] = []
        self.runs: list[UUID] = []

    def on_custom_event(self, name: str, data: Any, *, run_id: UUID, **_: Any) -> None:
        sight = sight_of(run_id)
        assert sight is not None
        self.names.append(name.removeprefix("secguard."))
        self.data.append(data)
        self.values.append(dict(sight.values))
        self.failed.append(sight.failed)
        self.runs.append(run_id)


class Sights(BaseCallbackHandler):
    """Keep what a step saw, as a tracer does."""

    run_inline = True

    def __init__(self) -> None:
        self.seen: list[Sight] = []

    def on_custom_event(self, name: str, data: Any, *, run_id: UUID, **_: Any) -> None:
        sight = sight_of(run_id)
        assert sight is not None
        self.seen.append(sight)


@pytest.fixture
def watcher() -> Watcher:
    return Watcher()


def step(**options: Any) -> Anonymizer:
    return Anonymizer(detector=LexiconDetector(VALUES), **options)


def run(runnable: Runnable[Any, Any], given: Any, mode: str, watcher: Watcher) -> None:
    named = config("v", watcher)
    if mode == "invoke":
        runnable.invoke(given, named)
    elif mode == "stream":
        list(runnable.stream(given, named))
    elif mode == "ainvoke":
        asyncio.run(runnable.ainvoke(given, named))
    else:

        async def exhaust() -> None:
            async for _ in runnable.astream(given, named):
                pass

        asyncio.run(exhaust())


@pytest.fixture(params=["invoke", "stream", "ainvoke", "astream"])
def mode(request: pytest.FixtureRequest) -> str:
    return str(request.param)


class TestOfAnAnonymizer:
    def test_values_and_what_stands_for_them(self, mode: str, watcher: Watcher) -> None:
        policies = {"EMAIL_ADDRESS": "redact", "US_SSN": "mask"}
        run(step(vault=Vault("v"), policies=policies), TEXT, mode, watcher)
        assert watcher.names == ["anonymized"]
        assert watcher.failed == [False]
        assert watcher.values == [
            {"Jane Doe": "[PERSON_1]", "jane@x.com": "[EMAIL_ADDRESS]", "219-09-9999": "*******9999"}
        ]

    def test_values_of_a_text_that_was_remembered(self, watcher: Watcher) -> None:
        anonymizer = step(vault=Vault("v"))
        for _ in range(2):
            anonymizer.invoke(TEXT, config("v", watcher))
        assert watcher.values[0] == watcher.values[1]
        assert watcher.values[1]["Jane Doe"] == "[PERSON_1]"
        assert watcher.data[1]["cached"] == 1

    def test_a_placeholder_where_a_surrogate_is_sent(self, watcher: Watcher) -> None:
        anonymizer = step(vault=Vault("v"), default_policy="surrogate")
        anonymizer.invoke("Jane Doe", config("v", watcher))
        assert watcher.values == [{"Jane Doe": "[PERSON_1]"}]

    def test_a_word_of_which_a_part_is_hidden(self, watcher: Watcher) -> None:
        detector = PatternDetector("jane")
        sent = Anonymizer(detector=detector, vault=Vault("v")).invoke("xjane2024, jane", config("v", watcher))
        assert sent == "x[PERSON_1]2024, [PERSON_1]"
        assert watcher.values == [{"jane": "[PERSON_1]", "xjane2024": "x[PERSON_1]2024"}]

    def test_a_participant_s_name_and_a_linked_spelling(self, watcher: Watcher) -> None:
        step(vault=Vault("v")).invoke([HumanMessage("hi", name="Jane Doe")], config("v", watcher))
        assert watcher.values == [{"Jane Doe": "[PERSON_1]"}]

    def test_labels_of_a_run_that_a_policy_blocked(self, mode: str, watcher: Watcher) -> None:
        anonymizer = step(vault=Vault("v"), policies={"US_SSN": "block"})
        with pytest.raises(BlockedError):
            run(anonymizer, TEXT, mode, watcher)
        assert watcher.names == ["blocked"]
        assert watcher.failed == [False]
        assert watcher.values[0]["219-09-9999"] == "[US_SSN]"
        assert watcher.values[0].keys() == VALUES.keys()

    def test_a_scalar_that_is_refused(self, watcher: Watcher) -> None:
        anonymizer = Anonymizer(detector=LexiconDetector({"15550100142": "PHONE_NUMBER"}), vault=Vault("v"))
        with pytest.raises(SecGuardError):
            anonymizer.invoke({"phone": 15550100142}, config("v", watcher))
        assert watcher.names == ["failed"]
        assert watcher.failed == [False]
        assert watcher.values == [{"15550100142": "[PHONE_NUMBER]"}]

    @pytest.mark.parametrize(
        ("anonymizer", "error"),
        [
            (Anonymizer(detector=FailingDetector(), vault=Vault("v")), "DetectorError"),
            (step(vault=Vault("v", store=FailingStore("assign"))), "VaultUnavailableError"),
        ],
    )
    def test_nothing_is_known_where_it_failed(
        self, anonymizer: Anonymizer, error: str, mode: str, watcher: Watcher
    ) -> None:
        with pytest.raises(SecGuardError):
            run(anonymizer, TEXT, mode, watcher)
        assert watcher.names == ["failed"]
        assert watcher.data[0]["error"] == error
        assert watcher.data[0]["vault_id"] == "v"
        assert watcher.failed == [True]

    def test_no_vault_is_a_failure_without_a_vault_id(self, watcher: Watcher) -> None:
        with pytest.raises(SecGuardError):
            step().invoke(TEXT, {"callbacks": [watcher]})
        assert watcher.names == ["failed"]
        assert watcher.data[0]["vault_id"] is None

    async def test_a_cancelled_run_failed(self, watcher: Watcher) -> None:
        started = asyncio.Event()

        class Detecting(SlowDetector):
            async def adetect(self, texts: Any) -> Any:
                started.set()
                return await super().adetect(texts)

        anonymizer = Anonymizer(detector=Detecting(VALUES, 60), vault=Vault("v"))
        task = asyncio.create_task(anonymizer.ainvoke(TEXT, config("v", watcher)))
        await started.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert watcher.names == ["failed"]
        assert watcher.data[0]["error"] == "CancelledError"
        assert watcher.failed == [True]

    @pytest.mark.parametrize(("score", "risk"), [(0.7, 0.7), (7.0, 1.0), (float("nan"), 1.0)])
    def test_the_risk_is_the_highest_score_of_what_was_found(
        self, score: float, risk: float, watcher: Watcher
    ) -> None:
        class Scoring(LexiconDetector):
            def detect(self, texts: Any) -> Any:
                return [
                    [type(span)(span.start, span.end, span.entity_type, score) for span in spans]
                    for spans in super().detect(texts)
                ]

        Anonymizer(detector=Scoring(VALUES), vault=Vault("v")).invoke(TEXT, config("v", watcher))
        Anonymizer(detector=Scoring(VALUES), vault=Vault("v")).invoke("nobody", config("v", watcher))
        assert [data["risk"] for data in watcher.data] == [risk, 0.0]


class TestOfADeanonymizer:
    @pytest.fixture
    def vault(self) -> Vault:
        vault = Vault("v")
        step(vault=vault).invoke(TEXT)
        return vault

    def test_values_that_were_restored(self, vault: Vault, mode: str, watcher: Watcher) -> None:
        run(Deanonymizer(vault=vault), "[person 1] wrote [PERSON_9]", mode, watcher)
        assert watcher.names == ["deanonymized"]
        assert watcher.values == [{"Jane Doe": "[PERSON_1]"}]
        assert watcher.failed == [False]

    def test_nothing_is_known_where_the_store_failed(self, mode: str, watcher: Watcher) -> None:
        store = FailingStore("lookup")
        with pytest.raises(SecGuardError):
            run(Deanonymizer(store=store), "[PERSON_1]", mode, watcher)
        assert watcher.names == ["failed"]
        assert watcher.failed == [True]

    def test_an_unknown_placeholder_is_no_failure_of_the_store(self, vault: Vault, watcher: Watcher) -> None:
        with pytest.raises(SecGuardError):
            Deanonymizer(vault=vault, unknown="error").invoke("[PERSON_9]", config("v", watcher))
        assert watcher.names == ["failed"]
        assert watcher.failed == [False]

    def test_while_a_stream_is_open(self, vault: Vault, watcher: Watcher) -> None:
        seen: list[dict[str, str]] = []
        run_id = uuid4()

        def chunks() -> Iterator[str]:
            yield "[PERSON_1] and "
            yield "others"
            sight = sight_of(run_id)
            assert sight is not None
            seen.append(dict(sight.values))

        list(Deanonymizer(vault=vault).transform(chunks(), {**config("v", watcher), "run_id": run_id}))
        assert seen == [{"Jane Doe": "[PERSON_1]"}]
        gc.collect()
        assert sight_of(run_id) is None

    def test_a_stream_that_is_closed_early(self, vault: Vault, watcher: Watcher) -> None:
        stream = Deanonymizer(vault=vault).transform(
            iter(["[PERSON_1] ", "and ", "others"]), config("v", watcher)
        )
        assert next(stream) == "Jane Doe "
        stream.close()  # type: ignore[attr-defined]
        assert watcher.names == ["deanonymized"]
        assert watcher.values == [{"Jane Doe": "[PERSON_1]"}]

    async def test_an_async_stream_that_is_closed_early(self, vault: Vault, watcher: Watcher) -> None:
        async def chunks() -> AsyncIterator[str]:
            for chunk in ["[PERSON_1] ", "and ", "others"]:
                yield chunk

        stream = Deanonymizer(vault=vault).atransform(chunks(), config("v", watcher))
        assert await anext(stream) == "Jane Doe "
        await stream.aclose()  # type: ignore[attr-defined]
        assert watcher.names == ["deanonymized"]
        assert watcher.values == [{"Jane Doe": "[PERSON_1]"}]

    def test_a_stream_whose_model_failed_is_no_failure_of_the_step(
        self, vault: Vault, watcher: Watcher
    ) -> None:
        def chunks() -> Iterator[str]:
            yield "[PERSON_1] "
            raise RuntimeError("the model is gone")

        with pytest.raises(RuntimeError):
            list(Deanonymizer(vault=vault).transform(chunks(), config("v", watcher)))
        assert watcher.names == ["deanonymized"]
        assert watcher.failed == [False]


def test_nothing_is_kept_alive(watcher: Watcher) -> None:
    step(vault=Vault("v")).invoke(TEXT, config("v", watcher))
    gc.collect()
    assert sight_of(watcher.runs[0]) is None


def test_no_sight_without_a_listener(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: Any) -> None:
        raise AssertionError("nobody listens")

    monkeypatch.setattr("langchain_secguard.events.show", refuse)
    vault = Vault("v")
    assert Deanonymizer(vault=vault).invoke(step(vault=vault).invoke(TEXT)) == TEXT
    assert "".join(Deanonymizer(vault=vault).transform(iter(["[PERSON", "_1]"]))) == "Jane Doe"


def test_a_sight_shows_no_value_in_its_repr() -> None:
    sight = Sight(Vault("v"), Form(), lambda: {"Jane Doe": "[PERSON_1]"})
    assert repr(sight) == "Sight(Vault('v', store=InMemoryVaultStore), failed=False)"


def test_a_sight_is_found_by_its_run() -> None:
    sight, run_id = Sight(None, Form()), uuid4()
    show(run_id, sight)
    assert sight_of(run_id) is sight
    assert sight_of(uuid4()) is None


class TestSettled:
    def test_it_keeps_the_values_and_lets_go_of_the_step(self) -> None:
        anonymizer, sights = step(vault=Vault("v")), Sights()
        anonymizer.invoke(TEXT, config("v", sights))
        (sight,) = sights.seen
        seen, made = sight.values, weakref.ref(anonymizer)
        sight.settle()
        del anonymizer
        gc.collect()
        assert made() is None
        assert sight.values == seen
        assert sight.values.keys() == VALUES.keys()

    def test_nothing_is_settled_while_a_stream_is_open(self) -> None:
        values = {"Jane Doe": "[PERSON_1]"}
        sight = Sight(None, Form(), values.copy)
        sight.settle()
        values["John Roe"] = "[PERSON_2]"
        sight.end()
        sight.settle()
        values["Mary Major"] = "[PERSON_3]"
        assert sight.values == {"Jane Doe": "[PERSON_1]", "John Roe": "[PERSON_2]"}

    def test_a_stream_that_failed_has_ended(self) -> None:
        sights, run_id, open_sights = Sights(), uuid4(), []

        def chunks() -> Iterator[str]:
            yield "[PERSON_1] and "
            open_sights.append(sight_of(run_id))
            yield "[PERSON_9] "

        vault = Vault("v")
        step(vault=vault).invoke(TEXT)
        stream = Deanonymizer(vault=vault, unknown="error").transform(
            chunks(), {**config("v", sights), "run_id": run_id}
        )
        with pytest.raises(SecGuardError):
            list(stream)
        for sight in (*sights.seen, *open_sights):
            assert sight is not None
            before = sight.values
            sight.settle()
            assert sight.values == before
            assert sight._ended


def test_hidden_names_of_the_living() -> None:
    anonymizer = step(hidden_names=("Sightly & Co",))
    assert any(pattern.search("at SIGHTLY & co today") for pattern in hidden_names())
    del anonymizer
    gc.collect()
    assert not any(pattern.search("at SIGHTLY & co today") for pattern in hidden_names())
