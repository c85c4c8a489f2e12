import asyncio
import json
import logging
from functools import cache
from typing import Any

import pytest
from fastapi import APIRouter, Depends, FastAPI, HTTPException, Request
from langchain_core.callbacks import AsyncCallbackHandler
from langchain_core.chat_history import InMemoryChatMessageHistory
from langchain_core.messages import AIMessage, BaseMessage
from langchain_core.runnables import RunnableLambda
from langchain_core.runnables.history import RunnableWithMessageHistory
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.graph import START, MessagesState, StateGraph
from langserve.lzstring import LZString

from langchain_secguard import Anonymizer, Deanonymizer, Vault, protect
from langchain_secguard.middleware import protect_agent
from langchain_secguard.serve import Limits, add_secure_routes
from langchain_secguard.vault import InMemoryVaultStore
from tests.support import FailingDetector, FailingStore, LexiconDetector
from tests.unit.serve.support import NAMES, Echo, Wire, client, events, pair, post, served
from tests.unit.serve.test_client_config import EMPTY, REFUSED

TEXT = "I am Jane Doe."
ALL = ("invoke", "batch", "stream", "stream_events")


@cache
def shared() -> tuple[FastAPI, Echo]:
    """Return an app with every route, made once, and its model, for tests that change neither."""
    model = Echo()
    return served(pair(model), endpoints=ALL), model


def body_for(endpoint: str, **more: Any) -> dict[str, Any]:
    return {**({"inputs": [TEXT]} if endpoint == "batch" else {"input": TEXT}), **more}


class TestAnswers:
    async def test_are_restored_while_the_model_sees_placeholders(self) -> None:
        model = Echo()
        answer = await post(served(pair(model)), "/invoke", {"input": TEXT})
        assert answer.json()["output"]["content"] == f"You said: {TEXT}"
        assert model.seen == ["I am [PERSON_1]."]
        assert answer.headers["cache-control"] == "no-store"

    async def test_of_a_batch_come_in_order_with_their_runs(self) -> None:
        model = Echo()
        answer = (await post(served(pair(model)), "/batch", {"inputs": ["Jane Doe", "Bob Roe"]})).json()
        assert [one["content"] for one in answer["output"]] == ["You said: Jane Doe", "You said: Bob Roe"]
        runs = answer["metadata"]["run_ids"]
        assert len(set(runs)) == 2
        assert [one["run_id"] for one in answer["metadata"]["responses"]] == runs

    async def test_stream(self) -> None:
        (first, about), *data, end = events((await post(served(), "/stream", {"input": TEXT})).text)
        assert first == "metadata"
        assert about["run_id"]
        assert len(data) > 1
        assert "".join(one["content"] for _, one in data) == f"You said: {TEXT}"
        assert end == ("end", None)

    async def test_are_found_in_the_vault_of_the_user(self) -> None:
        store = InMemoryVaultStore()
        app = served(pair(Echo(), store))
        for user in ("u1", "u2"):
            await post(app, "/invoke", {"input": "Jane Doe" if user == "u1" else "Bob Roe"}, user)
        for user, name in {"u1": "Jane Doe", "u2": "Bob Roe"}.items():
            assert [entry.value for entry in Vault(user, store=store).entries()] == [name]

    async def test_say_of_events_what_the_chain_itself_did(self) -> None:
        app = served(endpoints=ALL, custom_events=["secguard.anonymized"], path="/chat")
        *told, end = events((await post(app, "/chat/stream_events", {"input": TEXT})).text)
        assert end == ("end", None)
        kinds = [event["event"] for _, event in told]
        assert kinds[:2] == ["on_chain_start", "on_custom_event"]
        assert set(kinds[2:-1]) == {"on_chain_stream"}
        assert kinds[-1] == "on_chain_end"
        assert {event["name"] for _, event in told} == {"/chat", "secguard.anonymized"}
        assert told[1][1]["data"]["entities"] == {"PERSON": 1}
        assert told[-1][1]["data"]["output"]["content"] == f"You said: {TEXT}"
        assert "u1" not in json.dumps(told)
        assert "[PERSON_1]" not in json.dumps(told)

    async def test_of_events_are_filtered_as_the_client_asks(self) -> None:
        app = served(endpoints=ALL)
        answer = await post(app, "/stream_events", {"input": TEXT, "exclude_types": ["chain"]})
        assert events(answer.text) == [("end", None)]
        assert (await post(app, "/stream_events", {"input": TEXT, "exclude_types": 1})).status_code == 422

    async def test_of_a_protected_chain_need_no_more(self) -> None:
        model = Echo()
        await post(served(protect(model)), "/invoke", {"input": TEXT})
        assert model.seen == ["I am [PERSON_1]."]


