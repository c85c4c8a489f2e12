"""Run Langfuse's part on 127.0.0.1 until standard input says a line; print its address, and keep nothing."""

import sys
import threading

from tests.integration.langfuse_server import LangfuseServer


def main() -> None:
    """Serve."""
    done = threading.Event()
    with LangfuseServer() as server:
        print(server.base_url, flush=True)
        threading.Thread(target=_wait, args=(done,), daemon=True).start()
        while not done.wait(1):
            server.clear()


def _wait(done: threading.Event) -> None:
    sys.stdin.readline()
    done.set()


if __name__ == "__main__":
    main()
