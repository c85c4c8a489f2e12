"""What the recipes share: the scanner of LLM Guard where it is there, a model, and a handler for traces."""

import os
from collections.abc import Callable, Mapping, Sequence

from langchain_core.language_models import BaseChatModel, FakeListChatModel
from langchain_core.runnables import RunnableConfig

from langchain_secguard import ScannerError
from langchain_secguard.scan import Scanner
from langchain_secguard.scan.base import engine_of

DOWNLOAD = bool(os.environ.get("COOKBOOK_DOWNLOAD"))
"""Whether models of LLM Guard that are not on this machine are downloaded, some hundred MB each."""


def scanner(llm_guard: Callable[[], Scanner], stand_in: Scanner) -> Scanner:
    """Make LLM Guard's scanner; where it or its model is not there, take the one that needs neither."""
    try:
        made = llm_guard()
    except (ImportError, ScannerError):
        made = stand_in
    print(f"{made.name}: {engine_of(made)}")
    return made


def chat_model(*answers: str) -> BaseChatModel:
    """Take OpenAI's model where there is a key, and prepared answers elsewhere."""
    if os.environ.get("OPENAI_API_KEY"):
        from langchain_openai import ChatOpenAI  # noqa: PLC0415 - needed with a key only

        return ChatOpenAI(model="gpt-4o-mini")
    return FakeListChatModel(responses=list(answers))


def traced(score_names: Mapping[str, str] | None = None, *, vault_id: str = "cookbook") -> RunnableConfig:
    """Name a vault, and trace with Langfuse where there are keys of it."""
    config: RunnableConfig = {"configurable": {"vault_id": vault_id}}
    if os.environ.get("LANGFUSE_PUBLIC_KEY"):
        from langchain_secguard.tracing import LangfuseHandler  # noqa: PLC0415 - needed with a key only

        config["callbacks"] = [LangfuseHandler(score_names=score_names)]
    return config


def flush() -> None:
    """Send what is traced, before the script ends."""
    if os.environ.get("LANGFUSE_PUBLIC_KEY"):
        from langfuse import get_client  # noqa: PLC0415 - needed with a key only

        get_client().flush()


def show(asked: Sequence[str], answered: Sequence[str]) -> None:
    """Print questions with their answers."""
    for question, answer in zip(asked, answered, strict=True):
        print(f"\n> {question}\n{answer}")
