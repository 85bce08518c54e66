"""What the gateway costs before and at its first use, and who it says it is."""

from __future__ import annotations

import gzip
import json
import subprocess
import sys
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest
from aiohttp import web

from defender.clients import AzureClients
from defender.errors import AzureUnavailable
from tests.defender.estate import SUBSCRIPTION
from tests.defender.wire import TOKEN, Answer, Wire

ALL = (
    "addresses alert_decode alerts clients decode_jit errors estate inventory jit network "
    "records rights search settings xdr"
)
VERSION = {"api-version": "2020-01-01"}


def modules_after(code: str, folder: Path) -> set[str]:
    """The Azure modules that a fresh interpreter has loaded after this code."""
    program = f"{code}\nimport sys\nprint([n for n in sys.modules if n.startswith('azure')])"
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=folder, capture_output=True, check=True, text=True
    )
    return {name.strip("' ") for name in done.stdout.strip("[]\n").split(",") if name}


@pytest.mark.proves("O1")
def test_importing_the_gateway_loads_no_sdk(repository: Path) -> None:
    code = "\n".join(f"import defender.{name}" for name in ALL.split())
    assert modules_after(code, repository) == set()


def test_the_sdk_is_loaded_without_compute_and_without_every_models_version(
    repository: Path,
) -> None:
    loaded = modules_after("import defender.sdk", repository)
    assert "azure.mgmt.security.v2020_01_01.aio.operations" in loaded
    assert "azure.mgmt.security.models" not in loaded
    assert not any(name.startswith("azure.mgmt.compute") for name in loaded)


async def test_a_compressed_answer_is_read(wire: Wire, clients: AzureClients) -> None:
    body = gzip.compress(json.dumps({"value": [{"name": "web-01"}]}).encode())
    wire.answer("GET", "/list", Answer(body, 200, {"content-encoding": "gzip"}))
    assert b"web-01" in await clients.get("/list", VERSION)


async def test_a_path_is_escaped(wire: Wire, clients: AzureClients) -> None:
    path = "/resourceGroups/rg (old)#1/é"
    wire.answer("GET", path, Answer({}))
    await clients.get(path, VERSION)
    assert wire.received[0].path == path


@pytest.fixture
async def identity_endpoint() -> AsyncIterator[tuple[str, list[dict[str, str]]]]:
    """A managed identity's token endpoint as an Azure host offers it."""
    asked: list[dict[str, str]] = []

    async def token(request: web.Request) -> web.Response:
        asked.append({**request.query, "header": request.headers.get("X-IDENTITY-HEADER", "")})
        return web.json_response(
            {
                "access_token": TOKEN,
                "expires_on": "4102444800",
                "resource": request.query["resource"],
                "token_type": "Bearer",
            }
        )

    app = web.Application()
    app.router.add_get("/msi/token", token)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    yield f"http://127.0.0.1:{runner.addresses[0][1]}/msi/token", asked
    await runner.cleanup()


async def test_a_managed_identity_needs_no_secret(
    wire: Wire,
    identity_endpoint: tuple[str, list[dict[str, str]]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    url, asked = identity_endpoint
    monkeypatch.setenv("IDENTITY_ENDPOINT", url)
    monkeypatch.setenv("IDENTITY_HEADER", "made-up")
    wire.answer("GET", "/list", Answer({"value": []}))
    settings = wire.settings(
        client_secret=None, authority=None, managed_identity_client_id=SUBSCRIPTION
    )
    async with AzureClients(settings, user_agent="sekisho/0.1") as clients:
        await clients.get("/list", VERSION)
    assert asked[0]["resource"] == "https://management.azure.com"
    assert asked[0]["client_id"] == SUBSCRIPTION
    assert wire.received[0].headers["Authorization"] == f"Bearer {TOKEN}"
    assert wire.received[0].headers["User-Agent"].startswith("sekisho/0.1")


async def test_clients_can_be_closed_before_and_after_use(wire: Wire) -> None:
    unused = AzureClients(wire.settings())
    await unused.close()
    wire.answer("GET", "/list", Answer(None, 500))
    async with AzureClients(wire.settings()) as used:
        with pytest.raises(AzureUnavailable):
            await used.get("/list", VERSION, deadline=timedelta(seconds=0.2))
    await used.close()
