"""What the steps share: frozen options, the vault of the pair, and what carries out their plans.

A plan of the pair asks for a detection, an assignment or a look-up; see :mod:`~langchain_secguard.plan`.
"""

import inspect
from collections.abc import AsyncIterator, Awaitable, Callable, Generator, Iterator, Mapping, Sequence
from functools import partial
from typing import Any, Self, TypeVar, cast

from langchain_core.documents import Document
from langchain_core.messages import BaseMessage
from langchain_core.prompt_values import PromptValue
from langchain_core.runnables import RunnableConfig, RunnableSerializable
from langchain_core.runnables.utils import ConfigurableFieldSpec
from pydantic import ConfigDict, Field, InstanceOf, ValidationError, field_validator

from langchain_secguard.config import VAULT_SPECS, find_vault
from langchain_secguard.errors import SecGuardError, VaultUnavailableError
from langchain_secguard.placeholders import Form, Style, entity_type_name
from langchain_secguard.plan import acarry_out, carry_out
from langchain_secguard.vault import Vault, VaultStore

T = TypeVar("T")
F = TypeVar("F", bound=Callable[..., Any])

Content = (
    str
    | InstanceOf[BaseMessage]
    | InstanceOf[PromptValue]
    | InstanceOf[Document]
    | Sequence[Any]
    | Mapping[str, Any]
)
"""The shapes that the steps take and give back; pydantic models and dataclasses besides.

A dict that merely has the fields of a message, a prompt value or a document stays a dict.
"""


class FrozenStep(RunnableSerializable[Any, Any]):
    """Validate options once, and freeze; give back the shapes that are given."""

    model_config = ConfigDict(
        arbitrary_types_allowed=True,
        extra="forbid",
        frozen=True,
        hide_input_in_errors=True,
        validate_default=True,
    )

    def __setattr__(self, name: str, value: Any) -> None:
        """Refuse: a step is frozen. The error of pydantic's own would echo the value."""
        if not name.startswith("_"):
            raise ValidationError.from_exception_data(
                type(self).__name__,
                [{"type": "frozen_instance", "loc": (name,), "input": None}],
                hide_input=True,
            )
        super().__setattr__(name, value)

    def model_copy(self, *, update: Mapping[str, Any] | None = None, deep: bool = False) -> Self:  # noqa: ARG002
        """Build the step anew with ``update``, validated; what it was given is shared, never copied.

        What a step built from its options would otherwise outlive them: a policy that the copy names and
        does not follow.
        """
        given = {name: getattr(self, name) for name in self.model_fields_set}
        return type(self)(**{**given, **(update or {})})

    @property
    def InputType(self) -> Any:  # noqa: N802 - the name is LangChain's
        """The shapes that the step takes."""
        return Content

    @property
    def OutputType(self) -> Any:  # noqa: N802 - the name is LangChain's
        """The shapes that the step gives: those that it takes."""
        return Content

    @classmethod
    def is_lc_serializable(cls) -> bool:
        """Refuse serialization: a vault, a detector, a scanner or a key must not be written down."""
        return False


class StreamingStep(FrozenStep):
    """Stream by ``transform``, as a step does that can start before its input is whole."""

    def stream(self, input: Any, config: RunnableConfig | None = None, **kwargs: Any) -> Iterator[Any]:
        """Pass one whole ``input`` through, as a stream."""
        return self.transform(iter([input]), config, **kwargs)

    def astream(self, input: Any, config: RunnableConfig | None = None, **kwargs: Any) -> AsyncIterator[Any]:
        """Do what :meth:`stream` does, without blocking the event loop."""

        async def one() -> AsyncIterator[Any]:
            yield input

        return self.atransform(one(), config, **kwargs)


class PairStep(FrozenStep):
    """Hold what both steps of the pair are given."""

    store: VaultStore | None = None
    vault: Vault | None = None
    form: Form = Field(default_factory=Form, exclude=True)
    keys: tuple[str, ...] | None = None
    entity_types: frozenset[str] | None = None

    @field_validator("entity_types", mode="after")
    @classmethod
    def _read_entity_types(cls, entity_types: frozenset[str] | None) -> frozenset[str] | None:
        return frozenset(map(entity_type_name, entity_types)) if entity_types is not None else None

    @field_validator("form", mode="before")
    @classmethod
    def _read_form(cls, form: Form | Style) -> Form:
        return Form(style=form) if isinstance(form, str) else form

    @property
    def config_specs(self) -> list[ConfigurableFieldSpec]:
        """Declare the vault id, unless the step was given its vault."""
        return [] if self.vault is not None else VAULT_SPECS

    def _vault_of(self, config: RunnableConfig) -> Vault:
        return find_vault(config, self.vault, self.store)


class _Bound:
    """Call a method of an object, as a callable that has its signature at hand."""

    __slots__ = ("__signature__", "_function", "_owner")

    def __init__(self, function: Callable[..., Any], owner: Any, signature: inspect.Signature) -> None:
        self.__signature__ = signature
        self._function = function
        self._owner = owner

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        return self._function(self._owner, *args, **kwargs)


class _Signed:
    """Bind a method as :func:`signed` says."""

    def __init__(self, function: Callable[..., Any]) -> None:
        self._function = function
        signature = inspect.signature(function)
        self._signature = signature.replace(parameters=list(signature.parameters.values())[1:])

    def __get__(self, owner: Any, _: Any = None) -> Any:
        return self._function if owner is None else _Bound(self._function, owner, self._signature)


def signed(method: F) -> F:
    """Keep a method's signature with it: LangChain asks for it at each call, and working it out is slow.

    That of a bound method is worked out anew even where its function has one, so it is bound as another
    callable.
    """
    return cast("F", _Signed(method))


def untyped(function: Any) -> Any:
    """Hide from LangChain's types that a function takes more than they know of."""
    return function


def drive(plan: Generator[Any, Any, T], perform: Callable[[Any], Any]) -> T:
    """Carry out a plan of the pair; whatever fails besides is a failure of the store."""
    return carry_out(plan, lambda request: guarded(partial(perform, request)))


async def adrive(plan: Generator[Any, Any, T], perform: Callable[[Any], Awaitable[Any]]) -> T:
    """Do what :func:`drive` does, without blocking the event loop."""
    return await acarry_out(plan, lambda request: aguarded(partial(perform, request)))


def guarded(ask: Callable[[], T]) -> T:
    """Ask a store, and tell of its failure without its message, which may hold a value."""
    try:
        return ask()
    except SecGuardError:
        raise
    except Exception as error:  # noqa: BLE001 - whatever it is, its message may hold a value
        failure = _unavailable(error)
    raise failure


async def aguarded(ask: Callable[[], Awaitable[T]]) -> T:
    """Do what :func:`guarded` does, without blocking the event loop."""
    try:
        return await ask()
    except SecGuardError:
        raise
    except Exception as error:  # noqa: BLE001 - whatever it is, its message may hold a value
        failure = _unavailable(error)
    raise failure


def _unavailable(error: Exception) -> VaultUnavailableError:
    return VaultUnavailableError(
        f"The vault's store failed with {type(error).__name__}; nothing was sent. Is the store running?"
    )
