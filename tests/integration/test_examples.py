"""The examples of agents, retrieval and threads run offline, and show what they say they show."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

EXAMPLES = Path(__file__).parents[2] / "examples"


def run(name: str) -> str:
    keys = ("OPENAI_", "LANGFUSE_", "LANGSMITH_", "LANGCHAIN_")
    environment = {key: value for key, value in os.environ.items() if not key.startswith(keys)}
    done = subprocess.run(
        [sys.executable, "-W", "error", f"{name}.py"],
        cwd=EXAMPLES,
        env={**environment, "COLUMNS": "300", "NO_COLOR": "1"},
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        (
            "agent",
            [
                "Dear Jane Doe, the refund goes to account DE89 3704 0044 0532 0130 00, advised by Robert",
                "human  I am [PERSON_1], [EMAIL_ADDRESS_1]. Where is my refund?",
                "look_up_customer('Jane Doe')",
                "send_mail('jane@example.com', 'Dear [PERSON_1]",
                "placeholders: none of the names and addresses above",
            ],
        ),
        (
            "rag",
            [
                "case 2: [PERSON_2] moved the noon train",
                "Jane Doe, [EMAIL_ADDRESS_1], was promised a refund of her ticket by Robert Alvarez.",
                "Jane Doe, jane@example.com, was promised a refund of her ticket by Robert Alvarez.",
            ],
        ),
        (
            "langgraph_thread",
            [
                "I am [PERSON_1]. [PERSON_2] promised",
                "I am Jane Doe. Robert Alvarez",
                "hold none of the names",
            ],
        ),
    ],
)
def test_shows(name: str, shown: list[str]) -> None:
    output = run(name)
    for text in shown:
        assert text in output
