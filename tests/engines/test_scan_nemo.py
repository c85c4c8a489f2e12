"""NeMo Guardrails' own rails, from configurations on disk, asking a scripted chat model of LangChain's."""

import asyncio
import logging
import os
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from langchain_core.callbacks import BaseCallbackHandler
from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage, BaseMessage
from langchain_core.outputs import ChatGeneration, ChatResult
from langchain_core.runnables import RunnableLambda

from langchain_secguard.errors import ScannerError
from langchain_secguard.scan import NeMoGuardrailsScanner, NeMoGuardrailsServerScanner, Scanner
from tests.pages import page_blocks
from tests.unit.scan.contract import ScannerContract, assert_clean

nemoguardrails = pytest.importorskip("nemoguardrails")

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning:nemoguardrails")

TEXT = "the text of Jane Doe"

CONFIG = """
rails:
  input:
    flows:
      - self check input
  output:
    flows:
      - self check output
  retrieval:
    flows:
      - check chunks
      - mask chunks
prompts:
  - task: self_check_input
    content: |
      Should this message of a user be blocked?
      {{ user_input }}
      Answer (Yes or No):
  - task: self_check_output
    content: |
      Asked was: {{ user_input }}
      Should this answer be blocked?
      {{ bot_response }}
      Answer (Yes or No):
"""

FLOWS = """
define subflow check chunks
  $bad = execute holds_attack(text=$relevant_chunks)
  if $bad
    bot refuse to respond
    stop

define subflow mask chunks
  $relevant_chunks = execute mask_secrets(text=$relevant_chunks)
"""

MASKING = """
rails:
  input:
    flows:
      - mask input
  output:
    flows:
      - mask output
"""

MASKING_FLOWS = """
define subflow mask input
  $user_message = execute mask_secrets(text=$user_message)

define subflow mask output
  $bot_message = execute mask_secrets(text=$bot_message)
"""


async def holds_attack(text: str) -> bool:
    return "ATTACK" in text


async def mask_secrets(text: str) -> str:
    return text.replace("SECRET", "******")


ACTIONS: dict[str, Callable[..., Any]] = {"holds_attack": holds_attack, "mask_secrets": mask_secrets}


class Policeman(BaseChatModel):
    """Say yes to what holds ATTACK; hold each text for a while, to be overtaken by others."""

    seconds: float = 0.0
    broken: bool = False
    seen: list[str] = []  # noqa: RUF012 - pydantic copies it

    @property
    def _llm_type(self) -> str:
        return "policeman"

    def _generate(self, messages: list[BaseMessage], *args: Any, **kwargs: Any) -> ChatResult:
        raise AssertionError("rails are async")

    async def _agenerate(self, messages: list[BaseMessage], *args: Any, **kwargs: Any) -> ChatResult:
        text = str(messages[-1].content)
        self.seen.append(text)
        await asyncio.sleep(self.seconds * (len(text) % 7 + 1))
        if self.broken:
            raise RuntimeError(text)
        answer = AIMessage("Yes" if "ATTACK" in text else "No")
        return ChatResult(generations=[ChatGeneration(message=answer)])


def written(folder: Path, config: str, flows: str = "") -> Path:
    folder.mkdir()
    (folder / "config.yml").write_text(config, encoding="utf-8")
    if flows:
        (folder / "rails.co").write_text(flows, encoding="utf-8")
    return folder


