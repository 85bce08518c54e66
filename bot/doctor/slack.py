"""Slack: the token, its scopes, the rules' channels and user groups, and whose clock is right."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Any

import aiohttp
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient

from bot.clock import Clock
from bot.doctor.report import Report
from bot.manifest import BOT_SCOPES
from bot.settings import Settings
from delivery.refusals import error_name
from delivery.web_client import web_client

#: Slack's signatures are refused after 5 minutes; a clock that is this wrong is already broken.
SKEW_MAX = timedelta(seconds=10)

UNREACHABLE = (aiohttp.ClientError, OSError, TimeoutError)


async def check(report: Report, settings: Settings) -> None:
    """All of it with the bot token; without a good one the rest would only repeat that."""
    slack = settings.slack
    client = web_client(slack.bot_token, slack.api_url, proxy=settings.proxy.for_url(slack.api_url))
    try:
        if await _token(report, settings, client):
            await _channels(report, settings, client)
            await _groups(report, settings, client)
            await _people(report, settings, client)
    except SlackApiError as error:
        report.mend("slack_call", error=error_name(error))
    except UNREACHABLE as error:
        report.mend("slack_unreachable", reason=type(error).__name__)
    finally:
        if client.session is not None:
            await client.session.close()


async def _token(report: Report, settings: Settings, client: AsyncWebClient) -> bool:
    try:
        answer = await client.auth_test()
    except SlackApiError as error:
        report.mend("bot_token", error=error_name(error))
        return False
    report.good("bot_token_good", bot=answer["user"], team=answer["team"])
    team, teams = str(answer["team_id"]), settings.slack.teams
    if teams and team not in teams:
        report.mend("team", team=team, teams=", ".join(sorted(teams)))
    headers = {name.lower(): str(value) for name, value in (answer.headers or {}).items()}
    _scopes(report, headers)
    _clock(report, headers, Clock().now())
    return True


def _scopes(report: Report, headers: Mapping[str, str]) -> None:
    given = {scope.strip() for scope in headers.get("x-oauth-scopes", "").split(",")}
    missing = [scope for scope in BOT_SCOPES if scope not in given]
    if missing:
        report.mend("scopes", scopes=", ".join(missing))
    else:
        report.good("scopes_good", n=len(BOT_SCOPES))


def _clock(report: Report, headers: Mapping[str, str], now: datetime) -> None:
    try:
        there = parsedate_to_datetime(headers["date"])
    except (KeyError, ValueError):
        report.note("clock_unknown")
        return
    skew = now - there
    if abs(skew) > SKEW_MAX:
        report.mend("clock_slack", seconds=round(skew.total_seconds()))
    else:
        report.good("clock_slack_good")


async def _channels(report: Report, settings: Settings, client: AsyncWebClient) -> None:
    uses: dict[str, list[str]] = {}
    for channel, rules in settings.policy.channels.items():
        uses.setdefault(channel, []).extend(rules)
    uses.setdefault(settings.audit.channel, []).append("audit.channel")
    if settings.slack.fallback_channel:
        uses.setdefault(settings.slack.fallback_channel, []).append("slack.fallback_channel")
    for channel, use in _feed_channels(settings):
        uses.setdefault(channel, []).append(use)
    for channel, users in uses.items():
        await _channel(report, client, channel, ", ".join(users))


def _feed_channels(settings: Settings) -> Iterator[tuple[str, str]]:
    """Every channel that alerts or file changes may go to, with the setting that names it."""
    alerts, changes = settings.feeds.alerts, settings.feeds.file_changes
    for name, feed in (("alerts", alerts), ("file_changes", changes)):
        if feed is not None:
            yield feed.routing.default_channel, f"{name}.default_channel"
            for route in feed.routing.routes:
                yield route.channel, route.name
    if changes is not None:
        yield changes.security_channel, "file_changes.security_channel"


async def _channel(report: Report, client: AsyncWebClient, channel: str, used: str) -> None:
    try:
        found: Mapping[str, Any] = (await client.conversations_info(channel=channel))["channel"]
    except SlackApiError as error:
        key = "channel_unknown"
        if error_name(error) != "channel_not_found":
            key = "channel_call"
        report.mend(key, channel=channel, used=used, error=error_name(error))
        return
    name = f"#{found.get('name') or channel}"
    if found.get("is_archived"):
        report.mend("channel_archived", channel=name, used=used)
    elif not found.get("is_member"):
        report.mend("channel_not_in", channel=name, used=used)
    else:
        report.good("channel_good", channel=name, used=used)


async def _groups(report: Report, settings: Settings, client: AsyncWebClient) -> None:
    wanted = sorted(settings.policy.groups)
    if not wanted:
        return
    try:
        answer = await client.usergroups_list(include_users=True, include_disabled=True)
    except SlackApiError as error:
        report.mend("groups_unreadable", error=error_name(error))
        return
    found = {str(group["id"]): group for group in answer["usergroups"]}
    for group_id in wanted:
        _group(report, group_id, found.get(group_id))


def _group(report: Report, group_id: str, group: Mapping[str, Any] | None) -> None:
    if group is None:
        report.mend("group_unknown", group=group_id)
        return
    name = f"@{group.get('handle') or group_id}"
    people = group.get("users") or []
    if group.get("date_delete"):
        report.mend("group_disabled", group=name)
    elif not people:
        report.mend("group_empty", group=name)
    else:
        report.good("group_good", group=name, n=len(people))


async def _people(report: Report, settings: Settings, client: AsyncWebClient) -> None:
    """Approvers and administrators who are named by id: gone ones are found here, not in need."""
    named = set(settings.policy.administrators)
    for rule in settings.policy.rules:
        named.update(rule.approvers.people)
    for person in sorted(named):
        try:
            user: Mapping[str, Any] = (await client.users_info(user=person))["user"]
        except SlackApiError as error:
            report.mend("person_unknown", person=person, error=error_name(error))
            continue
        if user.get("deleted"):
            report.mend("person_gone", person=f"@{user.get('name') or person}")
    report.good("people_good", n=len(named))
