"""The running bot: everything wired once, started in the order that answers Slack soonest.

Redis first (no ledger, no bot), then Slack (ready), then the feeds and Azure, whose imports alone
take half a second. Only what is about the feeds waits for them.
"""

from __future__ import annotations

import asyncio
import gc
import importlib
import logging
import os
import secrets
import sys
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import AsyncExitStack
from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING, Any

from aiohttp import web
from redis.asyncio import Redis
from redis.exceptions import RedisError
from slack_bolt import BoltResponse
from slack_bolt.async_app import AsyncApp
from slack_bolt.authorization import AuthorizeResult
from slack_sdk.web.async_client import AsyncWebClient
from slack_sdk.web.async_slack_response import AsyncSlackResponse

from approvals.actions.base import Actions
from approvals.actions.jit_access import JitAccess
from approvals.actions.jit_policy import JitPolicyAction
from approvals.applying import Applier
from approvals.audit.anchor import Anchorer, FileSink, Sink, StreamSink
from approvals.changing import Changer
from approvals.closing import Closer
from approvals.consumers import BLOCK
from approvals.driving import Failpoint, Timing, nowhere
from approvals.entry import Entry
from approvals.events import Kind
from approvals.ledger import Consumer, Lease, Ledger
from approvals.operations import fresh_op_id
from approvals.own_changes import OwnChanges
from bot import embedded
from bot.background import LEASE_TTL, ApplyConsumer, Drives, Leader, Tasks, forever
from bot.clock import Clock
from bot.estate_cache import EstateCache
from bot.groups import Groups
from bot.health import Health
from bot.http import LINGER_SECONDS, PUSH_PATH, HttpEdge
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
from bot.vitals import Vitals
from defender.arc import ArcInventory
from defender.clients import AzureClients
from defender.estate import Estate
from defender.inventory import Inventory
from defender.jit import JitGateway
from defender.jit_policies import JitPolicyGateway
from defender.network import NetworkGateway
from defender.nsg_room import NsgRooms
from delivery.deliverer import LEASE as CHANNEL_LEASE
from delivery.deliverer import Deliverer, Rendered
from delivery.directory import Directory
from delivery.outbox import ChannelId, Line, ObjectId, Outbox, ring
from delivery.tasks import end
from delivery.web_client import web_client
from handlers import edge
from handlers.alarms import alarm_forged, alarm_frozen, reannounce
from handlers.cards import PREFIX as REQUEST
from handlers.cards import Cards
from handlers.consequences import ShowConsumer, Told
from handlers.locale import Catalogue, Language
from handlers.power import Power
from handlers.services import ChannelStyle, Languages, Services

if TYPE_CHECKING:
    from bot.feeds import Feeds

log = logging.getLogger(__name__)

