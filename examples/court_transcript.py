"""Summarize a court document with a model that never learns who it is about.

    python examples/court_transcript.py                 the complaint of Jane Doe against Big Corporation
    python examples/court_transcript.py FILE            a text of yours
    ... | python examples/court_transcript.py -         a text from standard input

With OPENAI_API_KEY set, the model is OpenAI's gpt-4o-mini; without it, a small summarizer that runs here.
"""

import os
import sys
from pathlib import Path
from typing import Any

from extractive_summarizer import ExtractiveSummarizer
from langchain_core.callbacks import BaseCallbackHandler
from langchain_core.language_models import BaseChatModel
from langchain_core.messages import BaseMessage
from langchain_core.outputs import LLMResult
from langchain_core.prompts import ChatPromptTemplate
from rich.console import Console
from rich.live import Live
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from langchain_secguard import Anonymizer, Deanonymizer, Form, SecGuardError, Vault
from langchain_secguard.vault import Entry

COLOURS = {
    "PERSON": "bold magenta",
    "ORGANIZATION": "bold blue",
    "LOCATION": "bold green",
    "DATE_TIME": "bold yellow",
    "ID_NUMBER": "bold yellow",
    "EMAIL_ADDRESS": "bold cyan",
    "PHONE_NUMBER": "bold cyan",
}
OTHER = "bold red"

PROMPT = ChatPromptTemplate.from_messages(
    [
        (
            "system",
            "Summarize the document in three sentences. Keep each placeholder, such as [PERSON_1], as it is.",
        ),
        ("human", "{document}"),
    ]
)


class Eavesdropper(BaseCallbackHandler):
    """Note what reaches the model and what leaves it."""

    seen = answered = ""

    def on_chat_model_start(self, serialized: Any, messages: list[list[BaseMessage]], **kwargs: Any) -> None:  # noqa: ARG002
        """Note the last message that the model is given."""
        self.seen = messages[0][-1].text

    def on_llm_end(self, response: LLMResult, **kwargs: Any) -> None:  # noqa: ARG002
        """Note the answer as the model wrote it."""
        self.answered = response.generations[0][0].text


def main() -> int:
    """Run the chain and show each side of it."""
    console = Console()
    document = read(sys.argv[1:])
    model, name = choose_model()
    vault = Vault()
    watch = Eavesdropper()
    chain = Anonymizer() | PROMPT | model | Deanonymizer()

    console.rule("[bold]langchain-secguard: Anonymizer | prompt | model | Deanonymizer")
    console.print(f"Model: {name}\n", style="dim", highlight=False)
    try:
        answer = ""
        with Live(console=console, refresh_per_second=20, transient=True) as live:
            for chunk in chain.stream(document, {"configurable": {"vault": vault}, "callbacks": [watch]}):
                answer += chunk.text
                live.update(Panel(answer, title="what the user gets, as it streams", border_style="green"))
    except SecGuardError as error:
        console.print(f"[bold red]{type(error).__name__}[/]: {error}")
        return 1
    except Exception as error:  # noqa: BLE001 - what a provider raises may quote the key, or the request
        console.print(
            f"[bold red]The model failed with {type(error).__name__}.[/] Is OPENAI_API_KEY right, and the "
            "network up? Without OPENAI_API_KEY, a summarizer that needs neither runs here."
        )
        return 1

    entries = vault.entries()
    values = {entry.value: colour(entry) for entry in entries}
    placeholders = {Form().mint(entry.ref, vault.vault_id): colour(entry) for entry in entries}
    console.print(panel("1  what the user wrote", document, values, "white"))
    console.print(panel("2  what the model saw", watch.seen, placeholders, "red"))
    console.print(panel("3  what the model answered", watch.answered, placeholders, "red"))
    console.print(panel("4  what the user got", answer, values, "green"))
    console.print(found(entries, vault))
    return 0


def read(arguments: list[str]) -> str:
    """Read the document: the example's own, a file, or standard input."""
    if arguments in (["-h"], ["--help"]):
        print(__doc__)
        sys.exit()
    if len(arguments) > 1:
        sys.exit(f"usage: {Path(sys.argv[0]).name} [FILE | -]")
    path = Path(arguments[0]) if arguments else Path(__file__).parent / "complaint.txt"
    try:
        text = (sys.stdin.buffer.read() if arguments == ["-"] else path.read_bytes()).decode().strip()
    except OSError as error:
        sys.exit(f"{path} cannot be read: {error.strerror}")
    except UnicodeDecodeError:
        sys.exit(f"{'the input' if arguments == ['-'] else path} is not text in UTF-8")
    return text or sys.exit("the document is empty")


def choose_model() -> tuple[BaseChatModel, str]:
    """Take OpenAI's model where there is a key, and the offline one elsewhere."""
    if os.environ.get("OPENAI_API_KEY"):
        from langchain_openai import ChatOpenAI  # noqa: PLC0415 - needed with a key only

        return ChatOpenAI(model="gpt-4o-mini"), "ChatOpenAI gpt-4o-mini"
    return (
        ExtractiveSummarizer(),
        "a summarizer that runs here (OPENAI_API_KEY is not set)",
    )


def colour(entry: Entry) -> str:
    """Give each entity type its colour."""
    return COLOURS.get(entry.ref.entity_type, OTHER)


def panel(title: str, body: str, marks: dict[str, str], border: str) -> Panel:
    """Frame a text, with its values or placeholders in the colours of their types."""
    text = Text(body)
    for mark in sorted(marks, key=len):
        text.highlight_words([mark], marks[mark])
    return Panel(text, title=title, title_align="left", border_style=border, padding=(1, 2))


def found(entries: list[Entry], vault: Vault) -> Table:
    """List what was hidden."""
    table = Table(title="what was found and hidden", title_justify="left", title_style="bold", expand=True)
    for column in ("entity type", "placeholder", "value"):
        table.add_column(column, overflow="fold")
    for entry in sorted(entries, key=lambda entry: entry.ref):
        value = " ".join(entry.value.split())
        table.add_row(
            entry.ref.entity_type, Form().mint(entry.ref, vault.vault_id), Text(value, colour(entry))
        )
    return table


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit(130)
