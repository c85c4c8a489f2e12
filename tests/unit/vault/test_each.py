import asyncio
from collections.abc import Mapping
from typing import Any

import pytest

from langchain_secguard.errors import SecGuardError, VaultDecryptionError, VaultUnavailableError
from langchain_secguard.vault.each import afor_each, for_each

IDS = [f"v{number}" for number in range(40)]


def run(failures: Mapping[str, Exception], *, asynchronous: bool) -> tuple[list[str], Any]:
    """Work on all vaults, of which some fail; return those that were begun, and the result or the error."""
    begun: list[str] = []

    def work(vault_id: str) -> int:
        begun.append(vault_id)
        if vault_id in failures:
            raise failures[vault_id]
        return len(vault_id)

    async def awork(vault_id: str) -> int:
        await asyncio.sleep(0)
        return work(vault_id)

    try:
        return begun, asyncio.run(afor_each(IDS, awork)) if asynchronous else for_each(IDS, work)
    except (RuntimeError, SecGuardError) as error:
        return begun, error


@pytest.mark.parametrize("asynchronous", [False, True], ids=["sync", "async"])
class TestWork:
    def test_is_done_on_each_vault_once(self, asynchronous: bool) -> None:
        begun, result = run({}, asynchronous=asynchronous)
        assert begun == IDS
        assert result == {vault_id: len(vault_id) for vault_id in IDS}

    def test_goes_on_behind_vaults_that_cannot_be_decrypted(self, asynchronous: bool) -> None:
        failures = {vault_id: VaultDecryptionError("no key") for vault_id in IDS[3:10]}
        begun, error = run(failures, asynchronous=asynchronous)
        assert begun == IDS
        assert isinstance(error, VaultDecryptionError)
        assert error.left == tuple(IDS[3:10])
        assert "7 of 40 vaults" in str(error)
        assert "'v7', ...; the others were done" in str(error)

    def test_ends_when_the_store_does_not_answer_and_tells_what_is_left(self, asynchronous: bool) -> None:
        failures = {IDS[0]: VaultDecryptionError("no key"), IDS[20]: VaultUnavailableError("It is down.")}
        begun, error = run(failures, asynchronous=asynchronous)
        assert isinstance(error, VaultUnavailableError)
        assert str(error).startswith(f"It is down. {len(error.left)} of 40 vaults are left to do: 'v0', ")
        assert set(error.left) == {IDS[0], IDS[20], *IDS} - (set(begun) - set(failures))
        assert len(error.left) >= 5
        assert error.__cause__ is None
        assert error.__context__ is None

    def test_that_fails_otherwise_is_that_error(self, asynchronous: bool) -> None:
        failure = RuntimeError("a defect")
        _, error = run({IDS[5]: failure}, asynchronous=asynchronous)
        assert error is failure


class TestNothing:
    async def test_is_done_where_no_vault_is_named(self) -> None:
        async def fail(vault_id: str) -> None:
            raise AssertionError(vault_id)

        assert await afor_each([], fail) == {}
        assert for_each([], lambda _: 1) == {}
