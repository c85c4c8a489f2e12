"""Both steps around a Runnable, and guards around them, with a vault for each call where none is named."""

from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import aclosing, contextmanager
from typing import Any

from langchain_core.runnables import (
    Runnable,
    RunnableConfig,
    RunnableSequence,
    ensure_config,
    patch_config,
)
from langchain_core.runnables.base import RunnableLike, coerce_to_runnable
from langchain_core.runnables.graph import Graph
from langchain_core.runnables.utils import ConfigurableFieldSpec
from pydantic import PrivateAttr

from langchain_secguard.anonymize import Anonymizer
from langchain_secguard.config import names_vault
from langchain_secguard.deanonymize import Deanonymizer
from langchain_secguard.guard import Guard
from langchain_secguard.guard.guarded import Guarded
from langchain_secguard.guard.refusals import kind_of
from langchain_secguard.protect_steps import Answering, Noting, Talk, Unheard
from langchain_secguard.scan.base import Sees
from langchain_secguard.steps import FrozenStep
from langchain_secguard.vault import Vault
from langchain_secguard.wrapper import Wrapper


def protect(
    runnable: RunnableLike[Any, Any],
    *,
    anonymizer: Anonymizer | None = None,
    deanonymizer: Deanonymizer | None = None,
    input_guards: Sequence[Guard] = (),
    output_guards: Sequence[Guard] = (),
    prompt_key: str | None = None,
    stream_steps: bool = False,
) -> "ProtectedRunnable":
    """Wrap ``runnable``, a model or a chain, so that it sees placeholders and its caller sees values.

    When the config names a vault, it is used and kept. When it names none, each call has a vault of its own,
    which is erased when the call ends.

    With guards, a call goes through these, in order: input scanners that see values; the anonymizer; input
    scanners that see placeholders; ``runnable``; output scanners that see placeholders; the deanonymizer;
    output scanners that see values. A guard whose scanners see both is split. What a scanner sees is its own
    ``sees``: by default values, and placeholders for one that sends texts to another party.

    Output scanners are told what the user asked, in the form that they see: the last message of a person, a
    str, or the strings of a dict; not the prompt that a template makes of it.

    An input guard that answers ends the call with its refusal, and nothing behind it runs; its type is that
    which ``runnable`` gives, see :class:`~langchain_secguard.guard.Guarded`. An input guard that is
    ``concurrent`` runs while the model answers, which is sent placeholders all the same. The refusal of an
    output guard takes the place of the answer, and no other guard judges it.

    Args:
        runnable: What must not see personal data: a Runnable, or a function or dict that stands for one.
        anonymizer: The step before it; ``Anonymizer()`` by default.
        deanonymizer: The step behind it; a ``Deanonymizer`` with the anonymizer's store, vault and form by
            default.
        input_guards: What the input must pass, in order.
        output_guards: What the answer must pass, in order.
        prompt_key: The key of a dict that holds what the user asked.
        stream_steps: Dangerous: let streams of events (``astream_events``, LangGraph's ``"messages"``) show
            what the steps within give, before an output guard has let it pass. Tracers hear them always.

    Raises:
        ValueError: The two steps name different vaults, stores or forms.
        TypeError: ``runnable`` is none.
    """
    before, after = pair_of(anonymizer, deanonymizer)
    return ProtectedRunnable(
        anonymizer=before,
        runnable=coerce_to_runnable(runnable),
        deanonymizer=after,
        input_guards=tuple(input_guards),
        output_guards=tuple(output_guards),
        prompt_key=prompt_key,
        stream_steps=stream_steps,
    )


def pair_of(
    anonymizer: Anonymizer | None, deanonymizer: Deanonymizer | None
) -> tuple[Anonymizer, Deanonymizer]:
    """Return both steps of a pair; one that is not given has the store, the vault and the form of the other.

    Raises:
        ValueError: The two steps name different vaults, stores or forms.
    """
    given: Any = anonymizer or deanonymizer
    shared = {"store": given.store, "vault": given.vault, "form": given.form} if given else {}
    before, after = anonymizer or Anonymizer(**shared), deanonymizer or Deanonymizer(**shared)
    if (before.store, before.vault, before.form) != (after.store, after.vault, after.form):
        raise ValueError("the anonymizer and the deanonymizer must be given the same store, vault and form")
    return before, after


