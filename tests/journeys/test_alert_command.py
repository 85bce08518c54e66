"""`/alerts` as people use it: lists, one alert, routes, figures; wrong lines named as meant."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import pytest
from redis.exceptions import ConnectionError as RedisDown

from approvals.deeds import Deed, DeedKind
from approvals.events import OpId, PersonId
from defender.alert import Alert
from delivery.outbox import ChannelId
from feeds.alert_lists import AlertLists
from feeds.cases import Case, read_case
from feeds.intake import Intake
from feeds.mutes import Mutes
from feeds.store import AlertStore, Arrival
from feeds.storm import Storms
from handlers.alert_facts import subject_of
from handlers.alert_feed import AlertFeed
from handlers.alert_mutes import mute, put_in_force
from handlers.alert_stats import AlertStats
from handlers.views.alert_words import short_id
from sandbox.slack import Message
from tests.journeys.test_guests import guest
from tests.stage import Stage

OPS = ChannelId("C0OPS")
TITLES = (
    "Possible reverse shell",
    "Suspicious PowerShell command line",
    "Suspicious authentication activity",
    "Executable found running from a suspicious location",
    "Suspicious PHP execution detected",
    "Traffic detected from addresses recommended for blocking",
    "Security-related process termination detected",
)
SEVERITIES = ("High", "High", "Medium", "Medium", "Low", "Low", "Informational")
MACHINES = ("web-01", "db-02", "web-01", "app-03", "gcp-build-1", "db-02", "web-02")


def feed_of(stage: Stage) -> AlertFeed:
    """As the bot wires it; the sources of Azure are not read here."""
    services, tag = stage.service.services, stage.settings.redis.tag
    found = stage.settings.feeds.alerts
    assert found is not None
    redis = stage.service.redis
    store = AlertStore(redis, tag=tag)
    intake = Intake(store, lambda: found, find=services.estate.index.by_id)
    return AlertFeed(
        store=store,
        storms=Storms(redis, tag=tag),
        mutes=Mutes(redis, tag=tag),
        settings=lambda: found,
        route=intake.route,
    )


@pytest.fixture
async def feed(stage: Stage) -> AlertFeed:
    feed = stage.service.services.alerts = feed_of(stage)
    return feed


def alert(stage: Stage, number: int, **changes: Any) -> Alert:
    """The n-th of the seven; those of the estate's machines carry their resource id."""
    machine = str(changes.get("machine", MACHINES[number]))
    known = stage.service.estate.index.by_name(machine)
    at = stage.ledger.instant - timedelta(minutes=10 + number)
    facts: dict[str, Any] = {
        "key": f"25187709655291{number:05}_f144ee95-a3e5-42da-a279-967d115809a{number}",
        "title": TITLES[number],
        "alert_type": f"VM_Type{number}",
        "severity": SEVERITIES[number],
        "status": "Active",
        "machine": machine,
        "resource_id": str(known[0].resource_id) if known else "",
        "description": "It was seen.",
        "started_at": at,
        "generated_at": at,
    }
    return Alert(**(facts | changes))


async def raised(stage: Stage, feed: AlertFeed, alerts: Sequence[Alert] = ()) -> list[Alert]:
    """All seven, unless told otherwise."""
    given = list(alerts or (alert(stage, number) for number in range(7)))
    await feed.store.ingest([Arrival(one, OPS, "everything") for one in given])
    return given


async def asked(stage: Stage, line: str, wanted: str, who: str = "suzuki") -> Message:
    """What the person reads after typing the line; suzuki reads English."""
    person = stage.slack.person(who)
    await person.command("C0OPS", line)
    return await person.wait_ephemeral(wanted)


async def case_of(stage: Stage, key: str) -> Case:
    _, body = await stage.ledger.subject(subject_of(key))
    return read_case(body)


