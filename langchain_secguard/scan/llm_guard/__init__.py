"""LLM Guard's scanners: https://protectai.github.io/llm-guard. Imported when one is made."""

from langchain_secguard.scan.llm_guard.scanner import LLMGuardScanner

__all__ = ["LLMGuardScanner"]
