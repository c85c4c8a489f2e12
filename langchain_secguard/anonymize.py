"""The step before the model: what is personal is hidden, in text of any shape."""

import time
from collections.abc import Iterable, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

from langchain_core.callbacks import AsyncCallbackManagerForChainRun, CallbackManagerForChainRun
from langchain_core.messages import BaseMessage, SystemMessage
from langchain_core.prompt_values import ChatPromptValue, StringPromptValue
from langchain_core.runnables import RunnableConfig
from pydantic import Field, PrivateAttr, field_validator

from langchain_secguard.arguments import EditsOf, edit_arguments
from langchain_secguard.blocks import Unscanned
from langchain_secguard.content import Kind, Visit, rewrite
from langchain_secguard.detect.base import Detector
from langchain_secguard.detect.function import DetectorFunction
from langchain_secguard.detect.union import as_detector
from langchain_secguard.errors import BlockedError, UnsupportedContentError
from langchain_secguard.events import ANONYMIZED, BLOCKED, FAILED, Ending, aannounce, announce
from langchain_secguard.find import CUSTOM, Finder
from langchain_secguard.hidden import Hidden, Leaf, Page, labels, risk
from langchain_secguard.hide import Assign, Detect, Hider, Step
from langchain_secguard.json_text import Edit
from langchain_secguard.placeholders import Form, Style, entity_type_name
from langchain_secguard.policy import Action, Policy
from langchain_secguard.sight import Sight
from langchain_secguard.steps import PairStep, adrive, drive, signed
from langchain_secguard.surrogates import Surrogates
from langchain_secguard.vault import Vault, VaultStore


