"""Summarize a court transcript, and show the model no personal data.

python examples/cookbook/pii_transcript.py
"""

from pathlib import Path

import kitchen
from langchain_core.language_models import BaseChatModel
from langchain_core.output_parsers import StrOutputParser
from langchain_core.prompts import ChatPromptTemplate
from langchain_core.runnables import Runnable

from langchain_secguard import Anonymizer, Deanonymizer, DetectorError
from langchain_secguard.detect import Detector, EmbeddedDetector, LLMGuardDetector

TRANSCRIPT = Path(__file__).parents[1] / "complaint.txt"
PROMPT = ChatPromptTemplate.from_messages(
    [
        ("system", "Summarize the given court transcript. Keep placeholders such as [PERSON_1] as they are."),
        ("human", "{transcript}"),
    ]
)
SUMMARY = "In this case [PERSON_1] is the plaintiff."


def detector() -> Detector:
    """Take the model that the cookbook of LLM Guard names, where it is there."""
    try:
        found: Detector = LLMGuardDetector(
            recognizer_conf="BERT_LARGE_NER_CONF", language="en", download=kitchen.DOWNLOAD
        )
    except (ImportError, DetectorError):
        found = EmbeddedDetector()
    print(f"detector: {type(found).__name__}")
    return found


def build(model: BaseChatModel) -> Runnable[str, str]:
    """Hide, summarize, restore."""
    anonymizer = Anonymizer(
        detector=detector(),
        preamble="Insert before prompt",
        allowed_names=["John Doe"],
        hidden_names=["Test LLC"],
    )
    return anonymizer | PROMPT | model | StrOutputParser() | Deanonymizer()


def main() -> None:
    """Summarize one transcript."""
    transcript = TRANSCRIPT.read_text(encoding="utf-8")
    answer = build(kitchen.chat_model(SUMMARY)).invoke(transcript, kitchen.traced(vault_id="case-42"))
    kitchen.show([f"{transcript[:70]}..."], [answer])
    kitchen.flush()


if __name__ == "__main__":
    main()
