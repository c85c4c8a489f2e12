"""What a Runnable around another has in common with it: what goes in, and what comes out."""

from abc import abstractmethod
from typing import Any

from langchain_core.runnables import Runnable, RunnableConfig


class Wrapper(Runnable[Any, Any]):
    """Have the types and schemas of the Runnable that this is put around."""

    @abstractmethod
    def _wrapped(self) -> Runnable[Any, Any]:
        """Return what this is put around."""

    @property
    def InputType(self) -> Any:  # noqa: N802 - the name is LangChain's
        """The shapes that the wrapped Runnable takes."""
        return self._wrapped().InputType

    @property
    def OutputType(self) -> Any:  # noqa: N802 - the name is LangChain's
        """The shapes that the wrapped Runnable gives."""
        return self._wrapped().OutputType

    def get_input_schema(self, config: RunnableConfig | None = None) -> type[Any]:
        """Return the wrapped Runnable's: its prompt's variables, for instance."""
        return self._wrapped().get_input_schema(config)

    def get_output_schema(self, config: RunnableConfig | None = None) -> type[Any]:
        """Return the wrapped Runnable's."""
        return self._wrapped().get_output_schema(config)
