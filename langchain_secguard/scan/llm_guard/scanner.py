"""A scanner from one of LLM Guard's, of prompts or of answers."""

import inspect
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Any, NamedTuple, Self
from weakref import WeakKeyDictionary

from langchain_secguard.detect.windowed import well_formed
from langchain_secguard.errors import ScannerError
from langchain_secguard.scan.base import ScanResult, Sees
from langchain_secguard.scan.llm_guard import loading, secrets
from langchain_secguard.scan.llm_guard.links import that_knows_the_network
from langchain_secguard.scan.llm_guard.long import Cutter, own_tokenizer
from langchain_secguard.scan.llm_guard.numbers import that_counts
from langchain_secguard.scan.llm_guard.quiet import quiet, watch
from langchain_secguard.scan.llm_guard.risk import details_of, risk_of
from langchain_secguard.scan.llm_guard.sensitive import silenced, that_asks_nobody
from langchain_secguard.scan.llm_guard.traits import (
    Traits,
    core_of,
    kind_of_class,
    splits_sentences,
    traits_of,
)
from langchain_secguard.scan.named import NamedScanner, checked_threshold
from langchain_secguard.scan.threads import to_thread

_ROUNDS = 8
"""How many times a text is redacted until its scanner finds nothing more."""

_locks: WeakKeyDictionary[Any, threading.Lock] = WeakKeyDictionary()
_locking = threading.Lock()


class _Verdict(NamedTuple):
    text: str
    valid: bool
    risk: float


