"""`sekisho check`: tries everything that has to work, and says how to mend what does not."""

from __future__ import annotations

import asyncio
import os

from bot.console import BAD, GOOD, Console
from bot.doctor import azure, ledger, legs, slack
from bot.doctor.report import Report
from bot.proxy_environment import hand_over
from bot.settings import Settings


def check(console: Console) -> int:
    """0 when nothing is to be mended, else 1."""
    settings = console.settings()
    hand_over(settings.proxy, os.environ)
    report = Report(console)
    asyncio.run(examine(report, settings))
    if report.to_mend:
        console.say("doctor.end_mend", n=report.to_mend)
        return BAD
    console.say("doctor.end_good")
    return GOOD


async def examine(report: Report, settings: Settings) -> None:
    """Everything, in the order in which a failure explains later ones."""
    await legs.check(report, settings)
    await slack.check(report, settings)
    await ledger.check(report, settings)
    await azure.check(report, settings)
