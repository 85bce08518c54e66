"""`/defender test` in both languages, and alarms about open ports: Slack takes them all."""

from __future__ import annotations

import itertools
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import get_args

import pytest
from msgspec import structs

from approvals.closing import RULE_LEFT, STILL_LISTED, UNREAD
from approvals.entry import SEKISHO
from approvals.events import Closing, EndCause, Ended, RequestId, StillOpen
from approvals.request import Request
from defender.activity import Caller, CallerKind
from defender.alert import Alert
from defender.records import Machine
from defender.resources import ResourceId
from feeds.callers import Act, Answer, AnswerState, Deed
from feeds.detection_tests import Wait
from feeds.openings import EntrySeen, ForeignOpening, PolicyChange, PortSeen
from handlers.locale import Locale
from handlers.views import alert_at_port, defender_test, end_alarm, openings
from handlers.views.blocks import Message, Option
from handlers.views.request_card import request_card
from handlers.views.thread import thread_line
from tests.handlers.views import samples
from tests.handlers.views.checks import assert_inert, assert_message, texts
from tests.handlers.views.conftest import locale, schemas

__all__ = ["locale", "schemas"]

EVIL = "<!channel> *x* `y` <https://evil.example|ok> & :fire:\n" * 40
REQUEST = samples.filed()
OPEN = samples.opened(REQUEST)
NSG = "/subscriptions/1/resourceGroups/g/providers/Microsoft.Network/networkSecurityGroups/n"
LINK = f"https://portal.azure.com/#resource{NSG}/overview"


def machine(os: str = "Linux", name: str = "web-01") -> Machine:
    vm = ResourceId(samples.TARGET.resource_id)
    return Machine(vm, name, "rg-shop-prod", "1", "Shop", "japaneast", os, {})


WAIT = Wait(
    samples.YAMADA, "/vm", "web-01", samples.at(18, 0), samples.at(18, 0) + timedelta(minutes=30)
)
ALERT = Alert(
    key="a", title="Suspicious PowerShell CommandLine", severity="Informational", is_edr=True,
    link="https://security.microsoft.com/alerts/1", started_at=samples.at(18, 3),
)  # fmt: skip
HOSTILE = structs.replace(ALERT, title=EVIL, severity=EVIL, link="javascript:alert(1)")


def of_defender(locale: Locale) -> list[Message]:
    near = [Option("v1", "web-01 (rg-a, Shop)"), Option("v2", EVIL)]
    until = samples.at(18, 30)
    return [
        *(
            defender_test.steps(machine(os, name), until, locale, is_read=is_read)
            for os in ("Linux", "Windows", "")
            for name in ("web-01", EVIL)
            for is_read in (True, False)
        ),
        defender_test.arrived(WAIT, ALERT, timedelta(minutes=4), locale),
        defender_test.arrived(structs.replace(WAIT, machine=EVIL), HOSTILE, timedelta(0), locale),
        defender_test.not_arrived(WAIT, locale, is_read=True),
        defender_test.not_arrived(structs.replace(WAIT, machine=EVIL), locale, is_read=False),
        defender_test.unknown_machine(EVIL, near, locale),
        defender_test.unknown_machine("", [], locale),
        defender_test.which_machine("app-01", near, locale),
        defender_test.help_message(locale),
        defender_test.unknown_command(EVIL, locale),
        defender_test.not_begun(locale),
    ]


@pytest.mark.proves("D14", "N1", "O4")
def test_slack_takes_every_answer_of_defender(locale: Locale, schemas: Path) -> None:
    for made in of_defender(locale):
        assert_message(made, schemas)
        assert_inert(made.text)


@pytest.mark.proves("D14")
def test_the_test_is_that_of_the_system() -> None:
    english = samples.locale("en")
    until = samples.at(18, 30)
    linux = "\n".join(texts(defender_test.steps(machine(), until, english, is_read=True).blocks))
    assert "./mde_linux_edr_diy.sh" in linux
    assert "invoice.exe" not in linux
    assert "`Enumeration of files with sensitive data`, severity Low" in linux
    windows = defender_test.steps(machine("Windows"), until, english, is_read=True)
    assert "'C:\\\\test-MDATP-test\\\\invoice.exe'" in "\n".join(texts(windows.blocks))
    unknown = "\n".join(
        texts(defender_test.steps(machine(""), until, english, is_read=True).blocks)
    )
    assert "invoice.exe" in unknown
    assert "mde_linux_edr_diy" in unknown


# --- ports ---


def still_open(code: str, message: str = "") -> Request:
    closing = samples.then(OPEN, Closing(EndCause.EXPIRED), SEKISHO, samples.at(20, 16))
    event = StillOpen(code, message, samples.at(20, 16))
    return samples.then(closing, event, SEKISHO, samples.at(20, 18))


