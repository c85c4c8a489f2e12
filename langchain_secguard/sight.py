"""What a step shows tracers of its own process: the values that it saw, by the id of its run.

Events hold no text, since whoever streams a chain's events may hand them on. A tracer that masks texts needs
the values all the same: it takes the :class:`Sight` of a run while it hears the run's event, and keeps it as
long as it has texts of the run to mask, and settles it when they are masked. Nothing is kept alive from here.
"""

import re
import threading
import weakref
from collections.abc import Callable, Mapping
from uuid import UUID

from langchain_secguard.placeholders import Form
from langchain_secguard.vault import Vault


class Sight:
    """Hold what a step saw in one run.

    Args:
        vault: The vault of the run; ``None`` where the config named none.
        form: Writes the placeholders of the run.
        values: Makes :attr:`values`; it is called only if somebody asks.
        failed: Detection or the store failed, so that what is personal in the run's texts is not known.
    """

    __slots__ = ("__weakref__", "_ended", "_values", "failed", "form", "vault")

    def __init__(
        self,
        vault: Vault | None,
        form: Form,
        values: Callable[[], Mapping[str, str]] = dict,
        *,
        failed: bool = False,
    ) -> None:
        self.vault = vault
        self.form = form
        self.failed = failed
        self._values = values
        self._ended = False

    @property
    def values(self) -> Mapping[str, str]:
        """Each value that the step hid or restored so far, and what stands for it in a text that is sent.

        That is its placeholder, also where a surrogate is sent, or else a label, a mask or a hash; a label
        where the run was refused.
        """
        return self._values()

    def end(self) -> None:
        """Say that the step has ended, and that the values are all there."""
        self._ended = True

    def settle(self) -> None:
        """Keep the values alone, and let go of the step and of the texts that it read, if it has ended."""
        if self._ended:
            self._values = dict(self._values()).copy

    def __repr__(self) -> str:
        return f"Sight({self.vault!r}, failed={self.failed})"


_SIGHTS: weakref.WeakValueDictionary[UUID, Sight] = weakref.WeakValueDictionary()
_NAMES: weakref.WeakKeyDictionary[object, re.Pattern[str]] = weakref.WeakKeyDictionary()
_LOCK = threading.Lock()


def show(run_id: UUID, sight: Sight) -> None:
    """Let tracers see ``sight`` as long as the caller, or one of them, keeps it."""
    with _LOCK:
        _SIGHTS[run_id] = sight


def sight_of(run_id: UUID) -> Sight | None:
    """Return what the step of a run saw: while its event is heard, and, of a stream, while it is open."""
    with _LOCK:
        return _SIGHTS.get(run_id)


def show_names(owner: object, names: re.Pattern[str]) -> None:
    """Let tracers see which names are always hidden, as long as ``owner`` lives."""
    with _LOCK:
        _NAMES[owner] = names


def hidden_names() -> list[re.Pattern[str]]:
    """Return the patterns of the names that some step of this process always hides."""
    with _LOCK:
        return list(dict.fromkeys(_NAMES.values()))
