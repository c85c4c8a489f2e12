"""What was counted, as Markdown tables and as rows."""

from collections.abc import Callable, Iterable, Iterator, Sequence

from benchmarks.faithfulness.chunkings import CHUNKINGS, WHOLE
from benchmarks.faithfulness.counting import Outcome, Tally
from benchmarks.faithfulness.measure import CROWDS, Findings
from benchmarks.faithfulness.mutations import MUTATIONS, Kind
from benchmarks.faithfulness.scenes import SCENES
from benchmarks.report import Row

_NOT_OFFERED = "not offered"
_NO_SUCH_FORM = "no such form"
_KINDS = {
    Kind.SAME: "bent, but clear to a reader",
    Kind.NOBODY: "nobody in the vault is meant",
    Kind.HARD: "hard: left as it stands is all that can be asked",
    Kind.OTHER: "the model wrote another's: no tool can know",
}
_DECIDED = (Kind.SAME, Kind.NOBODY, Kind.HARD)


def fair(findings: Findings, chunking: str | None = None) -> Tally:
    """Add up the mutations in which a tool can know who is meant, or that nobody is."""
    kinds = {mutation.name: mutation.kind for mutation in MUTATIONS}
    return total(
        tally
        for (name, cut), tally in findings.bent.items()
        if kinds[name] in _DECIDED and (chunking is None or cut == chunking)
    )


def total(tallies: Iterable[Tally]) -> Tally:
    """Add tallies up."""
    return sum(tallies, Tally())


def alike(findings: Findings) -> Tally:
    """Add up what is asked of every tool alike: answers that come whole, and scenes."""
    return fair(findings, WHOLE) + total(findings.scenes.values())


def everything(findings: Findings) -> Tally:
    """Add up all answers of a tool but those in which the model wrote another's placeholder."""
    return fair(findings) + total(findings.scenes.values()) + total(findings.crowds.values())


def headline(found: Sequence[Findings]) -> str:
    """Write one line for each tool, the worst first."""
    lines = [
        "| | wrong persons | lost | bent | right | answers | wrong when cut | wrong in a crowd | leaked |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    for findings in found:
        tally, whole = alike(findings), everything(findings)
        shares = " | ".join(_share(tally, outcome) for outcome in reversed(Outcome))
        cut = total(fair(findings, chunking) for chunking in CHUNKINGS if chunking != WHOLE)
        many = total(findings.crowds.values())
        told = [
            f"{one[Outcome.WRONG]:,} of {one.total:,}" if one.total else _NOT_OFFERED for one in (cut, many)
        ]
        lines.append(
            f"| {findings.name} {findings.version} | {shares} | {tally.total:,} | {' | '.join(told)} | "
            f"{whole.leaked:,} of {whole.hidden:,} |"
        )
    return "\n".join(lines)


def mutations(found: Sequence[Findings]) -> str:
    """Write what became of each mutation, for answers that come whole."""
    lines = _heading("placeholder", found)
    for kind, told in _KINDS.items():
        lines.append(f"| **{told}** |" + " |" * len(found))
        for mutation in (one for one in MUTATIONS if one.kind is kind):
            cells = (findings.bent.get((mutation.name, WHOLE)) for findings in found)
            lines.append(_line(mutation.name, cells, _NO_SUCH_FORM))
    return "\n".join(lines)


def chunkings(found: Sequence[Findings]) -> str:
    """Write what became of all mutations that are decided, by how the answer came."""
    lines = _heading("the answer comes", found)
    for chunking in CHUNKINGS:
        tallies = (fair(findings, chunking) for findings in found)
        cells = (tally if tally.total else None for tally in tallies)
        lines.append(_line(chunking, cells, _NOT_OFFERED, counted=True))
    return "\n".join(lines)


def scenes(found: Sequence[Findings]) -> str:
    """Write what became of each scene."""
    lines = _heading("scene", found)
    for scene in SCENES:
        cells = (findings.scenes.get(scene.name) for findings in found)
        lines.append(_line(scene.name, cells, _NOT_OFFERED, leaks=True))
    return "\n".join(lines)


def crowds(found: Sequence[Findings]) -> str:
    """Write what became of texts that many hid and restored at once in one vault."""
    lines = _heading("at once", found)
    for name, _, _ in CROWDS:
        cells = (findings.crowds.get(name) for findings in found)
        lines.append(_line(name, cells, _NOT_OFFERED, leaks=True, counted=True))
    return "\n".join(lines)


def notes(found: Sequence[Findings]) -> str:
    """Write what peers say of what they offer."""
    told = {
        f"- {findings.name}, {feature}: {note}."
        for findings in found
        for feature, note in findings.notes.items()
    }
    return "\n".join(sorted(told))


def rows(found: Sequence[Findings]) -> Iterator[Row]:
    """Yield one row for each peer; ours, which come first, have targets."""
    for findings in found:
        tally = everything(findings)
        ours = findings.name.startswith("langchain-secguard")
        held = not tally[Outcome.WRONG] and not tally.leaked
        yield Row(
            f"{findings.name} {findings.version}: wrong persons, leaked characters; lost, bent",
            f"{tally[Outcome.WRONG]}, {tally.leaked}; {tally[Outcome.LOST]}, {tally[Outcome.BENT]} "
            f"of {tally.total:,}",
            "none; as measured" if ours else "",
            met=held if ours else None,
        )


def _heading(first: str, found: Sequence[Findings]) -> list[str]:
    names = " | ".join(findings.name for findings in found)
    return [f"| {first} | {names} |", "|---|" + "---|" * len(found)]


def _line(
    first: str, cells: Iterable[Tally | None], missing: str, *, leaks: bool = False, counted: bool = False
) -> str:
    write: Callable[[Tally], str] = lambda tally: _cell(tally, leaks=leaks, counted=counted)  # noqa: E731
    return f"| {first} | " + " | ".join(missing if one is None else write(one) for one in cells) + " |"


def _cell(tally: Tally, *, leaks: bool, counted: bool) -> str:
    """Write a tally: one word where all is alike, else counts from the worst on."""
    outcomes = list(tally.worst())
    if len(outcomes) == 1 and not counted:
        told = _strong(outcomes[0], "")
    else:
        told = ", ".join(_strong(outcome, f"{tally[outcome]:,} ") for outcome in outcomes)
    return f"{told}; **leaks {tally.leaked:,}**" if leaks and tally.leaked else told


def _strong(outcome: Outcome, count: str) -> str:
    return f"**{count}{outcome}**" if outcome is Outcome.WRONG else f"{count}{outcome}"


def _share(tally: Tally, outcome: Outcome) -> str:
    count, share = tally[outcome], tally[outcome] / max(tally.total, 1)
    told = f"{share:.1%}" if 0 < share < 1 else f"{share:.0%}"
    return "0" if not count else f"{told} ({count:,})"
