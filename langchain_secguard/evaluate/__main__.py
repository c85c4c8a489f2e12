"""Run the command; ``python -m langchain_secguard.evaluate --help`` describes it."""

import os
import sys

from langchain_secguard.evaluate.cli import main

if __name__ == "__main__":
    try:
        status = main()
        sys.stdout.flush()
    except BrokenPipeError:  # the reader, `head` for instance, has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        status = 1
    sys.exit(status)
