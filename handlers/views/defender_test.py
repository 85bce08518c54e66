"""The detection test of Defender for Endpoint: what to run, what to expect, what became of it.

The commands are Microsoft's own (Defender for Cloud, integration with Defender for Endpoint); they
do no harm and are shown in a box, to be copied as they are.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from defender.alert import Alert
from defender.records import Machine
from feeds.detection_tests import TITLES, Wait
from handlers.locale import Locale
from handlers.views import blocks, reason, safe
from handlers.views.blocks import Block, Message, Option
from handlers.views.risk import TITLE_MAX, severity_word

WINDOWS = (
    "powershell.exe -NoExit -ExecutionPolicy Bypass -WindowStyle Hidden "
    "$ErrorActionPreference= 'silentlycontinue';"
    "(New-Object System.Net.WebClient).DownloadFile('http://127.0.0.1/1.exe', "
    "'C:\\\\test-MDATP-test\\\\invoice.exe');"
    "Start-Process 'C:\\\\test-MDATP-test\\\\invoice.exe'"
)
LINUX = (
    "curl -L -o mde_linux_edr_diy.zip https://aka.ms/LinuxDIY\n"
    "unzip mde_linux_edr_diy.zip\n"
    "./mde_linux_edr_diy.sh"
)
#: What Microsoft's documents name for each: title and severity stay as Defender sends them.
EXPECTED = {
    "windows": ("Suspicious PowerShell CommandLine", "Informational"),
    "linux": ("Enumeration of files with sensitive data", "Low"),
}
COMMANDS = {"windows": WINDOWS, "linux": LINUX}


def steps(machine: Machine, until: datetime, locale: Locale, *, is_read: bool) -> Message:
    """What to run on this machine; both systems where Azure names none."""
    systems = [machine.os.casefold()] if machine.os.casefold() in COMMANDS else list(COMMANDS)
    name = safe.escape_mrkdwn(machine.name, 120)
    headline = locale.text("defender.test.headline", vm=name)
    waits = "defender.test.waits" if is_read else "defender.test.unread"
    parts: list[Block] = []
    for system in systems:
        title, severity = EXPECTED[system]
        expect = locale.text(
            "defender.test.expect",
            title=safe.code(title),
            severity=severity_word(severity, locale),
        )
        parts += [
            blocks.section(locale.text(f"defender.test.{system}")),
            blocks.box(COMMANDS[system]),
            blocks.section(expect),
        ]
    return blocks.message(
        locale.text(
            "defender.test.text",
            headline=headline,
            waits=locale.text(waits, when=locale.plain_when(until)),
        ),
        blocks.section(f"*{headline}*", locale.text("defender.test.harmless")),
        *parts,
        blocks.context(locale.text(waits, when=locale.when(until))),
    )


def arrived(wait: Wait, alert: Alert, after: timedelta, locale: Locale) -> Message:
    """The alert, how long it took, and whether it is the one that Microsoft names."""
    headline = locale.text("defender.arrived.headline", vm=safe.escape_mrkdwn(wait.machine, 120))
    facts = locale.text(
        "defender.arrived.line",
        severity=safe.escape_mrkdwn(severity_word(alert.severity, locale)),
        after=locale.duration(after),
    )
    is_expected = alert.title.casefold().strip() in TITLES
    title = safe.escape_mrkdwn(alert.title or safe.EMPTY, TITLE_MAX)
    link = None
    if reason.is_web_address(alert.link):
        label = locale.text("port_alert.open_defender")
        link = blocks.actions(blocks.button(label, "open_portal", "defender_test", url=alert.link))
    return blocks.message(
        locale.text("defender.arrived.text", headline=headline, title=title, line=facts),
        blocks.section(f"*{headline}*"),
        blocks.quote(blocks.run(safe.plain(alert.title or safe.EMPTY, TITLE_MAX), bold=True)),
        blocks.section(facts, "" if is_expected else locale.text("defender.arrived.other")),
        link,
    )


def not_arrived(wait: Wait, locale: Locale, *, is_read: bool) -> Message:
    """Nothing came: what that means, and where to look. Nothing is proved by a feed not read."""
    headline = locale.text(
        "defender.missing.headline",
        vm=safe.escape_mrkdwn(wait.machine, 120),
        duration=locale.duration(wait.until - wait.begun_at),
    )
    why = locale.text("defender.missing.look" if is_read else "defender.missing.unread")
    return blocks.message(
        locale.text("sentence", headline=headline, rest=why),
        blocks.section(f":warning: *{headline}*", why),
        blocks.context(
            locale.text("defender.missing.again", line=safe.code(f"/defender test {wait.machine}"))
        ),
    )


def unknown_machine(typed: str, near: Sequence[Option], locale: Locale) -> Message:
    """Near names as buttons."""
    return _choose("defender.unknown", typed, near, locale)


def which_machine(typed: str, found: Sequence[Option], locale: Locale) -> Message:
    """Several of one name: which group?"""
    return _choose("defender.which", typed, found, locale)


def _choose(key: str, typed: str, found: Sequence[Option], locale: Locale) -> Message:
    headline = locale.text(f"{key}.headline", typed=safe.escape_mrkdwn(typed or safe.EMPTY, 80))
    line = locale.text(f"{key}.line" if found else "defender.unknown.none")
    buttons = [
        blocks.button(option.label, f"defender_test_pick_{at}", option.value)
        for at, option in enumerate(found, start=1)
    ]
    return blocks.message(
        locale.text("sentence", headline=headline, rest=line),
        blocks.section(f"*{headline}*", line),
        blocks.actions(*buttons) if buttons else None,
    )


def help_message(locale: Locale) -> Message:
    headline = locale.text("defender.help.headline")
    lines = locale.text("defender.help.lines")
    return blocks.message(
        locale.text("sentence", headline=headline, rest=safe.escape_mrkdwn(lines)),
        blocks.section(f"*{headline}*", locale.text("defender.help.line")),
        blocks.box(lines),
    )


def unknown_command(word: str, locale: Locale) -> Message:
    """Not understood: what there is."""
    said = locale.text("defender.help.unknown", word=safe.code(word, 60))
    lines = locale.text("defender.help.lines")
    return blocks.message(
        f"{said} {safe.escape_mrkdwn(lines)}", blocks.section(f"*{said}*"), blocks.box(lines)
    )


def not_begun(locale: Locale) -> Message:
    """Redis can't be reached: nobody would wait for the alert."""
    headline, line = (
        locale.text("defender.not_begun.headline"),
        locale.text("defender.not_begun.line"),
    )
    return blocks.message(
        locale.text("sentence", headline=headline, rest=line),
        blocks.section(f"*{headline}*", line),
    )
