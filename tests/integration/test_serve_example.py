"""The app of examples/serve, by the command line of its container, with Redis, encryption and Langfuse."""

import json
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml  # type: ignore[import-untyped]
from cryptography.fernet import Fernet
from langserve import RemoteRunnable

from langchain_secguard.serve import Settings
from langchain_secguard.vault import EncryptedVaultStore, RedisVaultStore
from tests.integration.langfuse_server import LangfuseServer
from tests.pages import page_blocks
from tests.servers import AppServer, RedisServer

FOLDER = Path(__file__).parents[2] / "examples" / "serve"
CONTAINER = (FOLDER / "Containerfile").read_text(encoding="utf-8")
COMPOSE: Any = yaml.safe_load((FOLDER / "compose.yaml").read_text(encoding="utf-8"))

KEY = Fernet.generate_key().decode()
TEXT = "Jane Doe asks for a refund. Jane Doe lives in Springfield."


def container_command() -> list[str]:
    line = next(line for line in CONTAINER.splitlines() if line.startswith("CMD "))
    command: list[str] = json.loads(line.removeprefix("CMD "))
    return command


class ContainerServer(AppServer):
    """Run what the container runs, with a folder and a port of its own."""

    def command(self) -> list[str]:
        program, *options = super().command()
        own = container_command()
        places = {"--app-dir": str(FOLDER), "--host": "127.0.0.1", "--port": str(self.port)}
        own = [places.get(before, word) for before, word in zip(["", *own], own, strict=False)]
        python = options.index("-m")
        return [program, *options[: python + 1], *own]


@pytest.fixture(scope="module")
def langfuse() -> Iterator[LangfuseServer]:
    with LangfuseServer() as server:
        yield server


@pytest.fixture(scope="module")
def server(
    redis_server: RedisServer, langfuse: LangfuseServer, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[AppServer]:
    secrets = tmp_path_factory.mktemp("secrets")
    (secrets / "keys").write_text(KEY + "\n")
    (secrets / "tokens").write_text("ann:one-secret, bob:another\n")
    environment = {
        "SECGUARD_REDIS_URL": redis_server.url,
        "SECGUARD_VAULT_KEYS_FILE": str(secrets / "keys"),
        "APP_TOKENS_FILE": str(secrets / "tokens"),
        "LANGFUSE_PUBLIC_KEY": "pk-serve",
        "LANGFUSE_SECRET_KEY": "sk-serve",
        "LANGFUSE_BASE_URL": langfuse.base_url,
        "OPENAI_API_KEY": "",
        "OPENAI_BASE_URL": "",
    }
    with ContainerServer("chat_app:create", environment=environment) as running:
        yield running


@pytest.mark.loopback
def test_it_answers_and_keeps_and_traces_no_value(
    server: AppServer,
    redis_server: RedisServer,
    langfuse: LangfuseServer,
    capsys: pytest.CaptureFixture[str],
) -> None:
    chat: Any = RemoteRunnable(
        f"{server.url}/chat", headers={"authorization": "Bearer one-secret", "x-conversation": "refund"}
    )
    assert chat.invoke(TEXT).content == TEXT
    assert "".join(chunk.content for chunk in chat.stream(TEXT)) == TEXT
    for token in ("Bearer wrong", "Bearer", "Basic one-secret", "one-secret"):
        given = {"authorization": token}
        refused = httpx.post(f"{server.url}/chat/invoke", json={"input": TEXT}, headers=given)
        assert refused.status_code == 401
    [client] = page_blocks("serving.md")
    client = client.replace("https://example.com", server.url).replace("Bearer ...", "Bearer one-secret")
    exec(compile(client, "serving.md", "exec"), {})
    assert "Write to Jane Doe" in capsys.readouterr().out
    store = EncryptedVaultStore(RedisVaultStore(redis_server.url), keys=[KEY])
    assert "Jane Doe" in {entry.value for entry in store.entries("ann/refund-7")}
    assert "Jane Doe" in {entry.value for entry in store.entries("ann/refund")}
    store.close()
    server.stop()  # which sends what is left to Langfuse
    hiding = [one for one in langfuse.observations if one.name == "Anonymizer"]
    assert [one.get("type") for one in hiding] == ["guardrail"] * 3
    assert not langfuse.saw("Jane Doe")
    assert "Jane Doe" not in server.log
    assert "POST /chat/invoke 200" in server.log
    assert "one-secret" not in server.log


class TestFiles:
    def test_say_how_it_is_run(self) -> None:
        command = container_command()
        readme = (FOLDER / "README.md").read_text(encoding="utf-8")
        (line,) = (line for line in readme.splitlines() if line.startswith("uvicorn "))
        by_hand = shlex.split(line)
        options = {"--workers", "--timeout-graceful-shutdown", "--limit-concurrency"}
        chosen = [{name: words[words.index(name) + 1] for name in options} for words in (command, by_hand)]
        assert chosen[0] == chosen[1]
        assert "--no-access-log" in command

    def test_of_the_container_copy_what_exists(self) -> None:
        root = FOLDER.parents[1]
        for line in CONTAINER.splitlines():
            if line.startswith("COPY "):
                assert all((root / source).exists() for source in line.split()[1:-1])

    def test_of_the_container_run_as_nobody(self) -> None:
        assert "USER 10001" in CONTAINER
        assert "HEALTHCHECK" in CONTAINER

    def test_of_compose_fit_the_app(self) -> None:
        app, redis = COMPOSE["services"]["app"], COMPOSE["services"]["redis"]
        own = {name: "1" for name in app["environment"] if name.startswith("SECGUARD_")}
        own.pop("SECGUARD_VAULT_KEYS_FILE")
        Settings.from_environment(own)  # raises for one that is not known
        assert app["environment"]["SECGUARD_REDIS_URL"] == "redis://redis:6379/0"
        assert set(app["secrets"]) == set(COMPOSE["secrets"])
        assert "noeviction" in redis["command"]
        assert redis["healthcheck"]["test"][0] == "CMD"
        grace = int(app["stop_grace_period"].removesuffix("s"))
        command = container_command()
        assert grace > int(command[command.index("--timeout-graceful-shutdown") + 1])

    @pytest.mark.loopback
    def test_of_compose_start_redis(self) -> None:
        words = COMPOSE["services"]["redis"]["command"][1:]
        options = {
            name.removeprefix("--").replace("-", "_"): value
            for name, value in zip(words[::2], words[1::2], strict=True)
        }
        options.pop("appendonly")
        options.pop("appendfsync")
        with RedisServer(append_only=True, **options) as server:
            assert server.cli("config", "get", "maxmemory-policy").split() == [
                "maxmemory-policy",
                "noeviction",
            ]
