"""What the running bot says of itself: each part's problem in a few words, and its figures."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from approvals.ledger import Ledger
from bot.background import Leader, Tasks
from bot.clock import Clock
from bot.groups import Groups
from bot.health import Health
from bot.http import HttpEdge
from bot.redis_tokens import TokenCredentials
from bot.replicas import Replicas
from bot.socket_mode import SocketEdge
from bot.stalls import Stalls
from delivery.deliverer import Deliverer
from handlers.services import Services

#: Many pings and a few tries to connect: then the process is better started anew.
DEAF_FOR = timedelta(minutes=3)
#: Time synchronisation keeps clocks within milliseconds; this much is a broken one.
SKEW_MAX = timedelta(seconds=30)


@dataclass(slots=True)
class Vitals:
    """The parts that are asked. `socket` or `http` is there once that door is open."""

    ledger: Ledger
    clock: Clock
    groups: Groups
    services: Services
    deliverer: Deliverer
    replicas: Replicas
    leader: Leader
    tasks: Tasks
    stalls: Stalls
    tokens: TokenCredentials | None
    socket: SocketEdge | None = None
    http: HttpEdge | None = None
    #: connections that Slack counts beyond the living replicas (C054).
    ghosts: int = 0
    #: subscriptions that could not be read, and why.
    azure: str = ""

    def wire(self, health: Health) -> None:
        """Fill in what is asked for `/live`, `/ready` and `/metrics`."""
        health.fatal["socket"] = self._socket_silence
        health.blocking["slack"] = self._slack_problem
        health.checks |= {
            "ledger": lambda: "frozen" if self.ledger.frozen else "",
            "groups": self.groups.problem,
            "azure": lambda: self.azure,
            "delivery": self._delivery_problem,
            "signatures": lambda: self._clock_problem() and self._stale_deliveries(),
        }
        health.warnings |= {
            "connections": self._ghost_problem,
            "clock": self._clock_problem,
            "replays": self._stale_deliveries,
            "foreign": lambda: self.services.foreign.problem(self.ledger.instant),
            "approvers": self.groups.approvers_problem,
        }
        if self.tokens is not None:
            health.warnings["redis_token"] = self.tokens.problem
        self._wire_metrics(health)

    def _wire_metrics(self, health: Health) -> None:
        health.metrics |= {
            "posted": lambda: self.deliverer.health.posted,
            "updated": lambda: self.deliverer.health.updated,
            "reconciled": lambda: self.deliverer.health.reconciled,
            "set_aside": lambda: self.deliverer.health.set_aside,
            "audit_head": lambda: self.ledger.highest_head.sequence,
            "socket_connections": lambda: self.socket.health.connections if self.socket else 0,
            "replicas": lambda: self.replicas.alive,
            "refused_deliveries": lambda: sum(self.http.refused.values()) if self.http else 0,
            "background_failures": lambda: sum(self.tasks.failures.values()),
            "loop_stall_seconds": self.stalls.worst,
            "leader": lambda: float(self.leader.is_leading),
        }

    def _delivery_problem(self) -> str:
        problems = self.deliverer.health.problems
        return ", ".join(f"{channel}: {problem}" for channel, problem in problems.items())

    def _slack_problem(self) -> str:
        if self.socket is None or self.socket.health.is_connected:
            return ""
        return self.socket.health.problem or "not connected"

    def _socket_silence(self) -> str:
        """Nothing heard for many pings though tries go on: a new process may do better (C055)."""
        if self.socket is None or self.socket.health.silence() < DEAF_FOR:
            return ""
        return f"nothing heard from Slack for {self.socket.health.silence().total_seconds():.0f} s"

    def _ghost_problem(self) -> str:
        if not self.ghosts:
            return ""
        return f"Slack counts {self.ghosts} connections more than there are replicas"

    def _clock_problem(self) -> str:
        """Deadlines follow Redis, but signatures are judged by this machine's clock."""
        skew = (self.clock.now() - self.ledger.instant).total_seconds()
        if abs(skew) <= SKEW_MAX.total_seconds():
            return ""
        side = "ahead of" if skew > 0 else "behind"
        return f"this machine's clock is {abs(skew):.0f} s {side} Redis' own"

    def _stale_deliveries(self) -> str:
        """Amber alone: an old one again. Red with a wrong clock: every delivery is refused."""
        return self.http.problem() if self.http is not None else ""
