"""Guardrails AI's own parts: a guard that validates in threads of its own, keeps nothing and reports nothing.

This is the one module that imports Guardrails AI; it is loaded when a scanner is made.
"""

import asyncio
import copy
import inspect
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from guardrails import Guard, settings
from guardrails.classes.generic.stack import Stack
from guardrails.errors import ValidationError
from guardrails.validator_base import Validator


class Outcome(NamedTuple):
    """Tell what a guard made of a text: whether it passed, what it would go on with, and who failed it."""

    passed: bool
    left: Any
    failed: tuple[str, ...]


class Engine:
    """Validate with a guard, in any number of threads at once.

    The guard is a shallow copy with a history of its own, which is emptied after each text.
    """

    def __init__(self, guard: Any) -> None:
        given = guard if isinstance(guard, Guard) else Guard.for_string(_validators(guard))
        self._guard: Any = copy.copy(given)
        self._guard.history = Stack(max_length=1)
        self._guard.configure(allow_metrics_collection=False)
        if settings.disable_tracing is None:  # its spans hold the texts; who wants them says so
            settings.disable_tracing = True

    def validate(self, text: str, metadata: Mapping[str, Any]) -> Outcome:
        """Validate ``text`` in this thread, in an event loop that no other call has.

        Without one the library would make its own, and leave it open.
        """
        loop = asyncio.new_event_loop()
        asyncio.set_event_loop(loop)
        try:
            return self._validated(loop, text, dict(metadata))
        finally:
            self._guard.history.clear()
            asyncio.set_event_loop(None)
            loop.close()

    def _validated(self, loop: asyncio.AbstractEventLoop, text: str, metadata: dict[str, Any]) -> Outcome:
        try:
            outcome = self._guard.validate(text, metadata=metadata)
            if inspect.isawaitable(outcome):
                outcome = loop.run_until_complete(outcome)
        except ValidationError:  # a validator that raises is one that refuses
            return Outcome(False, None, ())
        finally:
            loop.run_until_complete(loop.shutdown_default_executor())
        failed = tuple(str(one.validator_name) for one in outcome.validation_summaries or ())
        passed = bool(outcome.validation_passed) and outcome.reask is None
        return Outcome(passed, outcome.validated_output, failed)


def _validators(given: Any) -> Sequence[Any]:
    validators = [given] if isinstance(given, Validator) else given
    if (
        isinstance(validators, Sequence)
        and validators
        and all(isinstance(one, Validator) for one in validators)
    ):
        return validators
    raise TypeError("GuardrailsAIScanner takes a Guard or an AsyncGuard of Guardrails AI, or validators")
