"""What serving needs, imported first so that what is missing is named with its extra."""

try:
    import fastapi
    import langserve
    import orjson
except ImportError as error:
    raise ImportError(
        'Serving chains needs FastAPI and LangServe: pip install "langchain-secguard[serve]"'
    ) from error

__all__ = ["fastapi", "langserve", "orjson"]