class TestWhatTheClientSays:
    @pytest.mark.parametrize("endpoint", ["invoke", "batch"])
    @pytest.mark.parametrize("config", REFUSED)
    async def test_of_the_config_is_refused(self, endpoint: str, config: Any) -> None:
        app, model = shared()
        model.seen.clear()
        answer = await post(app, f"/{endpoint}", body_for(endpoint, config=config))
        assert (answer.status_code, model.seen) == (422, [])

    @pytest.mark.parametrize("config", EMPTY)
    async def test_may_be_nothing(self, config: Any) -> None:
        app, _ = shared()
        answer = await post(app, "/batch", {"inputs": [TEXT] * 2, "config": config or {}})
        assert answer.status_code == 200
        answer = await post(app, "/invoke", {"input": TEXT, "config": config})
        assert answer.status_code == (422 if isinstance(config, list) else 200)

    async def test_of_the_config_may_be_dropped(self) -> None:
        store = InMemoryVaultStore()
        app = served(pair(Echo(), store), ignore_client_config=True)
        said = {"configurable": {"vault_id": "u2"}, "tags": ["t"], "callbacks": [1], "metadata": {"a": 1}}
        answer = await post(app, "/invoke", {"input": TEXT, "config": said, "kwargs": {"stop": "x"}})
        assert answer.status_code == 200
        assert store.entries("u2") == []
        assert len(store.entries("u1")) == 1

    @pytest.mark.parametrize("endpoint", ALL)
    @pytest.mark.parametrize("field", ["vault_id", "configurable", "metadata", "run_id", "diff"])
    async def test_in_other_fields_is_refused(self, endpoint: str, field: str) -> None:
        answer = await post(shared()[0], f"/{endpoint}", body_for(endpoint, **{field: "u2"}))
        assert answer.status_code == 422

    @pytest.mark.parametrize("endpoint", ALL)
    async def test_as_arguments_of_the_model_is_refused(self, endpoint: str) -> None:
        app, _ = shared()
        assert (await post(app, f"/{endpoint}", body_for(endpoint, kwargs={"stop": "x"}))).status_code == 422
        assert (await post(app, f"/{endpoint}", body_for(endpoint, kwargs={}))).status_code == 200

    async def test_in_a_query_or_a_header_is_refused(self) -> None:
        said: list[Any] = [{"params": {"vault_id": "u2"}}, {"headers": {"x-vault-id": "u2"}}]
        for kwargs in said:
            answer = await post(shared()[0], "/invoke", {"input": TEXT}, **kwargs)
            assert answer.status_code == 422
            assert answer.json()["code"] == "invalid_request"

    @pytest.mark.parametrize("route", ["invoke", "batch", "stream", "stream_log", "stream_events", "x/y"])
    async def test_in_the_path_is_refused(self, route: str) -> None:
        compress: Any = LZString.compressToEncodedURIComponent
        said = compress(json.dumps({"configurable": {"vault_id": "u2"}}))
        app = served(path="/chat", endpoints=ALL)
        assert (await post(app, f"/chat/c/{said}/{route}", {"input": TEXT})).status_code == 422

    async def test_about_a_batch_must_be_as_long(self) -> None:
        answer = await post(served(), "/batch", {"inputs": [TEXT], "config": [{}, {}]})
        assert answer.status_code == 422

    @pytest.mark.parametrize(
        ("content", "content_type", "status"),
        [
            (b"{", "application/json", 400),
            (b"\x00\xff\xfe", "application/json", 400),
            (b"\x00\xff\xfe", "application/octet-stream", 415),
            (json.dumps({"input": TEXT}).encode(), "text/plain", 415),
            (b"[" * 100_000, "application/json", 422),
            (b'{"input": ' + b"[" * 70 + b"]" * 70 + b"}", "application/json", 422),
            (b'{"input": "' + b"x" * 2_000_000 + b'"}', "application/json", 413),
            (b"{}", "application/json", 422),
            (b'{"input": 7}', "application/json", 422),
            (b'{"input": null}', "application/json", 422),
        ],
    )
    async def test_must_be_what_is_described(self, content: bytes, content_type: str, status: int) -> None:
        async with client(shared()[0]) as sender:
            headers = {"content-type": content_type}
            answer = await sender.post("/invoke", content=content, headers=headers)
        assert answer.status_code == status
        assert set(answer.json()) == {"detail", "code"}

    @pytest.mark.parametrize("inputs", [7, {"a": 1}, "ab", [7], None])
    async def test_as_inputs_must_be_a_list(self, inputs: Any) -> None:
        assert (await post(shared()[0], "/batch", {"inputs": inputs})).status_code == 422

    async def test_as_inputs_must_not_be_many(self) -> None:
        app = served(limits=Limits(max_batch=2))
        assert (await post(app, "/batch", {"inputs": [TEXT] * 3})).status_code == 413
        assert (await post(app, "/batch", {"inputs": []})).json()["output"] == []

    async def test_may_look_like_a_placeholder_of_another(self) -> None:
        model, store = Echo(), InMemoryVaultStore()
        app = served(pair(model, store))
        await post(app, "/invoke", {"input": TEXT}, "u1")
        for forged in ("[PERSON_1]", "[person 1]", "PERSON_1", "&#91;PERSON_1&#93;"):
            answer = await post(app, "/invoke", {"input": f"Who is {forged}?"}, "u2")
            assert answer.json()["output"]["content"] == f"You said: Who is {forged}?"
        assert "Jane Doe" not in "".join(model.seen)


