import json
import logging
from typing import Any

import pytest
from fastapi import FastAPI, HTTPException
from pydantic import BaseModel, field_validator
from starlette.responses import StreamingResponse

from langchain_secguard import (
    BlockedError,
    DetectorError,
    UnknownPlaceholderError,
    UnsupportedContentError,
    VaultDecryptionError,
    VaultRequiredError,
    VaultUnavailableError,
)
from langchain_secguard.serve import install_error_handlers
from langchain_secguard.serve.problems import described, problem_of
from tests.unit.serve.support import Wire, client, post

SECRET = "Jane Doe"
NOTHING: dict[str, str] = {}

KINDS: list[tuple[BaseException, int, str]] = [
    (BlockedError(SECRET, scores={"Toxicity": 0.9}), 422, "blocked"),
    (UnsupportedContentError(SECRET), 422, "unsupported_content"),
    (VaultUnavailableError(SECRET), 503, "unavailable"),
    (VaultRequiredError(SECRET), 500, "error"),
    (VaultDecryptionError(SECRET), 500, "error"),
    (DetectorError(SECRET), 500, "error"),
    (UnknownPlaceholderError(SECRET), 502, "unknown_placeholder"),
    (TimeoutError(SECRET), 504, "timeout"),
    (KeyError(SECRET), 500, "error"),
    (ExceptionGroup(SECRET, [ValueError(SECRET)]), 500, "error"),
    (ExceptionGroup(SECRET, [ExceptionGroup(SECRET, [VaultUnavailableError(SECRET)])]), 503, "unavailable"),
]


def failing(error: BaseException) -> FastAPI:
    app = FastAPI()
    install_error_handlers(app)

    @app.post("/x")
    async def x() -> None:
        raise error from ValueError(SECRET)

    return app


class TestProblems:
    @pytest.mark.parametrize(("error", "status", "code"), KINDS)
    async def test_have_a_status_and_no_text(
        self, error: BaseException, status: int, code: str, caplog: pytest.LogCaptureFixture
    ) -> None:
        with caplog.at_level(logging.DEBUG):
            answer = await post(failing(error), "/x", {})
        told = answer.json()
        assert (answer.status_code, told["code"]) == (status, code)
        assert SECRET not in answer.text + caplog.text
        assert answer.headers["cache-control"] == "no-store"
        if status >= 500:
            assert told["error_id"] in caplog.text
            assert type(error).__name__ in caplog.text
        else:
            assert "error_id" not in told

    async def test_of_a_refusal_has_its_scores(self) -> None:
        error = BlockedError("x", scores={"Toxicity": 0.9, "US_SSN": 1.0})
        assert (await post(failing(error), "/x", {})).json()["scores"] == {"Toxicity": 0.9, "US_SSN": 1.0}

    async def test_of_the_apps_own_are_its_own(self) -> None:
        error = HTTPException(409, "busy", headers={"Retry-After": "7"})
        answer = await post(failing(error), "/x", {})
        assert (answer.status_code, answer.json(), answer.headers["retry-after"]) == (
            409,
            {"detail": "busy"},
            "7",
        )

    def test_in_a_stream_are_in_langserves_words(self) -> None:
        event = problem_of(BlockedError(SECRET, scores={"Toxicity": 0.9})).event()
        assert event["status_code"] == 422
        assert event["scores"] == {"Toxicity": 0.9}
        assert event["message"]


class TestDescriptions:
    def test_name_classes_and_lines_and_no_text(self) -> None:
        try:
            try:
                NOTHING[SECRET]
            except KeyError as error:
                raise ExceptionGroup(SECRET, [ValueError(SECRET)]) from error
        except ExceptionGroup as caught:
            text = described(caught)
        assert "ExceptionGroup" in text
        assert "ValueError" in text
        assert "test_problems.py:" in text
        assert SECRET not in text

    def test_of_errors_in_a_circle_end(self) -> None:
        one, two = ValueError(), KeyError()
        one.__cause__, two.__cause__ = two, one
        assert described(one).count("from") == 4


class Body(BaseModel):
    name: int

    @field_validator("name", mode="before")
    @classmethod
    def _refuse(cls, value: Any) -> Any:
        raise ValueError(f"cannot read {value}")


class TestHandlers:
    @pytest.fixture
    def app(self) -> FastAPI:
        made = FastAPI()
        install_error_handlers(made)

        @made.post("/body")
        async def body(given: Body) -> None: ...

        @made.post("/validates")
        async def validates() -> None:
            Body.model_validate({"name": SECRET})

        @made.post("/cut")
        async def cut() -> StreamingResponse:
            async def pieces() -> Any:
                yield b"one"
                raise KeyError(SECRET)

            return StreamingResponse(pieces())

        return made

    @pytest.mark.parametrize(
        ("body", "fields"),
        [({"name": SECRET}, ["name"]), ({SECRET: 1}, ["name"]), ([SECRET], ["body"]), (SECRET, ["body"])],
    )
    async def test_do_not_send_back_what_was_not_valid(
        self, app: FastAPI, body: Any, fields: list[str]
    ) -> None:
        answer = await post(app, "/body", body)
        assert answer.status_code == 422
        assert answer.json()["fields"] == fields
        assert SECRET not in answer.text

    async def test_answer_for_models_that_a_route_validates(
        self, app: FastAPI, caplog: pytest.LogCaptureFixture
    ) -> None:
        answer = await post(app, "/validates", {})
        assert answer.status_code == 500
        assert SECRET not in answer.text + caplog.text

    async def test_leave_a_response_that_began_cut_off(
        self, app: FastAPI, caplog: pytest.LogCaptureFixture
    ) -> None:
        wire = Wire(path="/cut")
        await wire.run(app)
        assert (wire.body, wire.ended) == (b"one", False)
        assert "KeyError" in caplog.text
        assert SECRET not in caplog.text

    async def test_tell_nobody_of_a_client_that_left(
        self, app: FastAPI, caplog: pytest.LogCaptureFixture
    ) -> None:
        wire = Wire(path="/body")
        wire.parts = [{"type": "http.disconnect"}]
        await wire.run(app)
        assert wire.status in (400, 499)  # which nobody reads
        assert caplog.text == ""

    async def test_keep_the_routes_of_others(self, app: FastAPI) -> None:
        async with client(app) as sender:
            assert (await sender.get("/none")).json() == {"detail": "Not Found"}


def test_a_problem_is_json_of_few_fields() -> None:
    body = json.loads(json.dumps(problem_of(KeyError()).body()))
    assert body == {"detail": "The server failed.", "code": "error"}
