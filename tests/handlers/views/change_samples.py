"""Bursts of file changes as the layouts beside this checkout show them."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec

from approvals.deeds import DeedKind
from approvals.events import PersonId, RequestId
from defender.file_change_decode import MDE, FileChange
from feeds.cases import Case, Step
from feeds.correlation import Session
from feeds.danger import ROOT_HOME, Kind, danger_of, kind_of
from feeds.file_change_records import Facts, StoredBurst, Weighed
from feeds.windows import ChangeWindow
from handlers.views.change_words import ChangeView

YAMADA, SATO, SUZUKI = PersonId("U0YAMADA"), PersonId("U0SATO"), PersonId("U0SUZUKI")
NAMES = {"U0YAMADA": "yamada", "U0SATO": "sato", "U0SUZUKI": "suzuki"}
#: 2026-11-25 18:12 JST.
NOW = datetime(2026, 11, 25, 9, 12, tzinfo=UTC)
RUN = "HKEY_LOCAL_MACHINE\\SOFTWARE\\Microsoft\\Windows\\CurrentVersion\\Run\\Updater"


def at(epoch: int) -> datetime:
    return datetime.fromtimestamp(epoch, UTC)


def weigh(change: FileChange) -> Weighed:
    return Weighed(change, danger_of(change), kind_of(change))


def row(path: str, **facts: Any) -> Weighed:
    named: dict[str, Any] = {
        "key": path,
        "table": MDE,
        "machine": "web-01",
        "path": path,
        "act": "touched",
        "account": "root",
        "process": "vim",
        "changed_at": at(1795597560),
    }
    return weigh(FileChange(**{**named, **facts}))


SUDOERS = row("/etc/sudoers.d/90-deploy", new_size=41, new_hash="9f2c" + "0" * 56 + "77e1")
KEYS = row(
    f"{ROOT_HOME}/.ssh/authorized_keys",
    act="modified",
    old_size=1122,
    new_size=1502,
    old_hash="04b1" + "0" * 56 + "c9aa",
    new_hash="e7d0" + "0" * 56 + "1f36",
    changed_at=at(1795597620),
)
CRON = row("/etc/cron.daily/logrotate", new_size=377, process="dpkg", changed_at=at(1795597680))
OPENSSL = row("/usr/bin/openssl", new_size=1_004_184, process="dpkg", changed_at=at(1795597500))

SESSION = Session(
    request_id=RequestId("1042"),
    person=YAMADA,
    ports=(22,),
    source="203.0.113.7",
    source_label="",
    approvers=(SATO,),
    opened_at=at(1795596600),
    ends_at=at(1795603800),
    is_open=True,
)

WEB = StoredBurst(
    id="F-880",
    kind="burst",
    facts=Facts(
        machine="web-01",
        resource_id="/subscriptions/s/resourceGroups/rg-web/providers/x/virtualMachines/web-01",
        resource_group="rg-web",
        subscription="prod-web",
        workspace="law-sec",
        table=MDE,
        security_channel="C0SECURITY",
    ),
    channel="C0OPS",
    version=1,
    count=37,
    dangerous=2,
    first_at=at(1795597500),
    last_at=at(1795597740),
    opened_at=at(1795597750),
    kinds={Kind.SYSTEM_BINARY: 31, Kind.CONFIG: 5, Kind.KEYS: 1},
    acts={"touched": 36, "deleted": 1},
)

NEW = ChangeView(
    burst=WEB,
    rows=(SUDOERS, KEYS, CRON, OPENSSL),
    now=NOW,
    case_version=1,
    sessions=(SESSION,),
    names=NAMES,
    reasons={RequestId("1042"): "TLS renewal"},
)

UPDATER = row(
    RUN,
    machine="db-02",
    what="registry",
    act="modified",
    account="DB-02\\svc-backup",
    process="reg.exe",
    new_value="C:\\Temp\\u.exe",
    changed_at=at(1795543920),
)
UNEXPLAINED = replace(
    NEW,
    burst=replace(
        WEB,
        id="F-871",
        count=1,
        dangerous=1,
        facts=Facts(
            machine="db-02",
            resource_id="/subscriptions/s/resourceGroups/rg-db/providers/x/virtualMachines/db-02",
            resource_group="rg-db",
            subscription="prod-db",
            table=MDE,
        ),
        first_at=at(1795543920),
        last_at=at(1795543920),
        opened_at=at(1795543930),
        kinds={Kind.RUN_KEY: 1},
        acts={"modified": 1},
    ),
    rows=(UPDATER,),
    sessions=(),
)

NOT_ME = replace(
    NEW,
    case=Case(answer="not_me", answered_by=YAMADA, decided_by=YAMADA, decided_at=at(1795597920)),
    case_version=2,
)
TAKEN = replace(UNEXPLAINED, case=Case(owner=SATO, owned_at=NOW), case_version=2)
YES = replace(
    NEW,
    case=Case(
        state="resolved",
        answer="yes",
        answered_by=YAMADA,
        decided_by=YAMADA,
        decided_at=NOW,
        reason="TLS renewal, as announced",
    ),
)
EXPECTED = replace(
    UNEXPLAINED,
    case=Case(state="resolved", decided_by=SATO, decided_at=NOW, reason="monthly patching"),
)
SUSPICIOUS = replace(
    UNEXPLAINED, case=Case(state="inprogress", decided_by=SATO, decided_at=NOW, owner=SATO)
)
UNKNOWN = replace(
    UNEXPLAINED,
    burst=replace(
        UNEXPLAINED.burst,
        facts=Facts(agent_id="00000000-0000-0000-0000-0000000000ab", workspace="law-sec"),
    ),
)
FLOOD = replace(
    NEW,
    burst=replace(
        WEB,
        kind="flood",
        count=2_000,
        first_at=NOW - timedelta(hours=12),
        last_at=NOW - timedelta(hours=5, minutes=40),
        opened_at=NOW,
    ),
    sessions=(),
)
WINDOW = replace(
    NEW,
    burst=replace(WEB, id="W-14", kind="window", count=412, machines=9, version=9),
    window=ChangeWindow(
        id="W-14",
        pattern="web-*",
        opened_by=SUZUKI,
        opened_at=NOW,
        until=at(1795611600),
        reason="monthly patching",
    ),
)
SILENT = replace(
    NEW,
    burst=replace(
        WEB,
        id="S-1",
        kind="silent",
        count=0,
        facts=Facts(
            machine="app-07", workspace="law-sec", last_row_at=at(1795468200), others_send=37
        ),
    ),
)
BACK = replace(SILENT, burst=replace(SILENT.burst, back_at=NOW))
SILENT_UNKNOWN = replace(
    SILENT,
    burst=replace(SILENT.burst, facts=msgspec.structs.replace(SILENT.burst.facts, is_unknown=True)),
)
SILENT_WORKSPACE = replace(
    SILENT,
    burst=replace(SILENT.burst, facts=Facts(workspace="law-sec", last_row_at=at(1795468200))),
)

#: Every state of a card, by name.
ALL = {
    "new": NEW,
    "unexplained": UNEXPLAINED,
    "not me": NOT_ME,
    "not me, raised": replace(NOT_ME, is_raised=True),
    "not me, closed": replace(NOT_ME, sessions=(replace(SESSION, is_open=False),)),
    "not me, taken": replace(
        NOT_ME, case=msgspec.structs.replace(NOT_ME.case, owner=SATO, owned_at=NOW)
    ),
    "taken": TAKEN,
    "yes": YES,
    "expected": EXPECTED,
    "suspicious": SUSPICIOUS,
    "unknown machine": UNKNOWN,
    "resolved": replace(
        NOT_ME,
        case=msgspec.structs.replace(
            NOT_ME.case,
            state="resolved",
            decided_by=SATO,
            decided_at=NOW,
            reason="a stolen key",
            steps=(Step(DeedKind.RESOLVED, SATO, NOW),),
        ),
    ),
    "flood": FLOOD,
    "window": WINDOW,
    "silent": SILENT,
    "back": BACK,
    "silent workspace": SILENT_WORKSPACE,
    "silent unknown": SILENT_UNKNOWN,
    "nothing": replace(UNEXPLAINED, rows=()),
}
