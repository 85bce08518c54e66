"""The door for probes and metrics: `/live`, `/ready`, `/metrics`.

Apart from what is asked there: the library of the metrics is loaded once Slack is answered.
"""

from __future__ import annotations

import json
from collections.abc import Mapping

from aiohttp import web
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, Gauge, generate_latest

from bot.health import Colour, Health


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


def _answer(is_good: bool, colour: Colour, problems: Mapping[str, str]) -> web.Response:
    return web.Response(
        status=200 if is_good else 503,
        text=json.dumps({"health": colour.name.lower(), "problems": dict(problems)}),
        content_type="application/json",
    )
