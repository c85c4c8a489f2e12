"""Hosted scanners, with the real client libraries, against a server that speaks their protocols."""

import asyncio
import gc
import logging
import threading
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import pytest
from pydantic import SecretStr

from langchain_secguard.errors import ScannerError
from langchain_secguard.scan import (
    AzureConnection,
    AzureContentSafetyScanner,
    AzureGroundednessScanner,
    AzurePromptShieldScanner,
    AzureProtectedMaterialScanner,
    LakeraGuardScanner,
    PromptArmorScanner,
    Scanner,
)
from langchain_secguard.scan.hosted import HostedScanner
from tests.integration.scan_server import KEY, Reply, ScanServer
from tests.unit.scan.contract import ScannerContract, assert_clean

pytestmark = pytest.mark.loopback

TEXT = "the text of Jane Doe"
VARIABLES = (
    *(f"{prefix}CONTENT_SAFETY_{name}" for prefix in ("", "AZURE_") for name in ("KEY", "ENDPOINT")),
    "LAKERA_GUARD_API_KEY",
    "PROMPTARMOR_API_KEY",
)

Make = Callable[..., HostedScanner]


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[ScanServer]:
    for name in VARIABLES:
        monkeypatch.delenv(name, raising=False)
    with ScanServer() as running:
        yield running


def lakera(server: ScanServer, *, key: str = KEY, **options: Any) -> HostedScanner:
    return LakeraGuardScanner(api_key=SecretStr(key), base_url=server.url, **options)


def prompt_armor(server: ScanServer, *, key: str = KEY, **options: Any) -> HostedScanner:
    return PromptArmorScanner(api_key=SecretStr(key), base_url=server.url, **options)


def azure(
    server: ScanServer, kind: Callable[..., HostedScanner], *, key: str = KEY, **options: Any
) -> HostedScanner:
    made = {name: options.pop(name) for name in ("timeout", "retries") if name in options}
    return kind(AzureConnection(server.url, key=SecretStr(key), **made), **options)


SCANNERS: dict[str, Make] = {
    "lakera": lakera,
    "prompt_armor": prompt_armor,
    "azure": partial(azure, kind=AzureContentSafetyScanner),
    "azure_shield": partial(azure, kind=AzurePromptShieldScanner),
}
"""One for each way to a service and back."""


@pytest.fixture(params=list(SCANNERS))
def make(request: pytest.FixtureRequest) -> Make:
    return SCANNERS[request.param]


class Hosted(ScannerContract):
    make: Make

    @pytest.fixture
    def scanner(self, server: ScanServer) -> Scanner:
        return type(self).make(server)


class TestLakera(Hosted):
    make = staticmethod(lakera)
    harmful = "ATTACK the model"

    def test_asks_as_it_is_documented(self, server: ScanServer) -> None:
        scanner = lakera(server, project_id="project-1", metadata={"app": "court"})
        result = scanner.scan("HATE and me@example.com", prompt="why?")
        assert server.seen[0].path == "/v2/guard"
        assert server.seen[0].headers["authorization"] == f"Bearer {KEY}"
        assert server.bodies == [
            {
                "messages": [
                    {"role": "user", "content": "why?"},
                    {"role": "assistant", "content": "HATE and me@example.com"},
                ],
                "breakdown": True,
                "project_id": "project-1",
                "metadata": {"app": "court"},
            }
        ]
        assert result.details == {"prompt_attack": 0.0, "pii/email": 1.0, "moderated_content/hate": 1.0}

    def test_a_service_of_ones_own_needs_no_key(self, server: ScanServer) -> None:
        server.always = Reply(body={"flagged": False})
        assert LakeraGuardScanner(base_url=server.url).scan(TEXT).valid
        assert "authorization" not in server.seen[0].headers


class TestPromptArmor(Hosted):
    make = staticmethod(prompt_armor)
    harmful = "ATTACK the model"

    def test_asks_as_it_is_documented(self, server: ScanServer) -> None:
        scanner = prompt_armor(server, source="email", session_id=lambda: "session-7")
        scanner.scan(TEXT)
        result = scanner.scan("ATTACK", prompt="why?")
        assert [seen.path for seen in server.seen] == ["/v1/analyze/input", "/v1/analyze/output"]
        assert server.seen[0].headers["promptarmor-session-id"] == "session-7"
        assert server.bodies[0] == {"content": TEXT, "source": "email", "destination": None}
        assert result.details == {"Jailbreak": 1.0, "HiddenText": 0.0, "MarkdownImage": 0.0}

    def test_a_scan_has_a_session_of_its_own(self, server: ScanServer) -> None:
        scanner = prompt_armor(server)
        scanner.scan(TEXT)
        scanner.scan(TEXT)
        assert len({seen.headers["promptarmor-session-id"] for seen in server.seen}) == 2


