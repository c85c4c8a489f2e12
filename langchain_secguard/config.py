"""From a ``RunnableConfig`` to the vault of the call."""

from collections.abc import Mapping
from typing import Any

from langchain_core.runnables import RunnableConfig
from langchain_core.runnables.utils import ConfigurableFieldSpec

from langchain_secguard.errors import VaultRequiredError
from langchain_secguard.vault import InMemoryVaultStore, Vault, VaultStore

_KEYS = ("vault_id", "thread_id", "session_id")

_PROCESS_STORE = InMemoryVaultStore()

VAULT_SPECS = [
    ConfigurableFieldSpec(
        id="vault_id",
        annotation=str,
        name="Vault ID",
        description="The vault that the steps of one conversation share.",
        is_shared=True,
    )
]


def find_vault(config: RunnableConfig, vault: Vault | None, store: VaultStore | None) -> Vault:
    """Find the vault of a call.

    In this order: ``vault``; ``configurable["vault"]``, a live :class:`Vault`; then ``vault_id``,
    ``thread_id`` or ``session_id`` of ``configurable``, opened in ``store`` or else in the process's store.

    Raises:
        VaultRequiredError: None of them is given. There is no default, which users would share unawares.
        TypeError: What is given as a vault is none.
        ValueError: What is given as an id is not a non-empty string.
    """
    if vault is not None:
        return vault
    configurable: Mapping[str, Any] = config.get("configurable") or {}
    live = configurable.get("vault")
    if live is not None:
        if not isinstance(live, Vault):
            raise TypeError(
                'config["configurable"]["vault"] is not a Vault; name a vault by "vault_id" instead'
            )
        return live
    for key in _KEYS:
        vault_id = configurable.get(key)
        if vault_id is not None:
            return _open(key, vault_id, store)
    raise VaultRequiredError(
        "This step has no vault: name one in the config, for example "
        'chain.invoke(..., config={"configurable": {"vault_id": "case-42"}}). '
        "Steps that name the same id share a vault; give each user or conversation an id of its own."
    )


def _open(key: str, vault_id: Any, store: VaultStore | None) -> Vault:
    if not vault_id or not isinstance(vault_id, str | int) or isinstance(vault_id, bool):
        raise ValueError(f'config["configurable"]["{key}"] is not a non-empty string')
    return Vault(str(vault_id), store=store if store is not None else _PROCESS_STORE)


def names_vault(config: RunnableConfig) -> bool:
    """Tell whether the config names a vault."""
    configurable: Mapping[str, Any] = config.get("configurable") or {}
    return any(configurable.get(key) is not None for key in ("vault", *_KEYS))
