"""The sections of the feeds: off without them, one sentence for each mistake, replaced live."""

from __future__ import annotations

from datetime import time, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from bot.locales import load as load_texts
from bot.policy_reload import Kept, LivePolicy, Unchanged, reload_text
from bot.settings import Settings, load_settings
from feeds.facts import Facts
from feeds.routing import Escalation, Mentions
from feeds.settings import AlertSettings, FeedSettings, Workspace
from handlers.locale import Locale
from tests.bot.test_settings import ENVIRON, GOOD, load, mistakes, settings

EN = Locale("en", ZoneInfo("UTC"), load_texts("en"))

SECRET = "p" * 32
ALERTS = """\
alerts:
  default_channel: C0ALERTS
"""
CHANGES = """\
file_changes:
  workspaces: {shop: 00000000-0000-0000-0000-0000000000A1}
  default_channel: C0ALERTS
  security_channel: C0SOC
"""


def with_route(lines: str) -> str:
    route = "  routes:\n    - name: first\n      channel: C0SOC\n"
    return GOOD + ALERTS + route + "".join(f"      {line}\n" for line in lines.splitlines())


def alerts(tmp_path: Path, text: str) -> AlertSettings:
    found = settings(tmp_path, text).feeds.alerts
    assert found is not None
    return found


@pytest.mark.proves("L1")
def test_without_the_sections_the_feeds_are_off(tmp_path: Path) -> None:
    assert settings(tmp_path, GOOD).feeds == FeedSettings()
    assert settings(tmp_path, GOOD).feeds.is_off


@pytest.mark.proves("L1", "D1")
def test_the_defaults(tmp_path: Path) -> None:
    found = alerts(tmp_path, GOOD + ALERTS)
    assert found.sources == ("resource_graph", "api")
    assert (found.every, found.api_every) == (timedelta(seconds=10), timedelta(minutes=15))
    assert (found.overlap, found.first_read) == (timedelta(hours=2), timedelta(hours=24))
    assert found.routing.find(Facts()).channel == "C0ALERTS"
    assert found.quiet_hours is None
    assert found.digest is not None
    assert found.digest.at == time(9)
    alone = alerts(tmp_path, GOOD + ALERTS + "  sources: api\n")
    assert alone.api_every == timedelta(minutes=1)


@pytest.mark.proves("D2", "D12")
def test_a_route_as_it_is_written(tmp_path: Path) -> None:
    text = with_route(
        "severities: high\nnames: 'db-*'\ntags: {Env: prod}\ntactics: [Credential Access]\n"
        "mentions: [S0SOC, U0ITO]\nminimum_severity: medium\n"
        "escalation: {remind_after: 5m, person: U0ITO, person_after: 1h}"
    )
    found = alerts(tmp_path, text).routing
    facts = Facts("High", tactics=("CredentialAccess",), machine="DB-1", tags={"env": "PROD"})
    routed = found.find(facts)
    assert (routed.route_name, routed.channel, routed.why.line) == ("first", "C0SOC", 15)
    assert routed.mentions == Mentions(("S0SOC",), ("U0ITO",))
    assert routed.escalation == Escalation(
        timedelta(minutes=5), person="U0ITO", person_after=timedelta(hours=1)
    )
    assert found.routes[0].minimum_severity == "medium"


@pytest.mark.proves("D13")
def test_quiet_hours_set_the_time_of_the_digest(tmp_path: Path) -> None:
    quiet = '  quiet_hours: {from: "22:00", to: "07:45", time_zone: Asia/Tokyo}\n'
    found = alerts(tmp_path, GOOD + ALERTS + quiet)
    assert found.quiet_hours is not None
    assert (found.quiet_hours.begins, found.quiet_hours.until) == (time(22), time(7, 45))
    assert found.digest is not None
    assert (found.digest.at, found.digest.time_zone) == (time(7, 45), ZoneInfo("Asia/Tokyo"))


@pytest.mark.proves("E1", "E4")
def test_file_changes_as_they_are_written(tmp_path: Path) -> None:
    text = CHANGES + (
        '  dangerous: [{paths: ["/opt/app/*"], weight: 60}]\n  ignored: ["/opt/*", "*.log"]\n'
        "  routes: [{name: db, names: ['db-*'], channel: C0DB}]\n"
    )
    found = settings(tmp_path, GOOD + text).feeds.file_changes
    assert found is not None
    assert found.workspaces == (Workspace("shop", "00000000-0000-0000-0000-0000000000a1"),)
    assert (found.weight("/opt/app/run"), found.weight("/opt/x")) == (60, 0)
    assert (found.is_ignored("/opt/app/run"), found.is_ignored("/opt/x")) == (False, True)
    assert found.routing.find(Facts(machine="db-01")).channel == "C0DB"
    assert (found.burst_quiet, found.burst_longest) == (timedelta(minutes=2), timedelta(minutes=10))


