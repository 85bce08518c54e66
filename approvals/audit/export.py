"""The log, or a part of it, as a file for an auditor: JSON lines (exact) or CSV (for reading)."""

from __future__ import annotations

import csv
import hashlib
import io
import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC
from enum import StrEnum
from pathlib import Path

import msgspec

from approvals import entry as entries_of
from approvals.audit.scanning import scan
from approvals.audit.search import Query, Selection, kind_of
from approvals.audit.signing import SigningKey, how_to_check
from approvals.entry import AuditKeys, Entry, Stored
from approvals.events import RequestId, Submitted
from approvals.store import Store


class Format(StrEnum):
    JSONL = "jsonl"
    CSV = "csv"


@dataclass(frozen=True, slots=True)
class Exported:
    """What was written. `digest_file` is signed by `signature_file`, `readme` says how to check."""

    file: Path
    digest_file: Path
    signature_file: Path
    readme: Path
    sha256: str
    signature: bytes
    entries: int
    first: int
    last: int
    last_mac: str


COLUMNS = (
    "sequence", "at", "actor", "event", "request", "vm", "resource_id", "ports", "source",
    "version", "details", "op", "key_id", "previous_mac", "mac",
)  # fmt: skip

#: Spreadsheets take a cell that begins so for a formula, whatever stands around it in quotes.
_FORMULA = re.compile(r"""(?:^|["',;|\t\r\n])[\s"'\u3000]*[=+\-@＝＋－＠\t\r]""")
_LINE_BREAK = re.compile("\r\n|[\r\n\v\f\x85\u2028\u2029]")


def guarded(cell: str) -> str:
    """Text that stays text in a spreadsheet, on one line."""
    shown = _LINE_BREAK.sub(" ⏎ ", cell).replace("\0", "")
    return f"'{shown}" if _FORMULA.search(cell) else shown


async def export(
    store: Store,
    keys: AuditKeys,
    folder: Path,
    name: str,
    *,
    form: Format,
    query: Query,
    signing_key: SigningKey,
    through: int | None = None,
) -> Exported:
    """Every entry that `query` takes, each checked. AuditBroken stops it, and nothing is signed."""
    selection = Selection(query)
    file = folder / f"{name}.{form.value}"
    digest = hashlib.sha256()
    to_bytes, header = _writer(form)
    count, chosen_first, last = 0, 0, None
    with file.open("xb") as out:
        digest.update(header)
        out.write(header)
        async for rows in scan(store, through=through):
            for row in rows:
                entry = entries_of.read(row, keys)
                content = to_bytes(entry, row)
                if not selection.takes(entry):
                    continue
                digest.update(content)
                out.write(content)
                count, last = count + 1, row
                chosen_first = chosen_first or row.sequence
    return _sign(
        file, digest.hexdigest(), signing_key, query,
        count=count, first=chosen_first, last=last,
    )  # fmt: skip


def _sign(
    file: Path, sha256: str, key: SigningKey, query: Query, *, count: int, first: int,
    last: Stored | None,
) -> Exported:  # fmt: skip
    last_sequence, last_mac = (last.sequence, last.mac) if last is not None else (0, "")
    choice = msgspec.json.encode(
        {name: value for name in query.__slots__ if (value := getattr(query, name))}
    ).decode()
    listed = (
        f"# sekisho audit export: {count} entries, {first} to {last_sequence}, chosen by {choice}\n"
        f"# MAC of entry {last_sequence}: {last_mac}\n"
        f"{sha256}  {file.name}\n"
    ).encode()
    digest_file = file.with_name(f"{file.name}.sha256")
    signature_file = file.with_name(f"{file.name}.sha256.sig")
    readme = file.with_name(f"{file.name}.how-to-check.txt")
    signature = key.sign(listed)
    digest_file.write_bytes(listed)
    signature_file.write_bytes(signature)
    readme.write_text(how_to_check(file.name, key.public_pem), encoding="utf-8")
    return Exported(
        file, digest_file, signature_file, readme, sha256, signature,
        entries=count, first=first, last=last_sequence, last_mac=last_mac,
    )  # fmt: skip


def _writer(form: Format) -> tuple[Callable[[Entry, Stored], bytes], bytes]:
    """The function that makes a line, and what stands above the lines."""
    match form:
        case Format.JSONL:
            return (lambda _entry, row: entries_of.to_line(row)), b""
        case Format.CSV:
            table = CsvTable()
            # Spreadsheets need the mark to read UTF-8.
            return table.line, b"\xef\xbb\xbf" + _csv_line(COLUMNS)


class CsvTable:
    """Entries as rows. A request's first entry names VM, ports and source for the later ones."""

    def __init__(self) -> None:
        self._filed: dict[RequestId | None, Submitted] = {}

    def line(self, entry: Entry, stored: Stored) -> bytes:
        if isinstance(entry.event, Submitted):
            self._filed[entry.request] = entry.event
        filed = self._filed.get(entry.request)
        terms = filed.terms if filed is not None else None
        texts = (
            entry.actor,
            kind_of(entry),
            entry.request or "",
            filed.target.name if filed is not None else "",
            filed.target.resource_id if filed is not None else "",
            " ".join(str(port) for port in terms.ports) if terms is not None else "",
            terms.source if terms is not None else "",
        )
        return _csv_line(
            (
                str(entry.sequence),
                entry.at.astimezone(UTC).isoformat(),
                *(guarded(text) for text in texts),
                str(entry.version),
                guarded(msgspec.json.encode(entry.event).decode()),
                guarded(entry.op),
                guarded(entry.key_id),
                entry.previous_mac,
                stored.mac,
            )
        )


def _csv_line(cells: tuple[str, ...]) -> bytes:
    out = io.StringIO()
    csv.writer(out, lineterminator="\r\n").writerow(cells)
    return out.getvalue().encode()
