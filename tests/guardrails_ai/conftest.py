"""Tests of Guardrails AI, in an environment of its own (`make test-guardrails-ai`): it needs openai 2."""

import os
import warnings
from importlib import import_module
from importlib.util import find_spec

collect_ignore_glob = [] if find_spec("guardrails") else ["test_*.py"]

if find_spec("guardrails"):
    os.environ["LITELLM_LOCAL_MODEL_COST_MAP"] = "True"  # which it imports, and which would fetch prices
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # its own use of what is outdated
        import_module("guardrails")