class TestUsers:
    @pytest.mark.parametrize("endpoint", ALL)
    async def test_who_are_nobody_are_refused_before_anything_is_read(self, endpoint: str) -> None:
        wire = Wire(headers={"x-user": ""}, path=f"/{endpoint}")
        wire.parts = []
        async with asyncio.timeout(5):
            await wire.run(shared()[0])
        assert wire.status == 401
        assert (b"www-authenticate", b"Bearer") in wire.sent[0]["headers"]

    async def test_may_be_refused_by_the_app(self) -> None:
        async def refuse(request: Request) -> str:
            raise HTTPException(403, "not this one")

        answer = await post(served(vault_id=refuse), "/invoke", {"input": TEXT})
        assert (answer.status_code, answer.json()) == (403, {"detail": "not this one", "code": "forbidden"})

    async def test_may_be_told_by_the_body(self) -> None:
        async def told(request: Request) -> str:
            return str(len(await request.body()))

        assert (await post(served(vault_id=told), "/invoke", {"input": TEXT})).status_code == 200
        async with client(served(vault_id=told)) as sender:
            headers = {"content-type": "application/json"}
            big = await sender.post("/invoke", content=b"x" * 2_000_000, headers=headers)
        assert big.status_code == 413

    async def test_whose_function_fails_are_not_told_why(self, caplog: pytest.LogCaptureFixture) -> None:
        def fail(request: Request) -> str:
            raise KeyError("Jane Doe")

        answer = await post(served(vault_id=fail), "/invoke", {"input": TEXT})
        assert answer.status_code == 500
        assert "Jane Doe" not in answer.text + caplog.text

    async def test_have_conversations_that_reach_into_no_other(self) -> None:
        store = InMemoryVaultStore()

        def name(request: Request) -> list[str | None]:
            return [request.headers.get("x-user"), request.headers.get("x-chat")]

        app = served(pair(Echo(), store), vault_id=name)
        await post(app, "/invoke", {"input": TEXT}, "u1", headers={"x-chat": "u2/main"})
        assert [entry.value for entry in Vault("u1/u2%2Fmain", store=store).entries()] == ["Jane Doe"]
        assert (await post(app, "/invoke", {"input": TEXT}, "u1")).status_code == 401

    async def test_pass_the_apps_dependencies_first(self) -> None:
        def closed() -> None:
            raise HTTPException(403, "closed")

        app = served(dependencies=[Depends(closed)])
        async with client(app) as sender:
            assert (await sender.post("/invoke", json={"input": TEXT})).status_code == 403
            assert (await sender.get("/input_schema")).status_code == 403


