"""The app that ``serving`` measures: the same echoing model behind the pair, and alone."""

from fastapi import FastAPI

from langchain_secguard import Anonymizer, Deanonymizer
from langchain_secguard.serve import Settings, add_secure_routes, create_app
from tests.integration.serve_app import Echo, who_asks


def create() -> FastAPI:
    """Make the app, with its store from the environment."""
    settings = Settings.from_environment()
    store = settings.open_store()
    pair = Anonymizer(store=store) | Echo() | Deanonymizer(store=store)
    app = create_app({"/pair": pair}, vault_id=who_asks, store=store, limits=settings.limits)
    add_secure_routes(app, Echo(), vault_id=who_asks, path="/bare", allow_unprotected=True)
    return app