@pytest.mark.proves("D13")
async def test_open_alerts_page_by_page_and_filtered(stage: Stage, feed: AlertFeed) -> None:
    await raised(stage, feed)
    first = await asked(stage, "/alerts", "7 open alerts, 7 without an owner")
    assert first.says("Most urgent first, 1 to 5 of 7")
    assert first.says("Possible reverse shell")
    suzuki = stage.slack.person("suzuki")
    await suzuki.click(first, "alerts_page")
    second = await suzuki.wait_ephemeral("6 to 7 of 7")
    assert second.says("process termination")
    await suzuki.click(second, "alerts_back")
    await suzuki.wait_ephemeral("1 to 5 of 7")
    await suzuki.choose(first, "alerts_filter", "high")
    high = await suzuki.wait_ephemeral("2 open High alerts")
    assert not high.says("authentication")
    await suzuki.choose(first, "alerts_filter", "mine")
    await suzuki.wait_ephemeral("No open alert is yours")


@pytest.mark.proves("D3", "D13")
async def test_who_takes_one_owns_it_and_others_read_who(stage: Stage, feed: AlertFeed) -> None:
    (shell, *_) = await raised(stage, feed)
    number = short_id(shell.key)
    await asked(
        stage, f"/alerts take {number}", "You took it: `Possible reverse shell` on `web-01`"
    )
    assert (await case_of(stage, shell.key)).owner == "U0SUZUKI"
    await asked(stage, f"/alerts take {number}", "It is yours already:")
    mine = await asked(stage, "/alerts mine", "1 open alert is yours")
    assert mine.says("Possible reverse shell")
    open_ones = await asked(stage, "/alerts open", "7 open alerts, 6 without an owner")
    assert open_ones.blocks[1]["text"]["text"].startswith("*High, no owner*")
    await stage.slack.person("sato").command("C0OPS", f"/alerts 担当 {number}")
    await stage.slack.person("sato").wait_ephemeral("担当しています")
    assert (await case_of(stage, shell.key)).owner == "U0SUZUKI"
    head = await stage.ledger.refresh()
    entries = [await stage.ledger.entry(number) for number in range(1, head.sequence + 1)]
    deeds = [entry.event for entry in entries if entry and isinstance(entry.event, Deed)]
    assert [deed.kind for deed in deeds] == [DeedKind.TAKEN]


@pytest.mark.proves("D3", "D13")
async def test_rows_are_taken_and_opened_by_their_button(stage: Stage, feed: AlertFeed) -> None:
    (shell, script, *_) = await raised(stage, feed)
    first = await asked(stage, "/alerts open", "7 open alerts, 7 without an owner")
    suzuki = stage.slack.person("suzuki")
    await suzuki.click(first, "alert_take_1")
    await suzuki.wait_ephemeral("You took it: `Possible reverse shell`")
    assert (await case_of(stage, shell.key)).owner == "U0SUZUKI"
    again = await asked(stage, "/alerts open", "7 open alerts, 6 without an owner")
    assert again.says("Suspicious PowerShell")
    assert not (await case_of(stage, script.key)).owner
    mine = await asked(stage, "/alerts mine", "1 open alert is yours")
    await suzuki.click(mine, "alert_show_1")
    card = await suzuki.wait_ephemeral("Taken by @suzuki")
    assert card.says("Possible reverse shell")


@pytest.mark.proves("D5", "D13")
async def test_dismissing_needs_a_reason_and_ends_up_in_the_case(
    stage: Stage, feed: AlertFeed
) -> None:
    alerts = await raised(stage, feed)
    number = short_id(alerts[2].key)
    await asked(stage, f"/alerts dismiss {number}", f"/alerts dismiss {number} because …")
    assert not (await case_of(stage, alerts[2].key)).steps
    wrong = await asked(stage, f"/alerts dismiss {number} pen test", "because pen test")
    suzuki = stage.slack.person("suzuki")
    await suzuki.click(wrong, "alerts_run_1")
    await suzuki.wait_ephemeral("Dismissed: `Suspicious authentication activity`")
    case = await case_of(stage, alerts[2].key)
    assert (case.state, case.reason) == ("dismissed", "pen test")
    await asked(stage, f"/alerts resolve {number}", "dismissed it")
    await asked(stage, "/alerts open", "6 open alerts")
    await asked(stage, f"/alerts resolve {short_id(alerts[3].key)}", "Resolved: `Executable found")
    on_web = await asked(stage, "/alerts machine web-01", "2 alerts on web-01")
    assert on_web.says("Dismissed, Medium")