@pytest.mark.parametrize(
    ("lines", "line", "begins"),
    [
        ("severities: [critical]", 17, "alerts.routes[0].severities[0] must be one of: high, me"),
        ("severity: high", 17, "alerts.routes[0].severity is not a setting; did you mean severi"),
        ("minimum_severity: high", 17, "alerts.routes[0].minimum_severity must be one of: medium"),
        ("clouds: [ibm]", 17, "alerts.routes[0].clouds[0] must be one of: azure, aws, gcp"),
        ("mentions: ['@soc']", 17, "alerts.routes[0].mentions[0] must be the id of a Slack user"),
        (
            "subscriptions: [00000000-0000-0000-0000-00000000000f]",
            17,
            "alerts.routes[0].subscriptions[0] is not among azure.subscriptions",
        ),
        ("escalation: {}", 17, "alerts.routes[0].escalation is empty; give remind_after"),
        ("escalation: {group: S0SOC}", 17, "alerts.routes[0].escalation.group_after is missing."),
        ("escalation: {person_after: 5m}", 17, "alerts.routes[0].escalation.person is missing."),
        ("escalation: {group: U0ITO}", 17, "alerts.routes[0].escalation.group must be the id of"),
        ("escalation: {remind_after: 5}", 17, "alerts.routes[0].escalation.remind_after must be a"),
        (
            "escalation: {remind_after: 20m, group: S0SOC, group_after: 20m}",
            17,
            "alerts.routes[0].escalation.group_after must be later than remind_after",
        ),
    ],
)
@pytest.mark.proves("C065", "D2", "D12")
def test_a_wrong_line_of_a_route_is_named(
    tmp_path: Path, lines: str, line: int, begins: str
) -> None:
    found = mistakes(tmp_path, with_route(lines))
    assert [at for at, sentence in found if sentence.startswith(begins)] == [line], found


@pytest.mark.parametrize(
    ("text", "begins"),
    [
        (ALERTS.replace("C0ALERTS", "alerts"), "alerts.default_channel must be a channel's Slack"),
        ("alerts: {}\n", "alerts.default_channel is missing."),
        (ALERTS + "  sources: [graph]\n", "alerts.sources[0] must be one of: resource_graph, api"),
        (ALERTS + "  sources: [api, api]\n", "alerts.sources[1] is there twice"),
        (ALERTS + "  sources: push\n", "alerts.sources needs resource_graph or api besides push"),
        (ALERTS + "  sources: [api, push]\n", "alerts.push_secret is missing: without it anybody"),
        (ALERTS + "  sources: resource_graph\n  api_every: 5m\n", "alerts.api_every is set, but"),
        (ALERTS + f"  push_secret: {SECRET}\n", "alerts.push_secret is set, but push is not among"),
        (ALERTS + f"  previous_push_secret: {SECRET}\n", "alerts.previous_push_secret is set with"),
        (
            ALERTS + "  sources: [api, push]\n  push_secret: short\n",
            "alerts.push_secret must have at least 24 characters",
        ),
        (
            ALERTS + f"  sources: [api, push]\n  push_secret: {'k' * 40}\n",
            "alerts.push_secret is the same as one of Slack's secrets or of the audit log's",
        ),
        (ALERTS + "  every: 1s\n", "alerts.every must be between 10s and 5m."),
        (ALERTS + "  overlap: 5m\n", "alerts.overlap must be between 1h and 24h."),
        (ALERTS + "  digest_at: 22:00\n", "alerts.digest_at: YAML reads this bare value"),
        (ALERTS + '  digest_at: "8:5"\n', "alerts.digest_at must be a time of day in quotes"),
        (ALERTS + '  quiet_hours: {from: "22:00"}\n', "alerts.quiet_hours.to is missing."),
        (
            ALERTS + '  quiet_hours: {from: "22:00", to: "22:00"}\n',
            "alerts.quiet_hours.to is the same as from",
        ),
        (
            ALERTS + '  quiet_hours: {from: "22:00", til: "08:00"}\n',
            "alerts.quiet_hours.til is not a setting",
        ),
        (ALERTS + "  graph: {enabled: maybe}\n", "alerts.graph.enabled must be true or false."),
        (
            ALERTS + "  routes: [{name: a, channel: C0A}, {name: a, channel: C0B, edr: true}]\n",
            "alerts.routes[1].name is there twice",
        ),
        (
            ALERTS + "  routes: [{name: a, channel: C0A}, {name: b, channel: C0B, edr: true}]\n",
            "alerts.routes[1] can never match: the route a before it takes everything.",
        ),
        (CHANGES.replace("shop: 0", "shop: x"), "file_changes.workspaces.shop must be an id such"),
        ("file_changes: {workspaces: {}}\n", "file_changes.workspaces needs at least 1"),
        (CHANGES + "  burst_longest: 1m\n", "file_changes.burst_longest must be at least as long"),
        (
            CHANGES + "  dangerous: [{paths: ['/etc/*'], weight: 101}]\n",
            "file_changes.dangerous[0].weight must be at most 100.",
        ),
        (
            CHANGES.replace("{shop:", "{a: 00000000-0000-0000-0000-0000000000a1, shop:"),
            "file_changes.workspaces.shop is there twice",
        ),
        (
            CHANGES + "  routes: [{name: a, severities: [high], channel: C0A}]\n",
            "file_changes.routes[0].severities is not a setting",
        ),
    ],
)
@pytest.mark.proves("C065")
def test_each_mistake_is_one_sentence(tmp_path: Path, text: str, begins: str) -> None:
    found = mistakes(tmp_path, GOOD + text)
    named = [line for line, sentence in found if sentence.startswith(begins)]
    assert len(named) == 1, found
    assert named[0] > 11