class TestFailures:
    @pytest.mark.parametrize("endpoint", ALL)
    async def test_of_the_model_hold_no_text(self, endpoint: str, caplog: pytest.LogCaptureFixture) -> None:
        app = served(pair(Echo(failure=ValueError)), endpoints=ALL)
        with caplog.at_level(logging.DEBUG):
            answer = await post(app, f"/{endpoint}", body_for(endpoint))
        if endpoint == "stream_events":  # which had begun
            told = events(answer.text)[-1][1]
            assert told["status_code"] == 500
        else:
            told = answer.json()
            assert answer.status_code == 500
        assert told["error_id"] in caplog.text
        assert "PERSON_1" not in answer.text + caplog.text
        assert "Jane Doe" not in answer.text + caplog.text

    @pytest.mark.parametrize("grouped", [False, True])
    @pytest.mark.parametrize("endpoint", ALL)
    async def test_of_a_step_that_raises_an_http_error_have_its_status_and_no_text(
        self, endpoint: str, grouped: bool
    ) -> None:
        def refuses(answer: Any) -> None:
            error = HTTPException(409, f"of {answer.content}", headers={"x-of": "Jane Doe"})
            raise ExceptionGroup("of Jane Doe", [error]) if grouped else error

        app = served(pair(Echo()) | RunnableLambda(refuses), endpoints=ALL)
        answer = await post(app, f"/{endpoint}", body_for(endpoint))
        if endpoint == "stream_events":  # which had begun
            told = events(answer.text)[-1][1]
            assert (told["status_code"], told["message"]) == (409, "Conflict")
        else:
            assert (answer.status_code, answer.json()["detail"]) == (409, "Conflict")
        assert "Jane" not in str(answer.headers) + answer.text.split("on_chain_stream")[0]

    @pytest.mark.parametrize("endpoint", ["invoke", "batch", "stream"])
    async def test_of_the_detector_the_store_and_the_policy_have_a_status(self, endpoint: str) -> None:
        for chain, status in (
            (pair(Echo(), FailingStore("assign")), 503),
            (pair(Echo(), policies={"PERSON": "block"}), 422),
            (Anonymizer(detector=FailingDetector()) | Echo(), 500),
        ):
            answer = await post(served(chain), f"/{endpoint}", body_for(endpoint))
            assert answer.status_code == status
            assert "Jane" not in answer.text

    async def test_of_a_policy_name_it(self) -> None:
        answer = await post(served(pair(Echo(), policies={"PERSON": "block"})), "/invoke", {"input": TEXT})
        assert answer.json()["code"] == "blocked"
        assert answer.json()["scores"] == {"PERSON": 1.0}

    @pytest.mark.parametrize("endpoint", ALL)
    async def test_to_answer_in_time_are_told(self, endpoint: str) -> None:
        app = served(pair(Echo(delay=30)), endpoints=ALL, limits=Limits(timeout=0.1))
        answer = await post(app, f"/{endpoint}", body_for(endpoint))
        told = events(answer.text)[-1][1] if endpoint == "stream_events" else answer.json()
        assert told["code"] == "timeout"

    async def test_of_an_output_that_is_no_json_are_the_servers(self) -> None:
        chain = pair(Echo()) | RunnableLambda(lambda _: object())
        assert (await post(served(chain), "/invoke", {"input": TEXT})).status_code == 500
        assert (await post(served(chain), "/stream", {"input": TEXT})).status_code == 500

    async def test_to_stay_end_the_run(self) -> None:
        model = Echo(delay=30)
        wire = Wire(json.dumps({"input": TEXT}).encode(), path="/invoke")
        task = asyncio.create_task(wire.run(served(pair(model))))
        async with asyncio.timeout(5):
            while not model.seen:  # noqa: ASYNC110 - what is waited for has no event
                await asyncio.sleep(0.001)
            wire.left.set()
            await task

    async def test_to_send_a_body_end_the_request(self) -> None:
        wire = Wire(path="/invoke")
        wire.parts = [{"type": "http.request", "body": b"{", "more_body": True}]
        await wire.run(served(limits=Limits(read_timeout=0.02)))
        assert wire.status == 408


