"""Guards: what lets a prompt or an answer pass, or refuses it, whole or while it streams."""

from langchain_secguard.guard.call import Passage
from langchain_secguard.guard.guarded import Guarded
from langchain_secguard.guard.step import Guard

__all__ = ["Guard", "Guarded", "Passage"]
