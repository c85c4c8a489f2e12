"""Scenes between a user and a vault that go wrong somewhere: typed placeholders, removals, nasty values."""

import json
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from benchmarks.faithfulness.client import PeerProcess, PeerSession
from benchmarks.faithfulness.counting import Answer, Outcome, Tally, Values, judge
from benchmarks.faithfulness.peer import Pattern

_PEOPLE = ("Babaka Denfigor", "Halloran Merkanis", "Ovpetov Suwenlo", "Ranbaden Filomer", "Gorhal Nisovka")


@dataclass(frozen=True, slots=True)
class Scene:
    """Hold a scene; ``needs`` is what a peer must offer to be in it."""

    name: str
    play: Callable[[PeerProcess], Tally]
    needs: str = ""


class _Stage:
    """One session of a peer, and the tally of what it did."""

    def __init__(
        self,
        peer: PeerProcess,
        patterns: Sequence[Pattern],
        values: Sequence[str],
        private: Sequence[str] | None = None,
    ) -> None:
        self.session: PeerSession = peer.open(patterns)
        self.tally = Tally()
        self._values = Values(values)
        self._private = self._values if private is None else Values(private)

    def hide(self, text: str) -> str:
        """Hide a text, and count what leaks of it; a call that raises sends nothing."""
        sent = self.session.hide(text)
        self.tally.hidden += self._private.leaked(text, text)
        self.tally.leaked += self._private.leaked(sent or "", text)
        return sent or ""

    def placeholder(self, value: str) -> str:
        """Hide a value by itself, and return its placeholder."""
        return between(self.hide(f"we wrote to {value}, today."), "we wrote to ", ", today.")

    def expect(self, answer: str, right: str, *meant: str) -> None:
        """Restore an answer, whole, and count what becomes of it."""
        [shown] = self.session.restore([[answer]])
        told = Answer(answer, frozenset(meant), frozenset({right}))
        self.tally.outcomes[judge(told, shown, self._values)] += 1

    def round_trip(self, text: str, *meant: str) -> str:
        """Hide a text, restore what comes of it, and return what was sent."""
        sent = self.hide(text)
        self.expect(sent, text, *meant)
        return sent


def between(text: str, before: str, after: str) -> str:
    """Return what stands between the ends of a hidden text."""
    if text.startswith(before) and text.endswith(after):
        return text[len(before) : len(text) - len(after)]
    return text


def words(values: Sequence[str], kind: str = "PERSON") -> list[Pattern]:
    """Return patterns that find values as whole words."""
    return [(rf"(?<!\w){re.escape(value)}(?!\w)", kind) for value in values]


def _typed(peer: PeerProcess) -> Tally:
    """A user types the placeholder of somebody else."""
    stage = _Stage(peer, words(_PEOPLE), _PEOPLE)
    for value in _PEOPLE:
        placeholder = stage.placeholder(value)
        for text in (f"who is {placeholder}?", f"is {placeholder.lower()} known?"):
            stage.round_trip(text)
    return stage.tally


def _foreign(peer: PeerProcess) -> Tally:
    """An answer holds placeholders of another vault, with more people in it."""
    crowd = [f"{first} {second}" for first in _split(0) for second in _split(1)]
    full = _Stage(peer, words(crowd), crowd)
    placeholders = [full.placeholder(value) for value in crowd]
    stage = _Stage(peer, words(_PEOPLE[:2]), _PEOPLE)
    for value in _PEOPLE[:2]:
        stage.placeholder(value)
    for placeholder in placeholders[2:]:
        stage.expect(f"we wrote to {placeholder}, today.", f"we wrote to {placeholder}, today.")
    return stage.tally


def _split(part: int) -> list[str]:
    return [value.split()[part] for value in _PEOPLE]


def _nested(peer: PeerProcess) -> Tally:
    """Values hold the placeholders of others."""
    probe = peer.open(words(_PEOPLE))
    ends = ("we wrote to ", ", today.")
    made = [between(probe.hide(f"we wrote to {value}, today.") or "", *ends) for value in _PEOPLE[:3]]
    nasty = [f"Villa {placeholder} Ltd" for placeholder in made]
    patterns = [(re.escape(value), "ORGANIZATION") for value in nasty] + words(_PEOPLE)
    stage = _Stage(peer, patterns, [*nasty, *_PEOPLE], private=_PEOPLE)
    for value, person in zip(nasty, _PEOPLE, strict=False):
        stage.round_trip(f"{value}, and {person}.", value, person)
        stage.round_trip(f"{person}, and {value}.", value, person)
    return stage.tally


def _within_words(peer: PeerProcess) -> Tally:
    """A known name is part of common words: the words must reach the model, and come back."""
    stage = _Stage(peer, words(["Ann", "Mark", "Rose"]), ["Ann", "Mark", "Rose"])
    for value, told in (("Ann", "Annual, annex, Hannah"), ("Mark", "Marketing, Denmark, Markup"),
                        ("Rose", "Rosette, primRose, Roses")):  # fmt: skip
        text = f"{told}: {value}, today."
        sent = stage.round_trip(text, value)
        kept = all(word in sent for word in re.findall(r"\w+", told))
        stage.tally.outcomes[Outcome.RIGHT if kept else Outcome.BENT] += 1
    return stage.tally


def _removed(peer: PeerProcess) -> Tally:
    """One person is removed and another comes, while old answers are still about."""
    stage = _Stage(peer, words(_PEOPLE), _PEOPLE)
    first, *others, late, last = _PEOPLE
    old = {value: stage.placeholder(value) for value in (first, *others)}
    stage.session.forget(first)
    for value in (late, last):
        old[value] = stage.placeholder(value)
    stage.expect(f"we wrote to {old[first]}, today.", f"we wrote to {old[first]}, today.")
    for value in (*others, late, last):
        stage.expect(f"we wrote to {old[value]}, today.", f"we wrote to {value}, today.", value)
    return stage.tally


