"""Keep texts out of the log: Langfuse's handler writes the messages of errors there, with all they hold."""

import logging
import threading
from collections.abc import Iterator
from contextlib import contextmanager

log = logging.getLogger("langchain_secguard.tracing")

_LOGGER = logging.getLogger("langfuse")


class _Filter(logging.Filter):
    """Cut down what is logged in a quiet block to the name of the error's class."""

    def __init__(self) -> None:
        super().__init__()
        self.here = threading.local()

    def filter(self, record: logging.LogRecord) -> bool:
        """Rewrite a record that holds an exception."""
        if getattr(self.here, "drop", False):
            return False
        if getattr(self.here, "depth", 0) and record.exc_info:
            name = getattr(record.exc_info[0], "__name__", "an error")
            record.msg, record.args = "A callback of Langfuse's handler failed: %s.", (name,)
            record.exc_info = record.exc_text = record.stack_info = None
        return True


_filter = _Filter()
_LOGGER.addFilter(_filter)


@contextmanager
def safely(failure: str) -> Iterator[None]:
    """Log what fails in the block, by the name of its class alone: a tracer must not fail a chain.

    Args:
        failure: What to say, with a place for the name.
    """
    try:
        yield
    except Exception as error:  # noqa: BLE001 - whatever it is, its message may hold a text
        log.error(failure, type(error).__name__)  # noqa: TRY400 - a traceback would hold the message


@contextmanager
def quiet(*, drop: bool = False) -> Iterator[None]:
    """Let what this thread logs to Langfuse's logger hold no text; with ``drop``, let it log nothing."""
    here = _filter.here
    before = getattr(here, "depth", 0), getattr(here, "drop", False)
    here.depth, here.drop = before[0] + 1, before[1] or drop
    try:
        yield
    finally:
        here.depth, here.drop = before