class ProtectedRunnable(Wrapper, FrozenStep):
    """Run ``anonymizer | runnable | deanonymizer``, with guards around; made by :func:`protect`.

    What a call is given besides its input and config, such as ``stop``, goes to the wrapped Runnable.
    """

    anonymizer: Anonymizer
    runnable: Runnable[Any, Any]
    deanonymizer: Deanonymizer
    input_guards: tuple[Guard, ...] = ()
    output_guards: tuple[Guard, ...] = ()
    prompt_key: str | None = None
    stream_steps: bool = False

    _guards: dict[tuple[str, str], list[Guard]] = PrivateAttr()

    def model_post_init(self, context: Any, /) -> None:
        """Split the guards by what their scanners see, once: each part remembers what it scanned."""
        super().model_post_init(context)
        sides = {"input": self.input_guards, "output": self.output_guards}
        forms: tuple[Sees, ...] = ("values", "placeholders")
        self._guards = {
            (side, form): [part for guard in guards if (part := guard.seeing(form)) is not None]
            for side, guards in sides.items()
            for form in forms
        }

    def _wrapped(self) -> Runnable[Any, Any]:
        return self.runnable

    @property
    def config_specs(self) -> list[ConfigurableFieldSpec]:
        """Declare what the steps declare."""
        steps = (self.anonymizer, self.runnable, self.deanonymizer)
        return RunnableSequence(*steps).config_specs

    def get_graph(self, config: RunnableConfig | None = None) -> Graph:
        """Draw the steps, not a box around them."""
        steps = (
            *self._guards["input", "values"],
            self.anonymizer,
            *self._guards["input", "placeholders"],
            self.runnable,
            *self._guards["output", "placeholders"],
            self.deanonymizer,
            *self._guards["output", "values"],
        )
        return RunnableSequence(*steps).get_graph(config)

    def invoke(self, input: Any, config: RunnableConfig | None = None, **kwargs: Any) -> Any:
        """Run the wrapped Runnable on placeholders, and restore its answer."""
        with vault_of_call(ensure_config(config), self.anonymizer) as named:
            return self._chain(input, kwargs).invoke(input, named)

    async def ainvoke(self, input: Any, config: RunnableConfig | None = None, **kwargs: Any) -> Any:
        """Do what :meth:`invoke` does, without blocking the event loop."""
        with vault_of_call(ensure_config(config), self.anonymizer) as named:
            return await self._chain(input, kwargs).ainvoke(input, named)

    def stream(self, input: Any, config: RunnableConfig | None = None, **kwargs: Any) -> Iterator[Any]:
        """Restore the answer while it streams."""
        with vault_of_call(ensure_config(config), self.anonymizer) as named:
            yield from self._chain(input, kwargs).stream(input, named)

    async def astream(
        self, input: Any, config: RunnableConfig | None = None, **kwargs: Any
    ) -> AsyncIterator[Any]:
        """Do what :meth:`stream` does, without blocking the event loop."""
        with vault_of_call(ensure_config(config), self.anonymizer) as named:
            chunks: Any = self._chain(input, kwargs).astream(input, named)
            async with aclosing(chunks):
                async for chunk in chunks:
                    yield chunk

    def _chain(self, value: Any, kwargs: Mapping[str, Any]) -> Runnable[Any, Any]:
        """Put the steps of one call together, under this Runnable's name.

        What is bound is what the call was given.
        """
        talk = Talk(self.prompt_key)
        talk.note("values", value)
        runnable = self.runnable.bind(**kwargs) if kwargs else self.runnable
        seen = self._guards["output", "placeholders"]
        shown = self._guards["output", "values"]
        behind: list[Runnable[Any, Any]] = [
            runnable,
            *(Answering(guard, talk, "placeholders") for guard in seen),
            self.deanonymizer,
            *(Answering(guard, talk, "values") for guard in shown),
        ]
        anonymizer = Noting(self.anonymizer, talk) if seen else self.anonymizer
        steps = self._behind(self._guards["input", "placeholders"], behind)
        [first, *rest] = self._behind(self._guards["input", "values"], [anonymizer, *steps])
        if not rest and isinstance(first, Guarded):
            return first.model_copy(update={"name": self.get_name()})
        return RunnableSequence(first, *rest, name=self.get_name())

    def _behind(self, guards: Sequence[Guard], steps: list[Runnable[Any, Any]]) -> list[Runnable[Any, Any]]:
        """Put steps behind input guards: one that answers has all of them in its hands."""
        if self._is_unheard:
            steps = [step if isinstance(step, Unheard | Guarded) else Unheard(step) for step in steps]
        for guard in reversed(guards):
            if guard.answers or guard.concurrent:
                whole = RunnableSequence(*steps) if len(steps) > 1 else steps[0]
                steps = [Guarded(guard=guard, runnable=whole, kind=kind_of(self.runnable))]
            else:
                steps = [guard, *steps]
        return steps

    @property
    def _is_unheard(self) -> bool:
        return not self.stream_steps and any(guard.on_fail != "monitor" for guard in self.output_guards)


@contextmanager
def vault_of_call(config: RunnableConfig, anonymizer: Anonymizer) -> Iterator[RunnableConfig]:
    """Return ``config`` if a vault is named; else name one in it that is erased when the block ends."""
    if anonymizer.vault is not None or names_vault(config):
        yield config
        return
    vault = Vault()
    try:
        yield patch_config(config, configurable={"vault": vault})
    finally:
        vault.erase()
