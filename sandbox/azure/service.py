"""Azure on loopback: what tests, the demo and the director hold in their hands."""

from __future__ import annotations

import asyncio
import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import TypeVar

from aiohttp import web

from sandbox.azure.access import Access
from sandbox.azure.activity_actors import PIPELINE, Actor, person
from sandbox.azure.activity_log import RULE_DELETE, ActivityLog
from sandbox.azure.app import STOP_WITHIN, AzureApp
from sandbox.azure.exchange import Exchange, ExchangeLog
from sandbox.azure.faults import Faults
from sandbox.azure.feeds import Feeds
from sandbox.azure.jit import Initiate, InitiateMachine, InitiatePort, Opening
from sandbox.azure.policies import policy_id
from sandbox.azure.portal import Portal
from sandbox.azure.reading import Reading
from sandbox.azure.rights import Rights
from sandbox.azure.routes import Routes
from sandbox.azure.state import INITIATE, AzureState
from sandbox.azure.tls import make_certificates
from sandbox.azure.tokens import TokenIssuer
from sandbox.azure.wire import duration_text, fold
from sandbox.world.clock import SandboxClock
from sandbox.world.model import Estate, PowerState, SecurityRule, VirtualMachine

T = TypeVar("T")

TENANT_ID = "00000000-0000-0000-0000-0000000000aa"
CLIENT_ID = "00000000-0000-0000-0000-0000000000bb"

#: How long Azure takes from accepting a request to the rule in the security group.
SETTLE = timedelta(seconds=0.3)
#: Seconds between two looks at a condition that may come true by time alone.
_LOOK_AGAIN = 0.02


@dataclass(frozen=True, slots=True)
class OpenPort:
    """A port that is open right now, by the rules in the security group."""

    vm: str
    resource_group: str
    port: int
    source: str
    ends_at: datetime
    justification: str | None
    vm_id: str


