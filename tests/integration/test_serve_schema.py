"""The app's own OpenAPI description, tried with what it allows and with what it does not: schemathesis."""

from collections.abc import Callable
from functools import cache
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from langchain_core.prompts import ChatPromptTemplate
from schemathesis import GenerationMode
from schemathesis.checks import (
    content_type_conformance,
    negative_data_rejection,
    not_a_server_error,
    response_schema_conformance,
    status_code_conformance,
)

from langchain_secguard.serve import create_app
from tests.unit.serve.support import Echo, pair, user_of

ROUTES = ("invoke", "batch", "stream", "stream_events")
CHECKS: list[Callable[..., Any]] = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_schema_conformance,
]
EXAMPLES = 8


@cache
def described() -> Any:
    """Read the description of an app with two chains: one takes a chat model's input, one a prompt's."""
    prompt = ChatPromptTemplate.from_messages([("human", "{text}")])
    app = create_app(
        {"/chat": pair(Echo()), "/prompt": pair(prompt | Echo())}, vault_id=user_of, endpoints=ROUTES
    )
    return schemathesis.openapi.from_asgi("/openapi.json", app)


def operations() -> dict[str, Any]:
    return {one.ok().label: one.ok() for one in described().get_all_operations()}


SCHEMAS = ("input", "output", "config")
LABELS = [
    *(f"POST /prompt/{route}" for route in ROUTES),
    "POST /chat/invoke",
    *(f"GET /chat/{name}_schema" for name in SCHEMAS),
    *("GET /healthz", "GET /readyz"),
]


def test_every_route_is_tried() -> None:
    same = {f"POST /chat/{route}" for route in ROUTES[1:]} | {
        f"GET /prompt/{name}_schema" for name in SCHEMAS
    }
    assert set(LABELS) == set(operations()) - same


@pytest.mark.parametrize("label", LABELS)
@pytest.mark.parametrize("mode", [GenerationMode.POSITIVE, GenerationMode.NEGATIVE], ids=["allowed", "not"])
def test_answers_are_as_described(label: str, mode: GenerationMode) -> None:
    operation = operations()[label]
    if mode.is_negative and label.startswith("GET"):
        return  # there is nothing in it that could be wrong
    checks = CHECKS + ([negative_data_rejection] if mode.is_negative else [])

    @settings(
        max_examples=1 if label.startswith("GET") else EXAMPLES,
        derandomize=True,
        database=None,
        deadline=None,
        phases=[Phase.explicit, Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(operation.as_strategy(mode))
    def attack(case: Any) -> None:
        case.call_and_validate(checks=checks, headers={"x-user": "u1"})

    attack()
