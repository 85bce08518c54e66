"""What the feeds say besides cards: reminders, digests, a storm's lines, silences."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import cast

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from approvals.events import PersonId, RequestId
from defender.alert import Alert
from delivery.outbox import ChannelId
from feeds.correlation import Session
from feeds.cursors import Cursor
from feeds.escalation_steps import Reminder, Step
from feeds.reading import Stored
from feeds.voice import SetAside, Stall
from handlers.locale import Locale
from handlers.views import alert_words as say
from handlers.views import blocks, feed_notices
from handlers.views.blocks import Message
from handlers.views.digest import digest
from handlers.views.feed_health import FeedHealth, feed_health
from handlers.views.storm_detail import file_line, storm_details
from tests.handlers.views import alert_samples as sample
from tests.handlers.views import samples
from tests.handlers.views.checks import assert_message, texts

AT = sample.at(18, 21)
HOSTILE = "<!channel> *b* `x`\n<@U0EVE> \u202e" + "長" * 400


def stored(alert: Alert = sample.SHELL) -> Stored:
    return Stored(alert, 1, ChannelId("C0SOC"), "urgent", "card", AT, AT)


def many(n: int) -> list[Alert]:
    return [
        msgspec.structs.replace(
            sample.SHELL,
            key=f"k{at}",
            title=f"Kind {at % 7} {HOSTILE if at % 50 == 0 else ''}",
            machine=f"web-{at % 60:02}",
            severity=("High", "Medium", "Low")[at % 3],
            started_at=AT + timedelta(seconds=at),
        )
        for at in range(n)
    ]


@pytest.mark.proves("D12")
@pytest.mark.parametrize("step", list(Step))
def test_reminder_calls_who_is_due_and_says_what_follows(
    step: Step, locale: Locale, schemas: Path
) -> None:
    whom = {Step.REMIND: "", Step.GROUP: "S0SOC", Step.PERSON: "U0SUZUKI"}[step]
    found = Reminder(step, AT, whom, Step.PERSON, AT + timedelta(hours=1), "U0ITO")
    said = feed_notices.reminder(
        stored(), found, {"U0ITO": "ito"}, AT + timedelta(minutes=30), locale
    )
    assert_message(said, schemas)
    everything = "\n".join(texts(said.blocks))
    assert (f"<!subteam^{whom}>" in everything) is (step is Step.GROUP)
    assert (f"<@{whom}>" in everything) is (step is Step.PERSON)
    assert "ito" in everything
    assert "<@U0ITO>" not in everything


def session(*ports: int, is_certain: bool = True) -> Session:
    at, until = AT - timedelta(minutes=30), AT + timedelta(hours=2)
    return Session(
        RequestId("1"), PersonId("U0ALICE"), ports, "203.0.113.7", "", (), at, until, True,
        is_certain,
    )  # fmt: skip


@pytest.mark.proves("D7", "D12")
@pytest.mark.parametrize("is_certain", [True, False])
def test_reminder_names_the_open_port_and_leads_to_the_card(
    is_certain: bool, locale: Locale, schemas: Path
) -> None:
    found = Reminder(
        Step.GROUP, AT, "S0SOC", Step.PERSON, AT + timedelta(hours=1), "U0ITO", is_repeated=True
    )
    link = "https://example.slack.com/archives/C0SOC/p1"
    said = feed_notices.reminder(
        stored(), found, {"U0ITO": "ito"}, AT, locale,
        session=session(22, is_certain=is_certain), link=link,
    )  # fmt: skip
    assert_message(said, schemas)
    everything = "\n".join(texts(said.blocks))
    sure, perhaps = {
        "en": ("Port 22 is open until", "Port 22 may be open until"),
        "ja": ("まで開いています", "開いている可能性があります"),
    }[locale.language]
    assert (sure in everything) is is_certain
    assert (perhaps in everything) is not is_certain
    second = {"en": "Second and last reminder here. At", "ja": "2回目で、これが最後です。<!date"}
    assert second[locale.language] in everything
    (actions,) = (block for block in said.blocks if block["type"] == "actions")
    buttons = cast(list[dict[str, str]], actions["elements"])
    assert [one["action_id"] for one in buttons] == [
        "alert_take", "alert_story", "alert_open",
    ]  # fmt: skip
    assert buttons[2]["url"] == link


@pytest.mark.proves("D10")
@pytest.mark.parametrize("code", ["429", "AuthorizationFailed", "TimedOut", "Odd<!here>", ""])
def test_silence_is_said_with_its_cause(code: str, locale: Locale, schemas: Path) -> None:
    stall = Stall(AT, "resource_graph", code=code, next_try_at=AT + timedelta(minutes=1))
    said = feed_notices.stalled(stall, locale)
    assert_message(said, schemas)
    assert_message(feed_notices.recovered(stall, AT + timedelta(hours=1), locale), schemas)


@pytest.mark.proves("D10")
def test_what_is_affected_names_sources_and_subscriptions(locale: Locale, schemas: Path) -> None:
    late = FeedHealth(
        stall=Stall(AT, "resource_graph"),
        sources={"resource_graph": Cursor(AT, AT, AT), "api": Cursor()},
        is_pushed=True,
        subscriptions={f"prod-{n} {HOSTILE}": n for n in range(30, 0, -1)},
    )
    said = feed_health(late, locale)
    assert_message(said, schemas)
    assert "prod-30" in "\n".join(texts(said.blocks))
    assert "prod-1 " not in "\n".join(texts(said.blocks))
    for found in (replace(late, stall=None), replace(late, subscriptions={})):
        assert_message(feed_health(found, locale), schemas)


def test_what_could_not_be_read_is_named(locale: Locale, schemas: Path) -> None:
    sentences = tuple(f"page {n}: {HOSTILE}" for n in range(9))
    assert_message(feed_notices.set_aside(SetAside("api", sentences), locale), schemas)
    assert_message(feed_notices.missed("resource_graph", [stored()] * 7, locale), schemas)


@pytest.mark.proves("D13")
def test_digest_counts_by_kind(locale: Locale, schemas: Path) -> None:
    held = [stored(alert) for alert in many(130)]
    said = digest(held, "C0ALERTS", locale)
    assert_message(said, schemas)
    assert "130" in said.text
    muted = digest(held, "C0ALERTS", locale, muted=1_203)
    assert_message(muted, schemas)
    assert "1,203" in "\n".join(texts(muted.blocks))
    assert "/alerts muted" in "\n".join(texts(muted.blocks))
    assert "/alerts muted" not in "\n".join(texts(said.blocks))


@pytest.mark.proves("D9", "C019")
@settings(max_examples=8, deadline=None)
@given(n=st.integers(1, 900))
def test_every_alert_of_a_storm_is_in_one_message(n: int) -> None:
    alerts = many(n)
    details = storm_details(alerts, samples.locale("en"))
    assert sum(detail.holds for detail in details) == n
    for detail in details:
        assert blocks.text_total(detail.blocks) <= 9_000
        assert_message(Message(detail.text, detail.blocks))


@pytest.mark.proves("D9")
def test_file_has_one_line_per_alert() -> None:
    odd = msgspec.structs.replace(sample.SHELL, title="a\tb\nc\u202e")
    line = file_line(odd)
    assert "\n" not in line
    assert line.split("\t")[4] == say.short_id(odd.key)
    assert len(line.split("\t")) == 6
