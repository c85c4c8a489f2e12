"""Take every peer through mutations, chunkings, scenes and crowds, and keep what was counted."""

import itertools
import re
import sys
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks.faithfulness.chunkings import WHOLE, cut
from benchmarks.faithfulness.client import PeerProcess, PeerSession
from benchmarks.faithfulness.counting import Answer, Tally, Values, judge
from benchmarks.faithfulness.mutations import MUTATIONS, Mutation, Shape
from benchmarks.faithfulness.scenes import SCENES, between, words
from benchmarks.texts import names

_FRAMES = ("we wrote to {} about it on a friday.", "it is for all who know of {}", "{} was there, too.")
_BEFORE, _AFTER = "we wrote to ", ", today."
ANYBODY = r"(?<!\w)[A-Z][a-z]{4,11} [A-Z][a-z]{4,11}(?!\w)"
"""Match the names that are made up here."""
CROWDS = (("one at a time", "threads", 1), ("16 threads", "threads", 16), ("200 tasks", "tasks", 200))


@dataclass(frozen=True, slots=True)
class Size:
    """Say how much is asked."""

    people: int = 30
    """How many are in the vault whose placeholders are bent."""
    bent: int = 10
    """How many of them are bent; exact placeholders are tried for all."""
    splits: int = 5
    """How many cuts in two are drawn for each answer."""
    texts: int = 800
    """How many texts a crowd hides and restores."""


QUICK = Size(people=13, bent=3, splits=2, texts=160)


@dataclass(slots=True)
class Findings:
    """Hold what one peer did; what it does not offer is missing."""

    name: str
    version: str
    notes: Mapping[str, str]
    bent: dict[tuple[str, str], Tally] = field(default_factory=lambda: defaultdict(Tally))
    """By mutation and chunking."""
    scenes: dict[str, Tally] = field(default_factory=dict)
    crowds: dict[str, Tally] = field(default_factory=dict)


def measure(peer: PeerProcess, size: Size) -> Findings:
    """Take one peer through everything that it offers."""
    findings = Findings(peer.name, peer.version, peer.notes)
    _bend(peer, size, findings)
    for scene in SCENES:
        if not scene.needs or scene.needs in peer.offers:
            findings.scenes[scene.name] = scene.play(peer)
    for name, mode, width in CROWDS:
        if width == 1 or mode in peer.offers:
            findings.crowds[name] = _crowd(peer, mode if width > 1 else _alone(peer), width, size)
    return findings


def _alone(peer: PeerProcess) -> str:
    return "threads" if "threads" in peer.offers else "tasks"


def _bend(peer: PeerProcess, size: Size, findings: Findings) -> None:
    people = list(itertools.islice(names(11), size.people))
    values = Values(people)
    session = peer.open(words(people))
    shapes = _introduce(session, people)
    streams = "streams" in peer.offers
    for mutation in MUTATIONS:
        asked: list[tuple[str, Answer, list[str]]] = []
        for place, answer in _answers(mutation, people, shapes, size):
            for chunking, pieces in cut(answer, size.splits, seed=place):
                if chunking == WHOLE or (streams and len(pieces) > 1):
                    asked.append((chunking, answer, pieces))
        shown = session.restore([pieces for _, _, pieces in asked])
        for (chunking, answer, _), one in zip(asked, shown, strict=True):
            findings.bent[mutation.name, chunking].outcomes[judge(answer, one, values)] += 1


def _introduce(session: PeerSession, people: Sequence[str]) -> list[Shape]:
    """Hide each person, and return their placeholders taken apart."""
    hidden = [session.hide(f"{_BEFORE}{person}{_AFTER}") or "" for person in people]
    return [Shape.of(between(text, _BEFORE, _AFTER)) for text in hidden]


def _answers(
    mutation: Mutation, people: Sequence[str], shapes: Sequence[Shape], size: Size
) -> Iterator[tuple[int, Answer]]:
    """Write answers in which some are bent, in the middle, at the end and at the start."""
    count = len(people)
    for place in range(count) if mutation.name == "exact" else _chosen(count, size.bent):
        bent = mutation.bend(shapes[place], shapes[(place + 1) % count])
        if bent is None:
            continue
        frame = _FRAMES[1 if mutation.cut else place % len(_FRAMES)]
        before, after = frame.split("{}")
        text = f"{before}{bent}{after}"
        nobody = mutation.kind == "nobody"
        right = (
            [text] if nobody else [f"{before}{one.format(people[place])}{after}" for one in mutation.shown]
        )
        meant = frozenset() if nobody else frozenset({people[place]})
        yield place, Answer(text, meant, frozenset(right), len(before), len(before) + len(bent))


def _chosen(count: int, bent: int) -> list[int]:
    """Choose the first, those with a digit more, and the last: numbers 1, 11, 2, 12, ... hold one another."""
    order = [place for pair in zip(range(count), range(10, count), strict=False) for place in pair]
    order += [count - 1]
    return list(dict.fromkeys(order))[:bent]


def _crowd(peer: PeerProcess, mode: str, width: int, size: Size) -> Tally:
    """Let many hide and restore in one vault, each two people, one of whom others speak of as well."""
    source = names(23)
    people = list(itertools.islice(source, size.texts + 97))
    own, shared = people[: size.texts], people[size.texts :]
    texts = [f"we wrote to {one}, and to {shared[place % 97]}." for place, one in enumerate(own)]
    known = set(people)
    tally = Tally()
    session = peer.open([(ANYBODY, "PERSON")])
    for text, (sent, shown) in zip(texts, session.together(mode, width, texts), strict=True):
        meant = _people(text) & known
        local = Values([*meant, *(_people(shown or "") & known)])
        tally.outcomes[judge(Answer("", frozenset(meant), frozenset({text})), shown, local)] += 1
        tally.hidden += local.leaked(text, text)
        tally.leaked += local.leaked(sent, text)
    return tally


def _people(text: str) -> set[str]:
    return set(re.findall(ANYBODY, text))


@dataclass(frozen=True, slots=True)
class Launch:
    """Say how to start a peer."""

    module: str
    arguments: tuple[str, ...] = ()
    apart: bool = False
    """Whether it lives in the environment of the peers."""


PEERS = (
    Launch("secguard"),
    Launch("secguard", ("check",)),
    Launch("llm_guard_restoring", ("exact",)),
    Launch("llm_guard_restoring", ("case_insensitive",)),
    Launch("llm_guard_restoring", ("fuzzy",)),
    Launch("presidio_reversible", apart=True),
    Launch("presidio_reversible", ("labels",), apart=True),
    Launch("piighost", apart=True),
    Launch("maskflow", apart=True),
)


def measure_all(python: Path, apart: Path, size: Size) -> Iterator[Findings]:
    """Measure every peer, one after another; ``apart`` is the interpreter of the peers' own environment."""
    for launch in PEERS:
        interpreter = apart if launch.apart else python
        print(f"measuring: faithfulness of {' '.join((launch.module, *launch.arguments))}", file=sys.stderr)
        with PeerProcess(interpreter, f"benchmarks.peers.{launch.module}", *launch.arguments) as peer:
            yield measure(peer, size)