class Anonymizer(PairStep):
    """Hide personal data in whatever goes to a model.

    Takes and gives back a str, a prompt value, a message or a list of them, a ``Document``, a dict, a
    pydantic model, and nestings of these. Each value found is replaced by a placeholder that the vault of
    the call remembers; :class:`~langchain_secguard.Deanonymizer` puts it back.

    Example:
        .. code-block:: python

            chain = Anonymizer() | ChatOpenAI(model="gpt-4o-mini") | Deanonymizer()
            chain.invoke(text, config={"configurable": {"vault_id": "case-42"}})

    Args:
        detector: Finds entities; an :class:`~langchain_secguard.detect.EmbeddedDetector` by default. A
            function is made a :class:`~langchain_secguard.detect.FunctionDetector`.
        store: Keeps the vaults that the config names by id; one store for the process by default.
        vault: The vault of every call, whatever the config says.
        policies: What is done with each entity type: a :class:`Policy`, or the name of its action.
        default_policy: What is done with the entity types that ``policies`` does not name.
        entity_types: Look for these alone; all that the detector knows by default.
        threshold: Hide what the detector is at least this sure of, from 0 to 1.
        hidden_names: Words and phrases that are always hidden, in any case, as ``CUSTOM``.
        allowed_names: Words and phrases that are never hidden, in any case.
        preamble: Put before the text, or in a system message, whenever something was hidden.
        keys: Of a dict, read these keys alone, and hand the others on as they are.
        allow_unscanned: Let through what cannot be scanned, unscanned: ``"image"``, ``"audio"``,
            ``"video"``, ``"file"``, ``"scalar"`` (numbers and dates that look personal), ``"object"``.
        form: How placeholders are written: ``"brackets"``, ``"llm_guard"`` or a :class:`Form`. The
            deanonymizer must be given the same.
        link_names: Tell the model which names are one person's: "Doe" behind "Jane Doe" becomes
            ``[PERSON_1b]``, as long as nobody else in the vault may be meant.
        surrogate_locale: Faker's locale for the policy ``"surrogate"``.
        cache_size: How many texts are remembered, as keyed hashes, so as not to be read again.

    Raises:
        VaultRequiredError: No vault is named; see :func:`~langchain_secguard.config.find_vault`.
        UnsupportedContentError: The input holds what cannot be scanned.
        BlockedError: The input holds an entity whose policy is ``"block"``.
        DetectorError: The detector failed.
        VaultUnavailableError: The store failed.
        ImportError: The policy ``"surrogate"`` needs Faker, at construction.
    """

    detector: Detector | DetectorFunction | None = None
    policies: Mapping[str, Policy] = Field(default_factory=dict, exclude=True)
    default_policy: Policy = Field(default_factory=Policy, exclude=True)
    threshold: float = Field(default=0.5, ge=0, le=1)
    hidden_names: tuple[str, ...] = Field(default=(), repr=False, exclude=True)
    allowed_names: tuple[str, ...] = Field(default=(), repr=False, exclude=True)
    preamble: str = ""
    allow_unscanned: frozenset[Unscanned] = frozenset()
    link_names: bool = True
    surrogate_locale: str = "en_US"
    cache_size: int = Field(default=4096, ge=0)

    _hider: Hider = PrivateAttr()

    if TYPE_CHECKING:  # what the constructor takes is wider than what it keeps

        def __init__(  # noqa: PLR0913 - each is an option of its own
            self,
            *,
            detector: Detector | DetectorFunction | None = None,
            store: VaultStore | None = None,
            vault: Vault | None = None,
            policies: Mapping[str, Policy | Action] = ...,
            default_policy: Policy | Action = ...,
            entity_types: Iterable[str] | None = None,
            threshold: float = 0.5,
            hidden_names: Iterable[str] = (),
            allowed_names: Iterable[str] = (),
            preamble: str = "",
            keys: Iterable[str] | None = None,
            allow_unscanned: Iterable[Unscanned] = (),
            form: Form | Style = ...,
            link_names: bool = True,
            surrogate_locale: str = "en_US",
            cache_size: int = 4096,
            name: str | None = None,
        ) -> None: ...

    @field_validator("detector", mode="before")
    @classmethod
    def _read_detector(cls, detector: Detector | DetectorFunction | None) -> Detector | None:
        try:
            return None if detector is None else as_detector(detector)
        except TypeError as error:
            raise ValueError(*error.args) from None

    @field_validator("policies", mode="before")
    @classmethod
    def _read_policies(cls, policies: Mapping[str, Policy | Action]) -> dict[str, Policy]:
        read = {
            entity_type_name(name): Policy(policy) if isinstance(policy, str) else policy
            for name, policy in policies.items()
        }
        if len(read) < len(policies):
            raise ValueError("an entity type is named twice, in two spellings")
        return read

    @field_validator("default_policy", mode="before")
    @classmethod
    def _read_policy(cls, policy: Policy | Action) -> Policy:
        return Policy(policy) if isinstance(policy, str) else policy

    @field_validator("hidden_names", "allowed_names", mode="after")
    @classmethod
    def _read_names(cls, names: tuple[str, ...]) -> tuple[str, ...]:
        if not all(name.strip() for name in names):
            raise ValueError("a name must not be empty")
        return names

    def model_post_init(self, context: Any, /) -> None:
        """Build what hides: once, from options that do not change."""
        super().model_post_init(context)
        finder = Finder(
            as_detector(self.detector) if self.detector is not None else self._default_detector(),
            self._policy_of,
            entity_types=self.entity_types,
            threshold=self.threshold,
            hidden_names=self.hidden_names,
            allowed_names=self.allowed_names,
            cache_size=self.cache_size,
            named_types=self.policies,
        )
        actions = {policy.action for policy in (self.default_policy, *self.policies.values())}
        surrogates = Surrogates(self.surrogate_locale) if "surrogate" in actions else None
        self._hider = Hider(
            finder,
            self._policy_of,
            form=self.form,
            surrogates=surrogates,
            cache_size=self.cache_size,
            link_names=self.link_names,
        )

    def _default_detector(self) -> Detector:
        from langchain_secguard.detect.embedded import EmbeddedDetector  # noqa: PLC0415 - not loaded when not used

        known = EmbeddedDetector.ENTITY_TYPES | {CUSTOM}
        unknown = sorted({*self.policies, *(self.entity_types or ())} - known)
        if unknown:
            raise ValueError(
                f"the embedded detector does not find {', '.join(unknown)}; "
                f"it finds {', '.join(sorted(known))}"
            )
        return EmbeddedDetector(
            entity_types=None if self.entity_types is None else self.entity_types - {CUSTOM}
        )

    def _policy_of(self, entity_type: str) -> Policy:
        return self.policies.get(entity_type, self.default_policy)

    def invoke(self, input: Any, config: RunnableConfig | None = None, **kwargs: Any) -> Any:
        """Hide what is personal in ``input``, and return the same shape."""
        return self._call_with_config(self._anonymize, input, config, **kwargs)

    async def ainvoke(self, input: Any, config: RunnableConfig | None = None, **kwargs: Any) -> Any:
        """Do what :meth:`invoke` does; detection runs in a worker thread."""
        return await self._acall_with_config(self._aanonymize, input, config, **kwargs)

    @signed
    def _anonymize(self, value: Any, run_manager: CallbackManagerForChainRun, config: RunnableConfig) -> Any:
        call = _Call(self.form, self._hider)
        try:
            vault = call.vault = self._vault_of(config)
            plan = self._hider.hide(self._leaves(value), vault, call.found)
            call.hidden = drive(plan, partial(self._perform, vault))
            written = self._written(value, call.hidden)
        except BaseException as error:
            announce(run_manager, partial(call.failed, error))
            raise
        announce(run_manager, call.done)
        return written

    @signed
    async def _aanonymize(
        self, value: Any, run_manager: AsyncCallbackManagerForChainRun, config: RunnableConfig
    ) -> Any:
        call = _Call(self.form, self._hider)
        try:
            vault = call.vault = self._vault_of(config)
            plan = self._hider.hide(self._leaves(value), vault, call.found)
            call.hidden = await adrive(plan, partial(self._aperform, vault))
            written = self._written(value, call.hidden)
        except BaseException as error:
            await aannounce(run_manager, partial(call.failed, error))
            raise
        await aannounce(run_manager, call.done)
        return written

    def _perform(self, vault: Vault, step: Step) -> Any:
        if isinstance(step, Detect):
            return self._hider.finder.read(step.texts)
        return vault.assign(step.entities, step.texts) if isinstance(step, Assign) else vault.surrogates()

    async def _aperform(self, vault: Vault, step: Step) -> Any:
        if isinstance(step, Detect):
            return await self._hider.finder.aread(step.texts)
        if isinstance(step, Assign):
            return await vault.aassign(step.entities, step.texts)
        return await vault.asurrogates()

    def _leaves(self, value: Any) -> list[Leaf]:
        leaves: list[Leaf] = []

        def take(text: str, kind: Kind) -> str:
            leaves.append((text, kind))
            return text

        def take_edits(text: str, kind: Kind) -> Sequence[Edit]:
            leaves.append((text, kind))
            return ()

        self._rewrite(value, take, take_edits)
        return leaves

    def _written(self, value: Any, hidden: Hidden) -> Any:
        new = self._rewrite(value, hidden.text, lambda text, kind: hidden.edits[text, kind])
        return _with_preamble(new, self.preamble) if self.preamble and hidden.counts else new

    def _rewrite(self, value: Any, visit: Visit, edits_of: EditsOf) -> Any:
        allow = self.allow_unscanned
        as_json = partial(edit_arguments, edits_of=edits_of, allow=allow)
        return rewrite(value, visit, allow=allow, keys=self.keys, visit_json=as_json)


