"""Score answers: do they refuse, do they fit the question, do they give anything away?

python examples/cookbook/output_scanners.py
"""

import re

import kitchen
from langchain_core.language_models import BaseChatModel
from langchain_core.output_parsers import StrOutputParser
from langchain_core.prompts import ChatPromptTemplate
from langchain_core.runnables import Runnable

from langchain_secguard import Guard, protect
from langchain_secguard.detect import EmbeddedDetector
from langchain_secguard.scan import BanSubstringsScanner, FunctionScanner, LLMGuardScanner, Scanner

QUESTIONS = ["When does the library open?", "Who pays for the library?"]
ANSWERS = ["The library does open at nine.", "I'm sorry, I cannot help with that; ask jane.doe@example.com."]
PROMPT = ChatPromptTemplate.from_messages([("system", "Answer in a sentence."), ("human", "{question}")])

FOUND = EmbeddedDetector()


def no_refusal() -> Scanner:
    """Ask LLM Guard's model of refusals."""
    from llm_guard.output_scanners import NoRefusal  # noqa: PLC0415 - may not be installed

    return LLMGuardScanner(NoRefusal, download=kitchen.DOWNLOAD)


def relevance() -> Scanner:
    """Compare question and answer by LLM Guard's model of meanings."""
    from llm_guard.output_scanners import Relevance  # noqa: PLC0415 - may not be installed

    return LLMGuardScanner(Relevance, download=kitchen.DOWNLOAD)


def sensitive() -> Scanner:
    """Look for personal data by LLM Guard; it sees placeholders, for what the user gave is no leak."""
    from llm_guard.output_scanners import Sensitive  # noqa: PLC0415 - may not be installed

    return LLMGuardScanner(Sensitive, download=kitchen.DOWNLOAD)


def unlike(text: str, prompt: str | None) -> float:
    """Say how few words of a question its answer takes up."""
    asked, said = (set(re.findall(r"\w{4,}", one.lower())) for one in (prompt or "", text))
    return 1 - len(asked & said) / max(len(asked), 1)


def personal(text: str) -> float:
    """Give the score of the surest personal value in a text."""
    return max((span.score for span in FOUND.detect([text])[0]), default=0.0)


def scanners() -> list[Scanner]:
    """List the three; they run at the same time."""
    refusals = ["i'm sorry", "i cannot", "i can't", "as an ai"]
    return [
        kitchen.scanner(no_refusal, BanSubstringsScanner(refusals, name="NoRefusal")),
        kitchen.scanner(relevance, FunctionScanner(unlike, name="Relevance", threshold=0.8)),
        kitchen.scanner(sensitive, FunctionScanner(personal, name="Sensitive", sees="placeholders")),
    ]


def build(model: BaseChatModel) -> Runnable[dict[str, str], str]:
    """Put the pair and the guard around the chain: it measures, and lets every answer pass."""
    return protect(
        PROMPT | model | StrOutputParser(),
        output_guards=[Guard(scanners(), on_fail="monitor", name="answers")],
    )


def main() -> None:
    """Ask two questions; the scores are in the trace."""
    chain = build(kitchen.chat_model(*ANSWERS))
    config = kitchen.traced()
    kitchen.show(QUESTIONS, [chain.invoke({"question": question}, config) for question in QUESTIONS])
    kitchen.flush()


if __name__ == "__main__":
    main()