class SandboxAzure(Feeds):
    """An Azure of its own: `await start()`, talk https to `url`, look at what it was asked."""

    def __init__(
        self,
        estate: Estate,
        clock: SandboxClock,
        *,
        state_dir: Path,
        settle: timedelta = SETTLE,
        page_size: int = 25,
    ) -> None:
        self.clock = clock
        self.state = AzureState(estate)
        self.faults = Faults()
        self.rights = Rights()
        self.received = ExchangeLog()
        self.tenant_id = TENANT_ID
        self.client_id = CLIENT_ID
        self.client_secret = secrets.token_urlsafe(24)
        self._certificates = make_certificates(state_dir)
        self.ca_file = self._certificates.ca_file
        self.tokens = TokenIssuer(self.tenant_id, self.client_id, self.client_secret)
        self._reading = Reading(
            self.state, self.rights, tenant_id=self.tenant_id, page_size=page_size
        )
        #: Who changed what, as Azure notes it.
        self.activity_log = ActivityLog(self.tenant_id, self.client_id)
        self._access = Access(
            self.state, self.faults, self.activity_log, page_size=page_size, settle=settle
        )
        super().__init__(self.state, self.rights, self.tokens, clock, changed=self._tell)
        self.portal = Portal(self.state, self.activity_log, clock, changed=self._tell)
        self._app = AzureApp(
            state=self.state,
            routes=Routes(
                self._reading,
                self._access,
                self.alert_answers,
                self.resource_graph,
                self.log_analytics,
                self.microsoft_graph,
                self.activity_log,
            ),
            tokens=self.tokens,
            rights=self.rights,
            faults=self.faults,
            log=self.received,
            activity_log=self.activity_log,
            clock=clock,
            base_url=lambda: self.url,
            changed=self._tell,
        )
        self._runner: web.AppRunner | None = None
        self._listeners: list[Callable[[], None]] = []
        self._changed = asyncio.Event()
        self.port = 0
        self.settle = settle
        clock.on_advance(lambda offset: self._tell())

    # The server

    @property
    def url(self) -> str:
        """Where Resource Manager answers."""
        return f"https://127.0.0.1:{self.port}"

    @property
    def authority(self) -> str:
        """Where tokens are given: the same server."""
        return self.url

    @property
    def log_analytics_url(self) -> str:
        """Where workspaces are queried: the same server."""
        return self.url

    @property
    def graph_url(self) -> str:
        """Where Microsoft Graph answers: the same server."""
        return self.url

    @property
    def subscriptions(self) -> list[str]:
        """The ids of the subscriptions."""
        return [s.id for s in self.state.subscriptions.values()]

    async def start(self, port: int = 0) -> None:
        """Listen on 127.0.0.1; port 0 takes a free one."""
        if self._runner is not None:
            raise RuntimeError("Azure is already running")
        runner = web.AppRunner(
            self._app.application(),
            access_log=None,
            shutdown_timeout=STOP_WITHIN.total_seconds(),
        )
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", port, ssl_context=self._certificates.context)
        try:
            await site.start()
        except OSError:
            await runner.cleanup()
            raise
        self._runner = runner
        self.port = runner.addresses[0][1]

    async def stop(self) -> None:
        """Stop listening; what Azure holds is kept for the next start."""
        await self.exports.close()
        runner, self._runner = self._runner, None
        if runner is not None:
            await runner.cleanup()

    # What a test looks at

    @property
    def initiates(self) -> list[Exchange]:
        """Every request to open a port that arrived, whatever became of it."""
        return self.received.initiates()

    @property
    def token_requests(self) -> int:
        """How often a token was asked for."""
        return self._app.token_requests

    def open_ports(self) -> list[OpenPort]:
        """The ports that are open right now, one line per source."""
        found = []
        for opening in self.state.open_now(self.clock.now()):
            vm = self.state.machines[opening.vm_key]
            found += [_open_port(opening, vm, source) for source in opening.asked.sources]
        return found

    def nsg_rules(self, vm_name: str) -> list[SecurityRule]:
        """The rules of the groups that guard the machines of this name."""
        groups = dict.fromkeys(
            fold(vm.nsg_id) for vm in self.state.machines_named(vm_name) if vm.nsg_id is not None
        )
        now = self.clock.now()
        return [rule for key in groups for rule in self.state.rules(key, now=now)]

    def machine(self, name: str) -> VirtualMachine:
        """The one machine of this name."""
        (found,) = self.state.machines_named(name)
        return found

    async def wait(self, condition: Callable[[], T], timeout: float = 5.0) -> T:  # noqa: ASYNC109
        """The condition's value as soon as it is true; TimeoutError when it never is."""
        ends_at = time.monotonic() + timeout
        while not (value := condition()):
            left = ends_at - time.monotonic()
            if left <= 0:
                raise TimeoutError(f"Azure: the condition did not come true in {timeout} s")
            self._changed.clear()
            try:
                # Ports also open and close by time alone, which tells nobody.
                await asyncio.wait_for(self._changed.wait(), min(left, _LOOK_AGAIN))
            except TimeoutError:
                continue
        return value

    def on_change(self, listener: Callable[[], None]) -> None:
        """Call `listener` when something was asked, done or moved."""
        self._listeners.append(listener)

    # What a test or the director changes

    @property
    def settle(self) -> timedelta:
        """How long Azure takes from accepting a change to having made it."""
        return self._access.settle

    @settle.setter
    def settle(self, value: timedelta) -> None:
        self._access.settle = self._reading.settle = value

    @property
    def requestor(self) -> str:
        """The name that Azure records for the bot's requests; often empty in life."""
        return self._access.requestor

    @requestor.setter
    def requestor(self, value: str) -> None:
        self._access.requestor = value

    @property
    def enforces_limits(self) -> bool:
        """Whether an empty token bucket is answered with 429."""
        return self._app.enforces_limits

    @enforces_limits.setter
    def enforces_limits(self, value: bool) -> None:
        self._app.enforces_limits = value

    @property
    def page_size(self) -> int:
        """Items on one page of a list."""
        return self._reading.page_size

    @page_size.setter
    def page_size(self, value: int) -> None:
        self._reading.page_size = self._access.page_size = value

    def set_power(self, vm_name: str, state: PowerState | None) -> None:
        """Start or stop the one machine of this name."""
        self.state.set_power(self.machine(vm_name).id, state)
        self._tell()

    def delete_machine(self, vm_name: str) -> None:
        """Delete the one machine of this name."""
        self.state.delete_machine(self.machine(vm_name).id)
        self._tell()

    def delete_rule(self, vm_name: str, rule_name: str, *, by: Actor = PIPELINE) -> None:
        """Delete a rule behind everybody's back, as `terraform apply` does."""
        nsg_id = self.machine(vm_name).nsg_id
        if nsg_id is None or not self.state.rule_deleted(
            fold(nsg_id), rule_name, at=self.clock.now()
        ):
            raise LookupError(f"{vm_name} has no rule {rule_name}")
        rule_id = f"{nsg_id}/securityRules/{rule_name}"
        self.activity_log.add(by, RULE_DELETE, rule_id, self.clock.now())
        self._tell()

    def open_from_outside(
        self,
        vm_name: str,
        port: int,
        *,
        source: str,
        length: timedelta,
        requestor: str = "engineer@example.com",
        justification: str | None = None,
        by: Actor | None = None,
    ) -> None:
        """Open a port as somebody does in Azure's own portal, past the bot.

        Azure's record names the `requestor`, its activity log whose doing it was (`by`).
        """
        vm = self.machine(vm_name)
        wanted = InitiatePort(
            port, duration=duration_text(length), allowed_source_address_prefix=source
        )
        for policy, entry in self.state.entries_of(fold(vm.id)):
            if any(rule.number == port for rule in entry.ports):
                now = self.clock.now()
                opened = self.state.initiate(
                    fold(policy_id(policy)),
                    Initiate((InitiateMachine(vm.id, (wanted,)),), justification),
                    caller=source,
                    requestor=requestor,
                    now=now,
                    settle=self.settle,
                )
                actor = by or person(requestor)
                self.activity_log.add(actor, INITIATE, policy_id(policy), now)
                self.activity_log.opened(opened, self.state.machines, now)
                self._tell()
                return
        raise LookupError(f"no policy has port {port} of {vm_name}")

    def mend(self) -> None:
        """No faults, locks or missing rights any more."""
        self.faults.clear()
        self.mend_feeds()
        self.rights.clear()
        self.activity_log.lag = timedelta()
        self._tell()

    def _tell(self) -> None:
        self._changed.set()
        for listener in tuple(self._listeners):
            listener()


def _open_port(opening: Opening, vm: VirtualMachine, source: str) -> OpenPort:
    return OpenPort(
        vm=vm.name,
        resource_group=vm.resource_group,
        port=opening.asked.number,
        source=source,
        ends_at=opening.asked.ends_at,
        justification=opening.justification,
        vm_id=vm.id,
    )