class _Call:
    """Gather what one call does, for who listens."""

    __slots__ = ("_form", "_hider", "_started", "found", "hidden", "vault")

    def __init__(self, form: Form, hider: Hider) -> None:
        self.vault: Vault | None = None
        self.found: dict[str, Page] = {}
        self.hidden: Hidden | None = None
        self._form = form
        self._hider = hider
        self._started = time.perf_counter()

    def done(self) -> Ending:
        """Tell of a call that hid what it found."""
        hidden = self.hidden
        assert hidden is not None  # noqa: S101 - it is what the call has done
        report = {
            "entities": dict(hidden.counts),
            "risk": risk(self.found),
            "cached": hidden.cached,
            "read": hidden.read,
        }
        return self._ending(ANONYMIZED, report)

    def failed(self, error: BaseException) -> Ending:
        """Tell of a call that sent nothing."""
        if isinstance(error, BlockedError):
            return self._ending(BLOCKED, {"scores": dict(error.scores)})
        return self._ending(FAILED, {"error": type(error).__name__}, failed=self.hidden is None)

    def _ending(self, name: str, data: Mapping[str, object], *, failed: bool = False) -> Ending:
        about = {
            "step": Anonymizer.__name__,
            "engine": self._hider.finder.engine,
            "seconds": time.perf_counter() - self._started,
            "vault_id": self.vault.vault_id if self.vault else None,
        }
        return Ending(name, {**data, **about}, Sight(self.vault, self._form, self._values, failed=failed))

    def _values(self) -> dict[str, str]:
        return labels(self.found) | (self.hidden.values() if self.hidden else {})


def _with_preamble(value: Any, preamble: str) -> Any:
    """Put ``preamble`` before a text, or in a system message of its own before messages."""
    if isinstance(value, str):
        return preamble + value
    if isinstance(value, StringPromptValue):
        return value.model_copy(update={"text": preamble + value.text})
    if isinstance(value, ChatPromptValue):
        return value.model_copy(update={"messages": [SystemMessage(preamble), *value.messages]})
    if isinstance(value, list) and value and all(isinstance(item, BaseMessage) for item in value):
        return [SystemMessage(preamble), *value]
    raise UnsupportedContentError(
        f"A preamble cannot be put into a {type(value).__name__}; write it into the prompt instead."
    )
