"""What runs for minutes, and is bounded: fuzzers, a state machine, a load, and cancellation at every await.

``make soak`` runs it, and it is no part of ``make test``. See ``python -m tests.soak --help``.
"""
