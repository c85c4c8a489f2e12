"""What a guard is told: its scanners, and what is done when one of them refuses."""

from collections.abc import Sequence
from typing import Annotated, Any, Literal, Self

from langchain_core.messages import BaseMessage
from langchain_core.runnables import Runnable
from langchain_core.runnables.base import coerce_to_runnable
from pydantic import Field, PrivateAttr, field_validator, model_validator

from langchain_secguard.blocks import Unscanned
from langchain_secguard.guard.call import Leaves
from langchain_secguard.scan.base import Scanner, Sees, sanitizes, sees
from langchain_secguard.scan.function import FunctionScanner
from langchain_secguard.scan.panel import Panel
from langchain_secguard.steps import FrozenStep

Seconds = Annotated[float, Field(gt=0, allow_inf_nan=False)]


class GuardOptions(FrozenStep):
    """Hold the options of a guard, and what is made of them once."""

    scanners: tuple[Any, ...] = Field(min_length=1)
    on_fail: Any = "raise"
    timeout: Seconds | dict[str, Seconds | None] | None = 10.0
    fail_open: frozenset[str] = frozenset()
    thresholds: dict[str, Annotated[float, Field(ge=0, le=1)]] = Field(default_factory=dict)
    keys: tuple[str, ...] | None = None
    prompt_key: str | None = None
    allow_unscanned: frozenset[Unscanned] = frozenset()
    streaming: Literal["hold", "sentences"] = "hold"
    context: int = Field(default=400, ge=0)
    concurrent: bool = False
    cache_size: int = Field(default=4096, ge=0)

    _panel: Panel = PrivateAttr()
    _leaves: Leaves = PrivateAttr()

    @field_validator("scanners", mode="before")
    @classmethod
    def _read_scanners(cls, scanners: Any) -> tuple[Scanner, ...]:
        if isinstance(scanners, str) or not isinstance(scanners, Sequence):
            raise ValueError("scanners must be a list of scanners")  # noqa: TRY004 - pydantic's way
        read = tuple(map(_scanner, scanners))
        names = [scanner.name for scanner in read]
        if len(set(names)) < len(names):
            raise ValueError("two scanners have the same name; give one of them another with name=...")
        return read

    @field_validator("on_fail", mode="before")
    @classmethod
    def _read_on_fail(cls, on_fail: Any) -> Any:
        if isinstance(on_fail, str) and on_fail.strip():
            return on_fail
        if isinstance(on_fail, BaseMessage | Runnable):
            return on_fail
        if callable(on_fail):
            return coerce_to_runnable(on_fail)
        raise ValueError('on_fail must be "raise", "monitor", a refusal (a text or a message) or a Runnable')

    @model_validator(mode="after")
    def _check_names(self) -> Self:
        known = {scanner.name for scanner in self.scanners}
        timeouts = self.timeout if isinstance(self.timeout, dict) else {}
        unknown = sorted({*timeouts, *self.fail_open, *self.thresholds} - known)
        if unknown:
            raise ValueError(
                f"no scanner is called {', '.join(unknown)}; there is {', '.join(sorted(known))}"
            )
        if self.concurrent and any(map(sanitizes, self.scanners)):
            raise ValueError("a scanner that sanitizes cannot run while the model reads what it sanitizes")
        return self

    def model_post_init(self, context: Any, /) -> None:
        """Put the scanners together, once."""
        super().model_post_init(context)
        names = [scanner.name for scanner in self.scanners]
        given = self.timeout if isinstance(self.timeout, dict) else dict.fromkeys(names, self.timeout)
        self._panel = Panel(
            self.scanners,
            timeouts=dict.fromkeys(names, 10.0) | given,
            thresholds=self.thresholds,
            lenient=names if self.on_fail == "monitor" else self.fail_open,
            cache_size=self.cache_size,
        )
        self._leaves = Leaves(self.keys, self.prompt_key, self.allow_unscanned)

    @property
    def answers(self) -> bool:
        """Whether a refused call is answered, by a refusal or a Runnable, and goes no further."""
        return not (isinstance(self.on_fail, str) and self.on_fail in ("raise", "monitor"))

    def seeing(self, form: Sees) -> Self | None:
        """Return the guard with those scanners alone that are to be shown this form of a text."""
        scanners = [scanner for scanner in self.scanners if sees(scanner) == form]
        if len(scanners) == len(self.scanners):
            return self
        if not scanners:
            return None
        names = {scanner.name for scanner in scanners}
        update: dict[str, Any] = {"scanners": scanners, "fail_open": self.fail_open & names}
        update["thresholds"] = {name: risk for name, risk in self.thresholds.items() if name in names}
        if isinstance(self.timeout, dict):
            update["timeout"] = {name: limit for name, limit in self.timeout.items() if name in names}
        return self.model_copy(update=update)


def _scanner(scanner: Any) -> Scanner:
    if isinstance(scanner, Scanner) and not isinstance(scanner, type):
        return scanner
    if callable(scanner) and not isinstance(scanner, type):
        return FunctionScanner(scanner)
    raise ValueError(f"a {type(scanner).__name__} is no scanner: it has no name, scan and ascan")
