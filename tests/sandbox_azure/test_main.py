"""`python -m sandbox`: one line of JSON, then it runs until it is told to stop."""

from __future__ import annotations

import asyncio
import json
import signal
import ssl
import sys
from pathlib import Path
from typing import Any

import aiohttp
import pytest

#: Seconds; a loaded machine takes a few to import everything.
READY, STOPPED = 30, 10


async def start(repository: Path, *arguments: str) -> asyncio.subprocess.Process:
    return await asyncio.create_subprocess_exec(
        sys.executable, "-m", "sandbox", *arguments,
        cwd=repository, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip


async def ready(process: asyncio.subprocess.Process) -> Any:
    assert process.stdout is not None
    line = await asyncio.wait_for(process.stdout.readline(), READY)
    return json.loads(line)


@pytest.mark.parametrize("stop", [signal.SIGTERM, signal.SIGINT])
async def test_it_says_where_everything_is_and_stops_cleanly(
    repository: Path, tmp_path: Path, stop: signal.Signals
) -> None:
    process = await start(repository, "--state-dir", str(tmp_path))
    told = await ready(process)

    azure, slack = told["azure"], told["slack"]
    trust = ssl.create_default_context(cafile=azure["ca_file"])
    async with aiohttp.ClientSession() as session:
        form = {
            "grant_type": "client_credentials",
            "client_id": azure["client_id"],
            "client_secret": azure["client_secret"],
            "scope": "https://management.azure.com/.default",
        }
        token_url = f"{azure['authority']}/{azure['tenant_id']}/oauth2/v2.0/token"
        async with session.post(token_url, data=form, ssl=trust) as answer:
            assert (await answer.json())["token_type"] == "Bearer"
        async with session.get(slack["page_url"]) as answer:
            assert answer.status == 200
        order = {"do": "advance_clock", "seconds": 60}
        async with session.post(f"{slack['page_url']}sandbox/director", json=order) as answer:
            assert (await answer.json())["ok"] is True
        async with session.get(f"{slack['page_url']}sandbox/azure") as answer:
            assert len((await answer.json())["nsgs"]) > 40
    process.send_signal(stop)
    _, errors = await asyncio.wait_for(process.communicate(), STOPPED)

    assert process.returncode == 0
    assert errors == b""
    assert slack.keys() >= {"url", "bot_token", "app_token", "signing_secret", "team_id", "app_id"}
    assert len(azure["subscriptions"]) == 3
    assert told["clock_offset_file"] == str(tmp_path / "clock-offset")
    assert float((tmp_path / "clock-offset").read_text()) == 60.0


async def test_a_taken_port_is_an_error(repository: Path, tmp_path: Path) -> None:
    server = await asyncio.start_server(lambda reader, writer: None, "127.0.0.1", 0)
    async with server:
        port = server.sockets[0].getsockname()[1]
        process = await start(repository, "--state-dir", str(tmp_path), "--azure-port", str(port))
        output, errors = await asyncio.wait_for(process.communicate(), READY)

    assert process.returncode == 1
    assert output == b""
    assert b"address already in use" in errors.lower()
    assert b"Traceback" not in errors


async def test_a_seed_that_is_none_is_refused(repository: Path, tmp_path: Path) -> None:
    process = await start(repository, "--state-dir", str(tmp_path), "--seed", "many")

    _, errors = await asyncio.wait_for(process.communicate(), READY)

    assert process.returncode == 2
    assert b"'demo' or a number of machines" in errors
