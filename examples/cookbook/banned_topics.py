"""Tell stories to children, and none about violence.

python examples/cookbook/banned_topics.py
"""

import kitchen
from langchain_core.language_models import BaseChatModel
from langchain_core.output_parsers import StrOutputParser
from langchain_core.prompts import ChatPromptTemplate
from langchain_core.runnables import Runnable

from langchain_secguard import Guard
from langchain_secguard.scan import BanTopicsScanner, LLMGuardScanner, Scanner

REFUSAL = "This is not child safe, please request another topic"
TOPICS = ["war crimes", "a garden on the moon"]
PROMPT = ChatPromptTemplate.from_messages(
    [("system", "Tell a short story for children about the given topic."), ("human", "{topic}")]
)
STORY = "Once upon a time, somebody planted a tree on the moon, and it grew."


def violence() -> Scanner:
    """Ask LLM Guard's model whether a text is about violence; a risk of 0.4 is well above its threshold."""
    from llm_guard.input_scanners import BanTopics  # noqa: PLC0415 - may not be installed

    return LLMGuardScanner(
        lambda: BanTopics(topics=["violence"], threshold=0.5), threshold=0.4, download=kitchen.DOWNLOAD
    )


def build(model: BaseChatModel) -> Runnable[dict[str, str], str]:
    """Put the guard before the prompt."""
    keywords = {"violence": ["war crime*", "murder*", "massacre*", "torture*", "kill*"]}
    scanner = kitchen.scanner(violence, BanTopicsScanner(keywords, threshold=0.4))
    guard: Runnable[dict[str, str], str] = (
        Guard([scanner], on_fail=REFUSAL) | PROMPT | model | StrOutputParser()
    )
    return guard


def main() -> None:
    """Ask for two stories."""
    chain = build(kitchen.chat_model(STORY))
    config = kitchen.traced({"BanTopics.risk": "input-violence"})
    kitchen.show(TOPICS, [chain.invoke({"topic": topic}, config) for topic in TOPICS])
    kitchen.flush()


if __name__ == "__main__":
    main()