class TestTheServersConfig:
    async def test_reaches_every_step_of_every_route(self) -> None:
        class Hears(AsyncCallbackHandler):
            def __init__(self) -> None:
                self.names: list[tuple[str, Any]] = []

            async def on_chain_start(self, *_: Any, **kwargs: Any) -> None:
                self.names.append((kwargs["name"], kwargs["metadata"]["user"]))

        hears = Hears()

        async def config(request: Request) -> Any:
            return {"callbacks": [hears], "metadata": {"user": request.headers["x-user"]}}

        app = served(endpoints=ALL, config=config, path="/chat")
        for endpoint in ALL:
            hears.names.clear()
            await post(app, f"/chat/{endpoint}", body_for(endpoint))
            assert hears.names == [("/chat", "u1"), ("Anonymizer", "u1"), ("Deanonymizer", "u1")]

    @pytest.mark.filterwarnings("ignore::langchain_core._api.deprecation.LangChainDeprecationWarning")
    async def test_names_the_session_of_a_history_after_the_vault(self) -> None:
        histories: dict[str, InMemoryChatMessageHistory] = {}

        def history(session_id: str) -> InMemoryChatMessageHistory:
            return histories.setdefault(session_id, InMemoryChatMessageHistory())

        chain = RunnableWithMessageHistory(pair(Echo()), history)
        answer = await post(served(chain, input_type=str), "/invoke", {"input": TEXT})
        assert answer.status_code == 200
        assert list(histories) == ["u1"]

    async def test_names_the_thread_of_a_graph_after_the_vault(self) -> None:
        async def answer(state: MessagesState) -> dict[str, Any]:
            return {"messages": [AIMessage(content=f"You said: {state['messages'][-1].content}")]}

        builder = StateGraph(MessagesState)
        builder.add_node("answer", answer)
        builder.add_edge(START, "answer")
        saver = InMemorySaver()
        graph = builder.compile(checkpointer=saver)
        hide = Anonymizer(detector=LexiconDetector(NAMES), store=InMemoryVaultStore())
        app = served(protect_agent(graph, anonymizer=hide), input_type=None)
        body = {"input": {"messages": [{"type": "human", "content": TEXT}]}}
        for count in (2, 4):  # the second time, the thread is remembered
            said = (await post(app, "/invoke", body)).json()["output"]["messages"]
            assert [one["content"] for one in said] == [TEXT, f"You said: {TEXT}"] * (count // 2)
        assert list(saver.storage) == ["u1"]
        assert "Jane Doe" not in repr(saver.storage) + repr(saver.blobs)
        assert (await post(app, "/stream", body)).status_code == 200

    def test_must_not_name_a_vault(self) -> None:
        with pytest.raises(ValueError, match="must not name a vault"):
            served(config={"configurable": {"vault_id": "everybody"}})


class TestConstruction:
    @pytest.mark.parametrize(
        "chain",
        [
            Echo(),
            Anonymizer(vault=Vault()) | Echo() | Deanonymizer(vault=Vault()),
            RunnableLambda(lambda text: text),
        ],
        ids=["a bare model", "one vault for all", "a function"],
    )
    async def test_refuses_a_chain_that_takes_no_vault(self, chain: Any) -> None:
        with pytest.raises(ValueError, match="takes its vault from the config"):
            served(chain)
        app = served(chain, allow_unprotected=True)
        assert (await post(app, "/invoke", {"input": TEXT})).status_code == 200

    @pytest.mark.parametrize(
        ("wrong", "message"),
        [
            ({"endpoints": ["invoke", "stream_log"]}, "stream_log"),
            ({"endpoints": ["feedback"]}, "feedback"),
            ({"custom_events": ["progress"]}, "progress"),
            ({"path": "chat"}, "slash"),
            ({"path": "/chat/"}, "slash"),
        ],
    )
    def test_refuses_what_is_wrong(self, wrong: Any, message: str) -> None:
        with pytest.raises(ValueError, match=message):
            served(**wrong)

    async def test_takes_a_router_and_several_chains(self) -> None:
        app, router = FastAPI(), APIRouter(prefix="/v1")
        for path in ("/a", "/b"):
            add_secure_routes(router, pair(Echo()), vault_id=lambda _: "u1", path=path)
        app.include_router(router)
        for path in ("/v1/a", "/v1/b"):
            assert (await post(app, f"{path}/invoke", {"input": TEXT})).status_code == 200
        described = app.openapi()
        assert {"/v1/a/invoke", "/v1/b/stream"} <= set(described["paths"])
        assert {"AInvokeRequest", "BInvokeRequest"} <= set(described["components"]["schemas"])


class TestDoors:
    @pytest.mark.parametrize(
        "door",
        ["stream_log", "stream_events", "playground/", "feedback", "token_feedback", "public_trace_link"],
    )
    async def test_of_langserve_are_shut(self, door: str) -> None:
        async with client(served(path="/chat")) as sender:
            for method in ("GET", "POST", "PUT", "HEAD"):
                answer = await sender.request(method, f"/chat/{door}", json={"input": TEXT})
                assert answer.status_code == 404

    async def test_tell_what_goes_in_and_out(self) -> None:
        app = served(path="/chat", input_type=None, output_type=None)
        async with client(app, None) as sender:
            assert "HumanMessage" in (await sender.get("/chat/input_schema")).text
            assert "AIMessage" in (await sender.get("/chat/output_schema")).text
            assert (await sender.get("/chat/config_schema")).json()["properties"] == {}

    def test_are_described(self) -> None:
        described = served(path="/chat", endpoints=ALL, playground=True).openapi()
        paths = {f"/chat/{name}" for name in (*ALL, "input_schema", "output_schema", "config_schema")}
        assert set(described["paths"]) == paths
        answers = described["paths"]["/chat/stream"]["post"]["responses"]
        assert answers["200"]["content"] == {"text/event-stream": {}}
        assert {"401", "413", "422", "500", "503", "504"} <= set(answers)


class TestPlayground:
    async def test_is_served_on_request(self) -> None:
        async with client(served(path="/chat", playground=True), None) as sender:
            page = await sender.get("/chat/playground/")
            assert "/chat/playground/assets/" in page.text
            script = page.text.split('src="')[1].split('"')[0]
            assert (await sender.get(script)).headers["content-type"].startswith("application/javascript")
            for path in ("assets", "none.js", "%00", "..%2f..%2fserver.py", "%2e%2e/index.html"):
                assert (await sender.get(f"/chat/playground/{path}")).status_code == 404

    async def test_hears_no_more_than_the_stream_tells(self) -> None:
        model = Echo()
        answer = await post(
            served(pair(model), playground=True), "/stream_log", {"input": TEXT, "config": {}}
        )
        assert "[PERSON_1]" not in answer.text
        (_, start), *_, (_, last), end = events(answer.text)
        assert start["ops"][0]["value"]["logs"] == {}
        assert last["ops"][1]["path"] == "/final_output"
        assert last["ops"][1]["value"]["content"] == f"You said: {TEXT}"
        assert end == ("end", None)

    async def test_may_show_what_cannot_be_added(self) -> None:
        class Other(Echo):
            def _saw(self, messages: list[BaseMessage]) -> str:
                return "x"

        chain = pair(Other()) | RunnableLambda(lambda _: {"a": 1}) | Deanonymizer()
        answer = await post(served(chain, playground=True), "/stream_log", {"input": TEXT})
        assert events(answer.text)[1][1]["ops"][1]["value"] == {"a": 1}

    async def test_must_not_say_a_config_either(self) -> None:
        said = {"configurable": {"vault_id": "u2"}}
        app = served(playground=True)
        assert (await post(app, "/stream_log", {"input": TEXT, "config": said})).status_code == 422
