"""Measure langchain-secguard against its peers."""

import os

# The threads of a BLAS wait for one another, and on a machine that is shared they wait for long.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
