"""Live, ready and metrics, on their own port; names of problems, never a secret or a person's.

Red is not the same as not ready: with a frozen audit log or an archived channel the bot must go on
answering, or nobody could close a port.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import IntEnum

from aiohttp import web
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, Gauge, generate_latest

#: A part says what is wrong in a few words, "" when nothing is.
Check = Callable[[], str]


class Colour(IntEnum):
    """The metric `sekisho_health`."""

    GREEN = 0
    AMBER = 1
    RED = 2


@dataclass(slots=True)
class Health:
    """What the parts say of themselves, by how much it hurts."""

    #: useless: the process should be started anew (`/live`).
    fatal: dict[str, Check] = field(default_factory=dict)
    #: can't answer Slack now (`/ready`).
    blocking: dict[str, Check] = field(default_factory=dict)
    #: works, but somebody must act: red.
    checks: dict[str, Check] = field(default_factory=dict)
    #: may become worse: amber.
    warnings: dict[str, Check] = field(default_factory=dict)
    metrics: dict[str, Callable[[], float]] = field(default_factory=dict)
    is_ready: bool = False

    def problems(self) -> Mapping[str, str]:
        return _found(self.warnings | self.checks | self.blocking | self.fatal)

    def dead(self) -> Mapping[str, str]:
        return _found(self.fatal)

    def can_serve(self) -> bool:
        return self.is_ready and not _found(self.blocking | self.fatal)

    def colour(self) -> Colour:
        if not self.is_ready or _found(self.checks | self.blocking | self.fatal):
            return Colour.RED
        return Colour.AMBER if _found(self.warnings) else Colour.GREEN


def application(health: Health) -> web.Application:
    """`/live`, `/ready`, `/metrics`."""
    registry = CollectorRegistry()
    reads = health.metrics | {"health": lambda: float(health.colour())}
    gauges = {
        name: Gauge(f"sekisho_{name}", name.replace("_", " "), registry=registry) for name in reads
    }

    async def live(_request: web.Request) -> web.Response:
        dead = health.dead()
        return _answer(not dead, Colour.RED if dead else Colour.GREEN, dead)

    async def ready(_request: web.Request) -> web.Response:
        return _answer(health.can_serve(), health.colour(), health.problems())

    async def metrics(_request: web.Request) -> web.Response:
        for name, read in reads.items():
            gauges[name].set(read())
        body = generate_latest(registry)
        return web.Response(body=body, headers={"Content-Type": CONTENT_TYPE_LATEST})

    app = web.Application()
    app.router.add_get("/live", live)
    app.router.add_get("/ready", ready)
    app.router.add_get("/metrics", metrics)
    return app


def _found(checks: Mapping[str, Check]) -> dict[str, str]:
    said = {name: check() for name, check in checks.items()}
    return {name: problem for name, problem in said.items() if problem}


def _answer(is_good: bool, colour: Colour, problems: Mapping[str, str]) -> web.Response:
    return web.Response(
        status=200 if is_good else 503,
        text=json.dumps({"health": colour.name.lower(), "problems": dict(problems)}),
        content_type="application/json",
    )
