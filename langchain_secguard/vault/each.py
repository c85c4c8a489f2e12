"""The same work in many vaults: one that cannot be decrypted keeps no other from being worked on."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from langchain_secguard.errors import VaultDecryptionError, VaultUnavailableError

T = TypeVar("T")

_AT_ONCE = 16
_NAMED = 5


def for_each(vault_ids: Sequence[str], work: Callable[[str], T]) -> dict[str, T]:
    """Work on each vault, and return what came of it by vault.

    Both errors have the ids of the vaults in which it was not done as ``left``.

    Raises:
        VaultDecryptionError: Some cannot be decrypted; the work was done on all others.
        VaultUnavailableError: The store stopped answering; the work was begun on no other vault.
    """
    tally = _Tally[T](vault_ids)
    for vault_id in vault_ids:
        try:
            tally.done[vault_id] = work(vault_id)
        except VaultDecryptionError:
            continue
        except VaultUnavailableError as error:
            tally.stopped = str(error)
            break
    return tally.result()


async def afor_each(vault_ids: Sequence[str], work: Callable[[str], Awaitable[T]]) -> dict[str, T]:
    """Do what :func:`for_each` does, on some vaults at once."""
    tally = _Tally[T](vault_ids)
    waiting = iter(vault_ids)

    async def take() -> None:
        for vault_id in waiting:
            if tally.stopped is not None:
                return
            try:
                tally.done[vault_id] = await work(vault_id)
            except VaultDecryptionError:
                continue
            except VaultUnavailableError as error:
                tally.stopped = str(error)

    tasks = [asyncio.create_task(take()) for _ in range(min(_AT_ONCE, len(vault_ids)))]
    try:
        await asyncio.gather(*tasks)
    finally:  # of which nothing is left to do but after an error
        for task in tasks:
            task.cancel()
    return tally.result()


@dataclass(slots=True)
class _Tally(Generic[T]):
    """Count what was done; ``stopped`` is the message of the error that ended it early."""

    vault_ids: Sequence[str]
    done: dict[str, T] = field(default_factory=dict)
    stopped: str | None = None

    def result(self) -> dict[str, T]:
        """Return what was done, or raise an error that tells what was not."""
        left = [vault_id for vault_id in self.vault_ids if vault_id not in self.done]
        if not left:
            return self.done
        named = ", ".join(map(repr, left[:_NAMED])) + (", ..." if len(left) > _NAMED else "")
        failure: VaultUnavailableError | VaultDecryptionError
        if self.stopped is not None:
            failure = VaultUnavailableError(
                f"{self.stopped} {len(left)} of {len(self.vault_ids)} vaults are left to do: {named}"
            )
        else:
            failure = VaultDecryptionError(
                f"{len(left)} of {len(self.vault_ids)} vaults cannot be decrypted: {named}; the others were "
                "done. Give the keys that they were sealed with, or erase them"
            )
        failure.left = tuple(left)
        raise failure