class LLMGuardScanner(NamedScanner):
    """Scan with a scanner of LLM Guard, of prompts or of answers, or with one that is called as these are.

    What LLM Guard's own functions leave to their caller is done here: long texts are read to their end, where
    its models read the first 128 or 512 tokens; what it redacts is redacted wherever it stands; its logs,
    which quote texts, keep silent while it scans for us; and one scanner serves all threads. A model is run
    by one thread at a time, since its tokenizer is not made for several; make one scanner for each where
    that is too slow.

    Example:
        .. code-block:: python

            from llm_guard.input_scanners import PromptInjection, Secrets, Toxicity

            injection = LLMGuardScanner(lambda: PromptInjection(threshold=0.8))
            secrets = LLMGuardScanner(Secrets, pass_sanitized=True)
            guard = Guard([LLMGuardScanner(Toxicity), injection, secrets])

    Args:
        scanner: A scanner; or, better, its class or a function without arguments that makes it. What is made
            here loads its models from this machine's cache or from a folder, asks the network only for what
            is not there, waits for no server that does not answer, and needs no spaCy package. LLM Guard's
            own ways may hang, or end the process, before we are asked.
        name: The scanner's name; by default that of its class, such as ``"Toxicity"``.
        threshold: Refuse from this risk on, whatever LLM Guard says, which refuses above its own threshold;
            by default what it says counts. The risk is 0 at its threshold, so that 0.4 is well above it.
        pass_sanitized: Let a text pass in which all that was found is redacted, cut off or taken away.
        sanitizes: Whether what it makes of a text goes on, by default where it makes something else of it.
            With ``False`` its verdict alone counts, and it runs beside others.
        sees: The form of the text that it is shown where both exist; by default the placeholders for
            ``Sensitive``, since values that the user gets back are no leak, and for ``URLReachability``,
            which calls whatever an answer links to; for all others what was really written.
        download: Whether models and data that are not on this machine may be downloaded while it is made.

    Raises:
        ScannerError: What it needs is not there and cannot be had; the message tells how to supply it.
        ImportError: LLM Guard is not installed, or a package that an option of it needs is not.
        TypeError: ``scanner`` is none; or it is ``Anonymize`` or ``Deanonymize``, whose work the pair
            ``Anonymizer`` and ``Deanonymizer`` does.
        ValueError: ``threshold`` is not from 0 to 1.
    """

    engine = "LLM Guard"

    def __init__(
        self,
        scanner: Any,
        *,
        name: str | None = None,
        threshold: float | None = None,
        pass_sanitized: bool = False,
        sanitizes: bool | None = None,
        sees: Sees | None = None,
        download: bool = True,
    ) -> None:
        self._threshold = checked_threshold(threshold) if threshold is not None else None
        _refuse_pair(scanner)
        if isinstance(scanner, type) or (callable(scanner) and not hasattr(scanner, "scan")):
            scanner = loading.made(scanner, download=download)
            _refuse_pair(scanner)
        self._traits = traits_of(scanner, takes_prompt=_takes_prompt(scanner))
        self._core = core_of(scanner)
        if splits_sentences(self._core):
            loading.require_nltk("punkt_tab", download=download)
        self._call = _prepared(scanner, self._traits)
        super().__init__(name=name or type(scanner).__name__, sees=sees or self._traits.sees)
        self._class = type(scanner).__name__
        self._pass_sanitized = pass_sanitized
        self.sanitizes = self._traits.sanitizes if sanitizes is None else sanitizes
        self._lock = _lock_of(self._core, self._traits)
        self._cutter = Cutter(self._core)
        watch()

    @classmethod
    def from_list(cls, scanners: Iterable[Any], **options: Any) -> list[Self]:
        """Adapt each of ``scanners``, with the same options; names that come twice are numbered."""
        adapted: list[Self] = []
        for scanner in scanners:
            one = cls(scanner, **options)
            taken = {other.name for other in adapted}
            numbers = (f"{one.name}_{number}" for number in range(2, len(adapted) + 3))
            one._name = next(name for name in (one.name, *numbers) if name not in taken)
            adapted.append(one)
        return adapted

    def __repr__(self) -> str:
        return f"LLMGuardScanner({self._class}, name={self._name!r})"

    def scan(self, text: str, *, prompt: str | None = None) -> ScanResult:
        """Scan ``text``; ``details`` has the scores by topic or by kind of toxicity, where there are several.

        Raises:
            ScannerError: It failed, or compares an answer with its prompt and was given none. The error names
                no text.
        """
        if prompt is None and self._traits.needs_prompt:
            raise ScannerError(
                f"{self._name} compares an answer with its prompt, and was given none: "
                "use it in a guard that knows the prompt, such as protect(model, output_guards=[...])."
            )
        failure: ScannerError
        try:
            with quiet() as heard, self._alone():
                verdict = self._verdict(text, prompt or "")
            details = details_of(self._traits.kind, heard)
        except ScannerError as error:
            error.__cause__ = error.__context__ = None
            failure = error
        except (Exception, SystemExit) as error:  # noqa: BLE001 - whatever it is, its message may hold the text
            failure = ScannerError(
                f"LLM Guard's {self._class} failed with {type(error).__name__}; the text counts as refused. "
                "Run it alone to see why."
            )
        else:
            return ScanResult(
                name=self._name,
                text=verdict.text if self.sanitizes else text,
                valid=verdict.valid,
                risk_score=verdict.risk,
                details=details,
            )
        raise failure

    async def ascan(self, text: str, *, prompt: str | None = None) -> ScanResult:
        """Do what :meth:`scan` does, in a worker thread."""
        return await to_thread(self.scan, text, prompt=prompt)

    @contextmanager
    def _alone(self) -> Iterator[None]:
        with self._lock, _surroundings(self._traits, self._core):
            yield

    def _verdict(self, text: str, prompt: str) -> _Verdict:
        readable = well_formed(text)
        verdict = self._read(readable, prompt)
        if verdict.text == readable:
            return verdict._replace(text=text)
        if verdict.valid or not self._traits.sanitizes:
            return verdict
        whole, clean = self._redacted(verdict.text, prompt)
        return _Verdict(whole, clean and self._pass_sanitized and self.sanitizes, verdict.risk)

    def _redacted(self, text: str, prompt: str) -> tuple[str, bool]:
        """Redact what is left; tell whether nothing is."""
        if not self._traits.leaves_some:
            return text, True
        longest = 2 * len(text) + 1_000
        for _ in range(_ROUNDS):
            again = self._read(text, prompt)
            if again.valid:
                return text, True
            if again.text == text or len(again.text) > longest:
                break
            text = again.text
        return text, False

    def _read(self, text: str, prompt: str) -> _Verdict:
        """Read a text of any length."""
        if self._traits.kind == "BanCompetitors":
            parts = [self._once(part, prompt) for part in self._cutter.adjoining(text)]
            whole = "".join(part.text for part in parts)
        else:
            cut = self._cutter.overlapping(text) if self._traits.cuts else [text]
            # The prompt that Bias reads before an answer would take the place of the answer's parts.
            parts = [self._once(part, prompt if part is cut[0] else "") for part in cut]
            whole = parts[0].text if len(parts) == 1 else text
        return _Verdict(whole, all(part.valid for part in parts), max(part.risk for part in parts))

    def _once(self, text: str, prompt: str) -> _Verdict:
        given = self._call(prompt, text) if self._traits.takes_prompt else self._call(text)
        if not (isinstance(given, tuple) and len(given) == 3 and isinstance(given[0], str)):
            raise ScannerError(f"{self._class} gave what is no verdict of LLM Guard: (text, valid, risk)")
        sanitized, valid, risk = given[0], bool(given[1]), given[2]
        risk = risk_of(self._traits.kind, self._core, risk, valid=valid)
        if not text.strip() or not self._traits.sanitizes:
            sanitized = text  # two scanners of answers give the prompt back for an answer that is empty
        return _Verdict(sanitized, valid if self._threshold is None else risk < self._threshold, risk)


