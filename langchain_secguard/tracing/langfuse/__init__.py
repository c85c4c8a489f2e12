"""Langfuse: its handler for LangChain, its client, and all that is between a run and its span."""
