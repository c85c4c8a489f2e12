"""`Guard` on whole values: what is scanned, what is refused, and with what a refused call is answered."""

import asyncio
import gc
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from langchain_core.documents import Document
from langchain_core.messages import AIMessage, BaseMessage, HumanMessage, SystemMessage, ToolMessage
from langchain_core.prompts import ChatPromptTemplate
from langchain_core.runnables import Runnable, RunnableConfig, RunnableLambda, RunnableParallel
from pydantic import ValidationError

from langchain_secguard import BlockedError, Guard, SecGuardError, UnsupportedContentError
from langchain_secguard.scan import FunctionScanner, ScanResult
from tests.support import Capture, Recorder
from tests.unit.scanners import (
    SECRET,
    Arrivals,
    Failing,
    Hanging,
    Meeting,
    Nonsense,
    Replacing,
    Words,
)

PROMPT = ChatPromptTemplate.from_messages([("system", "Be brief."), ("human", "{text}")])
CALL = {"name": "send", "args": {"to": [{"who": SECRET}]}, "id": "call_1"}

Run = Callable[..., Any]


def _ainvoke(guard: Any, value: Any, config: RunnableConfig | None = None) -> Any:
    return asyncio.run(guard.ainvoke(value, config))


def _invoke(guard: Any, value: Any, config: RunnableConfig | None = None) -> Any:
    return guard.invoke(value, config)


both = pytest.mark.parametrize("run", [_invoke, _ainvoke], ids=["invoke", "ainvoke"])


SHAPES: dict[str, Any] = {
    "a str": f"about {SECRET}",
    "a prompt value": PROMPT.invoke({"text": SECRET}),
    "messages": [SystemMessage("Be brief."), HumanMessage(SECRET)],
    "content blocks": HumanMessage([{"type": "text", "text": SECRET}]),
    "a tool call": AIMessage("", tool_calls=[CALL]),
    "a tool call as JSON": AIMessage(
        "", additional_kwargs={"function_call": {"name": "f", "arguments": f'{{"a": "{SECRET}"}}'}}
    ),
    "a broken tool call": AIMessage(
        "", additional_kwargs={"function_call": {"name": "f", "arguments": f"to {SECRET}"}}
    ),
    "a tool's result": ToolMessage(SECRET, tool_call_id="call_1"),
    "retrieved documents": {"question": "why?", "context": [Document("safe"), Document(SECRET)]},
    "metadata": Document("safe", metadata={"title": [SECRET]}),
    "a dict": {"a": {"b": (SECRET,)}},
    "an earlier message": [HumanMessage(SECRET), AIMessage("ok"), HumanMessage("go on")],
}


class TestWhatIsScanned:
    @both
    @pytest.mark.parametrize("value", SHAPES.values(), ids=SHAPES)
    def test_all_text_of_every_shape(self, value: Any, run: Run) -> None:
        with pytest.raises(BlockedError):
            run(Guard([Words("secret")]), value)
        assert run(Guard([Words("nothing of it")]), value) is value

    def test_the_keys_named_alone(self) -> None:
        words = Words("secret")
        value = {"a": "safe", "b": SECRET}
        assert Guard([words], keys=["a"]).invoke(value) is value
        assert words.texts == ["safe"]

    def test_what_cannot_be_scanned_is_refused_unless_it_is_let_through_by_name(self) -> None:
        image = HumanMessage([{"type": "image_url", "image_url": {"url": "https://x.example/a.png"}}])
        with pytest.raises(UnsupportedContentError, match=r'Guard\(..., allow_unscanned=\["image"\]\)'):
            Guard([Words()]).invoke(image)
        assert Guard([Words()], allow_unscanned=["image"]).invoke(image) is image

    def test_numbers_are_not_and_empty_texts_are_not(self) -> None:
        words = Words()
        Guard([words]).invoke({"a": 123456789, "b": "", "c": " \n"})
        assert words.texts == []

    def test_the_same_text_once(self) -> None:
        words = Words()
        Guard([words]).invoke(["again", "again"])
        assert words.texts == ["again"]

    @both
    def test_an_answer_with_what_it_answers(self, run: Run) -> None:
        words = Words()
        guard = Guard([words], prompt_key="question", keys=["answer"])
        run(guard, {"question": [HumanMessage("old"), HumanMessage("why?")], "answer": "so", "more": "x"})
        Guard([words]).invoke("so", prompt="how?")
        assert (words.texts, words.prompts) == (["so", "so"], ["why?", "how?"])

    def test_a_prompt_is_not_scanned_as_its_answer(self) -> None:
        words = Words("secret")
        assert Guard([words], prompt_key="q").invoke({"q": SECRET, "a": "so"})
        assert words.prompts == [SECRET]


