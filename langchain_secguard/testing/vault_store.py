"""The promises of a vault store, as a test class that the tests of each store inherit."""

from langchain_secguard.placeholders import Ref
from langchain_secguard.testing.concurrency import ConcurrencyContract
from langchain_secguard.testing.entries import EntriesContract
from langchain_secguard.testing.known import KnownValuesContract
from langchain_secguard.testing.linked import LinkedValuesContract
from langchain_secguard.testing.surrogates import SurrogatesContract
from langchain_secguard.testing.values import JANE_DOE
from langchain_secguard.vault import Entity, Text, Vault, VaultStore


class VaultStoreContract(
    EntriesContract, KnownValuesContract, LinkedValuesContract, SurrogatesContract, ConcurrencyContract
):
    """Hold a store to what it promises; a subclass has a fixture ``store`` that is empty for each test.

    Example:
        .. code-block:: python

            class TestMyStore(VaultStoreContract):
                @pytest.fixture
                def store(self, tmp_path):
                    return MyStore(tmp_path)
    """

    def test_is_a_vault_store(self, store: VaultStore) -> None:
        assert isinstance(store, VaultStore)

    def test_repr_holds_no_value(self, store: VaultStore) -> None:
        entity = Entity("PERSON", "Jane Doe", ("Max Muster",))
        assignment = store.assign("v", [entity], [Text("Jane Doe")])
        vault = Vault("v", store=store)
        shown = [store, vault, entity, JANE_DOE.keys, Text("Jane Doe"), assignment.entries, assignment.hits]
        shown += [assignment, store.find("v", [Text("Jane Doe")])]
        for value in [*shown, store.entries("v"), store.lookup("v", [Ref("PERSON", 1)])]:
            assert "Jane" not in repr(value)
            assert "Max" not in repr(value)
