"""Keep a conversation in SQLite with LangGraph, go back in it, and search the file for names.

    python examples/langgraph_thread.py

It runs offline, and needs langgraph-checkpoint-sqlite.
"""

import sqlite3
import sys
import tempfile
from contextlib import closing
from pathlib import Path
from typing import Any

from extractive_summarizer import ExtractiveSummarizer
from langgraph.checkpoint.sqlite import SqliteSaver
from langgraph.graph import START, MessagesState, StateGraph
from rich.console import Console
from rich.table import Table

from langchain_secguard.middleware import ProtectedAgent, protect_agent

TURNS = (
    "I am Jane Doe. Robert Alvarez promised me a refund on Monday. It has not come.",
    "Please write to jane@example.com. Robert Alvarez knows my case.",
)
VALUES = ("Jane Doe", "Robert Alvarez", "jane@example.com")

console = Console(highlight=False)


def build(connection: sqlite3.Connection) -> ProtectedAgent:
    """Build a graph of one node, and protect it."""
    model = ExtractiveSummarizer()

    def answer(state: MessagesState) -> dict[str, Any]:
        return {"messages": [model.invoke(state["messages"])]}

    builder = StateGraph(MessagesState)
    builder.add_node("answer", answer)
    builder.add_edge(START, "answer")
    return protect_agent(builder.compile(checkpointer=SqliteSaver(connection)))


def main() -> int:
    """Talk twice, go back to the first turn, and look at what was kept."""
    config: Any = {"configurable": {"thread_id": "case-42"}}
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "thread.sqlite"
        with closing(sqlite3.connect(file, check_same_thread=False)) as connection:
            graph = build(connection)
            for turn in TURNS:
                graph.invoke({"messages": [("user", turn)]}, config)
            table = Table(
                "who", "the user sees", "the graph and its file hold", title="The thread", show_lines=True
            )
            shown, kept = graph.get_state(config), graph.agent.get_state(config)
            for one, other in zip(shown.values["messages"], kept.values["messages"], strict=True):
                table.add_row(one.type, one.text, other.text.replace("[", r"\["))
            console.print(table)
            earlier = [
                snapshot for snapshot in graph.get_state_history(config) if snapshot.next == ("answer",)
            ][-1]
            again = graph.invoke(None, earlier.config)["messages"][-1]
            console.print(f"\nOnce more from the first turn: {again.text}")
        data = file.read_bytes()
    found = [value for value in VALUES if value.encode() in data]
    console.print(
        f"\n{len(data):,} bytes on disk hold {', '.join(found) or 'none of the names'}.", style="bold green"
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