class TestOrder:
    @both
    def test_sanitizers_in_order_and_the_others_see_what_goes_on(self, run: Run) -> None:
        words, first, second = Words(), Replacing("a", "b", name="first"), Replacing("b", "c", name="second")
        message = HumanMessage("a and b", id="m1")
        result = run(Guard([words, first, second]), message)
        assert (result.content, result.id, message.content) == ("c cnd c", "m1", "a and b")
        assert (first.texts, second.texts, words.texts) == (["a and b"], ["b bnd b"], ["c cnd c"])

    def test_a_tool_call_is_sanitized_where_it_stands(self) -> None:
        raw = AIMessage("", additional_kwargs={"function_call": {"name": "f", "arguments": '{"k": "a\\"x"}'}})
        result = Guard([Replacing('a"x', "y")]).invoke(raw)
        assert result.additional_kwargs["function_call"]["arguments"] == '{"k": "y"}'

    @both
    def test_a_sanitizer_that_fails_shows_its_text_to_nobody(self, run: Run) -> None:
        words = Words()
        failing = Failing()
        failing.sanitizes = True  # type: ignore[attr-defined]
        with pytest.raises(BlockedError):
            run(Guard([failing, words]), SECRET)
        assert words.texts == []
        assert run(Guard([failing, words], fail_open=["Failing"]), SECRET) == SECRET
        assert words.texts == [SECRET]

    def test_four_scanners_work_at_once_on_several_texts(self) -> None:
        barrier = threading.Barrier(8)
        guard = Guard([Meeting(barrier, Arrivals(0), name=f"s{n}") for n in range(4)])
        assert guard.invoke(["one", "two"]) == ["one", "two"]

    async def test_four_scanners_are_awaited_at_once_on_several_texts(self) -> None:
        arrived = Arrivals(8)
        guard = Guard([Meeting(threading.Barrier(1), arrived, name=f"s{n}") for n in range(4)])
        assert await guard.ainvoke(["one", "two"]) == ["one", "two"]

    async def test_four_functions_run_at_once_when_they_are_awaited(self) -> None:
        barrier = threading.Barrier(8)

        def meet(text: str) -> bool:
            barrier.wait(5)
            return True

        guard = Guard([FunctionScanner(meet, name=f"s{n}") for n in range(4)])
        assert await guard.ainvoke(["one", "two"]) == ["one", "two"]


class TestVerdicts:
    @both
    def test_a_refusal_names_scanners_and_scores(self, run: Run) -> None:
        with pytest.raises(BlockedError, match=r"A refused the text \(risk 0.90\)") as caught:
            run(Guard([Words("secret", name="A"), Words("x", name="B")]), SECRET)
        assert caught.value.scores == {"A": 0.9}
        assert caught.value.__cause__ is caught.value.__context__ is None

    def test_a_threshold_takes_the_place_of_the_scanners_own(self) -> None:
        guard = Guard([Words("secret", risk=0.45)], thresholds={"Words": 0.4})
        with pytest.raises(BlockedError):
            guard.invoke(SECRET)
        assert Guard([Words("secret")], thresholds={"Words": 1.0}).invoke(SECRET) == SECRET

    def test_check_tells_what_was_measured(self) -> None:
        guard = Guard([Words("secret", name="A"), Words(name="B")], on_fail="No.")
        passage = guard.check(SECRET, prompt="why?")
        assert (passage.value, passage.refused, passage.scores) == ("No.", True, {"A": 0.9, "B": 0.1})
        assert SECRET not in repr(passage)
        assert not asyncio.run(guard.acheck("safe")).refused

    def test_a_plain_function_is_a_scanner(self) -> None:
        def no_shouting(text: str) -> bool:
            return not text.isupper()

        with pytest.raises(BlockedError, match="no_shouting"):
            Guard([no_shouting]).invoke("WHY")

    @both
    def test_monitoring_lets_everything_pass_and_measures(self, run: Run) -> None:
        guard = Guard([Replacing("secret", "x"), Words("secret"), Failing()], on_fail="monitor")
        assert run(guard, SECRET) == SECRET
        assert guard.check(SECRET).scores == {"Replacing": 1.0, "Words": 0.1}


