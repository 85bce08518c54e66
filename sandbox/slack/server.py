"""A Slack workspace on loopback: one server, one bot, and people who use it."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from aiohttp import web

from sandbox.slack import shapes
from sandbox.slack.api_server import ApiServer
from sandbox.slack.changes import Hint
from sandbox.slack.channel_sight import ChannelSight
from sandbox.slack.core import ApiCall, Shortcut, SlashCommand, build_core
from sandbox.slack.delivery import Deliverer, Delivery, PayloadKind
from sandbox.slack.faults import Faults
from sandbox.slack.http_delivery import HttpAnswer, HttpDelivery
from sandbox.slack.interactions import Interactions
from sandbox.slack.json_types import JsonObject
from sandbox.slack.limits import RateLimits
from sandbox.slack.messages import Clock, Message
from sandbox.slack.page_acts import PageActs
from sandbox.slack.page_api import Director, PageApi
from sandbox.slack.payloads import subteam_updated, user_change
from sandbox.slack.people import PATIENCE_SECONDS, Person
from sandbox.slack.socket_mode import SocketModeHub
from sandbox.slack.workspace import (
    APP_ID,
    BOT_USER_ID,
    TEAM_ID,
    Channel,
    Member,
    Usergroup,
    Workspace,
    demo_channels,
    demo_groups,
    demo_people,
)

T = TypeVar("T")

#: Files of the bot's come in bodies of up to this size.
BODY_BYTES_MAX = 20_000_000

COMMANDS = (
    SlashCommand("/jit", "web-01 22 for 2h from 203.0.113.7 because …"),
    SlashCommand("/alerts", "open | mine | machine web-01 | show ID"),
    SlashCommand("/fim", "web-01 since 24h | window web-* 2h because …"),
    SlashCommand("/defender", "test web-01"),
    SlashCommand("/audit", "vm web-01 | person @alice | request 12 | since 2026-01-01"),
)
SHORTCUTS = (Shortcut("jit_from_message", "Ask for VM access"),)


class SandboxSlack:
    """The whole of it; `await start()`, then give `url`, `bot_token` and `app_token` to a bot."""

    def __init__(
        self,
        clock: Clock,
        *,
        people: list[Member] | None = None,
        channels: list[Channel] | None = None,
        groups: list[Usergroup] | None = None,
        commands: tuple[SlashCommand, ...] = COMMANDS,
        shortcuts: tuple[Shortcut, ...] = SHORTCUTS,
        azure_view: Callable[[], JsonObject] | None = None,
        director: Director | None = None,
    ) -> None:
        workspace = Workspace(
            demo_people() if people is None else people,
            demo_channels() if channels is None else channels,
            demo_groups() if groups is None else groups,
        )
        self.core = build_core(clock, workspace)
        self.core.commands, self.core.shortcuts = commands, shortcuts
        self.socket = SocketModeHub(self.core.changes)
        self.http = HttpDelivery(clock, self.core.tokens.signing_secret)
        self.deliverer = Deliverer(self.socket, self.http, self.core.changes)
        self.interactions = Interactions(self.core, self.deliverer)
        self.page = PageApi(
            self.core,
            self.deliverer,
            PageActs(self.core, self.interactions),
            azure_view=azure_view,
            director=director,
        )
        self._runner: web.AppRunner | None = None
        self.port = 0

    # Life

    async def start(self, port: int = 0) -> None:
        """Listen on 127.0.0.1; 0 takes a free port. A sandbox that was stopped starts again."""
        app = web.Application(client_max_size=BODY_BYTES_MAX)
        ApiServer(self.core, self.socket).add_routes(app)
        app.router.add_get("/link/", self.socket.handle)
        self.page.add_routes(app)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.5)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", port or self.port).start()
        self.port = int(self._runner.addresses[0][1])
        self.core.base_url = self.socket.base_url = self.page_url
        self.core.response_urls.base_url = self.page_url

    async def stop(self) -> None:
        """Close every connection; what was said stays for tests to read."""
        await self.deliverer.stop()
        await self.page.stop()
        await self.socket.stop()
        await self.http.stop()
        if self._runner is not None:
            await self._runner.cleanup()
            self._runner = None

    # Addresses and secrets

    @property
    def url(self) -> str:
        """The Web API, for `AsyncWebClient(base_url=…)`."""
        return f"{self.page_url}api/"

    @property
    def page_url(self) -> str:
        """The page in the browser."""
        return f"http://127.0.0.1:{self.port}/"

    @property
    def bot_token(self) -> str:
        """The bot's token (xoxb-…)."""
        return self.core.tokens.bot

    @property
    def app_token(self) -> str:
        """The app's token for Socket Mode (xapp-…)."""
        return self.core.tokens.app

    @property
    def signing_secret(self) -> str:
        """The secret that signs HTTP deliveries."""
        return self.core.tokens.signing_secret

    team_id = TEAM_ID
    app_id = APP_ID
    bot_user_id = BOT_USER_ID

    # Delivery

    @property
    def http_target(self) -> str | None:
        """The bot's address for signed HTTP; None delivers over Socket Mode."""
        return self.http.target

    @http_target.setter
    def http_target(self, target: str | None) -> None:
        self.http.target = target

    @property
    def retry_scale(self) -> float:
        """What the waits of 0, 60 and 300 seconds before an event's repeats are multiplied by."""
        return self.deliverer.retry_scale

    @retry_scale.setter
    def retry_scale(self, scale: float) -> None:
        self.deliverer.retry_scale = scale

    @property
    def ack_seconds(self) -> float:
        """How long the bot has for an acknowledgement; 3 as in Slack."""
        return self.socket.ack_seconds

    @ack_seconds.setter
    def ack_seconds(self, seconds: float) -> None:
        self.socket.ack_seconds = self.http.ack_seconds = seconds

    @property
    def hello_connections(self) -> int | None:
        """What the next `hello` says as num_connections; None is the truth."""
        return self.socket.hello_connections

    @hello_connections.setter
    def hello_connections(self, count: int | None) -> None:
        self.socket.hello_connections = count

    @property
    def online(self) -> bool:
        """Whether the bot is connected (or an HTTP target set)."""
        return self.deliverer.online

    @property
    def deliveries(self) -> list[Delivery]:
        """Every payload that was sent to the bot, oldest first."""
        return self.deliverer.sent

    async def deliver_raw(self, kind: PayloadKind, payload: JsonObject) -> Delivery:
        """Send this very payload."""
        return await self.deliverer.send(kind, payload)

    async def redeliver(
        self, delivery: Delivery, *, retry_attempt: int = 1, retry_reason: str = "timeout"
    ) -> Delivery:
        """Send a payload once more, in another envelope."""
        return await self.deliverer.send(
            delivery.kind, delivery.payload, retry_attempt=retry_attempt, retry_reason=retry_reason
        )

    async def http_send(self, body: bytes, headers: dict[str, str] | None = None) -> HttpAnswer:
        """Post these bytes to the bot as they are; without headers, rightly signed JSON."""
        if headers is None:
            headers = {"Content-Type": "application/json"} | self.http.sign(body)
        return await self.http.post(body, headers)

    def sign(self, body: bytes, *, timestamp: int | None = None) -> dict[str, str]:
        """The signature headers for these bytes, at the sandbox's time unless told otherwise."""
        return self.http.sign(body, timestamp=timestamp)

    async def disconnect(self, reason: str = "refresh_requested") -> None:
        """Send a disconnect frame to every socket of the bot and close it."""
        await self.socket.disconnect(reason)

    async def cut_sockets(self) -> None:
        """Lose every socket without a word."""
        await self.socket.cut()

    async def wait_connected(
        self,
        timeout: float = 10.0,  # noqa: ASYNC109
        *,
        opened: int | None = None,
    ) -> None:
        """Wait for the bot's socket; `opened` demands that many sockets since the start."""
        await self.wait(
            lambda: self.socket.online and (opened is None or self.socket.opened >= opened),
            timeout,
            "the bot connected",
        )

    # What can be broken

    @property
    def faults(self) -> Faults:
        """Calls that go wrong."""
        return self.core.faults

    @property
    def limits(self) -> RateLimits:
        """Rate limits."""
        return self.core.limits

    @property
    def scopes(self) -> set[str]:
        """What the bot's token may do; may be changed."""
        return self.core.scopes

    @property
    def calls(self) -> list[ApiCall]:
        """Every call that was answered, response URLs too (method `response_url`)."""
        return self.core.calls

    def calls_of(self, method: str) -> list[ApiCall]:
        """The calls of one method."""
        return [call for call in self.core.calls if call.method == method]

    # People and places

    @property
    def groups(self) -> dict[str, Usergroup]:
        """User groups by id; membership may be changed."""
        return self.core.workspace.groups

    def person(self, handle: str) -> Person:
        """Somebody, by handle or user id."""
        member = self.core.workspace.person(handle)
        return Person(self.core, self.interactions, member)

    def channel(self, reference: str) -> ChannelSight:
        """A channel by id or name, or the direct message of a person."""
        channel = self.core.workspace.find_channel(reference)
        if channel is None:
            raise KeyError(f"no channel {reference!r}")
        return ChannelSight(self.core, channel)

    def add_person(self, member: Member, *, channels: tuple[str, ...] = ()) -> Person:
        """Let somebody join the workspace."""
        self.core.workspace.join(member, channels)
        return self.person(member.id)

    async def deactivate(self, user: str) -> None:
        """Somebody leaves: `deleted` from now on, and the bot gets `user_change`."""
        member = self.core.workspace.person(user)
        member.deleted = True
        shape = shapes.user(member, now=self.core.now(), with_locale=True)
        await self.interactions.emit(user_change(shape, event_ts=self.core.messages.next_ts()))

    async def announce_group(self, group_id: str) -> None:
        """Tell the bot by `subteam_updated` that the membership of a group changed."""
        shape = shapes.usergroup(self.groups[group_id], with_users=True)
        await self.interactions.emit(subteam_updated(shape, event_ts=self.core.messages.next_ts()))

    def azure_changed(self) -> None:
        """Tell the pages to read the view of Azure again."""
        self.core.changes.notify(Hint("azure"))

    # Waiting

    async def wait(
        self,
        condition: Callable[[], T | None],
        timeout: float = PATIENCE_SECONDS,  # noqa: ASYNC109
        what: str = "the condition",
    ) -> T:
        """The first true answer of the condition."""
        return await self.core.changes.wait(
            condition, timeout=timeout, describe=lambda: f"{what}; {self._overview()}"
        )

    async def wait_message(
        self,
        channel: str,
        containing: str = "",
        *,
        timeout: float = PATIENCE_SECONDS,  # noqa: ASYNC109
        thread_ts: str | None = None,
        after: Message | None = None,
    ) -> Message:
        """The newest message with these words; `after` wants one newer than that message."""
        place = self.channel(channel)

        def newest() -> Message | None:
            messages = place.messages if thread_ts is None else place.thread(thread_ts)[1:]
            later = (m for m in reversed(messages) if after is None or m.ts > after.ts)
            return next((m for m in later if m.says(containing)), None)

        return await self.wait(newest, timeout, f"a message in {channel} with {containing!r}")

    async def wait_update(
        self,
        message: Message,
        containing: str = "",
        *,
        timeout: float = PATIENCE_SECONDS,  # noqa: ASYNC109
        without: str | None = None,
    ) -> Message:
        """The message, once it was changed, shows these words, and no longer `without`."""

        def changed() -> bool:
            gone = without is None or not message.says(without)
            return message.revision > 0 and message.says(containing) and gone

        await self.wait(changed, timeout, f"{message.all_text()!r} to show {containing!r}")
        return message

    async def wait_call(
        self,
        method: str,
        count: int = 1,
        timeout: float = PATIENCE_SECONDS,  # noqa: ASYNC109
    ) -> ApiCall:
        """The newest call of this method, once there were this many."""

        def enough() -> ApiCall | None:
            calls = self.calls_of(method)
            return calls[-1] if len(calls) >= count else None

        return await self.wait(enough, timeout, f"{count} calls of {method}")

    def _overview(self) -> str:
        calls = [f"{c.method}:{c.response.get('error', 'ok')}" for c in self.core.calls[-8:]]
        sent = [f"{d.kind}:{d.error or d.status}" for d in self.deliverer.sent[-5:]]
        shown = [
            message.all_text()[:200]
            for channel in self.core.workspace.channels
            for message in self.core.messages.everything(channel)[-2:]
        ]
        return f"last calls {calls}; last deliveries {sent}; messages {shown}"
