from typing import Any

import pytest
from langchain_core.runnables import RunnableConfig

from langchain_secguard import Anonymizer, Deanonymizer, Vault, VaultRequiredError
from langchain_secguard.config import VAULT_SPECS, find_vault, names_vault
from langchain_secguard.vault import Entity, InMemoryVaultStore


def config(**configurable: Any) -> RunnableConfig:
    return {"configurable": configurable}


class TestFindVault:
    def test_prefers_the_vault_of_the_constructor(self) -> None:
        vault = Vault("own")
        assert find_vault(config(vault=Vault("live"), vault_id="named"), vault, None) is vault

    def test_takes_a_live_vault_before_an_id(self) -> None:
        live = Vault("live")
        assert find_vault(config(vault=live, vault_id="named"), None, InMemoryVaultStore()) is live

    @pytest.mark.parametrize(
        ("configurable", "expected"),
        [
            ({"vault_id": "v", "thread_id": "t", "session_id": "s"}, "v"),
            ({"thread_id": "t", "session_id": "s"}, "t"),
            ({"session_id": "s"}, "s"),
            ({"vault_id": None, "thread_id": "t"}, "t"),
            ({"vault": None, "vault_id": "v"}, "v"),
            ({"vault_id": 42}, "42"),
            ({"thread_id": "t", "user_id": "u"}, "t"),
        ],
    )
    def test_takes_the_first_id_in_order(self, configurable: dict[str, Any], expected: str) -> None:
        store = InMemoryVaultStore()
        vault = find_vault({"configurable": configurable}, None, store)
        assert vault.vault_id == expected
        assert vault.store is store

    def test_steps_without_a_store_share_one(self) -> None:
        one, other = (find_vault(config(vault_id="v"), None, None) for _ in range(2))
        assert one.store is other.store

    def test_uses_a_store_even_if_it_looks_empty(self) -> None:
        class Falsy(InMemoryVaultStore):
            def __bool__(self) -> bool:
                return False

        store = Falsy()
        assert find_vault(config(vault_id="v"), None, store).store is store

    @pytest.mark.parametrize(
        "named",
        [{}, {"configurable": {}}, {"configurable": None}, config(vault_id=None), config(user_id="u")],
    )
    def test_never_falls_back_to_a_shared_vault(self, named: Any) -> None:
        with pytest.raises(VaultRequiredError) as caught:
            find_vault(named, None, InMemoryVaultStore())
        assert 'config={"configurable": {"vault_id": "case-42"}}' in str(caught.value)

    @pytest.mark.parametrize("vault_id", ["", 0, False, True, 1.5, b"v", ["v"], object()])
    @pytest.mark.parametrize("key", ["vault_id", "thread_id", "session_id"])
    def test_refuses_what_is_no_id(self, key: str, vault_id: Any) -> None:
        with pytest.raises(ValueError, match=key):
            find_vault(config(**{key: vault_id}), None, None)

    @pytest.mark.parametrize("live", ["v", 1, {"vault_id": "v"}, InMemoryVaultStore(), False])
    def test_refuses_what_is_no_vault(self, live: Any) -> None:
        with pytest.raises(TypeError, match="vault_id"):
            find_vault(config(vault=live, vault_id="v"), None, None)


class TestNamesVault:
    @pytest.mark.parametrize("key", ["vault", "vault_id", "thread_id", "session_id"])
    def test_sees_each_key(self, key: str) -> None:
        assert names_vault(config(**{key: "x"}))

    @pytest.mark.parametrize(
        "named", [{}, {"configurable": {}}, {"configurable": {"vault_id": None, "user": "x"}}]
    )
    def test_sees_none(self, named: Any) -> None:
        assert not names_vault(named)


class TestSpecs:
    def test_declare_the_vault_id_as_shared(self) -> None:
        (spec,) = VAULT_SPECS
        assert spec.id == "vault_id"
        assert spec.is_shared

    def test_are_one_for_the_whole_chain(self) -> None:
        chain = Anonymizer(detector=_Nothing()) | Deanonymizer()
        assert [spec.id for spec in chain.config_specs] == ["vault_id"]

    def test_are_none_for_a_step_that_has_its_vault(self) -> None:
        assert Deanonymizer(vault=Vault()).config_specs == []

    def test_values_of_one_id_are_seen_by_both_steps(self) -> None:
        Vault("shared", store=find_vault(config(vault_id="x"), None, None).store).assign(
            [Entity("PERSON", "Jane")]
        )
        assert Deanonymizer().invoke("[PERSON_1]", config(vault_id="shared")) == "Jane"
        assert Deanonymizer().invoke("[PERSON_1]", config(vault_id="another")) == "[PERSON_1]"


class _Nothing:
    def detect(self, texts: Any) -> Any:
        return [[] for _ in texts]

    async def adetect(self, texts: Any) -> Any:
        return self.detect(texts)
