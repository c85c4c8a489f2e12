"""Whom an answer names: wrong persons, lost values, bent texts and leaked characters, over us and our peers.

Each peer runs in a process of its own (``benchmarks/peers``) and is told what to hide and what to restore.
All are given the same detector, a list of regular expressions: restoring is measured here, not detection.
"""
