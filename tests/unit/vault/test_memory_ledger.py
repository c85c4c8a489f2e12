import pytest

from langchain_secguard.placeholders import Ref
from langchain_secguard.testing import VaultStoreContract
from langchain_secguard.vault import Entity, InMemoryVaultStore, VaultStore
from langchain_secguard.vault.keyed import LedgerVaultStore
from langchain_secguard.vault.ledger import (
    Erase,
    EraseValue,
    Fill,
    Ledger,
    ListRows,
    ListSurrogates,
    LookUp,
    Record,
    Request,
    Reseal,
    Row,
    Settle,
)
from langchain_secguard.vault.memory_ledger import MemoryLedger

JANE = Record("PERSON", b"identity", b"folded", b"kept")
REF = Ref("PERSON", 1)


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


class TestContract(VaultStoreContract):
    @pytest.fixture
    def store(self) -> VaultStore:
        return LedgerVaultStore(InMemoryVaultStore().ledger)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def ledger(clock: Clock) -> Ledger:
    return MemoryLedger(ttl=60, clock=clock)


class TestSeals:
    def test_a_vault_takes_the_seal_of_the_first_that_writes(self, ledger: Ledger) -> None:
        assert not ledger.perform("v", Settle(read_only=True), b"one").refused
        assert not ledger.perform("v", Settle([JANE]), b"two").refused
        reply = ledger.perform("v", Settle([JANE]), b"one")
        assert (reply.refused, reply.seal) == (True, b"two")

    @pytest.mark.parametrize(
        "request_", [Settle(), Settle([JANE]), Fill([Row(REF, b"other")]), EraseValue(b"folded")]
    )
    @pytest.mark.parametrize("seal", [b"", b"other"])
    def test_what_depends_on_keys_is_refused_under_another_seal(
        self, ledger: Ledger, request_: Request, seal: bytes
    ) -> None:
        ledger.perform("v", Settle([JANE]), b"seal")
        reply = ledger.perform("v", request_, seal)
        assert (reply.refused, reply.seal) == (True, b"seal")
        assert ledger.perform("v", ListRows(), b"seal").rows == [Row(REF, b"kept")]

    @pytest.mark.parametrize("request_", [LookUp([REF]), ListRows(), ListSurrogates(), Erase()])
    def test_everything_else_is_carried_out_and_told_the_seal(
        self, ledger: Ledger, request_: Request
    ) -> None:
        ledger.perform("v", Settle([JANE]), b"seal")
        assert ledger.perform("v", request_, b"seal").seal is None
        ledger.perform("v", Settle([JANE]), b"seal")
        reply = ledger.perform("v", request_)
        assert (reply.refused, reply.seal) == (False, b"seal")

    def test_a_seal_outlives_an_erase_and_an_expiry(self, ledger: Ledger, clock: Clock) -> None:
        for _ in range(2):
            ledger.perform("v", Settle([JANE]), b"seal")
            ledger.perform("v", Erase(), b"seal")
            assert ledger.perform("v", Settle([JANE]), b"other").seal == b"seal"
            clock.now += 100

    def test_a_vault_without_a_seal_takes_none_while_it_has_rows(self, ledger: Ledger) -> None:
        ledger.perform("v", Settle([JANE]))
        reply = ledger.perform("v", Settle([JANE]), b"seal")
        assert (reply.refused, reply.seal) == (True, b"")
        ledger.perform("v", Erase())
        assert not ledger.perform("v", Settle([JANE]), b"seal").refused

    def test_a_seal_is_replaced_by_whoever_knows_it(self, ledger: Ledger) -> None:
        ledger.perform("v", Settle([JANE]), b"one")
        reply = ledger.perform("v", Reseal(b"two", b"three"))
        assert (reply.refused, reply.seal) == (True, b"one")
        assert not ledger.perform("v", Reseal(b"one", b"two")).refused
        assert not ledger.perform("v", Settle([JANE]), b"two").refused

    def test_a_seal_is_taken_away_once_there_are_no_rows(self, ledger: Ledger) -> None:
        ledger.perform("v", Settle([JANE]), b"one")
        assert ledger.perform("v", Reseal(b"one", b"")).refused
        ledger.perform("v", Erase())
        assert not ledger.perform("v", Reseal(b"one", b"")).refused
        assert not ledger.perform("v", Settle([JANE]), b"two").refused


class TestRows:
    def test_nothing_is_kept_under_another_ref_than_was_expected(self, ledger: Ledger) -> None:
        reply = ledger.perform("v", Settle([JANE._replace(expected=Ref("PERSON", 2))]))
        assert reply.rows == [Row(REF, None)]
        assert ledger.perform("v", Fill([Row(REF, b"first")])).rows == [Row(REF, b"first")]
        assert ledger.perform("v", Fill([Row(REF, b"second")])).rows == [Row(REF, b"first")]

    def test_unused_vaults_expire(self, ledger: Ledger, clock: Clock) -> None:
        ledger.perform("v", Settle([JANE]))
        clock.now = 59
        assert ledger.perform("v", LookUp([REF])).rows == [Row(REF, b"kept")]
        clock.now = 118
        ledger.perform("v", Settle(read_only=True))
        clock.now = 120
        assert ledger.perform("v", LookUp([REF])).rows == [None]
        assert ledger.perform("v", Settle([JANE])).rows == [Row(Ref("PERSON", 2), b"kept")]

    def test_lists_vaults_by_the_beginning_of_their_names(self, ledger: Ledger) -> None:
        for vault_id in ("a:1", "a:2", "b:1", "a%"):
            ledger.perform(vault_id, Settle([JANE]))
        ledger.perform("a:2", Erase())
        ledger.perform("a:3", LookUp([REF]))
        assert sorted(ledger.vault_ids("a:")) == ["a:1", "a:2"]
        assert len(ledger.vault_ids()) == 4


def test_numbers_go_on_behind_graves_that_are_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("langchain_secguard.vault.memory_ledger._MAX_GRAVES", 2)
    store = LedgerVaultStore(InMemoryVaultStore().ledger)
    store.assign("a", [Entity("PERSON", "Jane Doe", ("Max Muster",)), Entity("PERSON", "Bob Roe")])
    for vault_id in "abcde":
        store.assign(vault_id, [Entity("PERSON", "Ann Lee")])
        store.erase(vault_id)
    (entry,) = store.assign("a", [Entity("PERSON", "Ann Lee")]).entries
    assert entry.ref.number > 3
