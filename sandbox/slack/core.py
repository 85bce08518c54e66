"""What the parts of the sandbox's Slack share: the workspace and everything that lives in it."""

from __future__ import annotations

import secrets
from dataclasses import dataclass, field
from datetime import datetime

from sandbox.slack.changes import Changes
from sandbox.slack.faults import Faults
from sandbox.slack.json_types import JsonObject
from sandbox.slack.limits import RateLimits
from sandbox.slack.messages import Clock, MessageStore
from sandbox.slack.triggers import ResponseUrls, Triggers
from sandbox.slack.views import Views
from sandbox.slack.workspace import Workspace

#: What the bot's token may do: the scopes of the app's manifest, and not one more, so that a call
#: whose scope was never asked for is refused here as it would be in a customer's workspace.
BOT_SCOPES = frozenset(
    {
        "app_mentions:read", "channels:history", "channels:read", "chat:write", "commands",
        "files:write", "groups:history", "groups:read", "im:history", "im:write",
        "usergroups:read", "users:read", "users:read.email",
    }
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class ApiCall:
    """One call of the Web API that the sandbox answered."""

    method: str
    args: JsonObject
    at: datetime
    response: JsonObject


@dataclass(frozen=True, slots=True)
class SlashCommand:
    """A command of the app as its manifest declares it."""

    command: str
    usage: str
    #: Slack turns @people and #channels into ids before it sends the text.
    should_escape: bool = True


@dataclass(frozen=True, slots=True)
class Shortcut:
    """A message shortcut of the app as its manifest declares it."""

    callback_id: str
    name: str


@dataclass(slots=True)
class Tokens:
    """The secrets of one sandbox; new at every start."""

    bot: str = field(default_factory=lambda: f"xoxb-100-200-{secrets.token_hex(12)}")
    app: str = field(default_factory=lambda: f"xapp-1-A0SEKISHO-300-{secrets.token_hex(32)}")
    signing_secret: str = field(default_factory=lambda: secrets.token_hex(16))
    verification: str = field(default_factory=lambda: secrets.token_urlsafe(18))


@dataclass(slots=True)
class Core:
    """Everything that lives in the workspace; no sockets, no HTTP."""

    clock: Clock
    workspace: Workspace
    changes: Changes
    messages: MessageStore
    views: Views
    triggers: Triggers
    response_urls: ResponseUrls
    limits: RateLimits = field(default_factory=RateLimits)
    faults: Faults = field(default_factory=Faults)
    tokens: Tokens = field(default_factory=Tokens)
    scopes: set[str] = field(default_factory=lambda: set(BOT_SCOPES))
    #: Whether `chat:write.public` lets the bot write where it is no member; off, so that a
    #: channel without the bot refuses it as one does that was never public.
    public_writing: bool = False
    commands: tuple[SlashCommand, ...] = ()
    shortcuts: tuple[Shortcut, ...] = ()
    calls: list[ApiCall] = field(default_factory=list)
    files: dict[str, JsonObject] = field(default_factory=dict)
    base_url: str = ""

    def now(self) -> datetime:
        """The present instant of the sandbox's world."""
        return self.clock.now()


def build_core(clock: Clock, workspace: Workspace) -> Core:
    """A fresh workspace with nothing said in it yet."""
    changes = Changes()
    return Core(
        clock=clock,
        workspace=workspace,
        changes=changes,
        messages=MessageStore(clock, workspace, changes),
        views=Views(changes),
        triggers=Triggers(),
        response_urls=ResponseUrls(""),
    )
