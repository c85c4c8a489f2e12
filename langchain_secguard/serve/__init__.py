"""Chains behind HTTP: LangServe's routes without its doors, and the same protection as plain FastAPI pieces.

Whose vault a request uses is said by the server alone. Needs ``pip install "langchain-secguard[serve]"``.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from langchain_secguard.serve.access import AccessLog
    from langchain_secguard.serve.app import create_app
    from langchain_secguard.serve.client_config import check_client_config, refuse_client_config
    from langchain_secguard.serve.limits import Limits, RequestLimits
    from langchain_secguard.serve.problems import install_error_handlers
    from langchain_secguard.serve.routes import add_secure_routes
    from langchain_secguard.serve.settings import Settings
    from langchain_secguard.serve.streams import event_stream
    from langchain_secguard.serve.vaults import vault_config, vault_name

__all__ = [
    "AccessLog",
    "Limits",
    "RequestLimits",
    "Settings",
    "add_secure_routes",
    "check_client_config",
    "create_app",
    "event_stream",
    "install_error_handlers",
    "refuse_client_config",
    "vault_config",
    "vault_name",
]

_MODULES = {
    "AccessLog": "access",
    "Limits": "limits",
    "RequestLimits": "limits",
    "Settings": "settings",
    "add_secure_routes": "routes",
    "check_client_config": "client_config",
    "create_app": "app",
    "event_stream": "streams",
    "install_error_handlers": "problems",
    "refuse_client_config": "client_config",
    "vault_config": "vaults",
    "vault_name": "vaults",
}
"""The names, and their modules: loaded at first use, since they need FastAPI and LangServe."""


def __getattr__(name: str) -> Any:
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    import_module(f"{__name__}.needs")
    return getattr(import_module(f"{__name__}.{_MODULES[name]}"), name)
