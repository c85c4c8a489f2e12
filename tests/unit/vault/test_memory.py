import pytest

from langchain_secguard.placeholders import Ref
from langchain_secguard.testing import VaultStoreContract
from langchain_secguard.testing.values import BOB, JANE, MAIL, refs
from langchain_secguard.vault import Entity, InMemoryVaultStore, Text, Vault, VaultStore, memory


class Clock:
    def __init__(self) -> None:
        self.now = 1_000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def expiring(clock: Clock) -> InMemoryVaultStore:
    return InMemoryVaultStore(ttl=60, clock=clock)


class TestInMemoryVaultStore(VaultStoreContract):
    @pytest.fixture
    def store(self) -> VaultStore:
        return InMemoryVaultStore()


class TestExpiry:
    def test_a_vault_lives_as_long_as_its_ttl(self, expiring: InMemoryVaultStore, clock: Clock) -> None:
        (entry,) = expiring.assign("v", [JANE]).entries
        clock.now += 59
        assert expiring.lookup("v", [entry.ref]) == [entry]

    def test_a_vault_expires(self, expiring: InMemoryVaultStore, clock: Clock) -> None:
        (entry,) = expiring.assign("v", [Entity("PERSON", "Jane Doe", ("Max Muster",))]).entries
        clock.now += 60
        assert expiring.lookup("v", [entry.ref]) == [None]
        assert expiring.entries("v") == []
        assert len(expiring.surrogates("v")) == 0
        assert expiring.assign("v", [], [Text("Jane Doe")]).hits == [[]]

    @pytest.mark.parametrize("use", ["assign", "lookup", "surrogates", "entries"])
    def test_use_refreshes_a_vault(self, expiring: InMemoryVaultStore, clock: Clock, use: str) -> None:
        expiring.assign("v", [JANE])
        for _ in range(5):
            clock.now += 50
            if use == "assign":
                expiring.assign("v", [])
            elif use == "lookup":
                expiring.lookup("v", [])
            elif use == "surrogates":
                expiring.surrogates("v")
            else:
                expiring.entries("v")
        clock.now += 50
        assert len(expiring.entries("v")) == 1

    def test_finding_does_not_refresh_a_vault(self, expiring: InMemoryVaultStore, clock: Clock) -> None:
        expiring.assign("v", [JANE])
        clock.now += 50
        assert len(expiring.find("v", [Text("Jane Doe")]).hits[0]) == 1
        clock.now += 10
        assert expiring.find("v", [Text("Jane Doe")]).hits == [[]]
        assert expiring.entries("v") == []

    def test_use_of_one_vault_does_not_refresh_another(
        self, expiring: InMemoryVaultStore, clock: Clock
    ) -> None:
        expiring.assign("v", [JANE])
        expiring.assign("w", [BOB])
        clock.now += 40
        expiring.lookup("w", [])
        clock.now += 40
        assert expiring.entries("v") == []
        assert len(expiring.entries("w")) == 1

    def test_never_gives_a_number_or_surrogate_out_again_after_an_expiry(
        self, expiring: InMemoryVaultStore, clock: Clock
    ) -> None:
        expiring.assign("v", [JANE, BOB, Entity("EMAIL_ADDRESS", "jane@x.com", ("max@y.org",))])
        clock.now += 60
        again = expiring.assign("v", [BOB, Entity("EMAIL_ADDRESS", "bob@x.com", ("max@y.org",))])
        assert {("PERSON", 1), ("PERSON", 2), ("EMAIL_ADDRESS", 1)}.isdisjoint(refs(again))
        assert again.entries[1].surrogate is None

    def test_erasing_an_expired_vault_erases_nothing(
        self, expiring: InMemoryVaultStore, clock: Clock
    ) -> None:
        expiring.assign("v", [JANE])
        clock.now += 60
        assert expiring.erase_value("v", "Jane Doe") == 0
        assert expiring.erase("v") == 0

    def test_expired_values_are_forgotten_even_if_their_vault_is_never_opened_again(
        self, expiring: InMemoryVaultStore, clock: Clock
    ) -> None:
        for number in range(100):
            expiring.assign(f"v{number}", [JANE])
        clock.now += 60
        expiring.lookup("other", [])
        assert len(expiring._vaults) == 0

    def test_lives_forever_without_a_ttl(self, clock: Clock) -> None:
        store = InMemoryVaultStore(clock=clock)
        store.assign("v", [JANE])
        clock.now += 1e12
        assert len(store.entries("v")) == 1

    @pytest.mark.parametrize("ttl", [0, -1, float("nan")])
    def test_refuses_a_ttl_that_is_not_positive(self, ttl: float) -> None:
        with pytest.raises(ValueError, match="ttl"):
            InMemoryVaultStore(ttl=ttl)


