"""The running bot: everything wired once, started in the order that answers Slack soonest.

Redis first (no ledger, no bot), then Slack (ready), then Azure, whose imports alone take a third of
a second and which no click has to wait for.
"""

from __future__ import annotations

import asyncio
import logging
import os
import secrets
import sys
from collections.abc import Awaitable, Callable, Mapping
from contextlib import AsyncExitStack
from dataclasses import replace
from datetime import timedelta
from functools import partial

from aiohttp import web
from redis.asyncio import Redis
from redis.exceptions import RedisError
from slack_bolt.async_app import AsyncApp
from slack_bolt.authorization import AuthorizeResult
from slack_sdk.web.async_client import AsyncWebClient
from slack_sdk.web.async_slack_response import AsyncSlackResponse

from approvals.actions.jit_access import JitAccess
from approvals.applying import Applier, Failpoint, Timing, nowhere
from approvals.audit.anchor import Anchorer, FileSink, Sink, StreamSink
from approvals.closing import Closer
from approvals.consumers import BLOCK
from approvals.ledger import Consumer, Lease, Ledger
from approvals.membership import Membership
from approvals.operations import fresh_op_id
from approvals.request import PersonId, Request, RequestId
from bot import embedded
from bot.background import LEASE_TTL, ApplyConsumer, Drives, Leader, Tasks, forever
from bot.clock import Clock
from bot.health import Health, application
from bot.http import LINGER_SECONDS, HttpEdge
from bot.ledger_access import entra_tokens
from bot.locales import LANGUAGES, load
from bot.policy_reload import LivePolicy, reload_text
from bot.proxy_environment import hand_over
from bot.redis_client import connect, embedded_folder, require_durable
from bot.redis_pool import keep_fresh
from bot.redis_tokens import TokenCredentials
from bot.replicas import BEAT_EVERY, Replicas
from bot.settings import STDOUT, Settings
from bot.slack_anchor import SlackAnchors
from bot.socket_mode import SocketEdge
from bot.stalls import Stalls
from defender.clients import AzureClients
from defender.estate import Estate
from defender.inventory import Inventory
from defender.jit import JitGateway
from defender.network import NetworkGateway
from delivery.deliverer import LEASE as CHANNEL_LEASE
from delivery.deliverer import Deliverer
from delivery.directory import Directory
from delivery.outbox import ChannelId, Line, Outbox, ring
from delivery.tasks import end
from delivery.web_client import web_client
from handlers import edge
from handlers.alarms import alarm_forged, alarm_frozen, reannounce
from handlers.cards import Cards
from handlers.consequences import ShowConsumer
from handlers.locale import Catalogue, Language
from handlers.power import Power
from handlers.services import ChannelStyle, Languages, Services

log = logging.getLogger(__name__)

#: Many pings and a few tries to connect: then the process is better started anew.
DEAF_FOR = timedelta(minutes=3)
GROUPS_EVERY = timedelta(seconds=30)
#: Time synchronisation keeps clocks within milliseconds; this much is a broken one.
SKEW_MAX = timedelta(seconds=30)
#: How soon a clock that was moved is noticed.
CLOCK_LOOK = timedelta(seconds=0.5)
RULES_EVERY = timedelta(seconds=10)
ESTATE_EVERY = timedelta(minutes=5)
ESTATE_READ_EVERY = timedelta(minutes=1)
SHUTDOWN_WITHIN = timedelta(seconds=5)
#: Edits are Tier 3, 50 a minute: a little slower than posts.
UPDATES_PER_POST = 1.2
NOBODY = Membership({}, read_at=Clock().now() - timedelta(days=1))


