"""A scanner from a plain function, such as a rule of the house or a web service's."""

import asyncio
import inspect
from collections.abc import Awaitable, Callable
from typing import Any, TypeAlias

from langchain_secguard.errors import ScannerError
from langchain_secguard.scan.base import ScanResult, Sees
from langchain_secguard.scan.named import NamedScanner, checked_threshold
from langchain_secguard.scan.threads import to_thread

Verdict: TypeAlias = ScanResult | bool | float
"""A result; whether the text may pass; or its risk, from 0 to 1."""

ScannerFunction: TypeAlias = Callable[..., Verdict] | Callable[..., Awaitable[Verdict]]
"""Take a text, and ``prompt=`` too if it has such a parameter, and give a verdict."""


class FunctionScanner(NamedScanner):
    """Scan by a function: ``(text) -> bool | float | ScanResult``, or ``(text, prompt) -> ...``.

    ``True`` lets the text pass (risk 0), ``False`` refuses it (risk 1). A number is the risk, and the text
    passes below ``threshold``. A plain function runs in a worker thread when it is awaited; an ``async def``
    function runs on a loop of its own when it is not.

    Example:
        .. code-block:: python

            def no_shouting(text: str) -> float:
                return sum(map(str.isupper, text)) / max(len(text), 1)

            guard = Guard([FunctionScanner(no_shouting, threshold=0.6)])

    Args:
        function: Says of a text whether it may pass.
        name: The scanner's name; the function's by default.
        threshold: The risk from which a text is refused, from 0 to 1.
        sanitizes: The function may give a :class:`ScanResult` with another text.
        sees: The form of the text that it is shown where both exist.

    Raises:
        TypeError: ``function`` cannot be called.
        ValueError: ``threshold`` is not from 0 to 1.
    """

    def __init__(
        self,
        function: ScannerFunction,
        *,
        name: str | None = None,
        threshold: float = 0.5,
        sanitizes: bool = False,
        sees: Sees = "values",
    ) -> None:
        if not callable(function) or isinstance(function, type):
            raise TypeError("FunctionScanner takes a function of a text")
        self._function: Callable[..., Any] = function
        super().__init__(name=name or str(getattr(function, "__name__", type(function).__name__)), sees=sees)
        self._threshold = checked_threshold(threshold)
        self._takes_prompt = _takes_prompt(function)
        self._is_async = any(map(inspect.iscoroutinefunction, (function, type(function).__call__)))
        self.sanitizes = sanitizes

    def scan(self, text: str, *, prompt: str | None = None) -> ScanResult:
        """Call the function.

        Raises:
            ScannerError: It gave what is no verdict; or it is async, and this was called on a running event
                loop, where only :meth:`ascan` can wait for it.
        """
        if not self._is_async:
            return self._result(text, self._called(text, prompt))
        try:
            asyncio.get_running_loop()
        except RuntimeError:
            return asyncio.run(self.ascan(text, prompt=prompt))
        raise ScannerError(
            f"{self._name} is async, and an event loop runs here already: "
            "call the chain with ainvoke or astream."
        )

    async def ascan(self, text: str, *, prompt: str | None = None) -> ScanResult:
        """Do what :meth:`scan` does, without blocking the event loop."""
        if self._is_async:
            return self._result(text, await self._called(text, prompt))
        return self._result(text, await to_thread(self._called, text, prompt))

    def _called(self, text: str, prompt: str | None) -> Any:
        return self._function(text, prompt=prompt) if self._takes_prompt else self._function(text)

    def _result(self, text: str, verdict: Any) -> ScanResult:
        if isinstance(verdict, ScanResult):
            return verdict
        if isinstance(verdict, bool):
            return ScanResult(name=self._name, text=text, valid=verdict, risk_score=0.0 if verdict else 1.0)
        if isinstance(verdict, int | float) and 0 <= verdict <= 1:
            risk = float(verdict)
            return ScanResult(name=self._name, text=text, valid=risk < self._threshold, risk_score=risk)
        raise ScannerError(
            f"the function of {self._name} gave a {type(verdict).__name__}; "
            "it takes a text and gives True, False, a risk from 0 to 1, or a ScanResult."
        )


def _takes_prompt(function: Callable[..., Any]) -> bool:
    try:
        parameters = inspect.signature(function).parameters
    except (TypeError, ValueError):
        return False
    return "prompt" in parameters
