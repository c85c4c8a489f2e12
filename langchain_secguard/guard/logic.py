"""What a guard decides, without I/O: which texts are scanned, what goes on, and what answers a refusal."""

from collections.abc import Mapping, Sequence
from typing import Any

from langchain_core.runnables import Runnable

from langchain_secguard.errors import BlockedError
from langchain_secguard.guard.call import GuardCall
from langchain_secguard.guard.options import GuardOptions
from langchain_secguard.guard.refusals import as_answer, in_place_of, text_of
from langchain_secguard.guard.streaming import (
    Sentences,
    Through,
    Told,
    Whole,
    Window,
    Windows,
    rewritten,
    without_beginnings,
)
from langchain_secguard.scan.panel import Plan

ASK: Any = object()
"""Stands for the answer of the Runnable that ``on_fail`` is, which only a driver can ask."""


class GuardLogic(GuardOptions):
    """Plan the scans of values and of windows of a stream, and say what becomes of them."""

    def _windows(self) -> Windows:
        if self.on_fail == "monitor":
            return Through()
        return Sentences(self.context) if self.streaming == "sentences" else Whole()

    def _judge(self, parts: Sequence[Any], call: GuardCall) -> Plan[dict[str, str]]:
        """Plan the scans of whole values."""
        texts = [text for part in parts for text in self._leaves.of(part)]
        if len(parts) > 1 and not self._panel.sanitizes:
            texts = without_beginnings(texts)
        prompt = call.prompt if call.prompt is not None else self._leaves.prompt(parts[-1])
        became = yield from self._panel.plan(texts, call.findings, prompt=prompt)
        call.learn(became)
        return became

    def _let(self, window: Window, windows: Windows, call: GuardCall, told: Told) -> Plan[list[Any] | None]:
        """Plan the scans of a window; return the chunks that go on, ``None`` for a refusal."""
        if window.text is None:
            became = yield from self._judge(window.parts, call)
            if call.blocked() is not None:
                return None
            new = [self._written(part, became) for part in window.parts]
            told.value = new[-1]
            same = all(part is one for part, one in zip(window.parts, new, strict=True))
            return window.chunks if same else new
        text = window.text
        plan = self._panel.plan([text], call.findings, prompt=call.prompt, before=windows.before)
        became = yield from plan
        call.learn(became)
        if call.blocked() is not None:
            return None
        written = became.get(text, text)
        windows.passed(written)
        return window.chunks if written == text else rewritten(window, written)

    def _passed(self, value: Any, became: Mapping[str, str], call: GuardCall) -> Any:
        return self._written(value, became) if call.blocked() is None else self._refused(value, call)

    def _written(self, value: Any, became: Mapping[str, str]) -> Any:
        return value if self.on_fail == "monitor" else self._leaves.written(value, became)

    def _refused(self, value: Any, call: GuardCall) -> Any:
        """Return what answers in the place of a refused value; ``ASK`` for a Runnable to be asked."""
        error = call.blocked()
        assert error is not None  # noqa: S101 - that is when it is called
        call.refused = True
        if isinstance(self.on_fail, Runnable):
            return ASK
        if self.on_fail == "raise":
            raise error
        if call.kind is not None:
            answer = as_answer(self.on_fail, call.kind, value)
        else:
            answer = in_place_of(value, self.on_fail, self._leaves.answers(value))
        if answer is None:
            raise BlockedError(
                f"{error}. The refusal cannot take the place of a {type(value).__name__}: put the guard in "
                "parentheses with the steps it guards, prompt | (guard | model); or name the keys of a dict "
                "that are answers.",
                scores=error.scores,
                refusal=text_of(self.on_fail),
            )
        return answer
