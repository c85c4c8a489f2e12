"""Calls that are cancelled at their awaits: no lock is held, no vault half written, nothing sent unmasked.

Some of the awaits, since there are hundreds; ``make soak`` goes through all.
"""

import asyncio
from pathlib import Path

import pytest

from langchain_secguard.vault import EncryptedVaultStore, InMemoryVaultStore, SQLVaultStore
from tests.cancelling import cancel_at
from tests.integration.cancelled_calls import CALLS, MAKES, sweep

KEYS = [bytes(range(32))]


@pytest.mark.parametrize("call", CALLS)
@pytest.mark.parametrize("make", MAKES)
def test_whatever_await_of_a_call_is_cancelled_the_next_call_works(make: str, call: str) -> None:
    store = InMemoryVaultStore()
    assert sweep(store, MAKES[make], call, step=5) > 3
    assert not store._lock.locked()


@pytest.mark.parametrize("call", CALLS)
def test_the_vault_is_whole_or_empty_where_rows_are_filled_in_a_second_step(call: str) -> None:
    assert sweep(EncryptedVaultStore(InMemoryVaultStore(), KEYS), MAKES["pair"], call, step=5) > 3


@pytest.mark.parametrize("encrypts", [False, True])
def test_the_vault_is_whole_or_empty_in_a_database(encrypts: bool, tmp_path: Path) -> None:
    sql = SQLVaultStore(f"sqlite:///{tmp_path}/vaults.db")
    call, store = ("streamed", EncryptedVaultStore(sql, KEYS)) if encrypts else ("invoked", sql)
    assert sweep(store, MAKES["pair"], call, first=3, step=7) > 1
    sql.close()


class TestCancelAt:
    def test_counts_the_waits_of_a_call_and_of_the_tasks_that_it_begins(self) -> None:
        ended: list[str] = []

        async def child() -> None:
            try:
                await asyncio.sleep(0)
                await asyncio.sleep(0)
            except asyncio.CancelledError:
                ended.append("child")
                raise

        async def call() -> None:
            await asyncio.sleep(0)
            await asyncio.create_task(child())
            ended.append("call")

        reached = [cancel_at(number, call) for number in range(1, 6)]
        assert [one.cancelled for one in reached] == [True, True, True, True, False]
        assert [one.reached for one in reached] == [True, True, True, True, False]
        assert ended == ["child", "child", "child", "call"]

    def test_tells_of_a_task_that_goes_on(self) -> None:
        kept: list[asyncio.Task[None]] = []

        async def call() -> None:
            kept.append(asyncio.create_task(asyncio.sleep(5)))
            await asyncio.sleep(0)

        assert cancel_at(1, call).left == 1
