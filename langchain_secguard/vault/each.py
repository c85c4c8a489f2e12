"""The same work in many vaults: one that cannot be decrypted keeps no other from being worked on."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import TypeVar

from langchain_secguard.errors import VaultDecryptionError

T = TypeVar("T")

_AT_ONCE = 16
_NAMED = 5


def for_each(vault_ids: Sequence[str], work: Callable[[str], T]) -> dict[str, T]:
    """Work on each vault, and return what came of it by vault.

    Raises:
        VaultDecryptionError: Some cannot be decrypted; the work was done on all others.
    """
    done, failed = dict[str, T](), list[str]()
    for vault_id in vault_ids:
        try:
            done[vault_id] = work(vault_id)
        except VaultDecryptionError:
            failed.append(vault_id)
    _check(done, failed)
    return done


async def afor_each(vault_ids: Sequence[str], work: Callable[[str], Awaitable[T]]) -> dict[str, T]:
    """Do what :func:`for_each` does, on some vaults at once."""
    done, failed = dict[str, T](), list[str]()
    waiting = iter(vault_ids)

    async def take() -> None:
        for vault_id in waiting:
            try:
                done[vault_id] = await work(vault_id)
            except VaultDecryptionError:
                failed.append(vault_id)

    tasks = [asyncio.create_task(take()) for _ in range(min(_AT_ONCE, len(vault_ids)))]
    try:
        await asyncio.gather(*tasks)
    finally:  # of which nothing is left to do but after an error
        for task in tasks:
            task.cancel()
    _check(done, failed)
    return done


def _check(done: dict[str, T], failed: Sequence[str]) -> None:
    if failed:
        some = ", ".join(map(repr, failed[:_NAMED])) + (", ..." if len(failed) > _NAMED else "")
        raise VaultDecryptionError(
            f"{len(failed)} of {len(done) + len(failed)} vaults cannot be decrypted: {some}; the others were "
            "done. Give the keys that they were sealed with, or erase them"
        )
