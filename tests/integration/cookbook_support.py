"""The recipes of examples/cookbook, as modules."""

import importlib
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType

from langchain_core.language_models import FakeListChatModel
from langchain_core.messages import BaseMessage

FOLDER = Path(__file__).parents[2] / "examples" / "cookbook"
RECIPES = sorted(path.stem for path in FOLDER.glob("*.py") if path.stem != "kitchen")
UNSAFE = "This is not child safe, please request another topic"
INAPPROPRIATE = "This is not an appropriate query. Please reformulate your question or comment."


@contextmanager
def recipes() -> Iterator[None]:
    """Let the recipes be imported, as they are where one of them is run."""
    kept = set(sys.modules)
    sys.path.insert(0, str(FOLDER))
    try:
        yield
    finally:
        sys.path.remove(str(FOLDER))
        for name in set(sys.modules) - kept:
            if (
                getattr(sys.modules[name], "__file__", None)
                and Path(str(sys.modules[name].__file__)).parent == FOLDER
            ):
                del sys.modules[name]


def recipe(name: str) -> ModuleType:
    """Import a recipe."""
    return importlib.import_module(name)


class Listening(FakeListChatModel):
    """Give prepared answers, and remember what it was asked."""

    asked: list[str] = []  # noqa: RUF012 - a field, of which pydantic makes one for each

    def _call(self, messages: list[BaseMessage], *args: object, **options: object) -> str:
        self.asked.append("\n".join(message.text for message in messages))
        return super()._call(messages)
