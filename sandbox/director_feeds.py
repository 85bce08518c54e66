"""The director's part for alerts and file changes: what happens, and how reading it goes wrong."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import timedelta

from sandbox.azure.alert_stories import Severity
from sandbox.azure.alerts import Status
from sandbox.azure.faults import too_many
from sandbox.azure.service import SandboxAzure
from sandbox.azure.wire import Json
from sandbox.happenings import Happenings, Life
from sandbox.switches import NotNow, Switch

#: A storm from the panel: enough to be one, over before anybody looks away.
STORM, STORM_SECONDS = 200, 20.0
#: How late things come while the panel says so.
LATE, SLOW = timedelta(minutes=2), timedelta(seconds=60)
_WAIT_SECONDS = 10
#: As many pages as will be asked for while the switch is on.
_ALL_PAGES = 1_000_000
_STATE_ACTIONS = tuple(
    f"Microsoft.Security/locations/alerts/{verb}/action"
    for verb in ("resolve", "dismiss", "activate")
)
_SEVERITIES: dict[str, Severity] = {
    severity.lower(): severity for severity in ("Informational", "Low", "Medium", "High")
}

_CLOSED: dict[str, Status] = {"Resolved": "Resolved", "Dismissed": "Dismissed"}

Do = Callable[[], object]


class FeedDirector:
    """Switches for the panel, and wishes with details for scripts and tests."""

    def __init__(self, azure: SandboxAzure, happenings: Happenings | None = None) -> None:
        self._azure = azure
        self.happenings = happenings or Happenings(azure)
        self.life = Life(self.happenings)

    async def stop(self) -> None:
        """Nothing happens any more."""
        await self.life.stop()
        await self.happenings.stop()

    # Wishes

    def act(self, wish: Mapping[str, object]) -> Json | None:
        """Do it and say what happened; None for a wish that is none of these."""
        match wish:
            case {"do": "alert"}:
                alert = self.happenings.alert(
                    vm=_text(wish, "vm"), session=_flag(wish, "session"),
                    severity=_SEVERITIES.get(_text(wish, "severity").lower()),
                )  # fmt: skip
                return {"ok": True, "alert": alert.name, "vm": alert.machine.name}
            case {"do": "files"}:
                rows = self.happenings.files(
                    vm=_text(wish, "vm"), session=_flag(wish, "session"),
                    story=_text(wish, "story"),
                )  # fmt: skip
                return {"ok": True, "changes": len(rows), "vm": str(rows[0]["Computer"])}
            case {"do": "storm", "count": int() as count}:
                seconds = wish.get("seconds", STORM_SECONDS)
                if not isinstance(seconds, int | float) or not 0 <= seconds <= 3_600:
                    raise NotNow("A storm lasts an hour at most.", "嵐は1時間以内です。")
                self.happenings.storm(count, timedelta(seconds=seconds))
                return {"ok": True, "alerts": count}
            case {"do": "portal", "status": "Resolved" | "Dismissed" as status}:
                alert = self.happenings.close_in_portal(_CLOSED[status])
                return {"ok": True, "alert": alert.name}
            case _:
                return None

    # Switches

    def switches(self) -> tuple[Switch, ...]:
        """Every line that this part adds to the panel."""
        return (*self._events(), self._life(), *self._feed_faults(), *self._query_faults())

    def _events(self) -> tuple[Switch, ...]:
        one = self.happenings
        return (
            _event("alert", "An EDR alert on some machine", "どこかのマシンでEDRアラートが出る",
                   lambda: one.alert(session=False)),
            _event("alert_session", "A high EDR alert where a port is open now",
                   "ポートが開いているマシンで重大度「高」のEDRアラートが出る",
                   lambda: one.alert(session=True, severity="High")),
            _event("files", "Files change on some machine", "どこかのマシンでファイルが変わる",
                   lambda: one.files(session=False)),
            _event("files_session", "Files change where a port is open now",
                   "ポートが開いているマシンでファイルが変わる",
                   lambda: one.files(session=True)),
            _event("storm", f"A storm: {STORM} alerts in {STORM_SECONDS:.0f} seconds",
                   f"アラートの嵐：{STORM_SECONDS:.0f}秒で{STORM}件",
                   lambda: one.storm(STORM, timedelta(seconds=STORM_SECONDS))),
            _event("portal_resolve", "Somebody resolves the newest alert in Azure's portal",
                   "最新のアラートがAzureポータルで解決される",
                   one.close_in_portal),
            _event("port_outside", "Somebody opens a port in Azure's portal",
                   "Azureポータルでポートが開かれる", one.open_from_outside),
        )  # fmt: skip

    def _life(self) -> Switch:
        async def turn(on: bool) -> None:
            if on:
                self.life.start()
            else:
                await self.life.stop()

        return Switch("life", "Something happens every minute or so",
                      "1分に1回ほど、何かが起こる", turn, kind="life")  # fmt: skip

    def _feed_faults(self) -> tuple[Switch, ...]:
        alerts, files = self._azure.alerts, self._azure.workspaces.faults
        exports = self._azure.exports

        def twice(on: bool) -> None:
            alerts.faults.duplicates = exports.twice = on

        def late(on: bool) -> None:
            alerts.faults.delay = LATE if on else timedelta()

        def shuffled(on: bool) -> None:
            alerts.faults.shuffles = on

        def broken(on: bool) -> None:
            alerts.faults.broken_pages = _ALL_PAGES if on else 0

        def cut(on: bool) -> None:
            alerts.faults.cut_after = 1 if on else None

        def files_late(on: bool) -> None:
            files.delay = LATE if on else timedelta()

        def partial(on: bool) -> None:
            files.partial_answers = _ALL_PAGES if on else 0

        return (
            _fault("alerts_late", "New alerts can be read two minutes late",
                   "新しいアラートが2分遅れて読めるようになる", late),
            _fault("alerts_twice", "Every alert comes twice", "アラートがすべて2回ずつ届く", twice),
            _fault("alerts_shuffled", "Alerts come in no order", "アラートが順不同で届く",
                   shuffled),
            _fault("alerts_broken", "Pages of alerts break off and can't be parsed",
                   "アラートのページが途中で切れ、解析できない", broken),
            _fault("alerts_cut", "Lists of alerts are cut off",
                   "アラートの一覧が途中で打ち切られる", cut),
            _fault("files_late", "New file changes can be read two minutes late",
                   "新しいファイル変更が2分遅れて読めるようになる", files_late),
            _fault("files_partial", "Log Analytics answers only in part",
                   "Log Analyticsの応答が一部だけになる", partial),
        )  # fmt: skip

    def _query_faults(self) -> tuple[Switch, ...]:
        azure = self._azure

        def busy(name: str, path: str) -> Callable[[bool], None]:
            def turn(on: bool) -> None:
                azure.faults.remove(name)
                if on:
                    azure.faults.add(
                        too_many(_WAIT_SECONDS, path_contains=path, times=None, name=name)
                    )

            return turn

        def slow(on: bool) -> None:
            azure.alerts.graph_latency = SLOW if on else timedelta()

        def no_states(on: bool) -> None:
            for action in _STATE_ACTIONS:
                azure.rights.allow(action)
                if on:
                    azure.rights.deny(action)

        def no_graph(on: bool) -> None:
            azure.rights.security_graph = not on

        return (
            _fault("resource_graph_slow", "Resource Graph is a minute behind",
                   "Resource Graphが1分遅れている", slow),
            _fault("resource_graph_429", "Resource Graph is overrun (429)",
                   "Resource Graphが429を返す",
                   busy("resource_graph_429", "microsoft.resourcegraph")),
            _fault("log_analytics_429", "Log Analytics is overrun (429)",
                   "Log Analyticsが429を返す", busy("log_analytics_429", "/v1/workspaces/")),
            _fault("alert_states_refused", "The right to resolve and dismiss alerts is missing",
                   "アラートを解決・無視する権限がない", no_states),
            _fault("graph_refused", "Microsoft Graph refuses: nobody consented",
                   "管理者の同意がなく、Microsoft Graphが拒否する", no_graph),
        )  # fmt: skip


def _event(name: str, en: str, ja: str, do: Do) -> Switch:
    async def turn(on: bool) -> None:
        if on:
            do()

    return Switch(name, en, ja, turn, is_moment=True, kind="event")


def _fault(name: str, en: str, ja: str, do: Callable[[bool], None]) -> Switch:
    async def turn(on: bool) -> None:
        do(on)

    return Switch(name, en, ja, turn)


def _text(wish: Mapping[str, object], key: str) -> str:
    value = wish.get(key, "")
    return value if isinstance(value, str) else ""


def _flag(wish: Mapping[str, object], key: str) -> bool | None:
    value = wish.get(key)
    return value if isinstance(value, bool) else None
