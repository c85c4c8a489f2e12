"""Write ``docs/benchmark.md`` and its plots from what was kept of each part."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks import plots
from benchmarks.report import Row, table
from benchmarks.results import Result

_DOCS = Path(__file__).parents[1] / "docs"


@dataclass(frozen=True, slots=True)
class Section:
    """Hold a section of the page, and the parts whose rows it shows."""

    title: str
    told: str
    parts: tuple[str, ...]


SECTIONS = (
    Section(
        "Detection: speed",
        "Processor time, the best of many short rounds, the two sides in turns. LLM Guard's side is its "
        "analyzer with patterns alone, for the same entity types.",
        ("patterns", "detection", "detectors", "onnx", "llm-guard"),
    ),
    Section("Restoring: speed", "An answer is read once, whatever the size of the vault.", ("restoring",)),
    Section(
        "The pair in a chain",
        "What both steps add to a chain, beside the same chain with steps that do nothing.",
        ("pair", "streaming", "importing"),
    ),
    Section("Long chats and large vaults", "What grows, and what does not.", ("chat", "vaults")),
    Section(
        "Vault stores",
        "Wall time, with the servers on the same machine. In bold, calls a second beside the bare driver: a "
        "redis-py pipeline of as many of the same commands, or the same statements by SQLAlchemy. Both sides "
        "hash, write, read and encrypt the same names; the bare one decides nothing. p99 is what the slowest "
        "of a hundred calls took.",
        ("stores",),
    ),
    Section("Serving", "Users, workers and Redis share the machine.", ("serving",)),
    Section(
        "Guards",
        "What guarding costs beside its scanners, and what the embedded scanners catch.",
        ("guarding", "scanning"),
    ),
    Section("Traces", "What masking and tracing cost.", ("masking", "tracing")),
)  # fmt: skip


def write(kept: Mapping[str, Result], docs: Path = _DOCS) -> Path:
    """Write the page and its plots, and return where the page is."""
    images = docs / "images"
    _draw(kept, images)
    page = docs / "benchmark.md"
    page.write_text("\n\n".join(_page(kept)) + "\n", encoding="utf-8")
    return page


def _page(kept: Mapping[str, Result]) -> Iterator[str]:
    yield "# Benchmark"
    yield (
        "Written by `make benchmark`; nothing on this page is edited by hand. [Performance](performance.md)"
        " explains what the figures mean and what to do about them."
    )
    if any(result.quick for result in kept.values()):
        yield '!!! warning "A quick run"\n    Some parts were measured with `--quick`, to try it out.'
    yield from _machines(kept)
    if "faithfulness" in kept:
        yield from _faithfulness(kept["faithfulness"].data)
    if "cost" in kept:
        yield from _cost(kept["cost"].data)
    for section in SECTIONS:
        yield from _section(section, kept)


def _machines(kept: Mapping[str, Result]) -> Iterator[str]:
    """Name each machine and its versions once, with the parts that ran there."""
    where: dict[str, list[Result]] = {}
    for result in kept.values():
        where.setdefault(result.machine, []).append(result)
    for machine, results in where.items():
        parts = ", ".join(f"{result.part} ({result.when})" for result in results)
        yield f"{machine}\n- measured there: {parts}"


def _faithfulness(data: Mapping[str, Any]) -> Iterator[str]:
    yield "## Whom an answer names"
    yield (
        "Each tool hides the same people, a model's answers speak of them with placeholders bent in "
        "many ways, and what a user would see is compared with what was meant. All tools get the same "
        "detector (a list of regular expressions), so this is about restoring alone. **Wrong**: a value "
        "shows that was not meant. **Lost**: the value that was meant does not show, or the call raised an "
        "error, took over 0.1 s of processor time, or made over a million characters of a line. **Bent**: "
        "it shows, but with other text around it, or common words that were to reach the model did not. "
        "**Leaked**: characters of values in what a model would have been sent. Answers in which the model "
        "itself wrote another person's placeholder are not in these sums: no tool can know. They are at "
        "the end of the table of mutations."
    )
    yield "![The share of answers that were right, bent, lost, wrong](images/benchmark-outcomes.svg)"
    yield data["headline"]
    yield (
        "Shares are of answers that come whole and of the scenes below, which are asked of all alike; LLM "
        "Guard and `PresidioReversibleAnonymizer` restore whole texts only. Characters that leaked are of "
        "all parts."
    )
    if data["notes"]:
        yield data["notes"]
    yield "### Placeholders that a model bends"
    yield "![The worst that came of each mutation, for each tool](images/benchmark-mutations.svg)"
    yield "Answers that come whole. Ours that are lost are left as the model wrote them."
    yield data["mutations"]
    yield "### The same answers, cut on their way"
    yield data["chunkings"]
    yield "### Between a user and a vault"
    yield (
        "JSON: a plain text that happens to be JSON gets a value with quotes as it is, from every tool, ours "
        "included. The arguments of tool calls are another matter: ours are escaped there."
    )
    yield data["scenes"]
    yield "### Many at once, in one vault"
    yield data["crowds"]


def _cost(data: Mapping[str, Any]) -> Iterator[str]:
    yield "## What hiding and restoring cost"
    yield (
        "The same tools with the same detector, each called as its documentation says; ours, and others that "
        "are steps of LangChain, take the time of a step with it. How many times ours a tool takes stands "
        "first. The chat sends all its messages again at each turn, 1 KB each with three new names: tools "
        "that take one text at a time are given one after another. Processor time, the best of several."
    )
    yield data["costs"]


def _section(section: Section, kept: Mapping[str, Result]) -> Iterator[str]:
    rows: list[Row] = [row for part in section.parts if part in kept for row in kept[part].rows]
    if not rows:
        return
    yield f"## {section.title}"
    yield section.told
    if "patterns" in section.parts:
        if any(row.faster is not None for row in _compared(kept)):
            yield "![How many times faster than LLM Guard](images/benchmark-speed.svg)"
        yield table(rows)
        yield "## Detection: quality"
        found = kept["quality"].data["tables"] if "quality" in kept else ""
        yield found or (
            "The [model card](model-card.md) has the figures of the shipped model, set by set, and the "
            "command. `make benchmark NER=folder` measures them into this page."
        )
        return
    yield table(rows)


def _compared(kept: Mapping[str, Result]) -> list[Row]:
    return [row for part in ("patterns", "restoring") if part in kept for row in kept[part].rows]


def _draw(kept: Mapping[str, Result], images: Path) -> None:
    if "faithfulness" in kept:
        data = kept["faithfulness"].data
        plots.outcomes(data["outcomes"], images / "benchmark-outcomes.svg")
        plots.heat(data["worst"], data["order"], images / "benchmark-mutations.svg")
    if any(row.faster is not None for row in _compared(kept)):
        plots.faster(_compared(kept), images / "benchmark-speed.svg")
