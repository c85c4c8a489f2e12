"""What every scanner promises, whatever engine does its work: a test class for each to inherit."""

import asyncio
from concurrent.futures import ThreadPoolExecutor

import pytest

from langchain_secguard.errors import ScannerError
from langchain_secguard.scan import Scanner, ScanResult
from langchain_secguard.scan.base import engine_of, sees
from langchain_secguard.scan.calling import acall, call

UNICODE = [
    "Grüße aus Łódź, 東京 and العربية",
    "👩‍👩‍👧‍👦 \U0001f600",
    "zero\u200bwidth\ufeff and \u202eright to left",
    "nul\x00 and bell\x07, \r\n\t lines",
    "unpaired \ud83d surrogate",
    '{braces} {0} %s <tags> [PERSON_1] </text> \\n "quotes"',
]


class ScannerContract:
    """Inherit, and give a fixture ``scanner``; ``harmless`` passes, ``harmful`` is refused."""

    harmless = "The weather is fine today."
    harmful: str = NotImplemented
    prompt: str | None = None
    many = 48
    length = 25_000

    def check(self, scanner: Scanner, text: str) -> ScanResult:
        result = call(scanner, text, self.prompt)
        assert result.name == scanner.name
        assert all(0 <= score <= 1 for score in (result.risk_score, *result.details.values()))
        return result

    def test_has_a_name_and_follows_the_protocol(self, scanner: Scanner) -> None:
        assert isinstance(scanner, Scanner)
        assert scanner.name
        assert engine_of(scanner)
        assert sees(scanner) in ("values", "placeholders")
        assert scanner.name in repr(scanner)

    def test_lets_the_harmless_pass_and_refuses_the_harmful(self, scanner: Scanner) -> None:
        passed, refused = self.check(scanner, self.harmless), self.check(scanner, self.harmful)
        assert passed.valid
        assert passed.text == self.harmless
        assert not refused.valid
        assert refused.risk_score > passed.risk_score

    async def test_says_the_same_when_awaited(self, scanner: Scanner) -> None:
        for text in (self.harmless, self.harmful):
            assert await acall(scanner, text, self.prompt) == await asyncio.to_thread(
                call, scanner, text, self.prompt
            )

    @pytest.mark.parametrize("text", ["", " \n\t"])
    def test_lets_nothing_pass_as_it_is(self, scanner: Scanner, text: str) -> None:
        result = self.check(scanner, text)
        assert (result.valid, result.text, result.risk_score) == (True, text, 0.0)

    @pytest.mark.parametrize("text", UNICODE)
    def test_takes_any_unicode(self, scanner: Scanner, text: str) -> None:
        assert self.check(scanner, text).text == text

    def test_finds_what_stands_anywhere_in_a_long_text(self, scanner: Scanner) -> None:
        filler = ((self.harmless + " ") * self.length)[: self.length]
        for place in (0, self.length // 2, self.length):
            text = f"{filler[:place]} {self.harmful} {filler[place:]}"
            result = self.check(scanner, text)
            assert not result.valid
            assert result.text == text

    def test_serves_many_threads(self, scanner: Scanner) -> None:
        texts = [self.harmful if number % 3 else self.harmless for number in range(self.many)]
        with ThreadPoolExecutor(16) as pool:
            results = list(pool.map(lambda text: self.check(scanner, text), texts))
        assert [result.valid for result in results] == [text == self.harmless for text in texts]

    async def test_serves_many_tasks(self, scanner: Scanner) -> None:
        texts = [self.harmful if number % 3 else self.harmless for number in range(self.many)]
        results = await asyncio.gather(*(acall(scanner, text, self.prompt) for text in texts))
        assert [result.valid for result in results] == [text == self.harmless for text in texts]


def assert_clean(error: ScannerError, *texts: str) -> None:
    """Assert that an error names none of the texts, and leads to no other that might."""
    assert error.__cause__ is error.__context__ is None
    assert not any(text in str(error) for text in texts)