class TestAnswers:
    @both
    @pytest.mark.parametrize(
        ("value", "answer"),
        [
            (SECRET, "No."),
            (AIMessage(SECRET, id="m"), AIMessage("No.")),
            ([HumanMessage("why?"), AIMessage(SECRET)], [AIMessage("No.")]),
            (
                {"messages": [HumanMessage("why?"), ToolMessage(SECRET, tool_call_id="c"), AIMessage("x")]},
                {"messages": [HumanMessage("why?"), AIMessage("No.")]},
            ),
        ],
        ids=["str", "message", "messages", "state"],
    )
    def test_a_refusal_has_the_type_of_the_answer(self, value: Any, answer: Any, run: Run) -> None:
        for refusal in ("No.", AIMessage("No.")):
            assert run(Guard([Words("secret")], on_fail=refusal), value) == answer

    def test_a_refusal_takes_the_place_of_the_keys_named(self) -> None:
        guard = Guard([Words("secret")], on_fail="No.", keys=["answer"])
        assert guard.invoke({"answer": SECRET, "n": 1}) == {"answer": "No.", "n": 1}
        guard = Guard([Words("secret")], on_fail="No.", prompt_key="q")
        assert guard.invoke({"answer": AIMessage(SECRET), "q": "?"})["answer"].content == "No."

    @both
    @pytest.mark.parametrize(
        "value",
        [
            HumanMessage(SECRET),
            [HumanMessage(SECRET)],
            PROMPT.invoke({"text": SECRET}),
            {"text": SECRET},
            {"messages": [HumanMessage(SECRET)]},
            Document(SECRET),
        ],
        ids=lambda value: type(value).__name__,
    )
    def test_a_prompt_is_not_replaced_so_that_no_model_is_sent_a_refusal(self, value: Any, run: Run) -> None:
        with pytest.raises(BlockedError, match="in parentheses") as caught:
            run(Guard([Words("secret")], on_fail="No."), value)
        assert (caught.value.refusal, caught.value.scores) == ("No.", {"Words": 0.9})
        assert SECRET not in str(caught.value)

    @both
    def test_a_runnable_answers(self, run: Run) -> None:
        guard = Guard([Words("secret")], on_fail=lambda text: text.replace("secret", "..."))
        assert run(guard, SECRET) == "Jane Doe's ..."
        assert run(guard, "safe") == "safe"

    def test_the_error_can_be_pickled(self) -> None:
        import pickle  # noqa: PLC0415

        error = pickle.loads(pickle.dumps(BlockedError("m", scores={"A": 1.0}, refusal="No.")))
        assert (error.args, error.scores, error.refusal) == (("m",), {"A": 1.0}, "No.")


FAILURES: dict[str, Any] = {
    "an error": Failing,
    "an exit": lambda: Failing(SystemExit),
    "an end of an iteration": lambda: Failing(StopIteration),
    "nothing": lambda: Nonsense(lambda text: None),
    "a tuple": lambda: Nonsense(lambda text: (text, True, 0.0)),
    "another text": lambda: Nonsense(lambda text: ScanResult(name="n", text=text + "!", valid=True)),
    "a bad score": lambda: Nonsense(lambda text: ScanResult(name=text, text=text, valid=True, risk_score=7)),
    "a hang": Hanging,
    "a function that fails": lambda: FunctionScanner(Failing().scan, name="Failing"),
    "a function that hangs": lambda: FunctionScanner(Hanging().scan, name="Hanging"),
}


