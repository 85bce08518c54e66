"""The director's panel: the clock moves and things break, so that a demo waits for neither."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import Protocol

from sandbox.azure.faults import Fault, hang_after_accept, hang_before, slow, too_many
from sandbox.azure.service import SandboxAzure
from sandbox.azure.state import INITIATE
from sandbox.azure.wire import Json
from sandbox.director_feeds import FeedDirector
from sandbox.director_portal import PortalDirector
from sandbox.slack.faults import ANY
from sandbox.slack.faults import Fault as SlackFault
from sandbox.slack.faults import Faults as SlackFaults
from sandbox.switches import NotNow, Switch
from sandbox.world.clock import SandboxClock

#: One step of the clock; beyond it, somebody has mistyped.
STEP_MAX = timedelta(days=31)
#: Seconds that Slack and Azure ask to wait when they are overrun, and that Azure takes when slow.
_SLACK_WAIT, _AZURE_WAIT, _AZURE_SLOW = 10, 5, 3.0


class SlackSide(Protocol):
    """What the director needs of the sandbox's Slack."""

    @property
    def faults(self) -> SlackFaults: ...

    async def disconnect(self, reason: str = "refresh_requested") -> None: ...


class Director:
    """Named ways to break the world; the page lists them, a script calls them."""

    def __init__(
        self, clock: SandboxClock, azure: SandboxAzure, slack: SlackSide | None = None
    ) -> None:
        self._clock = clock
        self._azure = azure
        self._slack = slack
        #: Alerts and file changes: what happens to them, and how reading them goes wrong.
        self.feeds = FeedDirector(azure)
        self._portal = PortalDirector(azure, self.feeds.happenings)
        self._on: set[str] = set()
        self._slack_faults: dict[str, list[SlackFault]] = {}

    async def live(self) -> None:
        """Let something happen every minute or so."""
        await self._turn("life", on=True)

    async def stop(self) -> None:
        """Nothing happens any more."""
        await self.feeds.stop()

    def attach(self, slack: SlackSide) -> None:
        """Give the panel its Slack, which itself is made with the panel."""
        self._slack = slack

    def faults(self) -> list[Json]:
        """What `GET /sandbox/director` answers."""
        return [
            {
                "name": switch.name,
                "label_en": switch.label_en,
                "label_ja": switch.label_ja,
                "on": switch.name in self._on,
                "kind": switch.kind,
            }
            for switch in self._switches().values()
        ]

    async def act(self, wish: Mapping[str, object]) -> Json:
        """Do what `POST /sandbox/director` asks; a wish that makes no sense changes nothing."""
        try:
            return await self._done(wish)
        except NotNow as error:
            return _refused(str(error)) | {"error_ja": error.ja}
        except (LookupError, ValueError) as error:
            return _refused(str(error))

    async def _done(self, wish: Mapping[str, object]) -> Json:
        match wish:
            case {"do": "advance_clock", "seconds": int() | float() as seconds}:
                return self._advance(seconds)
            case {"do": "fault", "name": str() as name}:
                wanted = wish.get("on", name not in self._on)
                return await self._turn(name, on=wanted is True)
            case {"do": "clear_faults"}:
                await self.clear()
                return {"ok": True}
            case _:
                known = "advance_clock, fault, clear_faults, alert, files, storm, portal,"
                known += " edit_policy and redeploy"
                done = self.feeds.act(wish) or self._portal.act(wish)
                return done or _refused(f"the director knows {known}")

    async def clear(self) -> None:
        """Everything works again; the estate lives on."""
        for switch in self._switches().values():
            if switch.name in self._on and switch.kind == "fault":
                await self._turn(switch.name, on=False)
        self._azure.mend()
        if self._slack is not None:
            self._slack.faults.clear()

    def _advance(self, seconds: float) -> Json:
        if not 0 < seconds <= STEP_MAX.total_seconds():
            return _refused("the clock moves forward, by 31 days at most")
        self._clock.advance(timedelta(seconds=seconds))
        return {"ok": True, "offset": self._clock.offset.total_seconds()}

    async def _turn(self, name: str, *, on: bool) -> Json:
        switch = self._switches().get(name)
        if switch is None:
            return _refused(f"there is no fault {name!r}")
        if on and name in self._on:
            return {"ok": True}
        await switch.turn(on)
        if on and not switch.is_moment:
            self._on.add(name)
        else:
            self._on.discard(name)
        return {"ok": True}

    def _switches(self) -> dict[str, Switch]:
        slack = () if self._slack is None else self._slack_switches(self._slack)
        return {switch.name: switch for switch in (
            *self.feeds.switches(), *self._portal.switches(), *self._azure_switches(), *slack
        )}  # fmt: skip

    def _azure_switches(self) -> tuple[Switch, ...]:
        return (
            self._armed(
                "azure_429", "Azure is overrun (429) when a port is to be opened",
                "ポートを開けようとすると、Azureが429を返す",
                lambda: too_many(_AZURE_WAIT, method="POST", path_contains="/initiate", times=None),
            ),
            Switch(
                "azure_refuses", "Azure refuses to open ports: the right is missing",
                "権限がないため、Azureがポートを開けない", self._refuse_initiates,
            ),
            self._armed(
                "azure_hang_after_accept", "Azure opens the port, but its answer never comes",
                "Azureはポートを開けるが、応答が返らない",
                lambda: hang_after_accept(method="POST", path_contains="/initiate", times=None),
            ),
            self._armed(
                "azure_no_answer", "Azure does not answer at all", "Azureがまったく応答しない",
                lambda: hang_before(times=None),
            ),
            self._armed(
                "azure_slow", "Azure takes 3 seconds for each answer", "Azureの応答に3秒かかる",
                lambda: slow(_AZURE_SLOW, times=None),
            ),
            Switch(
                "azure_read_only_lock", "A read-only lock lies on every subscription",
                "すべてのサブスクリプションに読み取り専用ロックがある", self._lock,
            ),
            Switch(
                "nsg_delete_right_missing", "The right to delete NSG rules is missing",
                "NSGの規則を削除する権限がない", self._withhold_delete,
            ),
        )  # fmt: skip

    def _slack_switches(self, slack: SlackSide) -> tuple[Switch, ...]:
        async def rate_limit(on: bool) -> None:
            self._break_slack("slack_429", on=on, make=lambda faults: [
                faults.rate_limit(method, _SLACK_WAIT, times=None)
                for method in ("chat.postMessage", "chat.update")
            ])  # fmt: skip

        async def down(on: bool) -> None:
            self._break_slack("slack_down", on=on, make=lambda faults: [
                faults.http(ANY, 503, times=None)
            ])  # fmt: skip

        async def disconnect(on: bool) -> None:
            if on:
                await slack.disconnect("refresh_requested")

        return (
            Switch(
                "slack_429", "Slack is overrun (429) when messages are posted",
                "メッセージを投稿すると、Slackが429を返す", rate_limit,
            ),
            Switch(
                "slack_down", "Slack's Web API is down (503)",
                "SlackのWeb APIが停止する（503）", down,
            ),
            Switch(
                "socket_disconnect", "Slack cuts the socket once", "Slackがソケットを1度切断する",
                disconnect, is_moment=True,
            ),
        )  # fmt: skip

    def _armed(self, name: str, en: str, ja: str, make: Callable[[], Fault]) -> Switch:
        async def turn(on: bool) -> None:
            self._azure.faults.remove(name)
            if on:
                fault = make()
                fault.name = name
                self._azure.faults.add(fault)

        return Switch(name, en, ja, turn)

    async def _refuse_initiates(self, on: bool) -> None:
        rights = self._azure.rights
        rights.allow(INITIATE)
        if on:
            rights.deny(INITIATE)

    async def _lock(self, on: bool) -> None:
        scopes = {f"/subscriptions/{sub}" for sub in self._azure.subscriptions}
        locks = self._azure.faults.locks
        if on:
            locks |= scopes
        else:
            locks -= scopes

    async def _withhold_delete(self, on: bool) -> None:
        self._azure.rights.nsg_delete = not on

    def _break_slack(
        self, name: str, *, on: bool, make: Callable[[SlackFaults], list[SlackFault]]
    ) -> None:
        if self._slack is None:
            return
        for fault in self._slack_faults.pop(name, ()):
            self._slack.faults.remove(fault)
        if on:
            self._slack_faults[name] = make(self._slack.faults)


def _refused(why: str) -> Json:
    return {"ok": False, "error": why}
