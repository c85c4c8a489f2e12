"""Run LLM Guard's ``URLReachability``, which takes a network that is down for a server that is not there."""

import copy
import errno
import socket
from collections.abc import Iterator
from typing import Any

from langchain_secguard.errors import ScannerError

_NO_NETWORK = frozenset({errno.ENETUNREACH, errno.ENETDOWN, errno.EHOSTDOWN, errno.EACCES, errno.EPERM})
_NO_RESOLVER = frozenset({socket.EAI_AGAIN, socket.EAI_FAIL})


def that_knows_the_network(scanner: Any) -> Any:
    """Copy a scanner of links; the copy raises ``ScannerError`` where there is no network to ask."""
    copied = copy.copy(scanner)
    copied.is_reachable = lambda url: _is_reachable(scanner, url)
    return copied


def _is_reachable(scanner: Any, url: str) -> bool:
    """Do what the scanner does, without fetching what the link points to."""
    import requests  # noqa: PLC0415 - comes with LLM Guard

    try:
        with requests.get(url, timeout=scanner._timeout, stream=True) as response:  # noqa: SLF001 - its option
            return response.status_code in scanner._success_status_codes  # noqa: SLF001 - its option
    except requests.RequestException as error:
        if not any(map(_is_no_network, _chain(error))):
            return False
    raise ScannerError(
        "URLReachability has no network to ask for the links of an answer; the answer counts as refused. "
        "Leave this scanner out where there is none."
    )


def _is_no_network(error: BaseException) -> bool:
    if isinstance(error, socket.gaierror):
        return error.errno in _NO_RESOLVER
    return isinstance(error, OSError) and error.errno in _NO_NETWORK


def _chain(error: BaseException) -> Iterator[BaseException]:
    """Give an error and all that it arose from or holds."""
    waiting: list[Any] = [error]
    seen: set[int] = set()
    while waiting:
        one = waiting.pop()
        if isinstance(one, BaseException) and id(one) not in seen:
            seen.add(id(one))
            yield one
            waiting += [one.__cause__, one.__context__, getattr(one, "reason", None), *one.args]
