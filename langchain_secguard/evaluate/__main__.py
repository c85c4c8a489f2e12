"""Run the command; ``python -m langchain_secguard.evaluate --help`` describes it."""

import sys

from langchain_secguard.evaluate.cli import main

if __name__ == "__main__":
    sys.exit(main())