class TestAzureContentSafety(Hosted):
    make = staticmethod(partial(azure, kind=AzureContentSafetyScanner))
    harmful = "so much HATE4 here"

    @pytest.mark.parametrize(("limit", "valid"), [(2, False), (3, False), (4, True)])
    def test_refuses_from_a_severity_on(self, server: ScanServer, limit: int, valid: bool) -> None:
        scanner = azure(server, AzureContentSafetyScanner, categories={"Hate": limit, "Sexual": 2})
        result = scanner.scan("HATE3")
        assert (result.valid, result.risk_score) == (valid, 3 / 7)
        assert result.details == {"Hate": 3 / 7, "Sexual": 0.0}

    @pytest.mark.parametrize("halts", [True, False])
    def test_a_hit_of_a_block_list_refuses(self, server: ScanServer, halts: bool) -> None:
        scanner = azure(server, AzureContentSafetyScanner, blocklists=["terms"], halt_on_blocklist_hit=halts)
        result = scanner.scan("LIST-terms and HATE2")
        assert (result.valid, result.risk_score) == (False, 1.0)
        assert result.details["blocklist/terms"] == 1.0
        assert result.details["Hate"] == (0.0 if halts else 2 / 7)
        assert scanner.scan("nothing").valid

    def test_the_pipeline_is_that_of_azure(self, server: ScanServer) -> None:
        azure(server, AzureContentSafetyScanner).scan(TEXT)
        assert "azsdk-python-ai-contentsafety" in server.seen[0].headers["user-agent"]
        assert server.seen[0].query == {"api-version": "2024-09-01"}

    def test_a_category_left_out_is_an_error(self, server: ScanServer) -> None:
        server.always = Reply(body={"categoriesAnalysis": [{"category": "Hate", "severity": 0}]})
        with pytest.raises(ScannerError, match="left out"):
            azure(server, AzureContentSafetyScanner).scan(TEXT)


class TestAzurePromptShield(Hosted):
    make = staticmethod(partial(azure, kind=AzurePromptShieldScanner))
    harmful = "ATTACK the model"

    @pytest.mark.parametrize(
        ("looks_for", "text", "details"),
        [
            ("both", "ATTACK", {"user_prompt": 1.0, "document": 0.0}),
            ("both", "INDIRECT", {"user_prompt": 0.0, "document": 1.0}),
            ("user_prompt", "INDIRECT", {"user_prompt": 0.0}),
            ("document", "ATTACK", {"document": 0.0}),
            ("document", "INDIRECT", {"document": 1.0}),
        ],
    )
    def test_looks_for(
        self, server: ScanServer, looks_for: str, text: str, details: dict[str, float]
    ) -> None:
        result = azure(server, AzurePromptShieldScanner, looks_for=looks_for).scan(text)
        assert result.details == details
        assert result.valid == (max(details.values()) == 0)

    def test_an_analysis_left_out_is_an_error(self, server: ScanServer) -> None:
        server.always = Reply(body={"userPromptAnalysis": {"attackDetected": False}})
        with pytest.raises(ScannerError, match="left out"):
            azure(server, AzurePromptShieldScanner).scan(TEXT)


class TestAzureProtectedMaterial(Hosted):
    make = staticmethod(partial(azure, kind=AzureProtectedMaterialScanner))
    harmful = "LYRICS " * 20

    def test_a_short_text_is_not_asked_about(self, server: ScanServer) -> None:
        assert azure(server, AzureProtectedMaterialScanner).scan("LYRICS").valid
        assert server.seen == []


