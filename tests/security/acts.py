"""What several of these tests begin with."""

from __future__ import annotations

from approvals.events import State
from approvals.request import Request
from sandbox.slack import Message
from tests.stage import Stage

LINE = "/jit web-01 22 for 1h from 203.0.113.7 because deploy fix"


async def asked(stage: Stage, line: str = LINE, who: str = "alice") -> Message:
    """A request that waits for its approver; its card."""
    person = stage.slack.person(who)
    await person.command("C0OPS", line)
    await person.wait_ephemeral("受け付けました" if person.member.locale == "ja-JP" else "is sent")
    return await stage.slack.wait_message("C0OPS", containing="needed")


async def opened(stage: Stage) -> Request:
    """A session that is open."""
    card = await asked(stage)
    await stage.slack.person("suzuki").click(card, "jit_approve")
    return await stage.wait_state(State.ACTIVE)