class Service:
    """One process of the bot. `start` returns when it answers Slack; `stop` ends it cleanly."""

    def __init__(
        self,
        settings: Settings,
        *,
        timing: Timing | None = None,
        failpoint: Failpoint = nowhere,
        claim_idle: timedelta = timedelta(seconds=60),
        post_interval: float = 1.0,
        lease_ttl: timedelta | None = None,
        environ: Mapping[str, str] | None = None,
    ) -> None:
        self.settings = settings
        self.health = Health()
        self.tasks = Tasks()
        self._timing = timing or Timing()
        self._failpoint = failpoint
        self._claim_idle = claim_idle
        self._post_interval = post_interval
        self._lease_ttl = lease_ttl
        self._environ = environ if environ is not None else os.environ
        self._stack = AsyncExitStack()
        self._name = f"{settings.instance}-{secrets.token_hex(4)}"
        self.clock = Clock(settings.clock_offset_file)
        self._membership = NOBODY
        self._stalls = Stalls()
        self.policy = LivePolicy(settings, self._environ)
        self.clients = AzureClients(settings.azure)
        self._stack.push_async_callback(self.clients.close)
        self._tokens: TokenCredentials | None = None
        self._is_stopped = False

    async def start(self) -> None:
        """Raises what stops a start: NotDurable, EmbeddedError, a refused token.

        Whatever was begun is ended then. Azure's clients take the proxy from the environment of
        this process, so it is put there.
        """
        hand_over(self.settings.proxy, os.environ)
        try:
            await self._start()
        except BaseException:
            await self.stop()
            raise

    async def _start(self) -> None:
        connecting = asyncio.create_task(self._redis(), name="redis")
        try:
            # Reading the catalogues takes as long as an embedded server that begins: side by side.
            await asyncio.sleep(0)
            for language in LANGUAGES:
                load(language)
            self.redis = await connecting
        finally:
            await end([connecting])
        self._wire()
        await self.ledger.refresh()
        await self._slack()
        self.health.is_ready = True
        log.info("ready")
        self.tasks.loop(self._behind(), name="behind")

    async def stop(self) -> None:
        """No new work, let what is under way end, close connections. Once; more do nothing."""
        if self._is_stopped:
            return
        self._is_stopped = True
        self.health.is_ready = False
        await self._socket_stop()
        await self.tasks.finish(SHUTDOWN_WITHIN)
        # a start that failed may not have come as far as this
        deliverer: Deliverer | None = getattr(self, "deliverer", None)
        if deliverer is not None:
            await deliverer.stop()
            await self._leave()
        await self._stack.aclose()

    async def _leave(self) -> None:
        """A Redis that is away counts us for half a minute more, which harms nobody."""
        try:
            await self._replicas.leave()
        except RedisError as error:
            log.info("leaving: %s", type(error).__name__)

    # --- Redis ---

    async def _redis(self) -> Redis:
        settings = self.settings.redis
        folder = embedded_folder(settings.url)
        if folder is not None:
            server = await embedded.start(folder, self._environ)
            self._stack.push_async_callback(server.stop)
            redis = server.client()
        else:
            self._tokens = entra_tokens(self.settings, self.clients)
            if self._tokens is not None:
                await self._tokens.renew()
            redis = connect(settings.url, ca_file=settings.ca_file, credentials=self._tokens)
        self._stack.push_async_callback(redis.aclose)
        report = await require_durable(redis, settings.durability_accepted or "")
        if settings.durability_accepted:
            log.warning(
                "durability accepted: %s (not checked: %s)",
                settings.durability_accepted,
                ", ".join(report.unknown) or "nothing",
            )
        return redis

    # --- wiring ---

    def _wire(self) -> None:
        settings = self.settings
        self._sink = self._second_sink()
        self.ledger = Ledger(
            self.redis,
            settings.audit.keys,
            tag=settings.redis.tag,
            clock=self.clock.offset,
            retention=settings.audit.retention,
            # without a second sink it stands in the log of the process, as evidence
            defer=self._sink.defer if self._sink else StreamSink(sys.stderr.buffer).defer,
        )
        self.client = web_client(
            settings.slack.bot_token,
            settings.slack.api_url,
            proxy=settings.proxy.for_url(settings.slack.api_url),
        )
        self._stack.push_async_callback(_close_session, self.client)
        inventory = Inventory(self.clients)
        self.jit = JitGateway(self.clients)
        self.estate = Estate(inventory, self.jit, clock=self.clock.now)
        self.directory = Directory(self.client)
        self.outbox = Outbox(self.redis, tag=settings.redis.tag)
        self._replicas = Replicas(self.redis, tag=settings.redis.tag, name=self._name)
        self._ghosts = 0
        self.services = Services(
            ledger=self.ledger,
            policy=self.policy,
            membership=self.membership,
            estate=self.estate,
            jit=self.jit,
            power=Power(inventory),
            outbox=self.outbox,
            directory=self.directory,
            languages=self._languages(),
            client=self.client,
            background=self.tasks,
            audit_channel=settings.audit.channel,
            instance=settings.instance,
            bot_user_id=lambda: self._bot_user,
            close_frozen=self._close_frozen,
        )
        self._bot_user = ""
        self._azure_problem = ""
        self._wire_consequences()
        self._wire_health()

    def _wire_consequences(self) -> None:
        settings = self.settings
        access = JitAccess(
            self.jit,
            NetworkGateway(self.clients),
            instance=settings.redis.tag,
            early_close=settings.early_close,
        )
        self.access = access
        applier = Applier(
            self.ledger,
            access,
            new_op=fresh_op_id,
            timing=self._timing,
            alarm=self._alarm,
            failpoint=self._failpoint,
        )
        closer = Closer(self.ledger, access, timing=self._timing, failpoint=self._failpoint)
        self._closer = closer
        drives = Drives(applier, closer)
        self._apply = ApplyConsumer(self.ledger, self._consumer("apply"), drives, self.tasks)
        self._show = ShowConsumer(self.services, self._consumer("show"))
        self._leader = Leader(
            self.ledger, drives, closer, self.tasks, lease_ttl=self._lease_ttl or LEASE_TTL
        )
        self.cards = Cards(self.services)
        fallback = settings.slack.fallback_channel or settings.audit.channel
        self.deliverer = Deliverer(
            self.outbox,
            self.client,
            self.cards.render,
            fallback_channel=ChannelId(fallback),
            gone_note=lambda channel: self.services.languages.of_channel(channel).text(
                "edge.earlier_gone"
            ),
            post_interval=self._post_interval,
            update_interval=self._post_interval * UPDATES_PER_POST,
            lease=self._lease_ttl or CHANNEL_LEASE,
        )
        self._anchorer = Anchorer(
            self.ledger, self._sink, SlackAnchors(self.services, settings.audit.channel)
        )
        self.ledger.on_frozen = self._on_frozen

    async def _close_frozen(self, request: Request) -> Request:
        return await self._closer.close_frozen(request)

    def _consumer(self, group: str) -> Consumer:
        consumer = Consumer(
            self.ledger,
            group,
            self._name,
            claim_idle=self._claim_idle,
            # what others left is looked for between two waits for something new
            block=min(BLOCK, self._claim_idle),
        )
        self._stack.push_async_callback(consumer.close)
        return consumer

    def _second_sink(self) -> Sink | None:
        sink = self.settings.audit.second_sink
        if sink is None:
            return None
        if sink == STDOUT:
            return StreamSink()
        return FileSink(sink, self.settings.audit.keys)

    def _languages(self) -> Languages:
        found = self.settings.languages
        catalogues: dict[Language, Catalogue] = {"en": load("en"), "ja": load("ja")}
        return Languages(
            catalogues=catalogues,
            default=ChannelStyle(_language(found.default), found.time_zone),
            channels={
                channel: ChannelStyle(
                    _language(found.language_of(channel)), found.time_zone_of(channel)
                )
                for channel in found.channels
            },
            directory=self.directory,
            chosen={},
        )

    # --- Slack ---

    async def _slack(self) -> None:
        settings = self.settings.slack
        answer = await self.client.auth_test()
        self._bot_user = str(answer["user_id"])
        teams = settings.teams or frozenset({str(answer["team_id"])})
        app = AsyncApp(
            # without a name Bolt looks for one on the stack, through every imported file: 50 ms
            name="sekisho",
            client=self.client,
            # else Bolt asks auth.test once more, inside the first ack
            authorize=_authorized(answer, settings.bot_token),
            signing_secret=settings.signing_secrets[0] if settings.signing_secrets else "unused",
            process_before_response=True,
            # our guard in front has checked the raw bytes; the socket needs no signature
            request_verification_enabled=False,
            ignoring_self_events_enabled=True,
        )
        edge.register(
            app,
            self.services,
            teams=teams,
            app_id=settings.app_id,
            enterprise=settings.enterprise,
        )
        await self._read_groups()
        if settings.mode == "http":
            await self._serve_http(app)
        else:
            await self._open_socket(app)

    async def _serve_http(self, app: AsyncApp) -> None:
        self.http = HttpEdge(
            app, secrets=self.settings.slack.signing_secrets, now=self.clock.timestamp
        )
        http = self.settings.http
        self.http_port = await self._listen(self.http.application(), http.host, http.port)

    async def _open_socket(self, app: AsyncApp) -> None:
        settings = self.settings.slack
        self.socket = SocketEdge(
            app,
            settings.app_token or "",
            self.client,
            proxy_for=self.settings.proxy.for_url,
            on_reconnect=self._reconnected,
        )
        self._socket_task = asyncio.create_task(self.socket.run(), name="socket mode")
        connected = asyncio.create_task(self.socket.connected.wait(), name="connected")
        try:
            await asyncio.wait({self._socket_task, connected}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            await end([connected])
        if self._socket_task.done():
            self._socket_task.result()  # a refused app token ends the start

    async def _socket_stop(self) -> None:
        task = getattr(self, "_socket_task", None)
        if task is not None:
            await end([task])

    def _reconnected(self) -> None:
        """After a silence the pending cards say so again: clicks may have been lost (C055)."""
        silence = self.socket.silence_before_hello
        self.tasks.start(self._count_ghosts(self.socket.health.connections), name="replicas")
        if silence > timedelta(minutes=1):
            self.tasks.start(reannounce(self.services, silence), name="reannounce")

    async def _count_ghosts(self, connections: int) -> None:
        """More connections at Slack than processes here: the others swallow clicks (C054)."""
        await self._replicas.beat()
        self._ghosts = max(0, connections - self._replicas.alive)

    async def _listen(self, app: web.Application, host: str, port: int) -> int:
        runner = web.AppRunner(app, access_log=None, lingering_time=LINGER_SECONDS)
        await runner.setup()
        self._stack.push_async_callback(runner.cleanup)
        site = web.TCPSite(runner, host, port)
        await site.start()
        return int(runner.addresses[0][1])

    # --- behind ---

    async def _behind(self) -> None:
        """Everything that no click waits for."""
        loop = self.tasks.loop
        loop(forever("apply", self._apply.run, timedelta(0)), name="apply")
        loop(forever("show", self._show.run, timedelta(0)), name="show")
        loop(forever("rules", self._reload_rules, RULES_EVERY), name="rules")
        loop(forever("deliver", self._deliver, timedelta(0)), name="deliver")
        loop(forever("groups", self._follow_groups, timedelta(0)), name="groups")
        loop(forever("replicas", self._replicas.beat, BEAT_EVERY), name="replicas")
        loop(forever("estate", self._follow_estate, ESTATE_READ_EVERY), name="estate")
        loop(self._stalls.run(), name="stalls")
        loop(forever("leader", self._lead, timedelta(0)), name="leader")
        if self._tokens is not None:
            fresh = partial(keep_fresh, self.redis, self._tokens)
            loop(forever("redis token", fresh, timedelta(0)), name="redis token")
        http = self.settings.http
        if http.health_port >= 0:
            self.health_port = await self._listen(
                application(self.health), http.health_host, http.health_port
            )
        await self.clients.warm()

    async def _lead(self) -> None:
        await self._leader.run(self._name, self._duties)

    async def _deliver(self) -> None:
        await self.deliverer.sweep()
        async for _ in ring(self.redis, tag=self.settings.redis.tag, block_ms=500):
            await self.deliverer.sweep()

    async def _follow_groups(self) -> None:
        """Read them, then wait; a clock that the demo's director moves makes the reading old."""
        await self._read_groups()
        offset = self.clock.offset()
        for _ in range(GROUPS_EVERY // CLOCK_LOOK):
            if await self.directory.is_asked_again(CLOCK_LOOK) or self.clock.offset() != offset:
                return

    async def _read_groups(self) -> None:
        now = await self.ledger.now()
        await self.directory.refresh_groups(
            now=now - self.clock.offset(),
            people_of=self.policy().groups,
            named=self.policy().named,
        )
        groups = self.directory.groups
        if groups is None:
            self._membership = Membership({}, read_at=NOBODY.read_at, missing_scope=self._scope())
            return
        self._membership = Membership(
            groups={
                group: frozenset(PersonId(user) for user in users)
                for group, users in groups.members.items()
            },
            read_at=groups.read_at,
            inactive=frozenset(PersonId(user) for user in groups.inactive),
            missing_scope=self._scope(),
        )

    async def _reload_rules(self) -> None:
        """A right file replaces the rules, a wrong one changes nothing; both are told (C065)."""
        reload = await asyncio.to_thread(self.policy.reload_if_touched)
        if reload is None:
            return
        channel = self.settings.audit.channel
        text = reload_text(reload, self.services.languages.of_channel(channel))
        if text is not None:
            key = f"rules:{self.policy().version}:{int(self.clock.timestamp())}"
            await self.outbox.put(ChannelId(channel), Line(key=key, text=text))

    def membership(self) -> Membership:
        """As read; its age does not grow when the demo's director moves the clock."""
        found = self._membership
        return replace(
            found,
            read_at=found.read_at + self.clock.offset(),
            guests=frozenset(PersonId(user) for user in self.directory.guests),
        )

    def _scope(self) -> str | None:
        return "usergroups:read" if self.directory.problem in ("missing_scope",) else None

    async def _duties(self, lease: Lease) -> None:
        """What the holder of the main lease alone does."""
        await self._anchorer.start()
        async with asyncio.TaskGroup() as group:
            group.create_task(forever("deadlines", self._leader.turn_due, timedelta(seconds=0.5)))
            group.create_task(
                forever("sessions", self._leader.watch_sessions, timedelta(seconds=30))
            )
            group.create_task(forever("anchor", self._anchorer.step, timedelta(seconds=1)))
            group.create_task(forever("inventory", self._read_estate, ESTATE_EVERY))

    # --- the estate ---

    async def _load_estate(self) -> None:
        cached = await self.redis.get(self._inventory_key)
        if isinstance(cached, bytes):
            await self.estate.from_cache(cached)

    async def _follow_estate(self) -> None:
        if not self._leader.is_leading:
            await self._load_estate()

    async def _read_estate(self) -> None:
        """Every subscription in turn; one that fails keeps what was known of it."""
        failed = await self.estate.refresh_all()
        self._azure_problem = ", ".join(f"{name}: {error.code}" for name, error in failed.items())
        cache = await asyncio.to_thread(self.estate.to_cache)
        await self.redis.set(self._inventory_key, cache)

    @property
    def _inventory_key(self) -> str:
        return f"{{{self.settings.redis.tag}}}:inventory"

    # --- alarms and health ---

    async def _alarm(self, request_id: RequestId, why: str) -> None:
        await alarm_forged(self.services, request_id, why)

    def _on_frozen(self, why: str) -> None:
        self.tasks.start(alarm_frozen(self.services, why), name="alarm")

    def _wire_health(self) -> None:
        checks = self.health.checks
        checks["ledger"] = lambda: "frozen" if self.ledger.frozen else ""
        checks["groups"] = self._groups_problem
        checks["azure"] = lambda: self._azure_problem
        checks["delivery"] = lambda: ", ".join(
            f"{channel}: {problem}" for channel, problem in self.deliverer.health.problems.items()
        )
        self.health.blocking["slack"] = self._slack_problem
        self.health.fatal["socket"] = self._socket_silence
        self.health.warnings["connections"] = self._ghost_problem
        self.health.warnings["clock"] = self._clock_problem
        checks["signatures"] = lambda: self._clock_problem() and self._stale_deliveries()
        self.health.warnings["replays"] = self._stale_deliveries
        if self._tokens is not None:
            self.health.warnings["redis_token"] = self._tokens.problem
        self.health.warnings["foreign"] = lambda: self.services.foreign.problem(self.ledger.instant)
        self.health.warnings["approvers"] = self._approvers_problem
        metrics = self.health.metrics
        metrics["posted"] = lambda: self.deliverer.health.posted
        metrics["updated"] = lambda: self.deliverer.health.updated
        metrics["reconciled"] = lambda: self.deliverer.health.reconciled
        metrics["audit_head"] = lambda: self.ledger.highest_head.sequence
        metrics["set_aside"] = lambda: self.deliverer.health.set_aside
        metrics["socket_connections"] = self._connections
        metrics["replicas"] = lambda: self._replicas.alive
        metrics["refused_deliveries"] = self._refused_deliveries
        metrics["background_failures"] = lambda: sum(self.tasks.failures.values())
        metrics["loop_stall_seconds"] = self._stalls.worst
        metrics["leader"] = lambda: float(self._leader.is_leading)

    def _groups_problem(self) -> str:
        scope = self._scope()
        return f"{self.directory.problem}: {scope}" if scope else self.directory.problem

    def _approvers_problem(self) -> str:
        """Whom rules name and who can't decide any more (C064)."""
        policy, membership = self.policy(), self._membership
        gone = len(policy.named & membership.inactive)
        empty = sum(not membership.members(group) for group in policy.groups)
        said = [f"{gone} people whom rules name are gone"] if gone else []
        said += [f"{empty} groups that rules name have nobody"] if empty else []
        return ", ".join(said)

    def _slack_problem(self) -> str:
        socket: SocketEdge | None = getattr(self, "socket", None)
        if socket is None:
            return ""
        return "" if socket.health.is_connected else socket.health.problem or "not connected"

    def _socket_silence(self) -> str:
        """Nothing heard for many pings though tries go on: a new process may do better (C055)."""
        socket: SocketEdge | None = getattr(self, "socket", None)
        if socket is None or socket.health.silence() < DEAF_FOR:
            return ""
        return f"nothing heard from Slack for {socket.health.silence().total_seconds():.0f} s"

    def _clock_problem(self) -> str:
        """Deadlines follow Redis, but signatures are judged by this machine's clock."""
        skew = (self.clock.now() - self.ledger.instant).total_seconds()
        if abs(skew) <= SKEW_MAX.total_seconds():
            return ""
        side = "ahead of" if skew > 0 else "behind"
        return f"this machine's clock is {abs(skew):.0f} s {side} Redis' own"

    def _stale_deliveries(self) -> str:
        """Amber alone: an old one again. Red with a wrong clock: every delivery is refused."""
        http: HttpEdge | None = getattr(self, "http", None)
        return http.problem() if http is not None else ""

    def _ghost_problem(self) -> str:
        if not self._ghosts:
            return ""
        return f"Slack counts {self._ghosts} connections more than there are replicas"

    def _refused_deliveries(self) -> float:
        http: HttpEdge | None = getattr(self, "http", None)
        return float(sum(http.refused.values())) if http is not None else 0.0

    def _connections(self) -> float:
        socket: SocketEdge | None = getattr(self, "socket", None)
        return float(socket.health.connections) if socket is not None else 0.0


def _authorized(
    answer: AsyncSlackResponse, bot_token: str
) -> Callable[..., Awaitable[AuthorizeResult]]:
    """One workspace, one token: what `auth.test` said at the start holds for every payload."""
    result = AuthorizeResult(
        enterprise_id=answer.get("enterprise_id"),
        team_id=answer.get("team_id"),
        bot_user_id=answer.get("user_id"),
        bot_id=answer.get("bot_id"),
        bot_token=bot_token,
    )

    async def authorize(**_: object) -> AuthorizeResult:
        return result

    return authorize


def _language(name: str) -> Language:
    return "ja" if name == "ja" else "en"


async def _close_session(client: AsyncWebClient) -> None:
    if client.session is not None:
        await client.session.close()
