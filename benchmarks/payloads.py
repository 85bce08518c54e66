"""What Slack sends, byte for byte: signed HTTP bodies and Socket Mode envelopes."""

from __future__ import annotations

import hashlib
import hmac
import itertools
import json
import time
from dataclasses import dataclass
from urllib.parse import urlencode
from zoneinfo import ZoneInfo

from approvals.request import Request
from benchmarks.ground import APPROVER, ASKER, CHANNEL, Ground
from handlers.locale import Catalogue, Locale
from handlers.views.card_facts import CardFacts
from handlers.views.pending_card import pending_card
from sandbox.slack import payloads
from sandbox.slack.json_types import JsonObject
from sandbox.slack.payloads import Envelope
from sandbox.slack.workspace import Workspace, demo_channels, demo_groups, demo_people

FORM = "application/x-www-form-urlencoded"
_workspace = Workspace(demo_people(), demo_channels(), demo_groups())
_turn = itertools.count(1)


def _envelope() -> Envelope:
    number = next(_turn)
    return Envelope(
        verification_token="bench",  # noqa: S106 - Slack's own deprecated field
        trigger_id=f"13345224609.738474920.{number:032}",
        response_url="",
    )


def click(request: Request, locale: Locale) -> JsonObject:
    """Approve on the card of this request, with the whole card as Slack sends it along."""
    facts = CardFacts(
        group_names={"S0SECURITY": "security"}, approver_count=3, now=request.submitted_at
    )
    card = pending_card(request, facts, locale)
    number = next(_turn)
    ts = f"1764036000.{number:06}"
    message = {"type": "message", "ts": ts, "text": card.text, "blocks": card.blocks}
    return payloads.block_actions_in_message(
        _workspace.person(APPROVER),
        _workspace.channels[CHANNEL],
        container=payloads.message_container(
            channel=CHANNEL, ts=ts, ephemeral=False, thread_ts=None
        ),
        message=message,
        values={},
        action={
            "action_id": "jit_approve",
            "block_id": "decision",
            "type": "button",
            "text": {"type": "plain_text", "text": "Approve"},
            "value": f"{request.id}.{request.terms_version}",
            "action_ts": f"1764036001.{number:06}",
        },
        envelope=_envelope(),
    )


def command(text: str) -> JsonObject:
    """`/jit …` in the channel."""
    return payloads.slash_command(
        _workspace.person(ASKER),
        _workspace.channels[CHANNEL],
        command="/jit",
        text=text,
        envelope=_envelope(),
    )


def suggestion(query: str) -> JsonObject:
    """Somebody types into the form's menu of VMs."""
    return payloads.block_suggestion(
        _workspace.person(ASKER),
        container=payloads.view_container("V0BENCH"),
        place={"view": {"id": "V0BENCH", "type": "modal", "callback_id": "jit_ask"}},
        block_id="vm",
        action_id="vm",
        query=query,
        envelope=_envelope(),
    )


def english(catalogue: Catalogue) -> Locale:
    """How the card of #ops-approvals speaks."""
    return Locale(language="en", tz=ZoneInfo("Asia/Tokyo"), catalogue=catalogue)


@dataclass(frozen=True, slots=True)
class Signer:
    """Makes the raw request for a payload: what Slack would write into the connection."""

    secret: bytes
    host: str = "127.0.0.1"

    def interactive(self, payload: JsonObject) -> bytes:
        return self._request(urlencode({"payload": json.dumps(payload)}).encode())

    def command(self, payload: JsonObject) -> bytes:
        return self._request(urlencode(payload).encode())

    def _request(self, body: bytes) -> bytes:
        stamp = str(int(time.time()))
        base = b"v0:" + stamp.encode() + b":" + body
        mac = hmac.new(self.secret, base, hashlib.sha256).hexdigest()
        head = (
            f"POST /slack/events HTTP/1.1\r\nHost: {self.host}\r\nContent-Type: {FORM}\r\n"
            "User-Agent: Slackbot 1.0 (+https://api.slack.com/robots)\r\nAccept: */*\r\n"
            f"Content-Length: {len(body)}\r\nX-Slack-Request-Timestamp: {stamp}\r\n"
            f"X-Slack-Signature: v0={mac}\r\n\r\n"
        )
        return head.encode() + body


def signer(ground: Ground) -> Signer:
    """Signs as this run's Slack."""
    return Signer(ground.signing_secret.encode())