class TestFailures:
    @both
    @pytest.mark.parametrize("make", FAILURES.values(), ids=FAILURES)
    def test_block_within_the_timeout_and_hold_no_text(self, make: Callable[[], Any], run: Run) -> None:
        scanner, fine = make(), Words()
        with Capture() as capture:
            guard = Guard([scanner, fine], timeout=0.1)
            with pytest.raises(BlockedError, match="counts as") as caught:
                run(guard, SECRET, capture.config())
            for thing in (guard, caught.value, *caught.value.scores):
                capture.add(thing)
        assert caught.value.scores == {scanner.name: 1.0}
        assert not capture.holds("Jane Doe")
        assert [data["verdict"] for _, data in capture.recorder.events] == ["failed", "passed"]

    @both
    @pytest.mark.parametrize("make", FAILURES.values(), ids=FAILURES)
    def test_pass_where_that_is_allowed_by_name(self, make: Callable[[], Any], run: Run) -> None:
        scanner = make()
        assert run(Guard([scanner], timeout=0.1, fail_open=[scanner.name]), SECRET) == SECRET

    def test_a_scanner_that_fails_open_still_refuses(self) -> None:
        with pytest.raises(BlockedError):
            Guard([Words("secret")], fail_open=["Words"]).invoke(SECRET)

    def test_a_refusal_answers_a_failure_too(self) -> None:
        assert Guard([Failing()], on_fail="Not now.").invoke(SECRET) == "Not now."

    def test_each_scanner_has_its_time(self) -> None:
        slow, hanging = (
            FunctionScanner(lambda text: threading.Event().wait(0.3) or True, name="slow"),
            Hanging(),
        )
        with pytest.raises(BlockedError) as caught:
            Guard([slow, hanging], timeout={"Hanging": 0.05}).invoke(SECRET)
        assert set(caught.value.scores) == {"Hanging"}
        hanging.free.set()

    @both
    def test_a_scanner_that_hangs_is_asked_no_more_in_the_call(self, run: Run) -> None:
        hanging = Hanging()
        with pytest.raises(BlockedError):
            run(Guard([hanging], timeout=0.1), [f"text {number}" for number in range(64)])
        assert len(hanging.texts) == 16
        hanging.free.set()

    def test_hung_scanners_hold_nobody_else_up(self) -> None:
        hanging = Hanging()
        guard = Guard([hanging], timeout=0.02)
        for number in range(40):
            with pytest.raises(BlockedError):
                guard.invoke(f"text {number}")
        assert len(hanging.texts) == 32, "so many threads are left behind, and no more"
        assert Guard([Words()]).invoke("safe") == "safe"
        hanging.free.set()

    async def test_cancellation_leaves_nothing_running(self) -> None:
        hanging = Hanging()
        task = asyncio.create_task(Guard([hanging, Words()], timeout=None).ainvoke(["one", "two"]))
        await hanging.has(2)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert hanging.cancelled == 2
        assert asyncio.all_tasks() == {asyncio.current_task()}

    async def test_a_task_that_ignores_its_cancellation_is_left_behind(self) -> None:
        done = asyncio.Event()

        async def stubborn(text: str) -> bool:
            while not done.is_set():
                try:
                    await done.wait()
                except asyncio.CancelledError:
                    continue
            return True

        with pytest.raises(BlockedError):
            await Guard([stubborn], timeout=0.05).ainvoke("x")
        done.set()


class TestMemory:
    @both
    def test_a_long_conversation_costs_what_is_new_in_it(self, run: Run) -> None:
        words = Words()
        guard = Guard([words])
        history: list[BaseMessage] = []
        for turn in range(20):
            history += [HumanMessage(f"question {turn}"), AIMessage(f"answer {turn}")]
            run(guard, history)
        assert len(words.texts) == 40

    def test_a_refusal_is_remembered_and_a_failure_is_not(self) -> None:
        words, failing = Words("secret"), Failing()
        for guard in (Guard([words]), Guard([failing])):
            for _ in range(2):
                with pytest.raises(BlockedError):
                    guard.invoke(SECRET)
        assert len(words.texts) == 1

    def test_the_same_answer_to_another_prompt_is_another_thing(self) -> None:
        words = Words()
        guard = Guard([words])
        for prompt in ("why?", "how?", "why?", None, ""):
            guard.invoke("so", prompt=prompt)
        assert words.prompts == ["why?", "how?", None, ""]

    def test_a_sanitized_text_is_sanitized_again(self) -> None:
        guard = Guard([Replacing("a", "b")])
        assert [guard.invoke("a"), guard.invoke("a")] == ["b", "b"]

    def test_no_text_is_kept(self) -> None:
        class Text(str):
            __slots__ = ()

        guard = Guard([Words(), Replacing("x", "y")])
        guard.scanners[0].texts = []
        text = Text("a text of nobody's else, that can be found again")
        guard.invoke({"a": text})
        for scanner in guard.scanners:
            scanner.texts.clear()
        del text
        gc.collect()
        assert not [one for one in gc.get_objects() if type(one) is Text]
        assert all(type(key) is bytes and len(key) == 18 for key in guard._panel._cache._entries)

    def test_it_can_be_turned_off(self) -> None:
        words = Words()
        guard = Guard([words], cache_size=0)
        guard.batch(["x", "x"])
        assert words.texts == ["x", "x"]