class TestAzureGroundedness(Hosted):
    make = staticmethod(partial(azure, kind=AzureGroundednessScanner))
    harmful = "INVENTED facts"
    prompt = "Summarize this: the weather is fine."

    def test_rests_on_the_prompt_or_on_sources(self, server: ScanServer) -> None:
        azure(server, AzureGroundednessScanner).scan("fine", prompt="the prompt")
        azure(server, AzureGroundednessScanner, sources=lambda _: ["a source"], task="QnA").scan(
            "fine", prompt="what?"
        )
        first, second = server.bodies
        assert (first["groundingSources"], first["task"]) == (["the prompt"], "Summarization")
        assert (second["groundingSources"], second["qna"]) == (["a source"], {"query": "what?"})

    @pytest.mark.parametrize(("threshold", "valid"), [(0.75, False), (0.8, True)])
    def test_refuses_from_a_share_on(self, server: ScanServer, threshold: float, valid: bool) -> None:
        scanner = azure(server, AzureGroundednessScanner, threshold=threshold)
        result = scanner.scan("INVENTED", prompt="why?")
        assert (result.valid, result.risk_score) == (valid, 0.75)

    @pytest.mark.parametrize(
        ("prompt", "task"), [(None, "Summarization"), ("x" * 55_001, "Summarization"), ("x" * 7_501, "QnA")]
    )
    def test_what_cannot_be_asked_is_an_error(
        self, server: ScanServer, prompt: str | None, task: str
    ) -> None:
        with pytest.raises(ScannerError, match=r"needs the prompt|takes"):
            azure(server, AzureGroundednessScanner, task=task).scan("fine", prompt=prompt)
        assert server.seen == []


class TestTrouble:
    """The same for every service, blocking and awaited."""

    @pytest.fixture(params=["scan", "ascan"])
    def scan(self, request: pytest.FixtureRequest) -> Callable[[HostedScanner], Any]:
        if request.param == "scan":
            return lambda scanner: scanner.scan(TEXT)
        return lambda scanner: asyncio.run(scanner.ascan(TEXT))

    def refused(self, scan: Callable[[HostedScanner], Any], scanner: HostedScanner) -> ScannerError:
        with pytest.raises(ScannerError) as caught:
            scan(scanner)
        assert_clean(caught.value, TEXT, "Jane", KEY)
        return caught.value

    def test_throttled_it_waits_as_long_as_it_is_asked_to(
        self, server: ScanServer, make: Make, scan: Callable[[HostedScanner], Any]
    ) -> None:
        server.trouble.append(Reply(status=429, headers={"Retry-After": "0.3"}))
        assert scan(make(server)).valid
        first, second = server.seen
        assert second.at - first.at >= 0.3

    def test_throttled_for_longer_than_there_is_time_it_gives_up_at_once(
        self, server: ScanServer, make: Make, scan: Callable[[HostedScanner], Any]
    ) -> None:
        server.always = Reply(status=429, headers={"Retry-After": "3600"})
        error = self.refused(scan, make(server, timeout=5))
        assert "no more requests for now (429)" in str(error)
        assert "no time left" in str(error)
        assert len(server.seen) == 1

    @pytest.mark.parametrize("reply", [Reply(status=503), Reply(status=500, body=b"oops"), Reply(cut=True)])
    def test_a_passing_failure_is_tried_again(
        self, server: ScanServer, make: Make, scan: Callable[[HostedScanner], Any], reply: Reply
    ) -> None:
        server.trouble.append(reply)
        assert scan(make(server)).valid
        assert len(server.seen) == 2

    def test_a_lasting_failure_is_tried_so_often_and_no_more(
        self, server: ScanServer, make: Make, scan: Callable[[HostedScanner], Any]
    ) -> None:
        server.always = Reply(status=502, headers={"Retry-After": "0"}, body={"error": TEXT})
        assert "status 502" in str(self.refused(scan, make(server, retries=3)))
        assert len(server.seen) == 4

    def test_what_hangs_is_given_up_in_time(
        self, server: ScanServer, make: Make, scan: Callable[[HostedScanner], Any]
    ) -> None:
        server.always = Reply(seconds=1.0)
        assert "did not answer" in str(self.refused(scan, make(server, timeout=0.3)))

    def test_nobody_there(self, make: Make, scan: Callable[[HostedScanner], Any]) -> None:
        with ScanServer() as gone:
            scanner = make(gone, retries=0)
        assert "did not answer" in str(self.refused(scan, scanner))

    def test_a_wrong_key_is_named_by_its_variable(
        self, server: ScanServer, make: Make, scan: Callable[[HostedScanner], Any]
    ) -> None:
        error = self.refused(scan, make(server, key="sk-wrong-secret"))
        assert "refused the key" in str(error)
        assert "_KEY" in str(error)
        assert "sk-wrong-secret" not in str(error)
        assert len(server.seen) == 1

    @pytest.mark.parametrize("status", [400, 404, 413, 302])
    def test_what_is_not_taken_is_not_tried_again(
        self, server: ScanServer, make: Make, scan: Callable[[HostedScanner], Any], status: int
    ) -> None:
        server.always = Reply(status=status, body={"error": TEXT}, headers={"Location": "/elsewhere"})
        assert f"status {status}" in str(self.refused(scan, make(server)))
        assert len(server.seen) == 1

    @pytest.mark.parametrize(
        "body",
        [
            b"<html>Jane</html>",
            b"",
            None,
            [],
            {},
            {"flagged": "no", "detection": "no", "userPromptAnalysis": {"attackDetected": "no"}},
            {
                "flagged": None,
                "detection": None,
                "categoriesAnalysis": [{"category": "Hate", "severity": 99}],
            },
            {"flagged": False, "breakdown": [TEXT], "detection": False, "info": [TEXT]},
            b"[" * 100_000,
        ],
    )
    def test_what_is_no_verdict_is_an_error(
        self, server: ScanServer, make: Make, scan: Callable[[HostedScanner], Any], body: Any
    ) -> None:
        server.always = Reply(body=body)
        self.refused(scan, make(server))

    def test_nothing_of_a_scan_is_logged(
        self, server: ScanServer, make: Make, scan: Callable[[HostedScanner], Any], caplog: Any
    ) -> None:
        caplog.set_level(logging.DEBUG)
        scan(make(server))
        server.always = Reply(status=400, body={"error": TEXT})
        self.refused(scan, make(server))
        assert "Jane" not in caplog.text
        assert KEY not in caplog.text


