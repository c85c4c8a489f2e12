"""Vaults and the pair against a model, for a moment; ``make soak`` goes on for longer, and on more stores."""

import pytest
from hypothesis import HealthCheck, settings
from hypothesis.stateful import RuleBasedStateMachine, run_state_machine_as_test

from tests.unit.vault_machine import EncryptedBench, MemoryBench, VaultMachine


class InMemory(VaultMachine):
    bench_of = MemoryBench


class Encrypted(VaultMachine):
    bench_of = EncryptedBench


@pytest.mark.parametrize("machine", [InMemory, Encrypted])
def test_whatever_is_done_the_store_agrees_with_the_model(machine: type[RuleBasedStateMachine]) -> None:
    run_state_machine_as_test(
        machine,
        settings=settings(
            max_examples=15, stateful_step_count=15, deadline=None, suppress_health_check=list(HealthCheck)
        ),
    )
