"""A Slack workspace on loopback that the official clients and people's browsers can talk to."""

from sandbox.slack.channel_sight import ChannelSight
from sandbox.slack.core import ApiCall, Shortcut, SlashCommand
from sandbox.slack.delivery import DOUBLED_RETRY_PLAN, RETRY_PLAN, Delivery
from sandbox.slack.faults import Fault
from sandbox.slack.interactions import Submitted
from sandbox.slack.messages import Message
from sandbox.slack.page_api import Director
from sandbox.slack.people import Person
from sandbox.slack.server import SandboxSlack
from sandbox.slack.views import View
from sandbox.slack.workspace import (
    Channel,
    Member,
    Usergroup,
    demo_channels,
    demo_groups,
    demo_people,
)

__all__ = [
    "DOUBLED_RETRY_PLAN",
    "RETRY_PLAN",
    "ApiCall",
    "Channel",
    "ChannelSight",
    "Delivery",
    "Director",
    "Fault",
    "Member",
    "Message",
    "Person",
    "SandboxSlack",
    "Shortcut",
    "SlashCommand",
    "Submitted",
    "Usergroup",
    "View",
    "demo_channels",
    "demo_groups",
    "demo_people",
]
