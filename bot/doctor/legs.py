"""Can everything be reached, and if not, which leg of the way fails (C094)."""

from __future__ import annotations

import aiohttp
from slack_sdk.errors import SlackApiError

from bot.doctor.report import Report
from bot.doctor.wire import Leg, LegFailed, Walk
from bot.settings import Settings
from delivery.refusals import error_name
from delivery.web_client import web_client

#: Where tokens come from, unless `azure.authority` says otherwise.
AUTHORITY = "https://login.microsoftonline.com"


async def check(report: Report, settings: Settings) -> None:
    """Slack's Web API, its WebSocket, Azure and where its tokens come from."""
    azure = settings.azure
    await _walk(report, settings, "Slack Web API", settings.slack.api_url)
    if settings.slack.mode == "socket":
        await _socket(report, settings)
    await _walk(report, settings, "Azure", azure.resource_manager, is_azure=True)
    # A managed identity's token comes from the machine itself; nothing outside is asked.
    if azure.client_secret:
        await _walk(report, settings, "Azure login", azure.authority or AUTHORITY, is_azure=True)


async def _socket(report: Report, settings: Settings) -> None:
    """`apps.connections.open` gives the address; the connection is closed after its hello."""
    slack = settings.slack
    client = web_client(slack.bot_token, slack.api_url, proxy=settings.proxy.for_url(slack.api_url))
    try:
        answer = await client.apps_connections_open(app_token=slack.app_token or "")
        url = str(answer["url"])
    except SlackApiError as error:
        report.mend("app_token", error=error_name(error))
        return
    except (aiohttp.ClientError, OSError, TimeoutError) as error:
        report.mend("socket_address", reason=type(error).__name__)
        return
    finally:
        if client.session is not None:
            await client.session.close()
    report.good("app_token_good")
    await _walk(report, settings, "Slack WebSocket", url, hello=True)


async def _walk(
    report: Report,
    settings: Settings,
    name: str,
    url: str,
    *,
    hello: bool = False,
    is_azure: bool = False,
) -> None:
    proxy = settings.proxy.for_url(url)
    walk = Walk(url, proxy, settings.azure.ca_file if is_azure else None)
    try:
        await walk.connect(hello=hello)
    except LegFailed as failed:
        key = "leg_dns_proxy" if failed.leg is Leg.DNS and proxy else f"leg_{failed.leg}"
        report.mend(key, name=name, reason=failed.reason)
        return
    report.good("leg_good_proxy" if proxy else "leg_good", name=name)
