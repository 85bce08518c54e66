"""What routes look at: an alert, or the machine of some file changes, as plain facts. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from approvals.scope import Globs
from defender.alert import SEVERITIES, Alert

UNKNOWN = "unknown"
#: Held back by quiet hours or by a route's least severity; High and Medium never are.
HOLDABLE = ("low", "informational")


@dataclass(frozen=True, slots=True)
class Facts:
    """What routes look at. All text is foreign and kept as it came."""

    severity: str = ""
    product: str = ""
    alert_type: str = ""
    tactics: tuple[str, ...] = ()
    is_edr: bool = False
    subscription_id: str = ""
    resource_group: str = ""
    machine: str = ""
    tags: Mapping[str, str] = field(default_factory=dict)
    cloud: str = ""
    #: a sample is told like any alert, but it calls nobody.
    is_sample: bool = False


def facts_of(
    alert: Alert, *, tags: Mapping[str, str], resource_group: str = "", edr: Globs | None = None
) -> Facts:
    """An alert as routes see it; tags and group are the estate's where it knows the machine.

    `edr`: products that count as endpoint detection besides those that the decoder knows.
    """
    return Facts(
        severity=alert.severity,
        product=alert.product,
        alert_type=alert.alert_type,
        tactics=tuple(part.strip() for part in alert.intent.split(",") if part.strip()),
        is_edr=alert.is_edr or (edr is not None and edr.match(alert.product)),
        subscription_id=alert.subscription_id,
        resource_group=resource_group or alert.resource_group,
        machine=alert.machine,
        tags=tags,
        cloud=alert.cloud,
        is_sample=alert.is_sample,
    )


def rank(severity: str) -> int:
    """0 for High; what Azure does not know sorts last (C049)."""
    found = severity.casefold()
    return SEVERITIES.index(found) if found in SEVERITIES else len(SEVERITIES)


def may_be_held(severity: str) -> bool:
    """Low and Informational alone; an unknown severity is told at once, like everything loud."""
    return severity.casefold() in HOLDABLE