LEFT = [
    still_open(RULE_LEFT, f"{NSG}/securityRules/r"),
    still_open(STILL_LISTED),
    still_open(UNREAD),
]
VANISHED = samples.then(OPEN, Ended(EndCause.VANISHED, "nsg"), SEKISHO, samples.at(19, 0))
SEEN = EntrySeen(
    samples.TARGET.resource_id,
    ((f"{NSG}/policies/default", "japaneast"),),
    (PortSeen(22, ("203.0.113.0/24",), 10_800), PortSeen(3389, ("*",), 3_600)),
    samples.at(9, 0),
)
AFTER = structs.replace(
    SEEN,
    ports=(
        PortSeen(22, ("*",), 86_400),
        *(PortSeen(n, tuple(f"10.0.0.{i}" for i in range(n % 6)), 60) for n in range(9000, 9012)),
    ),
)
FOREIGN = ForeignOpening(
    samples.TARGET.resource_id, (22,), "198.51.100.4", samples.at(18, 0), samples.at(19, 0),
    "mallory@example.com", "hot fix", RequestId("12"),
)  # fmt: skip


KINDS: tuple[CallerKind, ...] = ("person", "managed_identity", "application", "sekisho")
ACTS = tuple(
    Act(Caller(kind, EVIL), samples.at(18, 4), deed, EVIL)
    for kind, deed in zip(
        itertools.cycle(KINDS),
        get_args(Deed),
        strict=False,
    )
)
#: Every state, with every deed by somebody with a hostile name.
ANSWERS = [
    *(Answer(state) for state in get_args(AnswerState)),
    *(Answer("found", ACTS[at : at + 3]) for at in range(0, len(ACTS), 3)),
    Answer("earlier", ACTS[:1]),
]


def of_ports(locale: Locale) -> list[Message]:
    target, seen = samples.TARGET, openings.Seen(samples.at(18, 5), samples.at(18, 4))
    hostile = structs.replace(target, name=EVIL, resource_group=EVIL, subscription_name=EVIL)
    evil = replace(FOREIGN, source=EVIL, requestor=EVIL, justification=EVIL, claims=None)
    change = PolicyChange("vm", "changed", SEEN, AFTER)
    never = openings.Seen(samples.at(18, 5), None)
    return [
        *(end_alarm.left_open_alarm(request, LINK, locale) for request in LEFT),
        *(request_card(request, samples.FACTS, locale) for request in LEFT),
        end_alarm.closed_after_all(
            samples.then(
                LEFT[0], Ended(EndCause.EXPIRED, "policy+nsg"), SEKISHO, samples.at(20, 40)
            ),
            locale,
        ),
        end_alarm.vanished_alarm(VANISHED, LINK, locale),
        request_card(VANISHED, samples.FACTS, locale),
        openings.foreign_opening(FOREIGN, target, samples.at(18, 5), LINK, locale),
        openings.foreign_opening(
            replace(FOREIGN, requestor="", ends_at=None, starts_at=None, justification=""),
            target, samples.at(18, 5), LINK, locale,
        ),
        openings.foreign_opening(evil, hostile, samples.at(18, 5), EVIL, locale),
        openings.policy_changed(change, target, seen, LINK, locale),
        openings.policy_changed(change, hostile, never, LINK, locale),
        openings.policy_changed(
            PolicyChange("vm", "removed", SEEN, None), target, seen, LINK, locale
        ),
        *(
            made
            for answer in ANSWERS
            for made in (
                openings.policy_changed(change, target, seen, LINK, locale, answer),
                end_alarm.vanished_alarm(VANISHED, LINK, locale, answer),
                openings.foreign_opening(
                    replace(FOREIGN, requestor=""), target, samples.at(18, 5), LINK, locale, answer
                ),
            )
        ),
        *(
            alert_at_port.alert_at_port(alert, request, reader, locale)
            for alert in (ALERT, HOSTILE)
            for request in (OPEN, LEFT[0])
            for reader in alert_at_port.Reader
        ),
    ]  # fmt: skip


@pytest.mark.proves("C6", "C7", "C10", "N1", "O4")
def test_slack_takes_every_alarm_about_ports(locale: Locale, schemas: Path) -> None:
    for made in of_ports(locale):
        assert_message(made, schemas)
        assert_inert(made.text)


@pytest.mark.proves("C6")
@pytest.mark.parametrize("request_", LEFT, ids=lambda each: each.still_open.code)
def test_thread_says_that_it_is_not_closed_at_its_end(request_: Request, locale: Locale) -> None:
    assert request_.still_open is not None
    line = thread_line(request_, request_.still_open, SEKISHO, locale)
    assert line is not None
    assert line.startswith(":warning:")


@pytest.mark.proves("C6")
def test_what_can_not_be_read_is_not_called_open() -> None:
    made = end_alarm.left_open_alarm(LEFT[2], LINK, samples.locale("en"))
    assert "Still open" not in made.text
    assert "Not proved closed" in made.text


@pytest.mark.proves("C7")
def test_what_changed_is_spelled_out() -> None:
    change = PolicyChange("vm", "changed", SEEN, AFTER)
    seen = openings.Seen(samples.at(18, 5), samples.at(18, 4))
    made = openings.policy_changed(change, samples.TARGET, seen, LINK, samples.locale("en"))
    said = "\n".join(texts(made.blocks))
    assert (
        "Port 22: from any address, up to 1 day; it was from 203.0.113.0/24, up to 3 hours" in said
    )
    assert "Port 3389 is gone: it was from any address, up to 1 hour" in said
    assert "6 more ports" in said
