"""Any alert becomes a message that Slack takes, with nothing of the alert's text alive in it."""

from __future__ import annotations

import re
from datetime import UTC, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from defender.alert import Alert, Entity
from feeds.cases import Case
from feeds.routing import Mentions
from handlers.views import blocks
from handlers.views.alert_card import alert_card
from handlers.views.alert_forms import (
    assign_form,
    dismiss_form,
    mute_form,
    reopen_form,
    resolve_form,
)
from handlers.views.alert_story import StoryFacts, story
from handlers.views.alert_story_text import copy_form
from handlers.views.alert_thread import change_line, small_line
from handlers.views.alert_view import AlertView, Place
from tests.handlers.views import alert_samples as sample
from tests.handlers.views import samples
from tests.handlers.views.checks import walk
from tests.schema import assert_valid_message, assert_valid_view

#: All that our own mrkdwn may hold between angle brackets.
OURS = re.compile(
    r"<(?:@U[A-Z0-9]+|!subteam\^S[A-Z0-9]+|!date\^-?\d+\^[^|<>]*\|[^|<>]*"
    r"|https?://[^|<>\s]+\|[^|<>]*)>"
)

HOSTILE = st.sampled_from(
    [
        "<!channel>", "<@U0123456789>", "*bold* _it_ ~s~ `code` ```", "<https://x.example|portal>",
        "&amp; &lt;!here&gt; &", "\u202e7.311\u2066x\u2069", "\x1b[31m\x00\ud800", "a" * 4_000,
        "👩‍👩‍👧‍👦" * 300, "", " \n\t", ":tada: :x:", "%{Command Line} {0} {{y}} ${x}", "|||>>><<<",
    ]
)  # fmt: skip
TEXT = st.one_of(HOSTILE, st.text(max_size=80), st.lists(HOSTILE, max_size=3).map("".join))
WORD = st.sampled_from(["process", "file", "account", "ip", "host", "registry-key", "", "x<y"])
INSTANT = st.one_of(
    st.none(),
    st.datetimes(datetime(1970, 1, 2), datetime(9000, 1, 1), timezones=st.just(UTC)),
)
ENTITY = st.builds(
    Entity,
    kind=WORD,
    name=TEXT,
    facts=st.dictionaries(st.sampled_from(["command_line", "pid", "sha256"]), TEXT, max_size=3),
    parent=st.one_of(st.none(), st.integers(-2, 6)),
)
SEVERITY = st.one_of(st.sampled_from(["High", "low", "Unknown", ""]), TEXT)
ALERT = st.builds(
    Alert,
    key=TEXT,
    title=TEXT,
    alert_type=TEXT,
    severity=SEVERITY,
    status=st.one_of(st.sampled_from(["Active", "Resolved", "Dismissed", "InProgress"]), TEXT),
    intent=TEXT,
    product=TEXT,
    description=TEXT,
    resource_id=st.one_of(st.just(sample.VM), TEXT),
    machine=TEXT,
    started_at=INSTANT,
    generated_at=INSTANT,
    entities=st.lists(ENTITY, max_size=5).map(tuple),
    remediation=st.lists(TEXT, max_size=4).map(tuple),
    link=st.one_of(st.just(sample.PORTAL), TEXT),
    incident_id=TEXT,
    is_sample=st.booleans(),
)
CASE = st.one_of(
    st.sampled_from([Case(), sample.TAKEN, sample.RESOLVED, sample.DISMISSED, sample.REOPENED]),
    st.builds(Case, state=st.just("resolved"), reason=TEXT, verdict=TEXT),
)
VIEW = st.builds(
    AlertView,
    alert=ALERT,
    case=CASE,
    place=st.builds(Place, machine=TEXT, resource_group=TEXT, subscription=TEXT, os=TEXT),
    sessions=st.sampled_from([None, (), (sample.SESSION,), (sample.SESSION,) * 3]),
    reasons=st.fixed_dictionaries({"1042": TEXT}),
    last_session=st.sampled_from([None, sample.SESSION]),
    closable=st.sampled_from([None, (sample.SESSION, "1042.3")]),
    names=st.fixed_dictionaries({"U0SATO": TEXT, "U0YAMADA": TEXT}),
    mentions=st.sampled_from([Mentions(), Mentions(("S0ONCALL",), ("U0SATO",))]),
    first_at=st.just(datetime(2026, 11, 25, tzinfo=UTC)),
)