@pytest.mark.proves("D13")
async def test_one_is_found_by_any_of_its_names(stage: Stage, feed: AlertFeed) -> None:
    (shell, *_) = await raised(stage, feed)
    for name in (short_id(shell.key).lower(), shell.key, shell.key[:20]):
        card = await asked(stage, f"/alerts show {name}", "It was seen.")
        assert card.says("Possible reverse shell")
        assert card.ephemeral_to == "U0SUZUKI"
    several = await asked(stage, f"/alerts show {shell.key[:10]}", "begin with")
    suzuki = stage.slack.person("suzuki")
    await suzuki.click(several, "alerts_run_1")
    await suzuki.wait_ephemeral("It was seen.")
    await asked(stage, "/alerts show A-0000000", "There is no alert `A-0000000` here")


@pytest.mark.proves("D13", "K5")
async def test_search_machine_and_slips_of_the_finger(stage: Stage, feed: AlertFeed) -> None:
    await raised(stage, feed)
    await asked(stage, "/alerts search powershell db-02", "1 alert holds powershell db-02")
    await asked(stage, "/alerts search nothing like it", "No alert holds nothing like it")
    await asked(stage, "/alerts web-01", "2 alerts on web-01")
    await asked(stage, "/alerts machine gcp-build-1", "1 alert on gcp-build-1")
    wrong = await asked(stage, "/alerts machine gcp-biuld-1", "Did you mean")
    suzuki = stage.slack.person("suzuki")
    await suzuki.click(wrong, "alerts_run_1")
    await suzuki.wait_ephemeral("1 alert on gcp-build-1")
    verb = await asked(stage, "/alerts serach powershell", "Did you mean /alerts search powershell")
    await suzuki.click(verb, "alerts_run_1")
    await suzuki.wait_ephemeral("1 alert holds powershell")
    await asked(stage, "/alerts frobnicate", "is no word of /alerts")
    await asked(stage, "/alerts open tomorrow", "Not understood: tomorrow")
    await asked(stage, "/alerts take", "/alerts take A-7K2Q9ZD")
    await asked(stage, "/alerts help", "Alerts of Defender for Cloud")
    sato = stage.slack.person("sato")
    await sato.command("C0OPS", "/alerts 検索　ＰｏｗｅｒＳｈｅｌｌ")
    await sato.wait_ephemeral("を含むアラート1件")


@pytest.mark.proves("D13")
async def test_search_says_that_there_are_more(stage: Stage, feed: AlertFeed) -> None:
    await raised(stage, feed, [alert(stage, 0, key=f"many-{n:03}") for n in range(101)])
    said = await asked(stage, "/alerts search reverse", "these are the newest 100")
    assert said.says("100 alerts hold reverse")
    await asked(stage, "/alerts search many-007", "1 alert holds many-007")


@pytest.mark.proves("D2")
async def test_route_asks_the_rules_of_this_moment(stage: Stage, feed: AlertFeed) -> None:
    said = await asked(stage, "/alerts route web-01 high", "production urgent")
    assert said.says("security")
    assert said.says("subscription `Shop production`")
    await asked(stage, "/alerts route db-02 low", "databases")
    await asked(stage, "/alerts route nowhere-1 high", "does not know this machine")
    slip = await asked(stage, "/alerts route web-01 hihg", "Did you mean")
    suzuki = stage.slack.person("suzuki")
    await suzuki.click(slip, "alerts_run_1")
    await suzuki.wait_ephemeral("production urgent")


