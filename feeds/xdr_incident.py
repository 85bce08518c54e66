"""What of a decision on one alert holds for its whole incident. Pure.

Others may be working on the incident's other alerts, so what they hold is never written over; an
incident's status is left to Defender XDR and to the analysts.
"""

from __future__ import annotations

from collections.abc import Mapping

from defender.xdr_decode import XdrAlert, XdrIncident


def incident_wish(
    incident: XdrIncident, before: XdrAlert, fields: Mapping[str, str], *, had: str = ""
) -> dict[str, str]:
    """Of `fields`, which its alert `before` gets, those that the incident gets, too.

    `had`: whose the alert was before an earlier try, which may have reached the alert alone.
    """
    others = [alert for alert in incident.alerts if alert.xdr_id != before.xdr_id]
    found = {}
    owner = fields.get("owner")
    is_free = any(_same(incident.owner, one) for one in ("", before.owner, had))
    if owner is not None and is_free and _may_own(others, owner):
        found["owner"] = owner
    if "classification" in fields and _is_whole(others, fields["classification"]):
        found["classification"] = fields["classification"]
        found["determination"] = fields["determination"]
    return {name: text for name, text in found.items() if not _same(getattr(incident, name), text)}


def _may_own(others: list[XdrAlert], owner: str) -> bool:
    """Nobody else has an open alert of it."""
    return all(
        _is_closed(other) or not other.owner or _same(other.owner, owner) for other in others
    )


def _is_whole(others: list[XdrAlert], classification: str) -> bool:
    """Every other alert is closed, and as the same."""
    return all(_is_closed(o) and _same(o.classification, classification) for o in others)


def _is_closed(alert: XdrAlert) -> bool:
    return _same(alert.status, "resolved")


def _same(one: str, other: str) -> bool:
    return one.casefold() == other.casefold()
