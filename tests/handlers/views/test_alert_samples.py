"""Every odd alert that is on file comes out as a message that Slack takes."""

from __future__ import annotations

from pathlib import Path

import pytest

from defender.alert import Alert
from defender.alert_decode import decode_page, decode_pushed
from handlers.locale import Locale
from handlers.views.alert_card import alert_card
from handlers.views.alert_story import StoryFacts, story
from handlers.views.alert_view import AlertView
from tests.handlers.views import samples
from tests.handlers.views.test_alert_hostile import assert_inert
from tests.schema import assert_valid_message, assert_valid_view

FILES = (
    "samples/alert-description-placeholders.json",
    "samples/alert-entity-cycles.json",
    "samples/alert-eventhub-pascal-refs.json",
    "samples/alert-gcp-machine.json",
    "samples/alert-network-many-ips.json",
    "samples/alert-non-ascii-hostile.json",
    "samples/alert-onprem-workspace-only.json",
    "samples/alerts-null-fields.json",
    "samples/alerts-page-mixed-case.json",
    "recordings/alerts_2020.json",
    "recordings/alerts_list.json",
    "recordings/alerts_list_page2.json",
)


def alerts_of(path: Path) -> list[Alert]:
    body = path.read_bytes()
    pushed, _, _ = decode_pushed(body)
    return pushed or decode_page(body)[0]


@pytest.mark.proves("C017", "C021", "C046", "C047", "C049", "C077", "C085", "C096")
@pytest.mark.parametrize("name", FILES)
def test_file_becomes_messages(name: str, shared: Path, locale: Locale) -> None:
    found = alerts_of(shared / name)
    assert found
    for alert in found:
        card = alert_card(AlertView(alert=alert, first_at=samples.at(18, 21)), locale)
        assert_valid_message(card.blocks, card.text)
        assert_inert(card.blocks)
        assert_valid_view(story(StoryFacts(view=AlertView(alert=alert)), locale))


@pytest.mark.proves("C077", "C096")
def test_hostile_names_stay_readable_and_dead(shared: Path) -> None:
    alert = alerts_of(shared / "samples" / "alert-non-ascii-hostile.json")[0]
    card = alert_card(AlertView(alert=alert), samples.locale("en"))
    said = str(card.blocks)
    assert "[U+202E]" in said
    assert "\u202e" not in said
    assert "<!channel>" not in card.text
