"""FAULT-10: the machine loses power: what was acknowledged is on disk.

A real power loss takes away what was written and not synced. With `appendfsync always` the reply
waits for the sync, so at the moment of a reply the file holds at least that write. Here the file is
copied up to the size it had when the last reply came, with a torn write behind it (part of a
command, as a disk leaves it), and a server starts on the copy.
"""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from approvals.audit.verify import verify
from approvals.events import OpId
from approvals.ledger import Ledger
from bot.embedded import Embedded, start
from bot.redis_client import require_durable
from tests.approvals.samples import SATO, approved, file, step
from tests.redis_fixtures import KEYS

TORN = b"*3\r\n$4\r\nXADD\r\n$15\r\n{sekisho}:au"


def append_only_file(folder: Path) -> Path:
    [found] = (folder / "appendonlydir").glob("*.incr.aof")
    return found


def cut_copy(folder: Path, size: int, to: Path) -> None:
    """The folder as a disk that kept `size` bytes of the file and a piece of the next write."""
    shutil.copytree(folder, to, ignore=shutil.ignore_patterns("*.sock", "lock"))
    file_on_disk = append_only_file(to)
    os.truncate(file_on_disk, size)
    with file_on_disk.open("ab") as out:
        out.write(TORN)


@pytest.mark.proves("FAULT-10", "O6")
async def test_acknowledged_decisions_survive_a_power_loss(
    own_valkey: Embedded, tmp_path: Path
) -> None:
    client = own_valkey.client()
    await require_durable(client)
    ledger = Ledger(client, KEYS)
    for n in range(10):
        request = await file(ledger, f"f{n}", ports=(1000 + n,))
        await step(ledger, approved(request, SATO, await ledger.now()), f"yes{n}")
        size = append_only_file(own_valkey.folder).stat().st_size
        cut_copy(own_valkey.folder, size, tmp_path / f"after{n}")
    await client.aclose()

    for n in (0, 4, 9):
        server = await start(tmp_path / f"after{n}", os.environ)
        client = server.client()
        restored = Ledger(client, KEYS)
        report = await verify(restored.store, KEYS)
        assert (report.is_good, report.head) == (True, 2 * (n + 1))
        assert await restored.find_op(OpId(f"yes{n}")) is not None
        await client.aclose()
        await server.stop()
