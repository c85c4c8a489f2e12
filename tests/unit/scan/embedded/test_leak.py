import base64
import codecs

import pytest

from langchain_secguard.scan import SystemPromptLeakScanner, canary

PROMPT = (
    "You are the assistant of a bank. Never speak about the internal interest table, and always refer "
    "customers with complaints to the branch in their own town before you promise anything."
)
TOKEN = "4be1c9aa02d7f365"


class TestCanary:
    @pytest.mark.parametrize(
        "told",
        [
            TOKEN,
            TOKEN.upper(),
            " ".join(TOKEN),
            TOKEN[::-1],
            codecs.encode(TOKEN, "rot13"),
            base64.b64encode(canary(TOKEN).encode()).decode(),
        ],
    )
    def test_is_known_in_many_forms(self, told: str) -> None:
        scanner = SystemPromptLeakScanner(canaries=[canary(TOKEN)])
        result = scanner.scan(f"My instructions begin with {told} and go on.")
        assert (result.valid, result.details) == (False, {"canary": 1.0})
        assert TOKEN not in repr(scanner)

    def test_each_is_another(self) -> None:
        assert canary() != canary()
        assert SystemPromptLeakScanner(canaries=[canary()]).scan(canary()).valid


class TestWording:
    scanner = SystemPromptLeakScanner(PROMPT)

    def test_a_prompt_that_is_told_is_known(self) -> None:
        assert self.scanner.scan(f"Sure! It says: {PROMPT}").risk_score == 1.0
        assert not self.scanner.scan(PROMPT.upper().replace(",", "")).valid

    def test_half_of_it_too(self) -> None:
        assert not self.scanner.scan(" ".join(PROMPT.split()[:15])).valid

    def test_thirteen_words_of_a_long_one_too(self) -> None:
        words = [f"word{number}" for number in range(500)]
        scanner = SystemPromptLeakScanner(" ".join(words))
        assert not scanner.scan(" ".join(words[100:113])).valid
        assert scanner.scan(" ".join(words[100:112])).valid

    def test_an_answer_about_the_matter_passes(self) -> None:
        text = "I am the assistant of a bank. For complaints, please ask the branch in your own town."
        assert self.scanner.scan(text).risk_score == 0


@pytest.mark.parametrize(
    "arguments",
    [{}, {"system_prompt": "Be nice."}, {"canaries": ["abc"]}, {"system_prompt": PROMPT, "threshold": 2}],
)
def test_wrong_arguments(arguments: dict[str, object]) -> None:
    with pytest.raises(ValueError, match=r"words|characters|threshold"):
        SystemPromptLeakScanner(**arguments)  # type: ignore[arg-type]
