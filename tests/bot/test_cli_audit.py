"""`sekisho audit …` against a real server, as an auditor and two administrators use it."""

from __future__ import annotations

import asyncio
import hashlib
import os
import shutil
import subprocess
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import pytest

from approvals.audit.anchor import FileSink
from approvals.audit.scanning import scan
from approvals.entry import AuditKeys, FoundOpening
from approvals.ledger import Ledger
from approvals.operations import op_id
from bot import embedded
from tests.bot.command import SECRETS, Ended, sekisho, settings_file
from tests.conftest import missing

KEYS = AuditKeys("k1", {"k1": SECRETS["SEKISHO_AUDIT_KEY"].encode()})
ENTRIES = 6


@dataclass(slots=True)
class Place:
    """A server with a log of six entries, its second sink, and the settings of both."""

    config: Path
    folder: Path
    server: embedded.Embedded
    sink: Path

    async def run(self, *words: str) -> Ended:
        return await sekisho("audit", *words, "--config", str(self.config), env=SECRETS)

    async def redis(self, *command: str | bytes) -> object:
        client = self.server.client()
        try:
            return await client.execute_command(*command)  # type: ignore[no-untyped-call]
        finally:
            await client.aclose()

    async def cut(self) -> None:
        """What a restored older copy looks like: the newest entry was never there."""
        key = "{sekisho}:audit"
        rows = await self.redis("XRANGE", key, "-", "+")
        assert isinstance(rows, list)
        await self.redis("DEL", key)
        for entry_id, fields in rows[:-1]:
            flat = [part for pair in fields.items() for part in pair]
            await self.redis("XADD", key, entry_id, *flat)


@pytest.fixture
async def place(tmp_path: Path) -> AsyncIterator[Place]:
    server = await embedded.start(tmp_path / "data", os.environ)
    sink = tmp_path / "second.jsonl"
    config = settings_file(
        tmp_path,
        redis=f"embedded:{tmp_path}/data",
        audit=f"  second_sink: {sink}\n  signing_key_file: signing.pem",
    )
    client = server.client()
    ledger = Ledger(client, KEYS)
    for number in range(ENTRIES):
        opening = FoundOpening(
            f"/vm/{number}", (22,), "203.0.113.7", datetime(2026, 11, 25, tzinfo=UTC), "", ""
        )
        await ledger.note(opening, op_id=op_id("test", str(number)))
    async for rows in scan(ledger.store):
        await FileSink(sink, KEYS).append(rows)
    await client.aclose()
    place = Place(config, tmp_path, server, sink)
    yield place
    await place.server.stop()  # a test may have started another one


@pytest.mark.proves("J2", "J3")
async def test_a_good_log_is_said_to_be_good_and_the_server_stays(place: Place) -> None:
    ended = await place.run("verify")
    assert (ended.code, ended.err) == (0, "")
    assert "entries 1 to 6" in ended.out
    assert "second sink, which knows entry 6" in ended.out
    assert await place.redis("PING") is True or await place.redis("PING") == b"PONG"


@pytest.mark.proves("J2", "FAULT-30")
async def test_the_first_bad_entry_is_named(place: Place) -> None:
    await place.redis("XDEL", "{sekisho}:audit", "3-0")
    ended = await place.run("verify")
    assert ended.code == 1
    assert "Entry 3 is the first bad one" in ended.out
    assert "Good up to entry 2" in ended.out


@pytest.mark.proves("J3", "FAULT-30")
async def test_a_cut_tail_is_found_by_the_second_sink(place: Place) -> None:
    await place.cut()
    ended = await place.run("verify")
    assert ended.code == 1
    assert "Entry 6 is the first bad one" in ended.out


async def test_a_forged_second_sink_is_found(place: Place) -> None:
    lines = place.sink.read_bytes().splitlines(keepends=True)
    place.sink.write_bytes(b"".join([*lines[:-1], lines[-1].replace(b"203.0.113.7", b"0.0.0.0/0")]))
    ended = await place.run("verify")
    assert ended.code == 1
    assert "second sink" in ended.out


async def test_a_folder_without_a_ledger_is_not_taken_for_a_good_log(tmp_path: Path) -> None:
    config = settings_file(tmp_path, redis=f"embedded:{tmp_path}/typo")
    ended = await sekisho("audit", "verify", "--config", str(config), env=SECRETS)
    assert ended.code == 1
    assert "typo" in ended.err
    assert not (tmp_path / "typo").exists()


async def test_a_server_that_is_not_there_is_said(tmp_path: Path) -> None:
    config = settings_file(tmp_path, redis="redis://127.0.0.1:1")
    ended = await sekisho("audit", "verify", "--config", str(config), env=SECRETS)
    assert ended.code == 1
    assert "could not be read" in ended.err


