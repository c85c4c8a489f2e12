"""Trace the summary of a court document with Langfuse, and show what the trace holds.

    python examples/traced_transcript.py                 the complaint of Jane Doe against Big Corporation
    python examples/traced_transcript.py FILE            a text of yours
    python examples/traced_transcript.py --svg PATH      write the picture of the trace to a file as well

With LANGFUSE_PUBLIC_KEY and LANGFUSE_SECRET_KEY set, the trace goes to Langfuse (LANGFUSE_BASE_URL says
where); without them it goes to a small receiver that runs here, and what it received is shown. With
OPENAI_API_KEY set, the model is OpenAI's gpt-4o-mini; without it, a small summarizer that runs here.
"""

import argparse
import os
import re
import sys
from collections import defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from extractive_summarizer import ExtractiveSummarizer
from langchain_core.language_models import BaseChatModel
from langchain_core.prompts import ChatPromptTemplate
from langchain_core.runnables import RunnableConfig
from rich.console import Console
from rich.text import Text
from rich.tree import Tree
from trace_receiver import Observation, TraceReceiver

from langchain_secguard import Anonymizer, Deanonymizer, Vault
from langchain_secguard.tracing import LangfuseHandler, langfuse_client

STYLES = {"guardrail": "bold magenta", "generation": "bold blue"}
FONT = re.compile(r"@font-face \{.*?\}\s*", re.DOTALL)
"""What would fetch a font from elsewhere."""

SHOWN = 96
"""So many characters of an input or output are shown."""

PROMPT = ChatPromptTemplate.from_messages(
    [
        (
            "system",
            "Summarize the given court transcript. Keep each placeholder, such as [PERSON_1], as it is.",
        ),
        ("human", "{transcript}"),
    ]
)


def main() -> int:
    """Run the chain, and show its trace if it was received here."""
    options = read_options()
    transcript = options.file.read_text(encoding="utf-8").strip()
    console = Console(record=options.svg is not None, width=118)
    if os.environ.get("LANGFUSE_PUBLIC_KEY"):
        client = langfuse_client()
        console.print(summarize(transcript, client.flush), highlight=False)
        console.print("\nThe trace was sent to Langfuse.", style="dim")
        return 0
    with TraceReceiver() as receiver:
        client = langfuse_client(public_key="pk-here", secret_key="sk-here", base_url=receiver.base_url)  # noqa: S106
        answer = summarize(transcript, client.flush)
        client.shutdown()
    for observation in roots(receiver.observations):
        console.print(draw(observation, receiver))
    if options.svg:
        picture = console.export_svg(title="a trace of Anonymizer | prompt | model | Deanonymizer")
        options.svg.write_text(FONT.sub("", picture), encoding="utf-8")
    console.print(f"\nThe user got: {answer[:SHOWN]}...", style="dim", highlight=False)
    return 0


def read_options() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("file", nargs="?", type=Path, default=Path(__file__).parent / "complaint.txt")
    parser.add_argument("--svg", type=Path, help="write the picture of the trace to this file")
    return parser.parse_args()


def summarize(transcript: str, flush: Any) -> str:
    """Run the traced chain on one transcript."""
    chain = Anonymizer(hidden_names=["Test LLC"]) | PROMPT | choose_model() | Deanonymizer()
    config: RunnableConfig = {
        "configurable": {"vault": Vault()},
        "callbacks": [LangfuseHandler()],
        "run_name": "summarize transcript",
        "metadata": {"langfuse_user_id": "clerk-7", "langfuse_session_id": "case-42"},
        "tags": ["court"],
    }
    answer: str = chain.invoke(transcript, config).text
    flush()
    return answer


def choose_model() -> BaseChatModel:
    """Take OpenAI's model where there is a key, and the offline one elsewhere."""
    if os.environ.get("OPENAI_API_KEY"):
        from langchain_openai import ChatOpenAI  # noqa: PLC0415 - needed with a key only

        return ChatOpenAI(model="gpt-4o-mini")
    return ExtractiveSummarizer()


def roots(observations: Sequence[Observation]) -> list[Observation]:
    """Return the observations that have no parent."""
    return [observation for observation in observations if not observation.parent_id]


def draw(root: Observation, receiver: TraceReceiver) -> Tree:
    """Draw a trace as a tree."""
    children: Mapping[str, list[Observation]] = defaultdict(list)
    for observation in sorted(receiver.observations, key=lambda observation: observation.start):
        children[observation.parent_id].append(observation)
    tree = Tree(label(root))
    hang(tree, root, children, receiver)
    for score in receiver.scores:
        if not score.get("observationId"):
            tree.add(Text(f"score of the trace  {score['name']} = {score['value']}", style="yellow"))
    return tree


def hang(
    tree: Tree, parent: Observation, children: Mapping[str, list[Observation]], receiver: TraceReceiver
) -> None:
    """Hang below ``tree`` what ``parent`` holds: its attributes, its scores, its children."""
    for name in ("input", "output", "metadata.entities", "status_message"):
        value = parent.get(name)
        if value:
            tree.add(Text.assemble((f"{name.removeprefix('metadata.')}  ", "dim"), short(str(value))))
    for score in receiver.scores:
        if score.get("observationId") == parent.observation_id:
            tree.add(Text(f"score  {score['name']} = {score['value']}", style="yellow"))
    for child in children[parent.observation_id]:
        hang(tree.add(label(child)), child, children, receiver)


def label(observation: Observation) -> Text:
    """Write the line of one observation: its type, name, level and duration."""
    kind = observation.get("type", "span")
    milliseconds = (observation.end - observation.start) / 1e6
    text = Text.assemble(
        (kind, STYLES.get(kind, "bold")), f"  {observation.name}  ", (f"{milliseconds:.1f} ms", "dim")
    )
    if observation.get("level") in ("WARNING", "ERROR"):
        text.append(f"  {observation.get('level')}", style="bold red")
    return text


def short(text: str) -> str:
    """Cut a text that is too long to show."""
    text = " ".join(text.split())
    return text if len(text) <= SHOWN else f"{text[:SHOWN]}..."


if __name__ == "__main__":
    sys.exit(main())