RULES_EVERY = timedelta(seconds=10)
ESTATE_EVERY = timedelta(minutes=5)
ESTATE_READ_EVERY = timedelta(minutes=1)
SHUTDOWN_WITHIN = timedelta(seconds=5)
#: Edits are Tier 3, 50 a minute: a little slower than posts.
UPDATES_PER_POST = 1.2


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
        self._stalls = Stalls()
        self.policy = LivePolicy(settings, self._environ)
        self.clients = AzureClients(settings.azure)
        self._stack.push_async_callback(self.clients.close)
        self._tokens: TokenCredentials | None = None
        self._socket_task: asyncio.Task[None] | None = None
        self._wired = asyncio.Event()
        self.behind: asyncio.Task[None] | None = None
        self._bot_user = ""
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
        self.behind = asyncio.create_task(self._behind(), name="behind")

    async def stop(self) -> None:
        """No new work, let what is under way end, close connections. Once; more do nothing."""
        if self._is_stopped:
            return
        self._is_stopped = True
        self.health.is_ready = False
        await end([task for task in (self._socket_task, self.behind) if task is not None])
        await self.tasks.finish(SHUTDOWN_WITHIN)
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
        arc = ArcInventory(self.clients)
        self.estate = Estate(inventory, self.jit, clock=self.clock.now, arc=arc)
        self.directory = Directory(self.client)
        self.groups = Groups(self.directory, self.policy, self.ledger, self.clock)
        self.outbox = Outbox(self.redis, tag=settings.redis.tag)
        self._replicas = Replicas(self.redis, tag=settings.redis.tag, name=self._name)
        access = JitAccess(
            self.jit,
            NetworkGateway(self.clients),
            instance=settings.redis.tag,
            early_close=settings.early_close,
        )
        closer = Closer(self.ledger, access, timing=self._timing, failpoint=self._failpoint)
        self.services = Services(
            ledger=self.ledger,
            policy=self.policy,
            membership=self.groups.membership,
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
            close_frozen=closer.close_frozen,
            actions=self._actions(),
        )
        self._wire_consequences(access, closer)
        self._estate_cache = EstateCache(
            self.estate,
            self.redis,
            tag=settings.redis.tag,
            is_leading=lambda: self._leader.is_leading,
        )
        self.vitals = Vitals(
            ledger=self.ledger,
            clock=self.clock,
            groups=self.groups,
            services=self.services,
            deliverer=self.deliverer,
            replicas=self._replicas,
            leader=self._leader,
            tasks=self.tasks,
            stalls=self._stalls,
            tokens=self._tokens,
        )
        self.vitals.wire(self.health)

    async def _wire_feeds(self) -> None:
        """Both feeds, imported beside the loop; what waits for them goes on."""
        module = await asyncio.to_thread(importlib.import_module, "bot.feeds")
        ground = module.Ground(
            services=self.services,
            redis=self.redis,
            settings=self.settings,
            rules=self.policy.feeds,
            clients=self.clients,
            jit=self.jit,
            clock=self.clock,
        )
        self.feeds: Feeds = module.Feeds(ground, consumer=self._consumer)
        self.feeds.wire(self.health)
        self.feeds.register(self._app, self._home)
        self._wired.set()

    def _actions(self) -> Actions:
        """Every kind of change that can be asked for; a new kind is a line here."""
        return {
            Kind.JIT_POLICY: JitPolicyAction(
                self.jit,
                JitPolicyGateway(self.clients),
                NsgRooms(self.clients),
                apply_within=self._timing.change_within,
            )
        }

    def _wire_consequences(self, access: JitAccess, closer: Closer) -> None:
        settings = self.settings
        applier = Applier(
            self.ledger,
            access,
            new_op=fresh_op_id,
            timing=self._timing,
            alarm=partial(alarm_forged, self.services),
            failpoint=self._failpoint,
        )
        changer = Changer(
            self.ledger,
            self.services.actions,
            new_op=fresh_op_id,
            timing=self._timing,
            alarm=partial(alarm_forged, self.services),
            announce=OwnChanges(self.ledger.store).announce,
            failpoint=self._failpoint,
        )
        drives = Drives(applier, changer, closer)
        self._apply = ApplyConsumer(self.ledger, self._consumer("apply"), drives, self.tasks)
        self._show = ShowConsumer(self.services, self._consumer("show"), deeds=self._deeds)
        self._leader = Leader(
            self.ledger, drives, closer, self.tasks, lease_ttl=self._lease_ttl or LEASE_TTL
        )
        fallback = settings.slack.fallback_channel or settings.audit.channel
        self.deliverer = Deliverer(
            self.outbox,
            self.client,
            self._render,
            fallback_channel=ChannelId(fallback),
            fallback_of=lambda channel: self.feeds.fallback_of(channel),
            on_fallback=self._on_fallback,
            draw_file=lambda name: self.feeds.draw_file(name),
            gone_note=lambda channel: self.services.languages.of_channel(channel).text(
                "edge.earlier_gone"
            ),
            post_interval=self._post_interval,
            update_interval=self._post_interval * UPDATES_PER_POST,
            lease=self._lease_ttl or CHANNEL_LEASE,
        )
        self._stack.push_async_callback(self._leave)
        self._stack.push_async_callback(self.deliverer.stop)
        self._anchorer = Anchorer(
            self.ledger, self._sink, SlackAnchors(self.services, settings.audit.channel)
        )
        self.ledger.on_frozen = self._on_frozen

    async def _deeds(self, entry: Entry) -> Sequence[Told]:
        return await self.feeds.deeds(entry)

    async def _on_fallback(self, lost: ChannelId, to: ChannelId, why: str) -> None:
        """The administrators read of it once a day, in their channel."""
        audit = ChannelId(self.settings.audit.channel)
        locale = self.services.languages.of_channel(audit)
        text = locale.text("edge.lost_channel", channel=f"<#{lost}>", fallback=f"<#{to}>", why=why)
        day = f"{self.ledger.instant:%Y-%m-%d}"
        await self.outbox.put(audit, Line(key=f"lost:{lost}:{to}:{day}", text=text))

    async def _render(self, name: ObjectId) -> Rendered | None:
        """The card of whatever stands in an outbox, as it is now."""
        if name.startswith(REQUEST):
            return await Cards(self.services).render(name)
        return await self.feeds.render(name)

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
        self._home = edge.register(
            app,
            self.services,
            teams=teams,
            app_id=settings.app_id,
            enterprise=settings.enterprise,
        )
        app.use(self._until_wired)
        self._app = app
        await self.groups.read()
        if settings.mode == "http":
            await self._serve_http(app)
        else:
            await self._open_socket(app)

    async def _serve_http(self, app: AsyncApp) -> None:
        door = HttpEdge(app, secrets=self.settings.slack.signing_secrets, now=self.clock.timestamp)
        self.vitals.http = door
        http = self.settings.http
        application = door.application()
        self._take_pushes(application)
        self.http_port = await self._listen(application, http.host, http.port)

    async def _until_wired(
        self, body: Mapping[str, Any], next: Callable[[], Awaitable[BoltResponse]]
    ) -> BoltResponse:
        """What the JIT edge does not know is about the feeds: it waits until they are there."""
        if not self._wired.is_set() and not edge.is_known(body):
            await self._wired.wait()
        return await next()

    def _take_pushes(self, application: web.Application) -> bool:
        """A door that stands from the start: Azure would not knock again for minutes."""
        alerts = self.policy.feeds().alerts
        if alerts is None or "push" not in alerts.sources:
            return False

        async def deliver(request: web.Request) -> web.StreamResponse:
            await self._wired.wait()
            return await self.feeds.deliver(request)

        application.router.add_post(PUSH_PATH, deliver)
        return True

    async def _open_socket(self, app: AsyncApp) -> None:
        settings = self.settings.slack
        door = SocketEdge(
            app,
            settings.app_token or "",
            self.client,
            proxy_for=self.settings.proxy.for_url,
            on_reconnect=lambda: self._reconnected(door),
        )
        self.vitals.socket = door
        self._socket_task = asyncio.create_task(door.run(), name="socket mode")
        connected = asyncio.create_task(door.connected.wait(), name="connected")
        try:
            await asyncio.wait({self._socket_task, connected}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            await end([connected])
        if self._socket_task.done():
            self._socket_task.result()  # a refused app token ends the start

    def _reconnected(self, door: SocketEdge) -> None:
        """After a silence the pending cards say so again: clicks may have been lost (C055)."""
        silence = door.silence_before_hello
        self.tasks.start(self._count_ghosts(door.health.connections), name="replicas")
        if silence > timedelta(minutes=1):
            self.tasks.start(reannounce(self.services, silence), name="reannounce")

    async def _count_ghosts(self, connections: int) -> None:
        """More connections at Slack than processes here: the others swallow clicks (C054)."""
        await self._replicas.beat()
        self.vitals.ghosts = max(0, connections - self._replicas.alive)

    async def _listen(self, app: web.Application, host: str, port: int) -> int:
        runner = web.AppRunner(app, access_log=None, lingering_time=LINGER_SECONDS)
        await runner.setup()
        self._stack.push_async_callback(runner.cleanup)
        site = web.TCPSite(runner, host, port)
        await site.start()
        return int(runner.addresses[0][1])

    # --- behind ---

    async def _behind(self) -> None:
        """Everything that no click waits for. A failure here ends the process: see `run`."""
        await self._wire_feeds()
        # Python makes a class with slots twice: the first ones go before Azure's take their room.
        gc.unfreeze()
        gc.collect()
        gc.freeze()
        loop = self.tasks.loop
        loop(forever("apply", self._apply.run, timedelta(0)), name="apply")
        loop(forever("show", self._show.run, timedelta(0)), name="show")
        loop(forever("rules", self._reload_rules, RULES_EVERY), name="rules")
        loop(forever("deliver", self._deliver, timedelta(0)), name="deliver")
        loop(forever("groups", self.groups.follow, timedelta(0)), name="groups")
        loop(forever("replicas", self._replicas.beat, BEAT_EVERY), name="replicas")
        loop(forever("estate", self._estate_cache.follow, ESTATE_READ_EVERY), name="estate")
        loop(self._stalls.run(), name="stalls")
        loop(forever("leader", self._lead, timedelta(0)), name="leader")
        loop(self.feeds.work(), name="feeds")
        if self._tokens is not None:
            fresh = partial(keep_fresh, self.redis, self._tokens)
            loop(forever("redis token", fresh, timedelta(0)), name="redis token")
        http = self.settings.http
        if http.health_port >= 0:
            door = await asyncio.to_thread(importlib.import_module, "bot.health_door")
            self.health_port = await self._listen(
                door.application(self.health), http.health_host, http.health_port
            )
        if self.settings.slack.mode == "socket":
            await self._serve_pushes()
        await self.clients.warm()
        # The SDK's classes are never garbage: a full collection that walks them holds up a click.
        gc.freeze()

    async def _serve_pushes(self) -> None:
        """In Socket Mode nothing of Slack's comes in by HTTP, but Azure's pushes do."""
        application, http = web.Application(), self.settings.http
        if self._take_pushes(application):
            self.http_port = await self._listen(application, http.host, http.port)

    async def _lead(self) -> None:
        await self._leader.run(self._name, self._duties)

    async def _deliver(self) -> None:
        await self.deliverer.sweep()
        async for _ in ring(self.redis, tag=self.settings.redis.tag, block_ms=500):
            await self.deliverer.sweep()

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
            for name, work, every in self.feeds.duties():
                group.create_task(forever(name, work, every), name=name)

    async def _read_estate(self) -> None:
        self.vitals.azure = await self._estate_cache.read_azure()

    def _on_frozen(self, why: str) -> None:
        self.tasks.start(alarm_frozen(self.services, why), name="alarm")


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
