"""Steps of the running bot at which a test may kill it, beside those of opening and closing.

Each is named `before-…` or `after-…` what is written: to the ledger, to an outbox, to Azure, to
Slack. The methods are wrapped here, in the process of the test, so that the product needs no
switch for it.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from approvals.events import Approved
from approvals.ledger import Change
from bot.service import Service

Failpoint = Callable[[str], Awaitable[None]]
#: What is written, by the arguments of the call; "" for what nobody asks about.
Name = Callable[[tuple[Any, ...]], str]


def watch_steps(service: Service, failpoint: Failpoint) -> None:
    """Hang the failpoint around everything that is decided and that the feeds write."""

    def around(target: object, method: str, name: Name) -> None:
        call: Callable[..., Awaitable[Any]] = getattr(target, method)

        async def watched(*args: Any, **named: Any) -> Any:
            step = name(args)
            if not step:
                return await call(*args, **named)
            await failpoint(f"before-{step}")
            answer = await call(*args, **named)
            await failpoint(f"after-{step}")
            return answer

        setattr(target, method, watched)

    around(service.ledger, "record", _decision)
    around(service.ledger, "do", lambda _: "deed")
    around(service.ledger, "note", lambda _: "note")
    around(service.outbox, "put", lambda args: f"put-{args[1].key.partition(':')[0]}")
    around(service.outbox, "finish", lambda _: "finish")
    around(service.client, "chat_postMessage", lambda _: "post")
    around(service.client, "chat_update", lambda _: "update")
    alerts, changes = service.feeds.alerts, service.feeds.changes
    if alerts is not None:
        around(alerts.feed.storms.scripts, "run", lambda args: args[0])  # the grouper's moves
        around(alerts.store, "ingest", lambda args: "ingest" if args[0] else "")
        if alerts.feed.states is not None:
            around(alerts.feed.states, "set_state", lambda args: f"azure-{args[1]}")
    if changes is not None:
        around(changes.store, "take", lambda args: "take" if args[0] else "")


def _decision(args: tuple[Any, ...]) -> str:
    change = args[0]
    return "decision" if isinstance(change, Change) and isinstance(change.event, Approved) else ""