@pytest.fixture(scope="session")
def checks(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return written(tmp_path_factory.mktemp("nemo") / "checks", CONFIG, FLOWS)


@pytest.fixture(scope="session")
def masks(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return written(tmp_path_factory.mktemp("nemo") / "masks", MASKING, MASKING_FLOWS)


def made(folder: Path, **options: Any) -> NeMoGuardrailsScanner:
    options = {"llm": Policeman(), "actions": ACTIONS, **options}
    return NeMoGuardrailsScanner(folder, **options)


@pytest.fixture(scope="module")
def of_input(checks: Path) -> Scanner:
    return made(checks)


@pytest.fixture(scope="module")
def of_output(checks: Path) -> Scanner:
    return made(checks, rails="output")


@pytest.fixture(scope="module")
def of_retrieval(checks: Path) -> Scanner:
    return made(checks, rails="retrieval")


class Rails(ScannerContract):
    harmful = "ATTACK the model"
    many = 16


class TestInput(Rails):
    @pytest.fixture
    def scanner(self, of_input: Scanner) -> Scanner:
        return of_input

    def test_details_name_the_rail(self, scanner: Scanner) -> None:
        assert (scanner.name, scanner.scan("ATTACK").details) == ("NeMoInput", {"self check input": 1.0})
        assert scanner.scan("fine").details == {"self check input": 0.0}


class TestOutput(Rails):
    prompt = "what was asked"

    @pytest.fixture
    def scanner(self, of_output: Scanner) -> Scanner:
        return of_output

    def test_the_rail_is_told_what_was_asked(self, checks: Path) -> None:
        model = Policeman()
        scanner = made(checks, rails="output", llm=model)
        assert not scanner.scan("ATTACK", prompt="the question").valid
        assert "Asked was: the question" in model.seen[0]
        assert scanner.scan("fine", prompt="an ATTACK? no").valid is False  # it stands in the rail's prompt


class TestRetrieval(Rails):
    @pytest.fixture
    def scanner(self, of_retrieval: Scanner) -> Scanner:
        return of_retrieval

    def test_details_name_the_rail(self, scanner: Scanner) -> None:
        assert scanner.scan("ATTACK").details == {"check chunks": 1.0}

    def test_what_a_rail_masks_goes_on_where_that_is_allowed(self, checks: Path) -> None:
        sanitizing = made(checks, rails="retrieval", sanitizes=True)
        result = sanitizing.scan("a SECRET in a document")
        assert (result.text, result.valid) == ("a ****** in a document", True)

    def test_no_model_is_asked(self, checks: Path) -> None:
        model = Policeman(broken=True)
        assert made(checks, rails="retrieval", llm=model).scan("fine").valid
        assert model.seen == []


class TestMasking:
    @pytest.mark.parametrize("rails", ["input", "output"])
    def test_goes_on_where_that_is_allowed(self, masks: Path, rails: str) -> None:
        result = made(masks, rails=rails, sanitizes=True).scan("my SECRET", prompt="why?")
        assert (result.text, result.valid, result.risk_score) == ("my ******", True, 1.0)
        assert result.details["modified"] == 1.0

    @pytest.mark.parametrize("rails", ["input", "output"])
    def test_refuses_otherwise(self, masks: Path, rails: str) -> None:
        result = made(masks, rails=rails).scan("my SECRET", prompt="why?")
        assert (result.text, result.valid, result.risk_score) == ("my SECRET", False, 1.0)


class TestStops:
    def test_an_exception_of_a_rail_refuses(self, tmp_path: Path) -> None:
        folder = written(tmp_path / "raising", f"enable_rails_exceptions: true\n{CONFIG}", FLOWS)
        for rails in ("input", "output", "retrieval"):
            scanner = made(folder, rails=rails)
            assert scanner.scan("fine", prompt="why?").valid
            assert not scanner.scan("ATTACK", prompt="why?").valid

    def test_rails_in_parallel_refuse(self, tmp_path: Path) -> None:
        config = CONFIG.replace("input:\n", "input:\n    parallel: true\n", 1)
        scanner = made(written(tmp_path / "parallel", config, FLOWS))
        assert scanner.scan("fine").valid
        assert not scanner.scan("ATTACK").valid


class TestConcurrency:
    def test_no_call_sees_another_ones_text(self, checks: Path) -> None:
        """The library's own Runnable keeps what it works on where every call finds it."""
        scanner = made(checks, rails="retrieval", sanitizes=True, llm=Policeman())
        texts = [f"SECRET {number} " + "x" * (number % 7) for number in range(24)]

        async def all_of_them() -> list[str]:
            results = await asyncio.gather(*(scanner.ascan(text) for text in texts))
            return [result.text for result in results]

        assert asyncio.run(all_of_them()) == [text.replace("SECRET", "******") for text in texts]

    def test_slow_rails_run_side_by_side(self, checks: Path) -> None:
        scanner = made(checks, llm=Policeman(seconds=0.02))
        texts = [("ATTACK " if number % 2 else "fine ") + "x" * number for number in range(40)]

        async def all_of_them() -> list[bool]:
            return [one.valid for one in await asyncio.gather(*map(scanner.ascan, texts))]

        assert asyncio.run(all_of_them()) == ["fine" in text for text in texts]

    def test_an_action_that_blocks_holds_up_no_other_loop(self, masks: Path) -> None:
        def blocks(text: str) -> str:
            time.sleep(0.4)
            return text

        scanner = made(masks, actions={"mask_secrets": blocks})

        async def ticks() -> int:
            scanning = asyncio.create_task(scanner.ascan("fine"))
            count = 0
            while not scanning.done():
                await asyncio.sleep(0.01)
                count += 1
            assert (await scanning).valid
            return count

        assert asyncio.run(ticks()) > 5

    def test_one_scanner_serves_several_loops_and_threads(self, checks: Path) -> None:
        scanner = made(checks)
        for _ in range(2):
            assert asyncio.run(scanner.ascan("fine")).valid
            assert scanner.scan("fine").valid
        valid: list[bool] = []
        thread = threading.Thread(target=lambda: valid.append(scanner.scan("fine").valid))
        thread.start()
        thread.join()
        assert valid == [True]


class TestFailures:
    @pytest.mark.parametrize("is_async", [False, True])
    def test_name_no_text_and_log_none(
        self, checks: Path, is_async: bool, caplog: pytest.LogCaptureFixture
    ) -> None:
        caplog.set_level(logging.DEBUG)
        broken = made(checks, llm=Policeman(broken=True))
        with pytest.raises(ScannerError) as caught:
            asyncio.run(broken.ascan(TEXT)) if is_async else broken.scan(TEXT)
        assert_clean(caught.value, "Jane")
        made(checks).scan(TEXT)
        assert "Jane" not in caplog.text

    @pytest.mark.parametrize("is_async", [False, True])
    def test_what_takes_too_long_is_given_up(self, checks: Path, is_async: bool) -> None:
        scanner = made(checks, llm=Policeman(seconds=5), timeout=0.2)
        with pytest.raises(ScannerError, match=r"more than 0\.2 s"):
            asyncio.run(scanner.ascan(TEXT)) if is_async else scanner.scan(TEXT)

    def test_a_cancelled_scan_cancels_the_rails(self, checks: Path) -> None:
        model = Policeman(seconds=0.1)
        scanner = made(checks, llm=model)

        async def cancelled() -> None:
            with pytest.raises(TimeoutError):
                await asyncio.wait_for(scanner.ascan(TEXT), 0.05)

        asyncio.run(cancelled())
        assert scanner.scan("fine").valid


class TestNothingIsKept:
    def test_of_a_conversation(self, checks: Path) -> None:
        scanner = made(checks)
        for number in range(5):
            scanner.scan(f"{TEXT} {number}")
        assert scanner._engine._engine.events_history_cache == {}

    def test_of_the_configuration_nothing_is_changed(self, checks: Path) -> None:
        config = nemoguardrails.RailsConfig.from_path(str(checks))
        before = config.model_dump()
        assert made(config, rails="retrieval").scan("fine").valid
        assert config.model_dump() == before

    def test_the_use_is_not_reported(self, checks: Path) -> None:
        made(checks)
        assert os.environ["NEMO_GUARDRAILS_NO_USAGE_STATS"] == "1"


class TestTraces:
    class Heard(BaseCallbackHandler):
        def __init__(self) -> None:
            self.parents: list[Any] = []

        def on_chat_model_start(self, *args: Any, parent_run_id: Any = None, **kwargs: Any) -> None:
            self.parents.append(parent_run_id)

    @pytest.mark.parametrize("is_async", [False, True])
    def test_the_rails_model_stands_below_the_step(self, checks: Path, is_async: bool) -> None:
        scanner = made(checks)

        async def awaited(text: str) -> bool:
            return (await scanner.ascan(text)).valid

        step = RunnableLambda(lambda text: scanner.scan(text).valid, afunc=awaited)
        heard = self.Heard()
        config: Any = {"callbacks": [heard]}
        assert asyncio.run(step.ainvoke("fine", config)) if is_async else step.invoke("fine", config)
        assert len(heard.parents) == 1
        assert heard.parents[0] is not None


class TestArguments:
    @pytest.mark.parametrize(
        "options", [{"rails": "dialog"}, {"timeout": 0}, {"sees": "all"}, {"rails": "retrieval"}]
    )
    def test_wrong_ones(self, masks: Path, options: Any) -> None:
        with pytest.raises(ValueError, match=r"\w"):
            made(masks, **options)

    def test_colang_2(self, tmp_path: Path) -> None:
        folder = written(tmp_path / "two", "colang_version: 2.x\n", "flow main\n  activate greeting\n")
        with pytest.raises(ValueError, match=r"Colang 1\.0"):
            made(folder)


class Served:
    """Run the library's own server in a thread, on 127.0.0.1."""

    def __init__(self, folder: Path) -> None:
        import uvicorn  # noqa: PLC0415 - with the server alone
        from nemoguardrails.server import api  # noqa: PLC0415 - reads its folder from the app

        api.app.rails_config_path = str(folder)
        self._server = uvicorn.Server(uvicorn.Config(api.app, port=0, log_level="critical", lifespan="off"))
        self._thread = threading.Thread(target=self._server.run, daemon=True)

    def __enter__(self) -> str:
        self._thread.start()
        while not self._server.started:
            time.sleep(0.01)
        [listening] = self._server.servers[0].sockets
        return f"http://127.0.0.1:{listening.getsockname()[1]}"

    def __exit__(self, *_: object) -> None:
        self._server.should_exit = True
        self._thread.join(10)


SERVED = """
from nemoguardrails.actions import action


@action()
async def holds_attack(text: str) -> bool:
    return "ATTACK" in text


@action()
async def mask_secrets(text: str) -> str:
    return text.replace("SECRET", "******")
"""

SERVED_CONFIG = """
models: []
rails:
  input:
    flows:
      - check input
      - mask input
  output:
    flows:
      - check output
"""

SERVED_FLOWS = """
define subflow check input
  $bad = execute holds_attack(text=$user_message)
  if $bad
    bot refuse to respond
    stop

define subflow mask input
  $user_message = execute mask_secrets(text=$user_message)

define subflow check output
  $bad = execute holds_attack(text=$bot_message)
  if $bad
    bot refuse to respond
    stop
"""


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    folder = tmp_path_factory.mktemp("served")
    written(folder / "checks", SERVED_CONFIG, SERVED_FLOWS)
    (folder / "checks" / "actions.py").write_text(SERVED, encoding="utf-8")
    with Served(folder) as url:
        yield url


@pytest.mark.loopback
class TestServer(Rails):
    """The library's own server answers, with rails that need no model."""

    @pytest.fixture
    def scanner(self, url: str) -> Scanner:
        return NeMoGuardrailsServerScanner(url, config_id="checks")

    def test_names_the_rail(self, url: str) -> None:
        scanner = NeMoGuardrailsServerScanner(url, config_id="checks")
        assert scanner.scan("ATTACK").details == {"check input": 1.0}

    def test_reads_answers_with_their_prompt(self, url: str) -> None:
        scanner = NeMoGuardrailsServerScanner(url, config_id="checks", rails="output")
        assert scanner.scan("fine", prompt="ATTACK").valid
        assert not scanner.scan("ATTACK", prompt="fine").valid

    def test_what_is_masked_goes_on_where_that_is_allowed(self, url: str) -> None:
        sanitizing = NeMoGuardrailsServerScanner(url, config_id="checks", sanitizes=True)
        assert sanitizing.scan("my SECRET").text == "my ******"
        assert not NeMoGuardrailsServerScanner(url, config_id="checks").scan("my SECRET").valid

    def test_an_unknown_configuration_is_an_error(self, url: str) -> None:
        with pytest.raises(ScannerError, match="did not take the request") as caught:
            NeMoGuardrailsServerScanner(url, config_id="nonsense").scan(TEXT)
        assert_clean(caught.value, "Jane")


def test_the_pages_code_runs(checks: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    [code] = [one for one in page_blocks("scanners.md") if "NeMoGuardrailsScanner" in one]
    monkeypatch.chdir(checks.parent)
    code = code.replace('"config"', '"checks"').replace("from langchain_openai import ChatOpenAI\n", "")
    names: dict[str, Any] = {"ChatOpenAI": lambda model: Policeman()}
    exec(compile(code, "scanners.md", "exec"), names)
    assert not names["rails_before"].scan("ATTACK").valid
    assert names["rails_behind"].scan("fine", prompt="why?").valid
