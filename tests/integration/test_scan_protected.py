"""Engines of other parties around a protected model: none is ever shown a value, in any mode of a call."""

import asyncio
import json
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import pytest
from langchain_core.runnables import Runnable

from langchain_secguard import Anonymizer, BlockedError, Guard, protect
from langchain_secguard.scan import (
    AzureConnection,
    AzureContentSafetyScanner,
    AzureGroundednessScanner,
    AzurePromptShieldScanner,
    JudgeScanner,
    LakeraGuardScanner,
    PromptArmorScanner,
    Scanner,
)
from tests.integration.openai_server import OpenAIServer, Reply
from tests.integration.scan_server import KEY, ScanServer
from tests.integration.scan_server import Reply as Answered
from tests.support import LexiconDetector

pytestmark = pytest.mark.loopback

VALUES = {"Jane Doe": "PERSON", "jane@example.com": "EMAIL_ADDRESS"}
PROMPT = "Write to Jane Doe, whose address is jane@example.com."
REFUSAL = "That cannot be answered."


def collect(chunks: Any) -> str:
    return "".join(str(chunk.content) for chunk in chunks)


async def acollect(chain: Runnable[Any, Any], prompt: str) -> str:
    return "".join([str(chunk.content) async for chunk in chain.astream(prompt)])


CALLS: Mapping[str, Callable[[Runnable[Any, Any], str], str]] = {
    "invoke": lambda chain, prompt: str(chain.invoke(prompt).content),
    "ainvoke": lambda chain, prompt: str(asyncio.run(chain.ainvoke(prompt)).content),
    "stream": lambda chain, prompt: collect(chain.stream(prompt)),
    "astream": lambda chain, prompt: asyncio.run(acollect(chain, prompt)),
}


@pytest.fixture(params=list(CALLS))
def call(request: pytest.FixtureRequest) -> Callable[[Runnable[Any, Any], str], str]:
    return CALLS[request.param]


def answer(request: dict[str, Any]) -> Reply:
    """Repeat what was asked; as a judge, say of ATTACK that it is one."""
    asked = request["messages"][-1]["content"]
    if "response_format" in request:
        return Reply(text=json.dumps({"score": 0.9 if "ATTACK" in asked else 0.1, "category": "none"}))
    return Reply(text=f"Dear {asked}")


@pytest.fixture
def model() -> Iterator[OpenAIServer]:
    with OpenAIServer(answer) as server:
        yield server


@pytest.fixture
def services() -> Iterator[ScanServer]:
    with ScanServer() as server:
        yield server


def guarded(model: OpenAIServer, services: ScanServer, **options: Any) -> Runnable[Any, Any]:
    connection = AzureConnection(services.url, key=KEY)
    inputs: list[Scanner] = [
        LakeraGuardScanner(api_key=KEY, base_url=services.url),
        PromptArmorScanner(api_key=KEY, base_url=services.url),
        AzurePromptShieldScanner(connection),
        JudgeScanner(model.chat_model(), "injection"),
    ]
    outputs: list[Scanner] = [
        LakeraGuardScanner(api_key=KEY, base_url=services.url),
        AzureContentSafetyScanner(connection),
        AzureGroundednessScanner(connection),
        JudgeScanner(model.chat_model(), "relevance"),
    ]
    return protect(
        model.chat_model(),
        anonymizer=Anonymizer(detector=LexiconDetector(VALUES)),
        input_guards=[Guard(inputs, **options)],
        output_guards=[Guard(outputs, **options)],
    )


class TestPrivacy:
    def test_every_engine_sees_placeholders(
        self, model: OpenAIServer, services: ScanServer, call: Callable[..., str]
    ) -> None:
        assert call(guarded(model, services), PROMPT) == f"Dear {PROMPT}"
        sent = [json.dumps(body) for body in services.bodies]
        assert len(sent) == 6
        assert all("[PERSON_1]" in body for body in sent)
        assert not any(value in body for body in sent for value in VALUES)
        assert len(model.requests) == 3
        assert not any(model.saw(value) for value in VALUES)

    def test_answers_are_sent_with_their_prompt(
        self, model: OpenAIServer, services: ScanServer, call: Callable[..., str]
    ) -> None:
        call(guarded(model, services), PROMPT)
        [exchange] = [body["messages"] for body in services.bodies if len(body.get("messages", [])) == 2]
        hidden = "Write to [PERSON_1], whose address is [EMAIL_ADDRESS_1]."
        assert [one["content"] for one in exchange] == [hidden, f"Dear {hidden}"]

    def test_an_engine_of_ones_own_may_see_values(self, model: OpenAIServer, services: ScanServer) -> None:
        scanner = LakeraGuardScanner(api_key=KEY, base_url=services.url, sees="values")
        chain = protect(
            model.chat_model(),
            anonymizer=Anonymizer(detector=LexiconDetector(VALUES)),
            input_guards=[Guard([scanner])],
        )
        with pytest.raises(BlockedError):  # it flags addresses
            chain.invoke(PROMPT)
        assert services.bodies[0]["messages"][0]["content"] == PROMPT
        assert model.requests == []


class TestVerdicts:
    def test_an_attack_is_blocked_with_the_names_of_who_saw_it(
        self, model: OpenAIServer, services: ScanServer, call: Callable[..., str]
    ) -> None:
        with pytest.raises(BlockedError) as caught:
            call(guarded(model, services), f"ATTACK. {PROMPT}")
        assert set(caught.value.scores) == {
            "LakeraGuard",
            "PromptArmor",
            "AzurePromptShield",
            "PromptInjection",
        }
        assert not any(value in str(caught.value) for value in VALUES)
        assert not any("Dear" in json.dumps(body) for body in services.bodies)

    def test_a_refusal_is_what_the_user_gets(
        self, model: OpenAIServer, services: ScanServer, call: Callable[..., str]
    ) -> None:
        assert call(guarded(model, services, on_fail=REFUSAL), f"ATTACK. {PROMPT}") == REFUSAL

    def test_a_bad_answer_is_held_back(
        self, model: OpenAIServer, services: ScanServer, call: Callable[..., str]
    ) -> None:
        chain = guarded(model, services, on_fail=REFUSAL)
        assert call(chain, f"HATE4 for {PROMPT}") == REFUSAL


class TestTrouble:
    @pytest.mark.parametrize(
        "reply", [Answered(status=500), Answered(body={}), Answered(status=401), Answered(seconds=2)]
    )
    def test_blocks_in_time_and_names_no_value(
        self, model: OpenAIServer, services: ScanServer, call: Callable[..., str], reply: Answered
    ) -> None:
        services.always = reply
        scanner = LakeraGuardScanner(api_key=KEY, base_url=services.url, retries=0)
        chain = protect(
            model.chat_model(),
            anonymizer=Anonymizer(detector=LexiconDetector(VALUES)),
            input_guards=[Guard([scanner], timeout=0.5)],
        )
        with pytest.raises(BlockedError, match="LakeraGuard") as caught:
            call(chain, PROMPT)
        assert not any(value in str(caught.value) for value in (*VALUES, KEY))
        assert model.requests == []
