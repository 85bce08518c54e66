"""`python -m sandbox`: a Slack workspace and an Azure on loopback, until SIGTERM or Ctrl-C.

One line of JSON on standard output says where they are and how to sign in.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import signal
import sys
from pathlib import Path

from sandbox.azure import SandboxAzure
from sandbox.azure.view import azure_view
from sandbox.azure.wire import Json
from sandbox.director import Director
from sandbox.slack import SandboxSlack
from sandbox.world.clock import SandboxClock
from sandbox.world.estate import big_estate, demo_estate
from sandbox.world.model import Estate


def main() -> None:
    """Read the arguments and run."""
    options = _options()
    try:
        asyncio.run(_run(options))
    except OSError as error:  # a port that is taken, a folder that can't be written
        sys.exit(f"The sandbox cannot start: {error}")


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m sandbox", description=__doc__)
    parser.add_argument("--state-dir", type=Path, required=True, help="certificates, clock")
    parser.add_argument("--slack-port", type=int, default=0, help="0 takes a free one")
    parser.add_argument("--azure-port", type=int, default=0, help="0 takes a free one")
    parser.add_argument(
        "--seed", type=_estate, default="demo", help="'demo', or a number of machines"
    )
    parser.add_argument(
        "--lively", action="store_true", help="something happens every minute or so"
    )
    return parser.parse_args()


def _estate(text: str) -> Estate:
    if text == "demo":
        return demo_estate()
    if text.isdecimal():
        return big_estate(int(text))
    raise argparse.ArgumentTypeError("'demo' or a number of machines")


async def _run(options: argparse.Namespace) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    offset_file = options.state_dir / "clock-offset"
    clock = SandboxClock(offset_file)
    azure = SandboxAzure(options.seed, clock, state_dir=options.state_dir)
    director = Director(clock, azure)
    slack = SandboxSlack(clock, azure_view=lambda: azure_view(azure), director=director)
    director.attach(slack)
    azure.on_change(slack.azure_changed)
    try:
        await azure.start(options.azure_port)
        await slack.start(options.slack_port)
        print(json.dumps(addresses(slack, azure, offset_file)), flush=True)
        if options.lively:
            await director.live()
        await stop.wait()
    finally:
        await director.stop()
        await slack.stop()
        await azure.stop()


def addresses(slack: SandboxSlack, azure: SandboxAzure, offset_file: Path) -> Json:
    """Where everything is, with the secrets of this one world."""
    return {
        "slack": {
            "url": slack.url,
            "page_url": slack.page_url,
            "bot_token": slack.bot_token,
            "app_token": slack.app_token,
            "signing_secret": slack.signing_secret,
            "team_id": slack.team_id,
            "app_id": slack.app_id,
            "bot_user_id": slack.bot_user_id,
        },
        "azure": {
            "url": azure.url,
            "authority": azure.authority,
            "log_analytics_url": azure.log_analytics_url,
            "graph_url": azure.graph_url,
            "workspaces": {workspace.name: workspace.id for workspace in azure.workspaces},
            "ca_file": str(azure.ca_file),
            "tenant_id": azure.tenant_id,
            "client_id": azure.client_id,
            "client_secret": azure.client_secret,
            "subscriptions": azure.subscriptions,
        },
        "clock_offset_file": str(offset_file),
    }


if __name__ == "__main__":
    main()