class TestGraves:
    def test_numbers_are_not_given_out_again_when_graves_run_out(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(memory, "_MAX_GRAVES", 3)
        store = InMemoryVaultStore()
        seen: dict[str, set[tuple[str, int]]] = {}
        for round_ in range(4):
            for number in range(8):
                vault_id = f"v{number}"
                given_ = refs(store.assign(vault_id, [JANE, BOB, MAIL][: 1 + (round_ + number) % 3]))
                assert seen.setdefault(vault_id, set()).isdisjoint(given_)
                seen[vault_id].update(given_)
                store.erase(vault_id)
        assert len(store._graves) <= 3

    def test_surrogates_are_not_given_out_again_when_graves_run_out(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(memory, "_MAX_GRAVES", 1)
        store = InMemoryVaultStore()
        for vault_id in ("v", "w", "x"):
            store.assign(vault_id, [Entity("PERSON", "Jane Doe", (f"Max {vault_id}",))])
            store.erase(vault_id)
        again = store.assign("v", [Entity("PERSON", "Bob Roe", ("Max v", "Max new"))])
        assert again.entries[0].surrogate == "Max new"

    def test_an_empty_vault_keeps_the_number_of_its_grave(self) -> None:
        store = InMemoryVaultStore()
        store.assign("v", [JANE, BOB])
        for _ in range(3):
            store.erase("v")
            store.assign("v", [])
        assert refs(store.assign("v", [JANE])) == [("PERSON", 3)]

    def test_a_grave_holds_no_value(self) -> None:
        store = InMemoryVaultStore()
        store.assign("v", [Entity("PERSON", "Jane Doe", ("Max Muster",))])
        store.erase("v")
        grave = store._graves["v"]
        assert all(isinstance(mark, int) for mark in (grave.number, *grave.surrogates))


class TestVault:
    def test_of_its_own_lives_in_a_store_of_its_own(self) -> None:
        one, other = Vault(), Vault()
        assert one.vault_id != other.vault_id
        assert one.store is not other.store

    def test_shares_what_is_in_its_store_under_its_id(self) -> None:
        store = InMemoryVaultStore()
        (entry,) = Vault("v", store=store).assign([JANE]).entries
        assert Vault("v", store=store).lookup([entry.ref]) == [entry]
        assert Vault("w", store=store).lookup([entry.ref]) == [None]

    def test_refuses_an_empty_id(self) -> None:
        with pytest.raises(ValueError, match="empty"):
            Vault("")

    def test_repr_names_its_id_and_the_class_of_its_store(self) -> None:
        assert repr(Vault("case-42")) == "Vault('case-42', store=InMemoryVaultStore)"

    async def test_hands_every_method_on_to_its_store(self) -> None:
        vault = Vault("v")
        assignment = vault.assign([JANE, BOB], [Text("JANE DOE")])
        assert await vault.aassign([JANE, BOB], [Text("JANE DOE")]) == assignment
        texts = [Text("Jane Doe, BOB ROE")]
        assert vault.find(texts) == await vault.afind(texts) == vault.store.find("v", texts)
        assert vault.entries() == await vault.aentries() == vault.store.entries("v")
        assert vault.lookup([Ref("PERSON", 1)]) == await vault.alookup([Ref("PERSON", 1)])
        assert len(vault.surrogates()) == len(await vault.asurrogates()) == 0
        assert vault.erase_value("Bob Roe") == 1
        assert await vault.aerase_value("Jane Doe") == 2
        assert (vault.erase(), await vault.aerase()) == (0, 0)
