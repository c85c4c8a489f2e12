"""Measure langchain-secguard against its peers."""
