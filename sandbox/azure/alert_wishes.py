"""What may be asked of an alert that is raised by hand, and what the story says otherwise."""

from __future__ import annotations

import random
from datetime import timedelta
from typing import TypedDict

from sandbox.azure.alert_body import Circumstances, Machine, Spelling
from sandbox.azure.alert_stories import STORIES, Severity, Story, stories_for
from sandbox.azure.wire import Json


class Wish(TypedDict, total=False):
    """What `raise_alert` may be told; the rest is the story's."""

    story: str
    severity: Severity
    title: str
    description: str
    product: str
    spelling: Spelling
    account: str
    source: str
    is_sample: bool
    #: How long before now it happened, and was generated.
    started_ago: timedelta
    generated_ago: timedelta
    #: It can be read only so long after now.
    delay: timedelta
    #: Put over the properties as they are; None takes one away.
    properties: Json


def story_of(machine: Machine, wish: Wish, chance: random.Random) -> Story:
    """The story that was named, else one that fits machine and severity."""
    named = wish.get("story")
    if named is not None:
        return STORIES[named]
    told = stories_for(machine.os_type)
    severity = wish.get("severity")
    fitting = [story for story in told if severity in (None, story.severity)]
    return chance.choice(fitting or told)


def is_cloud(wish: Wish, found: Circumstances) -> bool:
    """Whether Defender for Cloud tells it as its own, or in its older spelling."""
    return found.spelling == "old" or "Cloud" in wish.get("product", "")


def account_of(machine: Machine) -> str:
    """Whom an attacker finds signed in."""
    return "Administrator" if machine.os_type == "Windows" else "azureuser"


def dressed(properties: Json, wish: Wish) -> Json:
    """The story's properties with the wishes put over them."""
    names = {
        "severity": "severity", "title": "alertDisplayName", "description": "description",
        "product": "productName",
    }  # fmt: skip
    found = properties | {names[key]: value for key, value in wish.items() if key in names}
    if wish.get("is_sample"):
        found["alertDisplayName"] = f"[SAMPLE ALERT] {found['alertDisplayName']}"
        found["description"] = f"THIS IS A SAMPLE ALERT: {found['description']}"
    found |= wish.get("properties", {})
    return {key: value for key, value in found.items() if value is not None}
