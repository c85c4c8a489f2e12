"""A hub of models on this machine: so much of the Hugging Face hub's protocol as a download needs."""

import hashlib
import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import TracebackType
from typing import Any, Self

COMMIT = "13e784dccceca07aee7a7aab4ad487c605975423"


class HubServer:
    """Serve the files of one folder as the repository ``repository``, and list what was asked for.

    Args:
        folder: What the repository holds.
        repository: Its name; every other is unknown here.
        silent: Take connections, and never answer.
    """

    def __init__(self, folder: Path, repository: str, *, silent: bool = False) -> None:
        self.asked: list[str] = []
        self._ended = threading.Event()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler(folder, repository, silent))
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_port}"

    def __enter__(self) -> Self:
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._ended.set()
        self._server.shutdown()
        self._server.server_close()

    def _handler(self, folder: Path, repository: str, silent: bool) -> type[BaseHTTPRequestHandler]:
        asked, ended = self.asked, self._ended

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                asked.append(f"{self.command} {self.path}")
                if silent:
                    ended.wait(60)
                    return
                names = sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())
                if self.path.startswith(f"/api/models/{repository}/revision/"):
                    siblings = [{"rfilename": name} for name in names]
                    about: Any = {"id": repository, "sha": COMMIT, "siblings": siblings, "private": False}
                    self._give(json.dumps(about).encode(), "application/json")
                    return
                name = self.path.partition(f"/{repository}/resolve/{COMMIT}/")[2]
                if name in names:
                    self._give((folder / name).read_bytes(), "application/octet-stream")
                else:
                    self.send_error(404)

            do_HEAD = do_GET  # noqa: N815 - the base's name

            def _give(self, body: bytes, kind: str) -> None:
                self.send_response(200)
                self.send_header("Content-Type", kind)
                self.send_header("Content-Length", str(len(body)))
                self.send_header("ETag", f'"{hashlib.sha1(body).hexdigest()}"')
                self.send_header("X-Repo-Commit", COMMIT)
                self.end_headers()
                if self.command == "GET":
                    self.wfile.write(body)

            def log_message(self, *_: Any) -> None:
                pass

        return Handler