async def test_a_stopped_server_is_started_for_the_check_and_stopped_again(place: Place) -> None:
    await place.server.stop()
    ended = await place.run("verify")
    assert ended.code == 0
    assert "entries 1 to 6" in ended.out
    place.server = await embedded.start(place.folder / "data", os.environ)
    assert place.server.process is not None, "the command left its own server running"


@pytest.mark.proves("J6")
async def test_an_export_is_checked_with_openssl_alone(place: Place) -> None:
    public = await place.run("key", "--create")
    assert public.code == 0
    exported = await place.run(
        "export", "--format", "jsonl", "--out", str(place.folder / "e.jsonl")
    )
    assert exported.code == 0
    assert "6 entries" in exported.out
    (place.folder / "public.pem").write_text(public.out)
    listed = (place.folder / "e.jsonl.sha256").read_text().splitlines()[-1]
    digest = hashlib.sha256((place.folder / "e.jsonl").read_bytes()).hexdigest()
    assert listed == f"{digest}  e.jsonl"
    if shutil.which("openssl") is None:
        missing("no openssl: install it (Debian: apt-get install openssl)")
    checked = await asyncio.to_thread(
        subprocess.run,
        ["openssl", "pkeyutl", "-verify", "-pubin", "-inkey", "public.pem", "-rawin",
         "-in", "e.jsonl.sha256", "-sigfile", "e.jsonl.sha256.sig"],
        cwd=place.folder, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert "Signature Verified Successfully" in checked.stdout


@pytest.mark.proves("J6")
async def test_an_export_is_verified_without_redis_and_a_change_is_named(place: Place) -> None:
    await place.run("key", "--create")
    out = place.folder / "all.jsonl"
    await place.run("export", "--format", "jsonl", "--out", str(out))
    assert (await place.run("verify", "--file", str(out))).code == 0
    out.write_bytes(out.read_bytes().replace(b"/vm/3", b"/vm/9"))
    changed = await place.run("verify", "--file", str(out))
    assert changed.code == 1
    assert "Entry 4 is the first bad one" in changed.out


async def test_an_export_never_writes_over_a_file(place: Place) -> None:
    await place.run("key", "--create")
    (place.folder / "e.csv").write_text("mine")
    ended = await place.run("export", "--format", "csv", "--out", str(place.folder / "e.csv"))
    assert ended.code == 1
    assert (place.folder / "e.csv").read_text() == "mine"


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--since", "yesterday-ish"), "yesterday-ish"),
        (("--until", "2026-13-01"), "2026-13-01"),
    ],
)
async def test_a_time_that_is_none_is_said(place: Place, words: tuple[str, ...], said: str) -> None:
    await place.run("key", "--create")
    out = str(place.folder / "x.csv")
    ended = await place.run("export", "--format", "csv", "--out", out, *words)
    assert ended.code == 2
    assert said in ended.err


async def test_an_export_without_a_signing_key_says_what_is_missing(place: Place) -> None:
    ended = await place.run("export", "--format", "csv", "--out", str(place.folder / "x.csv"))
    assert ended.code == 2
    assert "signing.pem" in ended.err


@pytest.mark.proves("J6")
async def test_archive_exports_first_and_the_rest_still_verifies(place: Place) -> None:
    await place.run("key", "--create")
    ended = await place.run(
        "archive", "--out", str(place.folder), "--through", "4", "--administrator", "U0ITO"
    )
    assert ended.code == 0, ended.said
    assert "4 entries, up to 4" in ended.out
    assert (place.folder / "audit-1-4.jsonl").exists()
    after = await place.run("verify")
    assert after.code == 0
    assert "entries 5 to 7" in after.out


async def test_archive_is_for_administrators(place: Place) -> None:
    ended = await place.run("archive", "--out", str(place.folder), "--administrator", "U0ALICE")
    assert ended.code == 2
    assert "U0ALICE" in ended.err


RESUME = ("resume", "--because", "restored from a backup of noon")


@pytest.mark.proves("J3")
async def test_two_administrators_resume_a_cut_log(place: Place) -> None:
    await place.cut()
    two = ("--administrator", "U0ITO", "--administrator", "U0SATO")
    wrong = await place.run(*RESUME, "--accept-loss-after", "2", *two)
    assert wrong.code == 1
    assert "good to entry 5" in wrong.err
    alone = await place.run(*RESUME, "--accept-loss-after", "5", "--administrator", "U0ITO")
    assert alone.code == 2
    resumed = await place.run(*RESUME, "--accept-loss-after", "5", *two)
    assert resumed.code == 0, resumed.said
    assert "Restart every process" in resumed.out
    after = await place.run("verify")
    assert after.code == 0, after.said
    assert "Accepted by two administrators: entry 6" in after.out


async def test_a_good_log_is_not_resumed(place: Place) -> None:
    ended = await place.run(
        *RESUME, "--accept-loss-after", "6", "--administrator", "U0ITO", "--administrator", "U0SATO"
    )
    assert ended.code == 1
    assert "nothing to accept" in ended.err