@pytest.mark.proves("D11")
async def test_muted_kinds_are_listed_with_their_counts(stage: Stage, feed: AlertFeed) -> None:
    await asked(stage, "/alerts muted", "Nothing is muted")
    (shell, *_) = await raised(stage, feed, [alert(stage, 0)])
    stored = await feed.store.alert(shell.key)
    assert stored is not None
    services = stage.service.services
    op = OpId("0123456789abcdef")
    until = stage.ledger.instant + timedelta(hours=2)
    body = await mute(services, stored, actor=PersonId("U0SATO"), op=op, until=until)
    await put_in_force(feed, body)
    await raised(stage, feed, [alert(stage, 0, key="2518770965529199999_b", title="Again")])
    listed = await asked(stage, "/alerts muted", "1 kind of alert is muted")
    for part in ("Possible reverse shell", "web-01", "Muted by @sato", "1 alert so far"):
        assert listed.says(part)
    suzuki = stage.slack.person("suzuki")
    await suzuki.click(listed, "alerts_unmute_1")
    await suzuki.wait_ephemeral("The mute of `Possible reverse shell` has ended")
    await suzuki.click(listed, "alerts_unmute_1")
    await suzuki.wait_ephemeral("That mute is over already")
    await asked(stage, "/alerts muted", "Nothing is muted")


@pytest.mark.proves("N1")
async def test_figures_come_as_words_and_as_a_picture(stage: Stage, feed: AlertFeed) -> None:
    stage.service.deliverer._draw_file = AlertStats(stage.service.services, feed).draw_file
    await raised(stage, feed)
    said = await asked(stage, "/alerts stats 7d", "7 alerts in 7 days")
    assert said.says("2 High, 2 Medium, 2 Low, 1 Informational")
    shared = await stage.slack.person("suzuki").wait_dm("Alerts per day. 2 High")
    (file,) = shared.files
    assert file["name"].startswith("alerts-7d-")
    assert "2 High, 2 Medium, 2 Low, 1 Informational" in file["alt_txt"]
    await asked(stage, "/alerts stats 1y", "up to 90")


@pytest.mark.proves("K1", "K2")
async def test_home_shows_what_i_have_taken(stage: Stage, feed: AlertFeed) -> None:
    (shell, *_) = await raised(stage, feed)
    suzuki = stage.slack.person("suzuki")
    home = await suzuki.open_home()
    assert home.says("7 alerts without owner")
    assert not home.says("Your alerts")
    await asked(stage, f"/alerts take {short_id(shell.key)}", "You took it")
    home = await suzuki.open_home()
    assert home.says("High: Possible reverse shell")
    assert home.says("6 alerts without owner")
    await suzuki.click(home, "alert_show_1")
    card = await suzuki.wait_dm("Taken by @suzuki")
    assert card.says("Possible reverse shell")
    await suzuki.click(home, "alerts_page")
    await suzuki.wait_dm("6 open alerts without an owner")


async def test_a_guest_can_list_nothing(stage: Stage, feed: AlertFeed) -> None:
    await raised(stage, feed)
    partner = guest(stage)
    await partner.command("C0OPS", "/alerts open")
    said = await partner.wait_ephemeral("Guests of this workspace can't list alerts")
    assert not said.says("reverse shell")


async def test_without_the_feed_it_says_so(stage: Stage) -> None:
    stage.service.services.alerts = None
    await asked(stage, "/alerts open", "Alerts are not switched on here")


async def test_a_redis_that_is_away_is_an_answer(
    stage: Stage, feed: AlertFeed, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def away(*_: object, **__: object) -> None:
        raise RedisDown("away")

    monkeypatch.setattr(AlertLists, "open", away)
    await asked(stage, "/alerts open", "the alerts can't be reached")