def _refuse_pair(scanner: Any) -> None:
    kind = kind_of_class(scanner if isinstance(scanner, type) else type(scanner))
    if kind in ("Anonymize", "Deanonymize"):
        step = f"{kind}r"
        raise TypeError(
            f"LLM Guard's {kind} is no scanner here: use langchain_secguard.{step}, a step of the chain, "
            "which takes its options and finds what it finds with detector=LLMGuardDetector(...)."
        )


def _takes_prompt(scanner: Any) -> bool:
    """Tell a scanner of answers, ``scan(prompt, output)``, from one of prompts, ``scan(prompt)``.

    Raises:
        TypeError: It is none of these.
    """
    scan = getattr(scanner, "scan", None)
    if not callable(scan):
        raise TypeError(f"{type(scanner).__name__} is no scanner of LLM Guard: it has no scan(prompt)")
    signature = inspect.signature(scan)
    for takes_prompt, given in ((False, ("text",)), (True, ("prompt", "text"))):
        try:
            signature.bind(*given)
        except TypeError:
            continue
        return takes_prompt
    raise TypeError(
        f"{type(scanner).__name__} is no scanner of LLM Guard: "
        "its scan takes neither (prompt) nor (prompt, output)"
    )


def _prepared(scanner: Any, traits: Traits) -> Callable[..., Any]:
    """Return the function to call, of a copy where it must be mended."""
    if traits.kind == "URLReachability":
        scanner = that_knows_the_network(scanner)
    elif traits.kind == "Sensitive":
        scanner = that_asks_nobody(scanner)
    elif traits.kind:
        scanner = that_counts(scanner)
    scan: Callable[..., Any] = scanner.scan
    return scan


def _lock_of(core: Any, traits: Traits) -> AbstractContextManager[Any]:
    """Return the lock of what does the work, one for all that adapt it."""
    if traits.stateless or traits.kind == "Secrets":
        return nullcontext()
    with _locking:
        try:
            return _locks.setdefault(core, threading.Lock())
        except TypeError:  # it cannot be hashed or referred to
            return threading.Lock()


def _surroundings(traits: Traits, core: Any) -> AbstractContextManager[Any]:
    """Return what must be around a call of some scanners."""
    if traits.kind == "Secrets":
        return secrets.mended()
    if traits.kind == "Sensitive":
        return silenced()
    return own_tokenizer(core) if traits.kind == "PromptInjection" else nullcontext()
