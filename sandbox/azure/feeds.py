"""The part of Azure that alerts and file changes come from, as tests and the director hold it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Unpack

from sandbox.azure.alert_answers import AlertAnswers
from sandbox.azure.alert_body import Machine
from sandbox.azure.alert_wishes import Wish
from sandbox.azure.alerts import AlertStore, SandboxAlert
from sandbox.azure.exports import Exporter
from sandbox.azure.kql.values import Row
from sandbox.azure.log_analytics import LogAnalytics
from sandbox.azure.microsoft_graph import MicrosoftGraph
from sandbox.azure.resource_graph import ResourceGraph
from sandbox.azure.rights import Rights
from sandbox.azure.state import AzureState
from sandbox.azure.tokens import TokenIssuer
from sandbox.azure.wire import fold
from sandbox.azure.workspaces import ChangeWish, Workspaces, demo_workspaces
from sandbox.azure.xdr import Analyst, Xdr
from sandbox.world.clock import SandboxClock


class Feeds:
    """Defender's alerts by every way in, Defender XDR's side of them, and workspaces."""

    def __init__(
        self,
        state: AzureState,
        rights: Rights,
        tokens: TokenIssuer,
        clock: SandboxClock,
        *,
        changed: Callable[[], None],
    ) -> None:
        self._estate = state
        self._now = clock.now
        self._changed_here = changed
        self.alerts = AlertStore()
        self.xdr = Xdr(self.alerts)
        self.exports = Exporter(self.alerts)
        self.workspaces = Workspaces(state, demo_workspaces(state))
        self.alert_answers = AlertAnswers(self.alerts)
        self.resource_graph = ResourceGraph(self.alerts, state, rights, tokens)
        self.log_analytics = LogAnalytics(self.workspaces, rights)
        self.microsoft_graph = MicrosoftGraph(self.xdr)

    def raise_alert(self, vm_name: str, **wish: Unpack[Wish]) -> SandboxAlert:
        """Defender for Endpoint finds something on a machine (a name, or an id), just now."""
        alert = self.alerts.raise_(self.covered(vm_name), self._now(), **wish)
        self._changed_here()
        return alert

    def analyst(self, email: str) -> Analyst:
        """Somebody who works in Defender XDR's portal."""
        return Analyst(self.xdr, email, self._now)

    def change_file(self, vm_name: str, path: str, **wish: Unpack[ChangeWish]) -> Row:
        """A file (or, with `value_name`, a registry value) changes on a machine, just now."""
        row = self.workspaces.change(self.covered(vm_name), path, self._now(), **wish)
        self._changed_here()
        return row

    def covered(self, name: str) -> Machine:
        """The one machine of this name or id, Azure's own or joined by Arc; else LookupError."""
        wanted = fold(name)
        by_id = self._estate.machines.get(wanted)
        if by_id is not None:
            return by_id
        machines: tuple[Machine, ...] = (
            *self._estate.machines.values(),
            *self._estate.estate.arc_machines,
        )
        found = [m for m in machines if wanted in (fold(m.name), fold(m.id))]
        if len(found) != 1:
            raise LookupError(f"{len(found)} machines are called {name!r}")
        return found[0]

    def mend_feeds(self) -> None:
        """Everything can be read again, whole, in order and at once."""
        self.alerts.faults.clear()
        self.alerts.graph_latency = timedelta()
        self.workspaces.faults.clear()
        self.exports.twice = False
        self.xdr.delay = timedelta()
