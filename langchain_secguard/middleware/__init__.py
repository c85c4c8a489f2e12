"""Middleware for LangChain's agents, and what protects any graph of LangGraph."""

from langchain_secguard.middleware.agent import ProtectedAgent, protect_agent
from langchain_secguard.middleware.anonymize import AnonymizeMiddleware
from langchain_secguard.middleware.guard import GuardMiddleware
from langchain_secguard.middleware.tools import areveal, reveal

__all__ = ["AnonymizeMiddleware", "GuardMiddleware", "ProtectedAgent", "areveal", "protect_agent", "reveal"]
