"""Run a help desk's agent, and show what the model, the tools, the checkpointer's file and the user saw.

    python examples/agent.py              Jane Doe asks where her refund is
    python examples/agent.py "QUESTION"   a question of yours

With OPENAI_API_KEY set, the model is OpenAI's gpt-4o-mini; without it, a few rules that run here. It needs
langgraph-checkpoint-sqlite, rich and langchain-secguard[agents].
"""

import os
import sqlite3
import sys
import tempfile
from contextlib import closing
from pathlib import Path
from typing import Any

from desk_model import DeskModel
from langchain.agents import create_agent
from langchain_core.tools import tool
from langgraph.checkpoint.sqlite import SqliteSaver
from rich.console import Console

from langchain_secguard.middleware import AnonymizeMiddleware

QUESTION = "I am Jane Doe, jane@example.com. Where is my refund?"
CUSTOMERS = {"Jane Doe": "account DE89 3704 0044 0532 0130 00, advised by Robert Alvarez"}

console = Console(highlight=False)
called: list[str] = []


@tool
def look_up_customer(name: str) -> str:
    """Look a customer up by name."""
    called.append(f"look_up_customer({name!r})")
    return f"the refund goes to {CUSTOMERS.get(name, 'nobody we know')}."


@tool
def send_mail(to: str, body: str) -> str:
    """Send a mail."""
    called.append(f"send_mail({to!r}, {body!r})")
    return f"I have written to {to}."


def main() -> int:
    """Ask the agent one question, streaming, and look into its checkpoints."""
    question = sys.argv[1] if len(sys.argv) > 1 else QUESTION
    model: Any = DeskModel()
    if os.environ.get("OPENAI_API_KEY"):
        from langchain_openai import ChatOpenAI  # noqa: PLC0415 - needed with a key only

        model = ChatOpenAI(model="gpt-4o-mini")
    secure = AnonymizeMiddleware(tool_entity_types={"look_up_customer": ["PERSON"], "*": ["EMAIL_ADDRESS"]})
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "checkpoints.sqlite"
        with closing(sqlite3.connect(file, check_same_thread=False)) as connection:
            bare = create_agent(
                model,
                [look_up_customer, send_mail],
                middleware=[secure],
                checkpointer=SqliteSaver(connection),
            )
            agent = secure.protect(bare)
            config: Any = {"configurable": {"thread_id": "desk-1"}}
            title("The user asks")
            console.print(question)
            title("The user gets, token by token")
            asked = {"messages": question}
            for token, about in agent.stream(asked, config, stream_mode="messages"):
                if about["langgraph_node"] == "model":
                    console.print(token.text, end="")
            console.print()
            title("The model saw, and wrote")
            for message in agent.agent.get_state(config).values["messages"]:
                console.print(
                    f"{message.type:>6}  {message.text or message.tool_calls[0]['args']}", markup=False
                )
        title("The tools were called with")
        for call in called:
            console.print(call, markup=False)
        kept = file.read_bytes()
        values = [
            value for value in ("Jane Doe", "jane@example.com", "Robert Alvarez") if value.encode() in kept
        ]
        title(f"The checkpointer's file ({len(kept):,} bytes) holds")
        console.print(", ".join(values) or "placeholders: none of the names and addresses above")
    return 0


def title(text: str) -> None:
    """Print a heading."""
    console.print(f"\n{text}", style="bold cyan")


if __name__ == "__main__":
    sys.exit(main())
