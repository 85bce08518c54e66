"""The alerts that Azure holds, what became of each, and how reading them can go wrong."""

from __future__ import annotations

import random
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Literal, TypeVar, Unpack

from sandbox.azure.alert_body import (
    TYPE,
    Circumstances,
    Machine,
    portal_link,
    properties_of,
    xdr_link,
)
from sandbox.azure.alert_wishes import Wish, account_of, dressed, is_cloud, story_of
from sandbox.azure.wire import Json, fold

T = TypeVar("T")
Status = Literal["Active", "InProgress", "Resolved", "Dismissed"]

#: Defender's data lives in one region, whatever the machine's.
HOME = "japaneast"
#: From what happened to what Defender says of it.
NOTICED_AFTER = timedelta(seconds=90)
#: What a year 10000 has in ticks of .NET: an alert's name starts with how far it is from there.
_LAST_TICK = 3155378975999999999
_TICKS = 10_000_000
_YEAR_ONE = datetime(1, 1, 1, tzinfo=UTC)
_ATTACKER = "198.51.100.77"


@dataclass(slots=True)
class SandboxAlert:
    """One alert; `changes` are its states, oldest first."""

    id: str
    name: str
    subscription_id: str
    resource_group: str
    location: str
    machine: Machine
    properties: Json
    visible_at: datetime
    changes: list[tuple[datetime, Status]] = field(default_factory=list)

    @property
    def system_id(self) -> str:
        """The identity that every way of reading it shares."""
        return str(self.properties.get("systemAlertId") or self.name)

    @property
    def status(self) -> Status:
        """Its state now."""
        return self.changes[-1][1]

    @property
    def severity(self) -> str:
        """As Defender rates it."""
        return str(self.properties.get("severity") or "")

    @property
    def title(self) -> str:
        """As Defender calls it."""
        return str(self.properties.get("alertDisplayName") or "")

    def body(self, at: datetime | None = None) -> Json:
        """The alert as Resource Manager answers it, as it was at an instant."""
        return {
            "id": self.id,
            "name": self.name,
            "type": TYPE,
            "properties": self.properties | ({"status": self.status_at(at)} if at else {}),
        }

    def status_at(self, at: datetime) -> Status:
        """Its state at an instant."""
        return next((s for since, s in reversed(self.changes) if since <= at), self.changes[0][1])


@dataclass(slots=True)
class AlertFaults:
    """How the lists go wrong; as made, nothing is wrong."""

    #: Every alert comes twice on a page.
    duplicates: bool = False
    #: In no order.
    shuffles: bool = False
    #: So many further pages, of either list, break off in the middle.
    broken_pages: int = 0
    #: So many alerts are cut off each list, in words that say so in Resource Graph alone.
    cut_after: int | None = None
    #: Alerts raised from now on can be read only after this.
    delay: timedelta = timedelta()

    def clear(self) -> None:
        """The lists are right again."""
        self.duplicates = self.shuffles = False
        self.broken_pages, self.cut_after, self.delay = 0, None, timedelta()

    def disordered(self, found: list[T]) -> list[T]:
        """The list as it comes; the pages of one list agree on its order."""
        items = [alert for alert in found for _ in range(2)] if self.duplicates else found
        if not self.shuffles:
            return items
        return random.Random(len(items)).sample(items, len(items))  # noqa: S311 no secret


class AlertStore:
    """Every alert, by id; raising and changing one goes through here."""

    def __init__(self, *, seed: int = 1) -> None:
        self.faults = AlertFaults()
        #: Items that both lists carry just as they are, in front: recordings, oddities, nulls.
        self.raw_items: list[object] = []
        self.chance = random.Random(seed)  # noqa: S311 chance for a play, not for secrets
        #: Resource Graph shows what Resource Manager knew so long ago.
        self.graph_latency = timedelta()
        #: Sample alerts come so long after they were asked for.
        self.simulate_delay = timedelta(seconds=2)
        self._alerts: dict[str, SandboxAlert] = {}
        self._listeners: list[Callable[[SandboxAlert], None]] = []

    def __len__(self) -> int:
        return len(self._alerts)

    def __iter__(self) -> Iterator[SandboxAlert]:
        return iter(tuple(self._alerts.values()))

    def on_change(self, listener: Callable[[SandboxAlert], None]) -> None:
        """Call `listener` for every alert that is raised or changes its state."""
        self._listeners.append(listener)

    def find(self, name: str) -> SandboxAlert | None:
        """By id, by name or by Defender's own identity, without regard to case."""
        wanted = fold(name)
        found = self._alerts.get(wanted)
        return found or next(
            (a for a in self._alerts.values() if wanted in (fold(a.name), fold(a.system_id))), None
        )

    def visible(self, at: datetime) -> list[SandboxAlert]:
        """Those that can be read at an instant."""
        return [alert for alert in self._alerts.values() if alert.visible_at <= at]

    def raise_(self, machine: Machine, now: datetime, **wish: Unpack[Wish]) -> SandboxAlert:
        """Defender finds something on a machine."""
        story = story_of(machine, wish, self.chance)
        generated_at = now - wish.get("generated_ago", timedelta())
        started_at = now - wish.get(
            "started_ago", wish.get("generated_ago", timedelta()) + NOTICED_AFTER
        )
        name = alert_name(started_at, uuid.UUID(int=self.chance.getrandbits(128), version=4))
        found = Circumstances(
            account=wish.get("account", account_of(machine)),
            source=wish.get("source", _ATTACKER),
            started_at=started_at,
            generated_at=generated_at,
            spelling=wish.get("spelling", self.chance.choice(("new", "new", "old"))),
        )
        # The older way in leads to Azure's portal, the newer one to Defender's own.
        link = portal_link(machine, name, HOME) if is_cloud(wish, found) else xdr_link(name)
        properties = properties_of(story, machine, found, system_id=name, link=link)
        alert = SandboxAlert(
            id=alert_id(machine, name),
            name=name,
            subscription_id=machine.subscription_id,
            resource_group=machine.resource_group,
            location=HOME,
            machine=machine,
            properties=dressed(properties, wish),
            visible_at=now + wish.get("delay", self.faults.delay),
            changes=[(now, "Active")],
        )
        return self.add(alert)

    def add(self, alert: SandboxAlert) -> SandboxAlert:
        """Keep an alert that was made elsewhere."""
        self._alerts[fold(alert.id)] = alert
        self._tell(alert)
        return alert

    def remove(self, alert: SandboxAlert) -> None:
        """Azure forgets it, as after 90 days."""
        self._alerts.pop(fold(alert.id), None)

    def set_status(self, alert: SandboxAlert, status: Status, now: datetime) -> None:
        """Change its state, by the API or in the portal."""
        alert.changes.append((now, status))
        alert.properties = {**alert.properties, "status": status}
        self._tell(alert)

    def _tell(self, alert: SandboxAlert) -> None:
        for listener in tuple(self._listeners):
            listener(alert)


def alert_name(started_at: datetime, unique: uuid.UUID) -> str:
    """Nineteen digits that fall as time goes on, and a GUID."""
    since = started_at.astimezone(UTC) - _YEAR_ONE
    ticks = (since.days * 86_400 + since.seconds) * _TICKS + since.microseconds * 10
    return f"{_LAST_TICK - ticks}_{unique}"


def alert_id(machine: Machine, name: str) -> str:
    """Under the machine's group, in the region that keeps the data."""
    return (
        f"/subscriptions/{machine.subscription_id}/resourceGroups/{machine.resource_group}"
        f"/providers/Microsoft.Security/locations/{HOME}/alerts/{name}"
    )