def assert_inert(node: object) -> None:
    """Brackets in mrkdwn are ours alone."""
    for _, element in walk(node):
        if element.get("type") == "mrkdwn":
            text = str(element["text"])
            rest = OURS.sub("", text)
            assert "<" not in rest, text
            assert ">" not in rest, text
            assert element["verbatim"] is True


@pytest.mark.proves("C019", "C020", "C021", "C077", "C096", "C113")
@pytest.mark.parametrize("language", ["en", "ja"])
@given(view=VIEW)
@settings(max_examples=25, deadline=None)
def test_any_alert_is_a_message_that_slack_takes(language: str, view: AlertView) -> None:
    message = alert_card(view, samples.locale("ja" if language == "ja" else "en"))
    assert_valid_message(message.blocks, message.text)
    assert_inert(message.blocks)
    assert "<" not in message.text


@pytest.mark.proves("C019", "C020", "C021", "C077", "C085")
@pytest.mark.parametrize("language", ["en", "ja"])
@given(view=VIEW, related=st.lists(ALERT, max_size=3).map(tuple))
@settings(max_examples=25, deadline=None)
def test_any_alert_has_a_story_that_slack_takes(
    language: str, view: AlertView, related: tuple[Alert, ...]
) -> None:
    locale = samples.locale("ja" if language == "ja" else "en")
    facts = StoryFacts(view=view, related=related, of_incident=related)
    shown = story(facts, locale)
    assert_valid_view(shown)
    assert_inert(shown["blocks"])
    assert_valid_view(copy_form(facts, locale))


@pytest.mark.proves("C020", "C116")
@pytest.mark.parametrize("language", ["en", "ja"])
@given(alert=ALERT)
@settings(max_examples=25, deadline=None)
def test_any_alert_has_forms_that_slack_takes(language: str, alert: Alert) -> None:
    locale = samples.locale("ja" if language == "ja" else "en")
    for form in (dismiss_form, resolve_form, reopen_form, assign_form):
        assert_valid_view(form(alert, locale))
        assert_inert(form(alert, locale)["blocks"])
    assert_valid_view(mute_form(alert, "C0OPS", locale))


@pytest.mark.proves("D6", "C019")
@pytest.mark.parametrize("language", ["en", "ja"])
@given(before=ALERT, now=ALERT)
@settings(max_examples=25, deadline=None)
def test_any_change_is_a_line_that_slack_takes(language: str, before: Alert, now: Alert) -> None:
    locale = samples.locale("ja" if language == "ja" else "en")
    said = change_line(before, now, locale)
    if said is not None:
        line = small_line(said, sample.at(18, 31), locale)
        assert_valid_message(line.blocks, line.text)
        assert_inert(line.blocks)


@pytest.mark.proves("C020")
@pytest.mark.parametrize(
    "text", ["<" * 400, "<!channel>" * 60, "&" * 151, "a" * 400, "長" * 200, "<"]
)
def test_headline_is_cut_as_slack_counts_it(text: str) -> None:
    said = blocks.header(text)
    assert_valid_view({"type": "modal", "title": blocks.plain_text("x", 24), "blocks": [said]})


@pytest.mark.proves("C020")
@pytest.mark.parametrize("text", ["<" * 75, "web-01 " + "<!channel>" * 9, "&" * 76, "長" * 80, "a"])
def test_options_are_cut_as_slack_counts_them(text: str) -> None:
    offered = [blocks.Option("one", text, text)]
    picked = blocks.choices("radio_buttons", "where", offered, ["one"])
    field = blocks.field("where", "Where", picked)
    title = blocks.plain_text("x", 24)
    assert_valid_view(
        {"type": "modal", "title": title, "submit": title, "close": title, "blocks": [field]}
    )
