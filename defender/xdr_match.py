"""Which alert of Defender XDR is which of Defender for Cloud's. Pure."""

from __future__ import annotations

from defender.alert import Alert
from defender.resources import fold
from defender.xdr_decode import XdrAlert


def named_id(alert: Alert) -> str:
    """The id there that an alert of Defender for Endpoint names in its link; "" for none."""
    return alert.link.rpartition("/alerts/")[2].partition("?")[0] if alert.is_edr else ""


def best(alert: Alert, found: list[XdrAlert]) -> XdrAlert | None:
    """The one of these that is this alert: by id, else the only one of its machine and title."""
    for other in found:
        if alert.key in (other.provider_alert_id.lower(), other.xdr_id.lower()):
            return other
    same = [other for other in found if is_same_story(alert, other)]
    return same[0] if len(same) == 1 else None


def is_same_story(alert: Alert, other: XdrAlert) -> bool:
    if not alert.title or alert.title.casefold() != other.title.casefold():
        return False
    ids = {fold(text) for text in other.resource_ids}
    if alert.resource_id and ids:
        return fold(alert.resource_id) in ids
    return not alert.resource_id and alert.machine.casefold() in map(str.casefold, other.machines)


def best_of_ours(other: XdrAlert, found: list[Alert]) -> Alert | None:
    """The same the other way round: which of ours this alert of Defender XDR is."""
    ids = {other.xdr_id.lower(), other.provider_alert_id.lower()} - {""}
    for alert in found:
        if alert.key in ids or named_id(alert).lower() in ids:
            return alert
    same = [alert for alert in found if is_same_story(alert, other)]
    return same[0] if len(same) == 1 else None
