"""What masking a trace costs: a run's, a text's that was seen before, and a long conversation's."""

import itertools
from collections.abc import Iterator
from functools import partial
from typing import Any

from langchain_core.messages import AIMessage, BaseMessage, HumanMessage

from benchmarks.clock import side_by_side
from benchmarks.report import Row, duration
from benchmarks.texts import names, prose
from langchain_secguard import Vault
from langchain_secguard.placeholders import Form
from langchain_secguard.sight import Sight
from langchain_secguard.tracing import Mask
from langchain_secguard.vault import Entity

_TURNS = 100
_MESSAGE = 500


def measure() -> Iterator[Row]:
    """Mask what a tracer holds of a chain of four steps, with the embedded detector."""
    talk = _Conversation()
    yield from _texts()
    for turn in (2, _TURNS):
        talk.go_on(turn)
        mask = talk.mask_that_saw(turn - 1)
        again, new = side_by_side(partial(talk.repeat, mask), partial(talk.say_next, mask), seconds=3)
        yield Row(f"mask the trace of turn {turn} of a conversation", f"{duration(new.best)}")
        yield Row(f"the same trace once more, turn {turn}", f"{duration(again.best)}")


def _texts() -> Iterator[Row]:
    """Mask one text of 10 KB that holds twenty names: new each time, and seen before."""
    values = list(itertools.islice(names(7), 20))
    vault = Vault()
    entries = vault.assign([Entity("PERSON", value) for value in values]).entries
    shown = {entry.value: Form().mint(entry.ref, vault.vault_id) for entry in entries}
    sights = [Sight(vault, Form(), lambda: shown)]
    text = " ".join(f"{prose(450)} {value}" for value in values)
    mask, number = Mask(), itertools.count()
    new, seen = side_by_side(
        lambda: mask.text(f"{next(number)} {text}", sights), lambda: mask.text(text, sights), seconds=3
    )
    size = len(text) / 1000
    yield Row(f"mask a new text of {size:.0f} KB, twenty values in it", duration(new.best))
    yield Row(f"mask a text of {size:.0f} KB seen before", duration(seen.best))


class _Conversation:
    """Hold a conversation in which every message names somebody new."""

    def __init__(self) -> None:
        self._vault = Vault()
        self._names = names(11)
        self._messages: list[BaseMessage] = []
        self._shown: dict[str, str] = {}

    def go_on(self, turns: int) -> None:
        """Talk until so many turns are held."""
        while len(self._messages) < 2 * turns:
            self._say()

    def payloads(self) -> list[Any]:
        """Return what a tracer holds: the messages into the chain, the steps and the model; the answer."""
        sent = list(self._messages[:-1])
        answer = self._messages[-1]
        return [{"messages": sent}, sent, sent, answer, answer, answer]

    def sights(self) -> list[Sight]:
        """Return what the steps of the turn saw: every value, as the Anonymizer hides them all again."""
        return [Sight(self._vault, Form(), lambda: self._shown)]

    def mask_that_saw(self, turn: int) -> Mask:
        """Return a mask that masked the turns up to this one."""
        mask = Mask()
        mask.apply([self._messages[: 2 * turn]], self.sights())
        return mask

    def repeat(self, mask: Mask) -> None:
        """Mask the trace."""
        mask.apply(self.payloads(), self.sights())

    def say_next(self, mask: Mask) -> None:
        """Put two new messages in the place of the last two, and mask the trace."""
        del self._messages[-2:]
        self._shown.popitem()
        self._say()
        mask.apply(self.payloads(), self.sights())

    def _say(self) -> None:
        name = next(self._names)
        (entry,) = self._vault.assign([Entity("PERSON", name)]).entries
        self._shown[name] = Form().mint(entry.ref, self._vault.vault_id)
        self._messages += [
            HumanMessage(f"{prose(_MESSAGE)} I met {name}."),
            AIMessage(f"{prose(_MESSAGE)} And what did {name} say?"),
        ]
