import gc

from langchain_secguard import Vault
from langchain_secguard.tracing.masking.marks import Mark
from langchain_secguard.tracing.masking.scopes import Memory, Remembered
from langchain_secguard.vault import InMemoryVaultStore

REMEMBERED = Remembered((Mark(0, 4, "[PERSON_1]"),), 1, (3,), encoded=False)


def test_the_same_vaults_have_one_scope() -> None:
    memory, store = Memory(8), InMemoryVaultStore()
    first = memory.scope([Vault("a", store=store), Vault("b", store=store)], b"")
    assert memory.scope([Vault("a", store=store), Vault("b", store=store)], b"") is first


def test_other_vaults_stores_and_names_have_others() -> None:
    memory, store = Memory(8), InMemoryVaultStore()
    vaults = [Vault("a", store=store), Vault("b", store=store), Vault("a")]
    scopes = [memory.scope([vault], also) for vault in vaults for also in (b"", b"names")]
    assert len({scope.number for scope in scopes}) == 6


def test_a_store_in_the_place_of_one_that_is_gone_has_another() -> None:
    memory = Memory(8)
    numbers = set()
    for _ in range(20):
        numbers.add(memory.scope([Vault("a")], b"").number)
        gc.collect()
    assert len(numbers) == 20


def test_a_value_keeps_its_bit() -> None:
    scope = Memory(8).scope([], b"")
    assert scope.bits(["x", "y"]) == {"x": 1, "y": 2}
    assert scope.bits(["z", "y"]) == {"z": 4, "y": 2}


def test_a_scope_of_too_many_values_is_given_up() -> None:
    memory = Memory(8)
    scope = memory.scope([], b"")
    scope.bits(map(str, range(4_096)))
    assert memory.scope([], b"") is not scope


def test_what_was_marked_is_remembered_by_scope_and_within_bounds() -> None:
    memory = Memory(2)
    ours, theirs = memory.scope([], b"1"), memory.scope([], b"2")
    memory.put(ours, b"text", REMEMBERED)
    assert memory.get(ours, b"text") == REMEMBERED
    assert memory.get(theirs, b"text") is None
    memory.put(ours, b"x", REMEMBERED)
    memory.put(ours, b"y", REMEMBERED)
    assert memory.get(ours, b"text") is None
