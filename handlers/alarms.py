"""What the audit channel and waiting approvers are told when something is not as it should be."""

from __future__ import annotations

from datetime import timedelta

from approvals.events import RequestId
from approvals.operations import op_id
from delivery.outbox import ChannelId, Line
from handlers.cards import object_id
from handlers.services import Services
from handlers.views.audit import foreign_instance_alarm, frozen_alarm, proof_alarm
from handlers.views.blocks import Message


async def alarm_forged(s: Services, request_id: RequestId, why: str) -> None:
    """An approval that the chain does not prove opened nothing: say so, loudly."""
    locale = s.languages.of_channel(s.audit_channel)
    await _tell(s, f"forged:{request_id}", proof_alarm(request_id, why, locale))


async def alarm_frozen(s: Services, why: str) -> None:
    """Straight to Slack: the outbox is in the Redis that can't be trusted now."""
    message = frozen_alarm(why, s.languages.of_channel(s.audit_channel))
    await s.client.chat_postMessage(
        channel=s.audit_channel, text=message.text, blocks=message.blocks
    )


async def alarm_foreign(s: Services, instance: str) -> None:
    """Clicks on another installation's cards arrive here: two share one app (C013)."""
    message = foreign_instance_alarm(instance, s.languages.of_channel(s.audit_channel))
    hour = int(s.ledger.instant.timestamp() // 3600)
    await _tell(s, f"foreign:{instance}:{hour}", message)


async def reannounce(s: Services, silence: timedelta) -> None:
    """Slack was not heard for a while: clicks of that time may be lost, so the cards say so."""
    for request in await s.ledger.pending():
        locale = s.languages.of_channel(request.rule.channel)
        key = op_id("again", request.id, str(int(s.ledger.instant.timestamp() // 60)))
        text = locale.text("edge.was_deaf", duration=locale.duration(silence))
        line = Line(key=f"again:{key}", text=text, thread_of=object_id(request.id))
        await s.outbox.put(ChannelId(request.rule.channel), line)


async def _tell(s: Services, key: str, message: Message) -> None:
    line = Line(key=key, text=message.text, blocks=message.blocks)
    await s.outbox.put(ChannelId(s.audit_channel), line)
