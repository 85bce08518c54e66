"""Defender XDR's side of the alerts: their own ids, owners, verdicts, comments and incidents."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from sandbox.azure.alert_body import xdr_id
from sandbox.azure.alerts import AlertStore, SandboxAlert
from sandbox.azure.wire import Json, fold, instant_text
from sandbox.azure.xdr_body import alert_fields, comment_fields, incident_fields

#: Alerts of one machine within this are one incident.
ONE_INCIDENT = timedelta(hours=6)
_FIRST_INCIDENT = 28_282


@dataclass(slots=True)
class XdrIncident:
    """Alerts that belong together."""

    id: str
    machine_key: str
    fields: Json
    last_at: datetime
    alert_ids: list[str] = field(default_factory=list)


@dataclass(slots=True)
class XdrAlert:
    """An alert as Microsoft Graph writes it."""

    id: str
    incident_id: str
    source: SandboxAlert
    visible_at: datetime
    _fields: Json | None = None

    @property
    def fields(self) -> Json:
        """The alert itself; made when it is first looked at, since storms are never read."""
        if self._fields is None:
            self._fields = alert_fields(self.source, self.id, self.incident_id)
        return self._fields

    @property
    def created(self) -> str:
        """When it was generated."""
        return str(self.source.properties.get("timeGeneratedUtc"))

    @property
    def owner(self) -> str | None:
        """Whom it is assigned to."""
        owner: str | None = self.fields["assignedTo"]
        return owner

    def add_comment(self, text: str, by: str, at: datetime) -> None:
        """Somebody, or an app, writes to it."""
        self.fields["comments"].append(comment_fields(text, by, at))
        self.fields["lastUpdateDateTime"] = instant_text(at)

    @property
    def comments(self) -> list[str]:
        """What people wrote to it, oldest first."""
        return [comment["comment"] for comment in self.fields["comments"]]


class Analyst:
    """Somebody who works in Defender XDR's portal."""

    def __init__(self, xdr: Xdr, email: str, now: Callable[[], datetime]) -> None:
        self._xdr = xdr
        self.email = email
        self._now = now

    def change(self, alert: SandboxAlert, **fields: str | None) -> None:
        """Set `assignedTo`, `status`, `classification` or `determination`, in Graph's words."""
        found = self._of(alert)
        unknown = fields.keys() - {"assignedTo", "status", "classification", "determination"}
        if unknown:
            raise ValueError(f"not on the page: {unknown}")
        found.fields.update(fields, lastUpdateDateTime=instant_text(self._now()))

    def assign(self, alert: SandboxAlert) -> None:
        """To themselves."""
        self.change(alert, assignedTo=self.email)

    def comment(self, alert: SandboxAlert, text: str) -> None:
        """Write under their own name."""
        found = self._of(alert)
        found.add_comment(text, self.email, self._now())

    def _of(self, alert: SandboxAlert) -> XdrAlert:
        found = self._xdr.of(alert)
        if found is None:
            raise LookupError("this alert is not in Defender XDR")
        return found


class Xdr:
    """Follows Azure's alerts; what is done here stays here, and the other way round."""

    def __init__(self, store: AlertStore) -> None:
        #: Alerts appear here so long after Azure shows them.
        self.delay = timedelta()
        self.alerts: dict[str, XdrAlert] = {}
        self.incidents: dict[str, XdrIncident] = {}
        store.on_change(self._follow)

    def of(self, alert: SandboxAlert) -> XdrAlert | None:
        """The same alert here; Informational ones never come."""
        return self.alerts.get(xdr_id(alert.name))

    def visible(self, at: datetime) -> Iterator[XdrAlert]:
        """Newest first, as Graph lists them."""
        found = [alert for alert in self.alerts.values() if alert.visible_at <= at]
        return iter(sorted(found, key=lambda a: a.created, reverse=True))

    def _follow(self, alert: SandboxAlert) -> None:
        own = xdr_id(alert.name)
        if own in self.alerts or alert.severity in ("Informational", ""):
            return
        at = alert.changes[0][0]
        incident = self._incident(alert, at)
        incident.alert_ids.append(own)
        self.alerts[own] = XdrAlert(own, incident.id, alert, at + self.delay)

    def _incident(self, alert: SandboxAlert, at: datetime) -> XdrIncident:
        key = fold(alert.machine.id)
        for incident in self.incidents.values():
            if incident.machine_key == key and at - incident.last_at <= ONE_INCIDENT:
                incident.last_at = at
                return incident
        number = str(_FIRST_INCIDENT + len(self.incidents))
        found = XdrIncident(number, key, incident_fields(alert, number, at), at)
        self.incidents[number] = found
        return found
