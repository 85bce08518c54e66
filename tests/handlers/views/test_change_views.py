"""File changes as people see them: the layouts, both languages, hostile rows."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from approvals.events import PersonId
from defender.file_change_decode import MDE, TRACKING, decode_change
from defender.file_change_rows import rows_of
from feeds.danger import kind_of
from feeds.file_change_records import (
    Facts,
    MachineCount,
    SilentMachine,
    StoredBurst,
    WorkspaceState,
)
from feeds.windows import ChangeWindow, PathMute
from handlers.locale import Language, Locale
from handlers.views.blocks import Message, View
from handlers.views.change_card import change_card
from handlers.views.change_details import copy_form, details_form, details_text
from handlers.views.change_forms import mute_form, reason_form
from handlers.views.change_list import (
    Changes,
    ListRow,
    Overview,
    machine_changes,
    overview,
    path_changes,
)
from handlers.views.change_status import help_message, status, windows_list
from handlers.views.change_words import ChangeView
from tests.handlers.views import change_samples as samples
from tests.handlers.views.samples import locale as locale_of
from tests.schema import assert_valid_message, assert_valid_view

#: All that may live between angle brackets: people, channels, our own instants.
LIVE = re.compile(
    r"<(?:@U0[A-Z]+|#C0[A-Z]+|!date\^\d+\^(?:\{date_short_pretty\} )?\{time\}\|[^|<>]+)>"
)


def texts(part: Any) -> Iterator[str]:
    """Every text that Slack parses."""
    match part:
        case {"type": "mrkdwn", "text": str(text)}:
            yield text
        case dict():
            for value in part.values():
                yield from texts(value)
        case list():
            for each in part:
                yield from texts(each)


def assert_good(shown: Message | View) -> None:
    if isinstance(shown, Message):
        assert_valid_message(shown.blocks, shown.text)
        assert "<!date" not in shown.text
        parsed = [shown.text, *texts(shown.blocks)]
    else:
        assert_valid_view(shown)
        parsed = list(texts(shown))
    for text in parsed:
        assert "<" not in LIVE.sub("", text), text
        assert text.count("`") % 2 == 0, text
    assert "\0" not in json.dumps(shown.blocks if isinstance(shown, Message) else shown)


def layout(shared: Path, name: str, language: Language) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(
        (shared / "ux" / "feeds" / f"{name}.{language}.json").read_text("utf-8")
    )
    return found


@pytest.mark.proves("E4", "E5", "E6", "E7", "N1")
@pytest.mark.parametrize("name", samples.ALL)
def test_every_state_is_a_message(name: str, locale: Locale) -> None:
    assert_good(change_card(samples.ALL[name], locale))


@pytest.mark.proves("E4", "E5")
@pytest.mark.parametrize(
    ("name", "view", "same"),
    [
        ("fim-new", samples.NEW, slice(0, None)),
        ("fim-new-unexplained", samples.UNEXPLAINED, slice(0, None)),
    ],
)
def test_new_changes_are_as_the_layout_shows_them(
    shared: Path, name: str, view: ChangeView, same: slice
) -> None:
    wanted = layout(shared, name, "en")["blocks"]
    shown = [
        {key: value for key, value in block.items() if key != "expand"}
        for block in change_card(view, locale_of("en")).blocks
    ]
    assert shown[same] == wanted[same]


@pytest.mark.proves("E6")
def test_an_announced_change_is_two_lines(shared: Path) -> None:
    [block] = change_card(samples.WINDOW, locale_of("en")).blocks
    [wanted] = layout(shared, "fim-window", "en")["blocks"]
    assert block["text"] == wanted["text"]


@pytest.mark.proves("E3")
@pytest.mark.parametrize("language", ["en", "ja"])
def test_details_are_as_the_layout_shows_them(shared: Path, language: Language) -> None:
    wanted = layout(shared, "fim-details", language)["view"]
    shown = details_form(samples.NEW, 0, locale_of(language))
    blocks: Any = shown["blocks"]
    for block in blocks:
        block.pop("expand", None)
    assert blocks[2] == wanted["blocks"][2]
    assert blocks[3] == wanted["blocks"][3]
    assert blocks[6] == wanted["blocks"][6]
    assert_good(shown)


@pytest.mark.proves("E7")
def test_without_heartbeats_silence_is_called_unknown(locale: Locale) -> None:
    unknown = {"en": "it is unknown", "ja": "不明です"}[locale.language]
    assert unknown not in str(change_card(samples.SILENT, locale))
    shown = change_card(samples.SILENT_UNKNOWN, locale)
    assert unknown in str(shown)
    assert_good(shown)
    state = WorkspaceState(name="law-sec", tables=(MDE,), has_beats=False)
    assert locale.text("fim.status.no_beats") in str(status([state], samples.NOW, locale))
    beating = msgspec.structs.replace(state, has_beats=True)
    assert "Heartbeat" not in str(status([beating], samples.NOW, locale))


@pytest.mark.proves("E3")
def test_details_name_both_sources_of_one_change(locale: Locale) -> None:
    first, *rest = samples.NEW.rows
    twice = replace(first, change=msgspec.structs.replace(first.change, twin="a scan's row"))
    shown = details_form(replace(samples.NEW, rows=(twice, *rest)), 0, locale)
    assert str(shown).count(locale.text("fim.details.both_sources")) == 1
    assert_good(shown)


@pytest.mark.proves("E5")
def test_not_me_is_raised_with_the_port_beside_it(locale: Locale) -> None:
    shown = change_card(samples.NOT_ME, locale)
    [buttons] = [block for block in shown.blocks if block["type"] == "actions"]
    elements: Any = buttons["elements"]
    assert [each["action_id"] for each in elements] == ["fim_take", "fim_close", "fim_details"]
    assert elements[1]["value"] == "1042:F-880"
    closed = change_card(samples.ALL["not me, closed"], locale)
    assert "fim_close" not in json.dumps(closed.blocks)


@pytest.mark.proves("E5")
def test_only_who_is_asked_is_mentioned(locale: Locale) -> None:
    mentions = re.findall(r"<@(\w+)>", json.dumps(change_card(samples.NEW, locale).blocks))
    assert mentions == ["U0YAMADA"]
    for name in ("not me", "taken", "yes", "expected", "suspicious", "window"):
        assert "<@" not in json.dumps(change_card(samples.ALL[name], locale).blocks), name


@pytest.mark.proves("C087")
def test_late_changes_say_both_times() -> None:
    shown = json.dumps(change_card(samples.FLOOD, locale_of("en")).blocks)
    assert "Changed 5 h 40 min ago, seen <!date" in shown
    assert "Late: 2000 earlier file changes on web-01" in shown


@pytest.mark.proves("C023")
def test_an_unknown_machine_is_told_with_what_is_known() -> None:
    shown = json.dumps(change_card(samples.UNKNOWN, locale_of("en")).blocks)
    assert "unknown machine" in shown
    assert "00000000-0000-0000-0000-0000000000ab" in shown
    assert "law-sec" in shown
    assert "can't be told for this machine" in shown


@pytest.mark.proves("C096")
def test_a_reversed_name_is_made_visible(locale: Locale) -> None:
    row = samples.row("C:\\Users\\Public\\invoice\u202egpj.exe", what="file", act="created")
    view = replace(samples.UNEXPLAINED, rows=(row,))
    for shown in (change_card(view, locale).blocks, details_form(view, 0, locale)["blocks"]):
        said = json.dumps(shown, ensure_ascii=False)
        assert "invoice[U+202E]gpj.exe" in said
        assert "\u202e" not in said


@pytest.mark.proves("C124")
def test_a_decomposed_path_is_shown_as_it_came(locale: Locale) -> None:
    path = "/srv/フ\u309aラン"
    view = replace(samples.UNEXPLAINED, rows=(samples.row(path),))
    assert path in json.dumps(change_card(view, locale).blocks, ensure_ascii=False)


@pytest.mark.proves("E3")
def test_every_odd_row_of_the_samples_is_a_message(shared: Path, locale: Locale) -> None:
    for name, table in (
        ("samples/fim-configurationchange-rows.json", TRACKING),
        ("samples/loganalytics-partial-error.json", TRACKING),
        ("azure-examples/LogAnalytics/ConfigurationChange_rows.json", TRACKING),
        ("azure-examples/LogAnalytics/MDCFileIntegrityMonitoringEvents_rows.json", MDE),
    ):
        found = rows_of((shared / name).read_bytes())
        assert found.rows
        for row in found.rows:
            assert_all_good(view_of(row, table), locale)


@pytest.mark.proves("E3")
def test_forms_are_views(locale: Locale) -> None:
    for shown in (
        reason_form(samples.NEW, "yes", locale),
        reason_form(samples.NEW, "expected", locale),
        mute_form(samples.NEW, locale),
        mute_form(replace(samples.NEW, rows=()), locale),
        copy_form(samples.NEW, locale),
        details_form(samples.NEW, 36, locale),
    ):
        assert_good(shown)


# --- lists ------------------------------------------------------------------------------------


def listed(*rows: ListRow, silent: tuple[SilentMachine, ...] = ()) -> Overview:
    return Overview(
        rows=rows, machines=38, silent=silent, sources=("Defender for Endpoint (36)",),
        since=samples.NOW - timedelta(days=1), period="24h", names=samples.NAMES,
    )  # fmt: skip


def counted(name: str, count: int = 1, dangerous: int = 0) -> MachineCount:
    return MachineCount(name, name, count, dangerous, samples.NOW, "F-1")


APP_07 = SilentMachine(
    id="S-1", place="app-07", machine="app-07", workspace="law-sec", since=samples.at(1795468200)
)


@pytest.mark.proves("E2", "E7")
def test_a_silent_machine_is_a_row_of_its_own(shared: Path) -> None:
    rows = [
        ListRow(counted("web-01", 37, 2), samples.NOT_ME.case),
        ListRow(counted("app-03", 12), samples.EXPECTED.case),
        ListRow(counted("db-02", 1, 1)),
        ListRow(counted("web-02"), session_of="U0SUZUKI"),
    ]
    shown = overview(listed(*rows, silent=(APP_07,)), locale_of("en"))
    assert_good(shown)
    wanted = layout(shared, "fim-list", "en")["blocks"]
    for mine, theirs in zip(shown.blocks[1:6], wanted[1:6], strict=True):
        text, aim = str(mine["text"]), str(theirs["text"])
        assert _without_times(text).split("\\n")[0] == _without_times(aim).split("\\n")[0]
    said = json.dumps(shown.blocks)
    assert "33 machines report no change." in said
    assert "That isn't the same as no changes." in said
    assert "@yamada: not me" in said
    assert "Unexplained: no port was open" in said
    assert "During @suzuki's session" in said


def _without_times(text: str) -> str:
    return re.sub(r"<!date[^>]*>", "", text)


@pytest.mark.proves("E2")
def test_lists_are_messages(locale: Locale) -> None:
    state = WorkspaceState(name="law <!here>", tables=(MDE, TRACKING), read_to=samples.NOW)
    window = samples.WINDOW.window
    assert window is not None
    mute = PathMute(
        id="M-1", place="x", machine="web`01", pattern="/var/*", muted_by=PersonId("U0SATO"),
        until=samples.NOW,
    )  # fmt: skip
    for shown in (
        overview(listed(), locale),
        overview(listed(silent=(APP_07,) * 5), locale),
        overview(listed(*[ListRow(counted(f"web-{n}")) for n in range(20)]), locale),
        machine_changes(Changes("web-01", samples.NEW.rows, samples.NOW, ("F-1",)), locale),
        machine_changes(Changes("web-01", samples.NEW.rows * 5, samples.NOW), locale),
        machine_changes(Changes("web-01", (), samples.NOW), locale),
        path_changes(Changes("/etc/*_x`", samples.NEW.rows, samples.NOW), locale),
        path_changes(Changes("", (), samples.NOW), locale),
        windows_list([window], [mute], {"W-14": 412}, samples.NAMES, locale),
        windows_list([], [], {}, {}, locale),
        status([state, msgspec.structs.replace(state, is_silent=True)], samples.NOW, locale),
        status([], samples.NOW, locale),
        help_message(locale),
        help_message(locale, "<!here> `x"),
        details_text(samples.NEW, locale),
    ):
        assert_good(shown)


@pytest.mark.proves("E1", "C043", "C081")
@pytest.mark.parametrize(
    "problem", ["partial", "refused", "forbidden", "busy", "not_found", "unavailable", "no_tables"]
)
def test_every_problem_of_a_workspace_is_named(problem: str, locale: Locale) -> None:
    state = WorkspaceState(
        name="law-sec", problem=problem, detail="BadArgumentError", wait_until=samples.NOW
    )
    shown = status([state], samples.NOW - timedelta(minutes=1), locale)
    assert_good(shown)
    assert locale.text(f"fim.status.{problem}", detail="BadArgumentError") in str(shown.blocks)


# --- any row ----------------------------------------------------------------------------------

ODD = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    st.text(max_size=60),
    st.sampled_from(
        ["<!channel>", "`" * 5, "*_~", "a\0b", "\u202e", "\ud800", "&amp;&lt;", "x" * 5_000, "\n\n"]
    ),
    st.lists(st.text(max_size=5), max_size=3),
)
COLUMNS = st.sampled_from(
    [
        "TimeGenerated", "SeenAt", "Computer", "AzureResourceId", "_ResourceId", "CloudProvider",
        "MonitoredEntityType", "ConfigChangeType", "ChangeType", "ChangeCategory", "FilePath",
        "FileSystemPath", "FileSize", "Size", "PreviousSize", "FileSha256", "RegistryKey",
        "NewValueName", "NewValueData", "OldValueData", "ValueData", "InitiatingProcessName",
        "InitiatingProcessAccountName", "InitiatingProcessId", "RequestSourceIP", "Acls",
        "PreviousAcls", "OriginalFilePath", "SourceComputerId", "DateModified", "SvcName",
    ]
)  # fmt: skip
LOCALES = {"en": locale_of("en"), "ja": locale_of("ja")}


@pytest.mark.proves("E3", "E4", "FAULT-28")
@settings(max_examples=150, deadline=None)
@given(
    row=st.dictionaries(COLUMNS, ODD, max_size=20),
    table=st.sampled_from([MDE, TRACKING]),
    language=st.sampled_from(["en", "ja"]),
)
def test_any_row_is_a_message_that_slack_takes(
    row: dict[str, Any], table: str, language: str
) -> None:
    assert_all_good(view_of(row, table), LOCALES[language])


def view_of(row: Any, table: str) -> ChangeView:
    """A card of this one row, as the feed would store it."""
    change = decode_change(row, table=table, workspace="law")
    change = msgspec.json.decode(msgspec.json.encode(change), type=type(change))
    at = change.changed_at or samples.NOW
    burst = StoredBurst(
        id="F-1",
        kind="burst",
        facts=Facts(
            machine=change.machine, resource_id=change.resource_id, agent_id=change.agent_id,
            resource_group=change.resource_group, subscription=change.subscription_id,
            workspace="law", table=table, security_channel="C0SECURITY",
        ),
        channel="C0OPS", version=1, count=1, dangerous=0, first_at=at, last_at=at,
        opened_at=samples.NOW, kinds={kind_of(change): 1}, acts={change.act: 1},
    )  # fmt: skip
    return ChangeView(burst=burst, rows=(samples.weigh(change),), now=samples.NOW)


def assert_all_good(view: ChangeView, locale: Locale) -> None:
    change = view.rows[0].change
    window = ChangeWindow(
        id="W-1", pattern=change.machine or "*", opened_by=samples.SATO, opened_at=samples.NOW,
        until=samples.NOW, reason=change.path,
    )  # fmt: skip
    answered = replace(view, sessions=(samples.SESSION,), case=samples.NOT_ME.case)
    for shown in (
        change_card(view, locale),
        change_card(replace(view, sessions=(samples.SESSION,)), locale),
        change_card(answered, locale),
        change_card(replace(view, case=samples.EXPECTED.case), locale),
        change_card(replace(view, burst=replace(view.burst, kind="window"), window=window), locale),
        details_form(view, 0, locale),
        copy_form(view, locale),
        mute_form(view, locale),
        machine_changes(Changes(change.machine, view.rows, samples.NOW, ("F-1",)), locale),
        path_changes(Changes(change.path, view.rows, samples.NOW), locale),
    ):
        assert_good(shown)