class TestEvents:
    @both
    def test_one_for_each_scanner_with_the_worst_of_all_texts(self, run: Run) -> None:
        heard = Recorder()
        detailed = FunctionScanner(
            lambda text: ScanResult(name="D", text=text, valid=True, risk_score=0.2, details={"hate": 0.2}),
            name="D",
        )
        guard = Guard([Words("secret", name="A"), Replacing("Doe", "D", name="B"), detailed], on_fail="No.")
        run(guard, [AIMessage("safe"), AIMessage(SECRET)], {"callbacks": [heard]})
        told = [data for name, data in heard.events if name == "secguard.scanned"]
        assert len(told) == len(heard.events) == 3
        by_name = {data["scanner"]: data for data in told}
        kept = {
            name: (d["verdict"], d["valid"], d["risk"], d["read"], d["cached"]) for name, d in by_name.items()
        }
        assert kept == {
            "A": ("blocked", False, 0.9, 2, 0),
            "B": ("redacted", True, 1.0, 2, 0),
            "D": ("passed", True, 0.2, 2, 0),
        }
        assert by_name["D"]["details"] == {"hate": 0.2}
        assert {data["engine"] for data in told} == {"Words", "Replacing", "FunctionScanner"}
        assert {(data["step"], data["vault_id"]) for data in told} == {("Guard", None)}
        assert all(data["seconds"] >= 0 for data in told)

    def test_of_monitoring_tell_what_was_done(self) -> None:
        heard = Recorder()
        Guard([Words("secret")], on_fail="monitor").invoke(SECRET, {"callbacks": [heard]})
        [(_, data)] = heard.events
        assert (data["verdict"], data["valid"], data["risk"]) == ("passed", False, 0.9)

    @both
    def test_of_a_call_that_could_not_be_scanned(self, run: Run) -> None:
        heard = Recorder()
        with pytest.raises(UnsupportedContentError):
            run(Guard([Words()]), object(), {"callbacks": [heard]})
        [(name, data)] = heard.events
        assert (name, data["error"]) == ("secguard.failed", "UnsupportedContentError")

    def test_what_a_judge_calls_is_a_child_of_the_guard(self) -> None:
        judge: Runnable[Any, str] = RunnableLambda(lambda text: "ok", name="judge")
        runs: list[tuple[str, Any, Any]] = []

        class Runs(Recorder):
            def on_chain_start(self, serialized: Any, inputs: Any, **kwargs: Any) -> None:
                runs.append((kwargs["name"], kwargs["run_id"], kwargs["parent_run_id"]))

        Guard([lambda text: judge.invoke(text) == "ok"]).invoke("x", {"callbacks": [Runs()]})
        assert [name for name, _, _ in runs] == ["Guard", "judge"]
        assert runs[1][2] == runs[0][1]

    async def test_what_a_judge_reads_is_not_in_a_stream_of_events(self) -> None:
        judge: Runnable[Any, str] = RunnableLambda(lambda text: "ok", name="judge")

        async def asks(text: str) -> bool:
            return await judge.ainvoke(text) == "ok"

        model: Runnable[Any, str] = RunnableLambda(lambda _: SECRET, name="model")
        chain = model | Guard([asks])
        names = {event["name"] async for event in chain.astream_events("x", version="v2")}
        assert names == {"RunnableSequence", "model", "Guard", "secguard.scanned"}