def _erased(peer: PeerProcess) -> Tally:
    """Everything is erased, other people come, and an old answer arrives late."""
    stage = _Stage(peer, words(_PEOPLE), _PEOPLE)
    old = [stage.placeholder(value) for value in _PEOPLE[:2]]
    stage.session.erase()
    for value in _PEOPLE[2:]:
        stage.placeholder(value)
    for placeholder in old:
        stage.expect(f"we wrote to {placeholder}, today.", f"we wrote to {placeholder}, today.")
    return stage.tally


def _two_types(peer: PeerProcess) -> Tally:
    """One word is a person's name and a place's, told apart by the words before it."""
    patterns = [(r"(?<=Mr )Jordan\b", "PERSON"), (r"(?<=in )Jordan\b", "LOCATION")]
    stage = _Stage(peer, patterns, ["Jordan"])
    for text in ("Mr Jordan, who lives in Jordan.", "in Jordan: Mr Jordan, today.", "in Jordan, today."):
        stage.round_trip(text, "Jordan")
    return stage.tally


def _overlapping_types(peer: PeerProcess) -> Tally:
    """Types whose names hold one another: each value gets a number of its own in both."""
    values = ["Zulka", "Qadim", "Wenro"]
    pairs = [("EMAIL_ADDRESS", "EMAIL_ADDRESS_RE"), ("CREDIT_CARD", "CREDIT_CARD_RE")]
    patterns = [
        (rf"(?<={place}{kind.startswith('C'):d} ){value}\b", kind)
        for pair in pairs
        for place, kind in zip("ab", pair, strict=True)
        for value in values
    ]
    stage = _Stage(peer, patterns, values)
    for card in (0, 1):
        stage.round_trip(f"a{card} Zulka, today.", "Zulka")
        for value in values[1:]:
            stage.round_trip(f"b{card} {value}, today.", value)
            stage.round_trip(f"a{card} {value}, today.", value)
    return stage.tally


def _spellings(peer: PeerProcess) -> Tally:
    """One name is written in two ways, and both come back as they were."""
    person = _PEOPLE[0]
    patterns = words([person, person.upper(), person.lower()])
    stage = _Stage(peer, patterns, [person, person.upper(), person.lower()])
    for text in (f"{person}, or {person.upper()}?", f"{person.lower()}: {person}."):
        stage.round_trip(
            text, *(value for value in (person, person.upper(), person.lower()) if value in text)
        )
    return stage.tally


def _missed(peer: PeerProcess) -> Tally:
    """The detector finds a name in the first text, and misses it in the second."""
    patterns = [(rf"(?<=Mr ){re.escape(value)}\b", "PERSON") for value in _PEOPLE]
    stage = _Stage(peer, patterns, _PEOPLE)
    for value in _PEOPLE:
        stage.round_trip(f"Mr {value}, today.", value)
        stage.round_trip(f"and {value} again.", value)
    return stage.tally


def _signs(peer: PeerProcess) -> Tally:
    """Values hold quotes, backslashes, and what means something to a regular expression."""
    values = [
        "Ann O'Neil",
        r"C++ & Co.",
        r"A\1 \g<0> Ltd",
        "Zed (x) [ab]*?",
        "Ünal Öz",
        "$1 %s {0}",
        'Jo "J" Ray',
    ]
    stage = _Stage(peer, [(re.escape(value), "ORGANIZATION") for value in values], values)
    for value in values:
        stage.round_trip(f"with {value}, today.", value)
    return stage.tally


def _white_space(peer: PeerProcess) -> Tally:
    """Line ends and blanks around names stay as they are."""
    stage = _Stage(peer, words(_PEOPLE), _PEOPLE)
    for blank in ("\n", "\r\n", "\n\n\n", "\t", "\u00a0", "  ", "\u2028"):
        text = f"{blank}dear{blank}{_PEOPLE[0]}{blank}and{blank}{_PEOPLE[1]}{blank}"
        stage.round_trip(text, *_PEOPLE[:2])
    return stage.tally


def _json(peer: PeerProcess) -> Tally:
    """A text is JSON, with a value whose quotes are escaped in it: it must stay JSON."""
    values = ['Jo "J" Ray', "Ann\\Lee", *_PEOPLE[:2]]
    escaped = [json.dumps(value)[1:-1] for value in values]
    patterns = [(re.escape(value), "PERSON") for value in dict.fromkeys([*values, *escaped])]
    stage = _Stage(peer, patterns, values)
    for value in values:
        placeholder = stage.placeholder(value)
        answer = json.dumps({"to": placeholder})
        stage.expect(answer, json.dumps({"to": value}), value)
        stage.round_trip(json.dumps({"to": value}), value)
    return stage.tally


SCENES = (
    Scene("a user types somebody's placeholder", _typed),
    Scene("placeholders of another vault", _foreign),
    Scene("values that hold placeholders", _nested),
    Scene("names within words (Ann, Annual)", _within_words),
    Scene("one removed, others added", _removed, needs="forgets"),
    Scene("all erased, others added", _erased, needs="erases"),
    Scene("one word, two types", _two_types),
    Scene("types whose names overlap", _overlapping_types),
    Scene("one name, several spellings", _spellings),
    Scene("found once, missed later", _missed),
    Scene("quotes, backslashes, signs", _signs),
    Scene("line ends and blanks", _white_space),
    Scene("texts and answers that are JSON", _json),
)
