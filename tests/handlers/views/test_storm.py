"""A storm's card says what the layout says; its figures add up."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest

from delivery.outbox import ChannelId
from feeds.storm import Storm
from handlers.locale import Locale
from handlers.views.storm import storm_card
from tests.handlers.views import samples
from tests.handlers.views.alert_samples import at
from tests.handlers.views.checks import texts
from tests.schema import assert_valid_message

NAMED = {
    "web-01": (212, 1_840, 96),
    "web-02": (118, 1_655, 80),
    "db-02": (61, 402, 12),
    "app-03": (14, 388, 9),
}


def storm() -> Storm:
    """The layout's: 10,000 alerts on 212 machines in four minutes."""
    by_machine: Counter[tuple[str, int]] = Counter()
    for name, counts in NAMED.items():
        by_machine |= Counter({(name, rank): n for rank, n in enumerate(counts)})
    rest = {0: 7, 1: 4_981, 2: 125}
    for number in range(208):
        name = f"vm-{number:03}"
        for rank, left in rest.items():
            n = left // 208 + (number < left % 208)
            if n:
                by_machine[name, rank] = n
    return Storm(
        id="S-12",
        channel=ChannelId("C0SOC"),
        version=88,
        opened_at=at(18, 21),
        last_at=at(18, 25),
        over_at=None,
        total=10_000,
        waiting=8_760,
        lines=3,
        by_rank=Counter({0: 412, 1: 9_266, 2: 322}),
        by_machine=by_machine,
        by_kind=Counter({"Suspicious process executed": 9_450, "Possible reverse shell": 550}),
    )


@pytest.mark.proves("D9", "D10")
@pytest.mark.parametrize("language", ["en", "ja"])
def test_card_says_what_the_layout_says(language: str, shared: Path) -> None:
    path = shared / "ux" / "feeds" / f"storm-summary.{language}.json"
    wanted = json.loads(path.read_text("utf-8"))
    card = storm_card(storm(), at(18, 25), samples.locale("ja" if language == "ja" else "en"))
    assert texts(card.blocks) == texts(wanted["blocks"])
    assert card.text == wanted["text"]
    assert_valid_message(card.blocks, card.text)


@pytest.mark.proves("D9")
def test_card_of_a_storm_that_is_over_is_valid(locale: Locale) -> None:
    card = storm_card(replace(storm(), over_at=at(18, 30), waiting=0), at(18, 30), locale)
    assert_valid_message(card.blocks, card.text)
