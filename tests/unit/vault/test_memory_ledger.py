from typing import cast

import pytest

from langchain_secguard.placeholders import Ref
from langchain_secguard.testing import VaultStoreContract
from langchain_secguard.vault import Entity, InMemoryVaultStore, Text, VaultStore
from langchain_secguard.vault.keyed import LedgerVaultStore
from langchain_secguard.vault.ledger import (
    Erase,
    EraseValue,
    Fill,
    Ledger,
    ListRows,
    ListSurrogates,
    LookUp,
    Offer,
    Recall,
    Record,
    Reply,
    Request,
    Reseal,
    Row,
    Settle,
)
from langchain_secguard.vault.memory_ledger import MemoryLedger

JANE = Record("PERSON", b"identity", b"folded", b"kept")
REF = Ref("PERSON", 1)
RECALL = Recall([(b"identity", b"folded"), (b"another", b"folded")])


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


def test_each_surrogate_that_a_row_may_be_filled_with_is_known(ledger: Ledger) -> None:
    for fake in (b"one", b"another"):  # of two writers, neither of whom has filled the row yet
        offer = Offer(fake, fake, (fake,))
        ledger.perform("v", Settle([JANE._replace(offers=(offer,), expected=Ref("PERSON", 9))]))
    ledger.perform("v", Fill([Row(REF, b"kept", b"one")]))
    known = ledger.perform("v", Settle(phrases=[b"one", b"another"])).known
    assert [one and one.entity_type for one in known] == ["PERSON", "PERSON"]
    ledger.perform("v", EraseValue(JANE.folded))
    assert ledger.perform("v", Settle(phrases=[b"one", b"another"])).known == [None, None]


class Watched:
    """Hand requests on to a ledger, and note them."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        self.asked: list[type[Request]] = []

    def perform(self, vault_id: str, request: Request, seal: bytes = b"") -> Reply:
        self.asked.append(type(request))
        return self._ledger.perform(vault_id, request, seal)


class TestRecalling:
    def test_tells_what_is_there_and_writes_nothing(self, ledger: Ledger) -> None:
        assert ledger.perform("v", RECALL).rows == [None, None]
        assert ledger.vault_ids() == []
        ledger.perform("v", Settle([JANE]))
        assert ledger.perform("v", RECALL).rows == [Row(REF, b"kept"), None]
        assert ledger.perform("v", ListRows()).rows == [Row(REF, b"kept")]

    def test_puts_the_expiry_off(self, ledger: Ledger, clock: Clock) -> None:
        ledger.perform("v", Settle([JANE]))
        for _ in range(3):
            clock.now += 40
            assert ledger.perform("v", RECALL).rows[0] == Row(REF, b"kept")

    def test_a_store_recalls_what_it_settled_and_settles_what_somebody_else_erased(
        self, ledger: Ledger
    ) -> None:
        watched = Watched(ledger)
        store, other = LedgerVaultStore(cast("Ledger", watched)), LedgerVaultStore(ledger)
        known = Entity("PERSON", "Jane Doe")
        first = store.assign("v", [known])
        assert store.assign("v", [known, known]).entries == first.entries * 2
        other.erase_value("v", "Jane Doe")
        assert [entry.ref.number for entry in store.assign("v", [known]).entries] == [2]
        other.erase("v")
        assert [entry.ref.number for entry in store.assign("v", [known]).entries] == [3]
        assert watched.asked == [Settle, Recall, Recall, Settle, Recall, Settle]

    def test_a_value_that_has_no_surrogate_yet_gets_one(self, ledger: Ledger) -> None:
        store = LedgerVaultStore(ledger)
        (plain,) = store.assign("v", [Entity("PERSON", "Jane Doe")]).entries
        for _ in range(2):
            (fake,) = store.assign("v", [Entity("PERSON", "Jane Doe", ("Max Muster",))]).entries
            assert (plain.surrogate, fake.surrogate, fake.ref) == (None, "Max Muster", plain.ref)

    def test_a_text_is_searched_along_with_it(self, ledger: Ledger) -> None:
        store, known = LedgerVaultStore(ledger), [Entity("PERSON", "Jane Doe"), Entity("PERSON", "Bob Roe")]
        text = Text("Jane Doe met Bob Roe.")
        first = store.assign("v", known, [text])
        assert store.assign("v", known[:1], [text]).hits == first.hits


class TestSeals:
    def test_a_vault_takes_the_seal_of_the_first_that_writes(self, ledger: Ledger) -> None:
        assert not ledger.perform("v", Settle(read_only=True), b"one").refused
        assert not ledger.perform("v", Settle([JANE]), b"two").refused
        reply = ledger.perform("v", Settle([JANE]), b"one")
        assert (reply.refused, reply.seal) == (True, b"two")

    @pytest.mark.parametrize(
        "request_", [Settle(), Settle([JANE]), RECALL, Fill([Row(REF, b"other")]), EraseValue(b"folded")]
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