class TestRunnable:
    def test_batches_and_parallel_branches(self) -> None:
        guard = Guard([Words("secret")], on_fail="No.")
        assert guard.batch(["safe", SECRET]) == ["safe", "No."]
        assert asyncio.run(guard.abatch(["safe", SECRET])) == ["safe", "No."]
        both = RunnableParallel(one=guard, other=Guard([Words("safe")], on_fail="Neither."))
        assert both.invoke("safe") == {"one": "safe", "other": "Neither."}

    def test_64_threads_have_their_own_verdicts(self) -> None:
        guard = Guard([Words("secret", name="A"), Replacing("x", "y", name="B")], on_fail="No.")
        texts = [f"{SECRET} {number}" if number % 2 else f"x {number}" for number in range(640)]
        with ThreadPoolExecutor(64) as pool:
            answers = list(pool.map(guard.invoke, texts))
        assert answers == ["No." if number % 2 else f"y {number}" for number in range(640)]

    async def test_640_tasks_have_their_own_verdicts(self) -> None:
        guard = Guard([Words("secret", name="A"), Replacing("x", "y", name="B")], on_fail="No.")
        texts = [f"{SECRET} {number}" if number % 2 else f"x {number}" for number in range(640)]
        answers = await asyncio.gather(*map(guard.ainvoke, texts))
        assert answers == ["No." if number % 2 else f"y {number}" for number in range(640)]

    def test_schemas_names_and_configuration(self) -> None:
        guard = Guard([Words()], name="input guard")
        assert guard.get_name() == "input guard"
        assert guard.config_specs == []
        assert guard.get_input_jsonschema()["title"]
        assert not guard.is_lc_serializable()

    def test_a_copy_with_other_options_follows_them(self) -> None:
        guard = Guard([Words("secret")]).model_copy(update={"on_fail": "No."})
        assert guard.invoke(SECRET) == "No."

    def test_scanners_are_told_apart_by_what_they_see(self) -> None:
        local, remote = Words(name="L"), Words(name="R", sees="placeholders")
        guard = Guard([local, remote], timeout={"L": 1, "R": 2}, fail_open=["R"], thresholds={"L": 0.5})
        values, placeholders = guard.seeing("values"), guard.seeing("placeholders")
        assert values is not None
        assert placeholders is not None
        assert ([*values.scanners], values.timeout, values.fail_open) == ([local], {"L": 1}, frozenset())
        assert ([*placeholders.scanners], placeholders.thresholds) == ([remote], {})
        assert Guard([local]).seeing("placeholders") is None
        assert values.seeing("values") is values


WRONG: dict[str, Callable[[], object]] = {
    "no scanners": lambda: Guard([]),
    "one scanner": lambda: Guard(Words()),  # type: ignore[arg-type]
    "a name": lambda: Guard("Toxicity"),  # type: ignore[arg-type]
    "a class": lambda: Guard([Words]),  # type: ignore[list-item]
    "two of a name": lambda: Guard([Words(), Words()]),
    "an empty refusal": lambda: Guard([Words()], on_fail=" "),
    "no refusal": lambda: Guard([Words()], on_fail=None),  # type: ignore[arg-type]
    "a misspelled option": lambda: Guard([Words()], fail_opne=["Words"]),  # type: ignore[call-arg]
    "an unknown scanner that fails open": lambda: Guard([Words()], fail_open=["Word"]),
    "an unknown scanner with a timeout": lambda: Guard([Words()], timeout={"Word": 1}),
    "an unknown scanner with a threshold": lambda: Guard([Words()], thresholds={"Word": 0.5}),
    "a threshold above 1": lambda: Guard([Words()], thresholds={"Words": 1.5}),
    "no time": lambda: Guard([Words()], timeout=0),
    "an endless time": lambda: Guard([Words()], timeout=float("inf")),
    "fails open for a letter": lambda: Guard([Words()], fail_open="Words"),
    "another way to stream": lambda: Guard([Words()], streaming="words"),  # type: ignore[arg-type]
    "a sanitizer beside the model": lambda: Guard([Replacing("a", "b")], concurrent=True),
}


@pytest.mark.parametrize("make", WRONG.values(), ids=WRONG)
def test_a_wrong_option_is_refused(make: Callable[[], object]) -> None:
    with pytest.raises((ValidationError, TypeError)):
        make()


def test_an_option_cannot_be_changed_afterwards() -> None:
    with pytest.raises(ValidationError):
        setattr(Guard([Words()]), "on_fail", "monitor")  # noqa: B010 - a type checker refuses the plain way


def test_its_error_is_below_the_packages_own() -> None:
    assert issubclass(BlockedError, SecGuardError)
