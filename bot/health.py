"""Live, ready and metrics, on their own port; nothing here tells a stranger more than a colour."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from aiohttp import web
from prometheus_client import CollectorRegistry, Gauge, generate_latest


@dataclass(slots=True)
class Health:
    """What the parts say of themselves: a name and a problem; no problem, no entry."""

    checks: dict[str, Callable[[], str]] = field(default_factory=dict)
    #: problems that make the process useless, so that it should be restarted.
    fatal: dict[str, Callable[[], str]] = field(default_factory=dict)
    metrics: dict[str, Callable[[], float]] = field(default_factory=dict)
    is_ready: bool = False

    def problems(self) -> Mapping[str, str]:
        found = {name: check() for name, check in (self.checks | self.fatal).items()}
        return {name: problem for name, problem in found.items() if problem}

    def dead(self) -> Mapping[str, str]:
        found = {name: check() for name, check in self.fatal.items()}
        return {name: problem for name, problem in found.items() if problem}


def application(health: Health) -> web.Application:
    """`/live`, `/ready`, `/metrics`."""
    registry = CollectorRegistry()
    gauges = {
        name: Gauge(f"sekisho_{name}", name.replace("_", " "), registry=registry)
        for name in health.metrics
    }

    async def live(_request: web.Request) -> web.Response:
        dead = health.dead()
        return _answer(200 if not dead else 503, dead)

    async def ready(_request: web.Request) -> web.Response:
        problems = health.problems()
        return _answer(200 if health.is_ready and not problems else 503, problems)

    async def metrics(_request: web.Request) -> web.Response:
        for name, read in health.metrics.items():
            gauges[name].set(read())
        return web.Response(body=generate_latest(registry), content_type="text/plain")

    app = web.Application()
    app.router.add_get("/live", live)
    app.router.add_get("/ready", ready)
    app.router.add_get("/metrics", metrics)
    return app


def _answer(status: int, problems: Mapping[str, str]) -> web.Response:
    colour = "green" if status == 200 else "red"
    return web.Response(
        status=status,
        text=json.dumps({"health": colour, "problems": dict(problems)}),
        content_type="application/json",
    )