class TestConnections:
    def test_are_kept_between_scans(self, server: ScanServer, make: Make) -> None:
        scanner = make(server)
        for _ in range(5):
            scanner.scan(TEXT)
        assert len({seen.connection for seen in server.seen}) == 1

    def test_a_loop_has_its_own_and_closes_them(self, server: ScanServer, make: Make) -> None:
        scanner = make(server)

        async def twice() -> None:
            await scanner.ascan(TEXT)
            await scanner.ascan(TEXT)

        for _ in range(3):
            asyncio.run(twice())
        gc.collect()  # a connection left open would be a warning, and so an error
        assert len({seen.connection for seen in server.seen}) == 3

    def test_may_be_closed_at_any_time(self, server: ScanServer, make: Make) -> None:
        scanner = make(server)

        async def closed() -> None:
            await scanner.aclose()
            await scanner.ascan(TEXT)
            await scanner.aclose()
            assert (await scanner.ascan(TEXT)).valid

        asyncio.run(closed())
        scanner.close()
        scanner.scan(TEXT)
        scanner.close()
        assert scanner.scan(TEXT).valid

    async def test_the_loop_goes_on_meanwhile(self, server: ScanServer, make: Make) -> None:
        scanner = make(server)
        await scanner.ascan(TEXT)
        server.trouble.append(Reply(seconds=0.5, body={}))
        ticks = 0

        async def tick() -> None:
            nonlocal ticks
            while True:
                await asyncio.sleep(0.01)
                ticks += 1

        ticking = asyncio.create_task(tick())
        with pytest.raises(ScannerError):
            await scanner.ascan(TEXT)
        ticking.cancel()
        assert ticks > 5

    async def test_a_cancelled_scan_ends(self, server: ScanServer, make: Make) -> None:
        server.trouble.append(Reply(seconds=1.0))
        scanner = make(server)
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(scanner.ascan(TEXT), 0.2)
        assert (await scanner.ascan(TEXT)).valid

    def test_no_thread_is_left(self, server: ScanServer) -> None:
        scanner = azure(server, AzureContentSafetyScanner)
        scanner.scan("fine " * 10_000)
        assert len(server.seen) > 4
        assert not [one for one in threading.enumerate() if one.name.startswith("secguard-ask")]


class TestAzureCredentials:
    class Token:
        """Stand for a credential of azure-identity, blocking."""

        def get_token(self, *scopes: str, **options: Any) -> Any:
            raise AssertionError("a token must not be sent over http")

    def test_a_token_is_not_sent_over_http(self, server: ScanServer) -> None:
        scanner = AzureContentSafetyScanner(endpoint=server.url, key=self.Token())
        with pytest.raises(ScannerError, match="ServiceRequestError"):
            scanner.scan(TEXT)
        with pytest.raises(ScannerError, match="ServiceRequestError"):
            asyncio.run(scanner.ascan(TEXT))
        assert server.seen == []
