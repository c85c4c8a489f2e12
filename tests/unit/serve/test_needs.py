import sys

import pytest

from langchain_secguard import serve


@pytest.mark.parametrize("missing", ["fastapi", "langserve", "orjson"])
def test_a_missing_package_is_told_to_be_installed(missing: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, missing, None)
    monkeypatch.delitem(sys.modules, "langchain_secguard.serve.needs", raising=False)
    with pytest.raises(ImportError, match=r'pip install "langchain-secguard\[serve\]"'):
        serve.add_secure_routes  # noqa: B018 - looking it up is what is tested


def test_no_other_name_is_had() -> None:
    with pytest.raises(AttributeError, match="Nonsense"):
        serve.Nonsense  # noqa: B018 - looking it up is what is tested
