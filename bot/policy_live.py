"""`sekisho policy …`: reads Slack's groups and Azure's estate, then asks `bot.policy_cli`."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Mapping
from dataclasses import dataclass, field

import aiohttp
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient

from approvals.events import PersonId
from approvals.membership import Membership
from approvals.scope import fold
from bot.clock import Clock
from bot.console import BAD, Console
from bot.locales import load
from bot.policy_cli import Answer, World, check_policy, try_policy
from bot.proxy_environment import hand_over
from bot.settings import Settings
from defender.clients import AzureClients
from defender.errors import AzureError
from defender.estate import Estate
from defender.inventory import Inventory
from defender.jit import JitGateway
from delivery.directory import Directory
from delivery.refusals import error_name
from delivery.web_client import web_client
from handlers.locale import Language, Locale

#: People of one page of users.list, and pages: 20,000 people.
PAGE = 200
PAGES_MAX = 100


@dataclass(frozen=True, slots=True)
class Workspace:
    """Slack's side of the world."""

    membership: Membership
    people: Mapping[str, PersonId] = field(default_factory=dict)
    names: Mapping[str, str] = field(default_factory=dict)


def check_command(console: Console) -> int:
    """Rules are looked at even when Slack or Azure can't be read; what was left out is said."""
    settings = console.settings()
    hand_over(settings.proxy, os.environ)
    return asyncio.run(_check(console, settings))


async def _check(console: Console, settings: Settings) -> int:
    workspace = await _workspace(console, settings)
    async with AzureClients(settings.azure) as clients:
        estate = await _estate(console, settings, clients)
    world = World(
        membership=workspace.membership if workspace else None,
        machines=list(estate.index.machines) if estate else None,
        names=workspace.names if workspace else {},
    )
    return _print(console, check_policy(settings, world, _locale(console, settings)))


def try_command(console: Console, *, text: str) -> int:
    """What would happen if somebody typed this. Nothing is sent to anybody."""
    settings = console.settings()
    hand_over(settings.proxy, os.environ)
    return asyncio.run(_try(console, settings, text))


async def _try(console: Console, settings: Settings, text: str) -> int:
    workspace = await _workspace(console, settings)
    async with AzureClients(settings.azure) as clients:
        estate = await _estate(console, settings, clients)
    if workspace is None or estate is None:
        return BAD
    world = World(
        membership=workspace.membership,
        machines=list(estate.index.machines),
        people=workspace.people,
        names=workspace.names,
    )
    answer = try_policy(
        settings,
        text,
        world,
        _locale(console, settings),
        policies=estate.policy_hint,
        now=Clock(settings.clock_offset_file).now(),
    )
    return _print(console, answer)


def _print(console: Console, answer: Answer) -> int:
    for line in answer.lines:
        console.write(line)
    return answer.exit_code


def _locale(console: Console, settings: Settings) -> Locale:
    language: Language = "ja" if console.language == "ja" else "en"
    return Locale(language, settings.languages.time_zone, load(language))


async def _workspace(console: Console, settings: Settings) -> Workspace | None:
    slack = settings.slack
    client = web_client(slack.bot_token, slack.api_url, proxy=settings.proxy.for_url(slack.api_url))
    try:
        return await _read_workspace(console, client)
    except SlackApiError as error:
        console.complain("policy_live.slack", reason=error_name(error))
    except (aiohttp.ClientError, OSError, TimeoutError) as error:
        console.complain("policy_live.slack", reason=type(error).__name__)
    finally:
        if client.session is not None:
            await client.session.close()
    return None


async def _read_workspace(console: Console, client: AsyncWebClient) -> Workspace | None:
    directory = Directory(client)
    await directory.refresh_groups(now=Clock().now())
    groups = directory.groups
    if groups is None:
        console.complain("policy_live.slack", reason=directory.problem)
        return None
    people: dict[str, PersonId] = {}
    names = {group: f"@{handle}" for group, handle in groups.handles.items()}
    gone: set[PersonId] = set()
    guests: set[PersonId] = set()
    cursor = ""
    for _ in range(PAGES_MAX):
        answer = await client.users_list(limit=PAGE, cursor=cursor)
        for user in answer["members"]:
            person = PersonId(str(user["id"]))
            handle = str(user.get("name") or person)
            names[person] = f"@{handle}"
            real = str((user.get("profile") or {}).get("real_name") or user.get("real_name") or "")
            for word in (str(person), handle, real):
                if word:
                    people.setdefault(fold(word), person)
            if user.get("deleted") or user.get("is_bot"):
                gone.add(person)
            if user.get("is_restricted") or user.get("is_ultra_restricted"):
                guests.add(person)
        cursor = str((answer.get("response_metadata") or {}).get("next_cursor") or "")
        if not cursor:
            break
    membership = Membership(
        groups={g: frozenset(PersonId(user) for user in us) for g, us in groups.members.items()},
        read_at=groups.read_at,
        inactive=frozenset({*(PersonId(user) for user in groups.inactive), *gone}),
        guests=frozenset(guests),
    )
    return Workspace(membership, people, names)


async def _estate(console: Console, settings: Settings, clients: AzureClients) -> Estate | None:
    """Everything or nothing: a rule must not look unused because a subscription was not read."""
    estate = Estate(
        Inventory(clients), JitGateway(clients), clock=Clock(settings.clock_offset_file).now
    )
    try:
        failed = await estate.refresh_all()
    except AzureError as error:
        console.complain("policy_live.azure", reason=error)
        return None
    for subscription, reason in failed.items():
        console.complain("policy_live.subscription", subscription=subscription, reason=reason)
    return None if failed else estate
