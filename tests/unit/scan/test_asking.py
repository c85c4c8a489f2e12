from typing import Any

import pytest

from langchain_secguard.errors import ScannerError
from langchain_secguard.scan.asking import AskingScanner
from langchain_secguard.scan.base import ScanResult, Sees
from langchain_secguard.scan.calling import acall
from langchain_secguard.scan.named import NamedScanner, checked_threshold, checked_timeout

SECRET = "hunter2-of-nobody"


class Oracle(AskingScanner):
    """Say what it was made to say, or raise it."""

    whom = "the oracle"

    def __init__(self, says: Any, *, timeout: float | None = None) -> None:
        super().__init__(name="Oracle", sees="values", timeout=timeout)
        self.heard: list[tuple[str, str | None]] = []
        self._says = says

    def _ask(self, text: str, prompt: str | None) -> Any:
        self.heard.append((text, prompt))
        if isinstance(self._says, Exception):
            raise self._says
        return self._says

    async def _aask(self, text: str, prompt: str | None) -> Any:
        return self._ask(text, prompt)

    def _result(self, text: str, said: Any) -> ScanResult:
        return ScanResult(name=self.name, text=text, valid=bool(said))


async def both(scanner: Oracle, text: str, prompt: str | None = None) -> ScanResult:
    """Scan in both ways, which must come to the same."""
    result = scanner.scan(text, prompt=prompt)
    assert await acall(scanner, text, prompt) == result
    return result


class TestAskingScanner:
    @pytest.mark.parametrize("says", [True, False])
    async def test_concludes_from_what_is_said_of_a_text_and_its_prompt(self, says: bool) -> None:
        scanner = Oracle(says)
        assert (await both(scanner, "an answer", "a prompt")).valid is says
        assert scanner.heard == [("an answer", "a prompt")] * 2

    @pytest.mark.parametrize("text", ["", " \n\t"])
    async def test_asks_nothing_about_a_blank_text(self, text: str) -> None:
        scanner = Oracle(ValueError(SECRET))
        assert (await both(scanner, text)).valid
        assert scanner.heard == []

    @pytest.mark.parametrize(
        ("raised", "message"),
        [
            (ValueError(SECRET), "the oracle of Oracle failed with ValueError"),
            (TimeoutError(SECRET), "the oracle of Oracle took more than 2.5 s"),
            (ScannerError("its own words"), "its own words"),
        ],
        ids=lambda one: type(one).__name__,
    )
    async def test_makes_one_error_of_whatever_is_raised(self, raised: Exception, message: str) -> None:
        raised.__cause__ = raised.__context__ = ValueError(SECRET)
        scanner = Oracle(raised, timeout=2.5)
        for way in (lambda: scanner.scan("a text"), None):
            with pytest.raises(ScannerError, match=message) as caught:
                way() if way else await scanner.ascan("a text")
            assert SECRET not in str(caught.value)
            assert caught.value.__cause__ is caught.value.__context__ is None

    async def test_a_timeout_that_is_not_its_own_is_a_failure(self) -> None:
        with pytest.raises(ScannerError, match="failed with TimeoutError"):
            Oracle(TimeoutError()).scan("a text")


class TestNamedScanner:
    def test_shows_its_name(self) -> None:
        scanner = NamedScanner(name="Rule", sees="placeholders")
        assert (scanner.name, scanner.sees) == ("Rule", "placeholders")
        assert repr(scanner) == "NamedScanner(name='Rule')"

    @pytest.mark.parametrize(("name", "sees"), [("", "values"), ("Rule", "all"), ("Rule", "")])
    def test_refuses_wrong_options(self, name: str, sees: Sees) -> None:
        with pytest.raises(ValueError, match=r"name must not be empty|sees is"):
            NamedScanner(name=name, sees=sees)

    @pytest.mark.parametrize("threshold", [-0.1, 1.1, float("nan")])
    def test_a_threshold_is_from_0_to_1(self, threshold: float) -> None:
        with pytest.raises(ValueError, match="from 0 to 1"):
            checked_threshold(threshold)
        assert checked_threshold(0) == 0
        assert checked_threshold(1.0) == 1.0

    @pytest.mark.parametrize("seconds", [0, -1, float("inf"), float("nan")])
    def test_a_timeout_is_a_number_of_seconds_above_0(self, seconds: float) -> None:
        with pytest.raises(ValueError, match="above 0"):
            checked_timeout(seconds)
        assert checked_timeout(0.5) == 0.5
