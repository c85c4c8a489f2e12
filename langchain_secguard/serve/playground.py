"""LangServe's playground, a page to try a chain with. Its ``stream_log`` tells here what streams, no more."""

from typing import Any

from fastapi import Request
from langchain_core.runnables import RunnableLambda
from langserve.playground import serve_playground
from starlette.responses import Response

from langchain_secguard.serve import wire
from langchain_secguard.serve.problems import NO_STORE


class Log:
    """Write a stream as the log that the playground reads: operations of https://jsonpatch.com, on output."""

    def __init__(self, run_id: str, name: str) -> None:
        self._start = {"id": run_id, "name": name, "type": "chain", "streamed_output": [], "logs": {}}
        self._sum: Any = None
        self._adds = True
        self._begun = False

    def chunk(self, chunk: Any) -> bytes:
        """Write one chunk, behind the log's beginning if it is the first."""
        self._add(chunk)
        operations = [
            {"op": "add", "path": "/streamed_output/-", "value": chunk},
            {"op": "replace", "path": "/final_output", "value": self._sum},
        ]
        return self.begin() + wire.event("data", wire.write({"ops": operations}))

    def begin(self) -> bytes:
        """Write the log's beginning, unless it is written."""
        if self._begun:
            return b""
        self._begun = True
        start = {"op": "replace", "path": "", "value": {**self._start, "final_output": None}}
        return wire.event("data", wire.write({"ops": [start]}))

    def _add(self, chunk: Any) -> None:
        """Add a chunk to the output so far, as far as chunks of its kind can be added."""
        if self._sum is None or not self._adds:
            self._sum = chunk
            return
        try:
            self._sum = self._sum + chunk
        except TypeError:
            self._sum, self._adds = chunk, False


async def playground_file(base: str, shapes: wire.Shapes, request: Request, file_path: str) -> Response:
    """Return a file of the playground, with the schemas of a chain in its page."""
    nothing: Any = RunnableLambda(lambda given: given)
    url = f"{request.scope.get('root_path', '').rstrip('/')}{base}/playground"
    try:
        response: Response = await serve_playground(
            nothing, shapes.input, shapes.output, (), url, file_path, False, False, playground_type="default"
        )
    except (OSError, ValueError, KeyError):  # a path that is no file's
        response = Response("Not Found", status_code=404)
    response.headers.update(NO_STORE)
    return response