@pytest.mark.proves("N1")
def test_the_sentences_are_there_in_japanese(tmp_path: Path) -> None:
    found = load(tmp_path, GOOD + ALERTS + "  sources: push\n", language="ja")
    assert isinstance(found, list)
    assert any(one.sentence.startswith("alerts.sources には push のほかに") for one in found)


@pytest.mark.proves("O7")
def test_the_push_secret_comes_from_a_file_or_a_variable_and_is_never_shown(tmp_path: Path) -> None:
    text = GOOD + ALERTS + "  sources: [resource_graph, push]\n"
    (tmp_path / "secret").write_text(f"{SECRET}\n")
    by_file = settings(tmp_path, text + "  push_secret_file: secret\n")
    variable = {"SEKISHO_ALERTS__PUSH_SECRET_FILE": str(tmp_path / "secret")}
    for found in (by_file, settings(tmp_path, text, ENVIRON | variable)):
        assert found.feeds.alerts is not None
        assert found.feeds.alerts.push_secrets == (SECRET,)
        assert SECRET in found.secrets
        assert SECRET not in repr(found)
    twice = load(tmp_path, text + "  push_secret_file: secret\n", ENVIRON | variable)
    assert isinstance(twice, list)


@pytest.mark.proves("L5")
def test_a_reload_keeps_what_needs_a_restart(tmp_path: Path) -> None:
    old = settings(tmp_path, GOOD + ALERTS + CHANGES).feeds
    changed = ALERTS.replace("C0ALERTS", "C0NEW") + "  sources: api\n"
    new = settings(tmp_path, GOOD + changed + CHANGES.replace("C0SOC", "C0NEW")).feeds
    live = old.taking_over(new)
    assert live.alerts is not None
    assert live.alerts.routing.default_channel == "C0NEW"
    assert live.alerts.sources == ("resource_graph", "api")
    assert live.file_changes is not None
    assert live.file_changes.security_channel == "C0NEW"
    assert FeedSettings().taking_over(new).is_off


@pytest.mark.proves("L5", "C065")
def test_a_running_bot_takes_over_new_routes(tmp_path: Path) -> None:
    old = settings(tmp_path, GOOD + ALERTS)
    live = LivePolicy(old, ENVIRON)
    assert old.file is not None
    assert live.feeds() is old.feeds
    old.file.write_text(GOOD + ALERTS + "  routes: [{name: a, channel: C0NEW}]\n", "utf-8")
    reload = live.reload()
    assert reload == Unchanged(feeds=1)
    assert reload_text(reload, EN) == (
        "The routes of alerts and file changes were read anew: 1 of them."
    )
    now = live.feeds().alerts
    assert now is not None
    assert now.routing.find(Facts()).channel == "C0NEW"
    old.file.write_text(GOOD + ALERTS + "  routes: [{name: a, channel: new}]\n", "utf-8")
    assert isinstance(live.reload(), Kept)
    assert live.feeds().alerts == now


@pytest.mark.proves("L5", "C065")
def test_what_a_running_bot_cannot_change_is_named(tmp_path: Path) -> None:
    old = settings(tmp_path, GOOD + ALERTS)
    live = LivePolicy(old, ENVIRON)
    assert old.file is not None
    old.file.write_text(GOOD + ALERTS + "  sources: api\n" + CHANGES, "utf-8")
    reload = live.reload()
    assert reload == Unchanged(("alerts", "file_changes"), feeds=0)
    assert live.feeds().file_changes is None


@pytest.mark.proves("L1", "D2")
def test_the_files_that_we_ship_have_feeds(repository: Path) -> None:
    environ = {**ENVIRON, "SEKISHO_REDIS__URL": "embedded:/var/lib/sekisho"}
    for name in ("examples/sekisho.yaml", "bot/demo.yaml"):
        found = load_settings(repository / name, environ)
        assert isinstance(found, Settings), "\n".join(map(str, found))
        assert found.feeds.alerts is not None
        assert found.feeds.file_changes is not None
        production = found.azure.subscriptions[0]
        facts = Facts("High", subscription_id=production, tags={"env": "prod"})
        assert found.feeds.alerts.routing.find(facts).channel == "C0SOC"
