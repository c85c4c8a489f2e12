"""What the embedded scanners share: they compute, ask nobody, and leave the event loop free."""

from abc import ABC, abstractmethod

from langchain_secguard.scan.base import ScanResult, Sees
from langchain_secguard.scan.named import NamedScanner
from langchain_secguard.scan.threads import to_thread

_LONG = 20_000
"""Texts longer than this many characters are scanned in a worker thread when they are awaited."""


class LocalScanner(NamedScanner, ABC):
    """Scan on this machine, in this process.

    Args:
        name: The scanner's name; unique within a guard.
        sees: The form of the text that it is shown where both exist.
    """

    engine = "embedded"

    def __init__(self, *, name: str, sees: Sees = "values") -> None:
        super().__init__(name=name, sees=sees)

    @abstractmethod
    def scan(self, text: str, *, prompt: str | None = None) -> ScanResult:
        """Scan ``text``."""

    async def ascan(self, text: str, *, prompt: str | None = None) -> ScanResult:
        """Do what :meth:`scan` does; a long text is scanned in a worker thread."""
        if len(text) > _LONG:
            return await to_thread(self.scan, text, prompt=prompt)
        return self.scan(text, prompt=prompt)

    def _result(
        self, text: str, *, valid: bool, risk: float, details: dict[str, float] | None = None
    ) -> ScanResult:
        return ScanResult(
            name=self._name, text=text, valid=valid, risk_score=min(1.0, risk), details=details or {}
        )
