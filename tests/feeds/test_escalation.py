"""Nobody takes it: channel, group, person, each once; taking it stops that."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st
from redis.asyncio import Redis

from approvals.events import PersonId
from defender.alert import Alert
from delivery.outbox import ChannelId, Line, Outbox
from feeds.cases import Case
from feeds.escalation import Escalations, storm_of
from feeds.escalation_steps import Step, due, is_taken_care_of, next_at, passed
from feeds.intake import Intake
from feeds.routing import Escalation, Route, Routing
from feeds.settings import AlertSettings
from feeds.store import AlertStore
from tests.feeds.alerts import an_alert
from tests.feeds.voices import PlainVoice

MINUTE = timedelta(minutes=1)
AT = datetime(2026, 11, 25, 9, tzinfo=UTC)
RULE = Escalation(5 * MINUTE, "S0SOC", 10 * MINUTE, "U0ITO", 20 * MINUTE)
ROUTE = Route("urgent", "C0SOC", severities=frozenset({"high"}), escalation=RULE)
SOC, ITO = ChannelId("C0SOC"), ChannelId("U0ITO")


# --- pure -------------------------------------------------------------------------------------


@pytest.mark.proves("D12")
def test_the_steps_in_their_order_with_what_follows() -> None:
    assert due(RULE, (), since=AT, now=AT + 4 * MINUTE) == ()
    (first,) = due(RULE, (), since=AT, now=AT + 5 * MINUTE)
    assert (first.step, first.next_step, first.next_at) == (
        Step.REMIND,
        Step.GROUP,
        AT + 10 * MINUTE,
    )
    (second,) = due(RULE, {Step.REMIND}, since=AT, now=AT + 10 * MINUTE)
    assert (second.step, second.whom, second.next_whom) == (Step.GROUP, "S0SOC", "U0ITO")
    assert (first.is_repeated, second.is_repeated) == (False, True)
    (third,) = due(RULE, {Step.REMIND, Step.GROUP}, since=AT, now=AT + 60 * MINUTE)
    assert (third.step, third.whom, third.next_step) == (Step.PERSON, "U0ITO", None)
    assert next_at(RULE, set(Step), AT) is None


@pytest.mark.proves("D12")
def test_after_a_long_stop_the_call_of_the_group_is_the_reminder() -> None:
    found = due(RULE, (), since=AT, now=AT + 60 * MINUTE)
    assert [reminder.step for reminder in found] == [Step.GROUP, Step.PERSON]
    assert not any(reminder.is_repeated for reminder in found)
    assert passed(RULE, since=AT, now=AT + 60 * MINUTE) == set(Step)


@pytest.mark.proves("D12")
def test_who_cares_for_it_stops_it() -> None:
    sato = PersonId("U0SATO")
    assert not is_taken_care_of(Case(), "active")
    assert is_taken_care_of(Case(owner=sato, owned_at=AT), "active")
    assert is_taken_care_of(Case(state="dismissed", decided_at=AT), "active")
    for state in ("inprogress", "resolved", "dismissed"):
        assert is_taken_care_of(Case(), state)
    before = Case(owner=sato, owned_at=AT, state="resolved", decided_at=AT)
    assert not is_taken_care_of(before, "active", AT + MINUTE)
    assert is_taken_care_of(replace_case(before, AT + 2 * MINUTE), "active", AT + MINUTE)


def replace_case(case: Case, owned_at: datetime) -> Case:
    return Case(owner=case.owner, owned_at=owned_at)


@given(
    looks=st.lists(st.integers(0, 40), min_size=1, max_size=12).map(sorted),
    rule=st.builds(
        lambda gaps: Escalation(
            gaps[0] * MINUTE, "S0SOC", (gaps[0] + gaps[1]) * MINUTE, "U0ITO", sum(gaps) * MINUTE
        ),
        st.lists(st.integers(1, 10), min_size=3, max_size=3),
    ),
)
@pytest.mark.proves("D12")
def test_no_step_is_said_twice_whenever_one_looks(looks: list[int], rule: Escalation) -> None:
    said: list[Step] = []
    done: frozenset[Step] = frozenset()
    for minutes in looks:
        now = AT + minutes * MINUTE
        said += [reminder.step for reminder in due(rule, done, since=AT, now=now)]
        done |= passed(rule, since=AT, now=now)
    order = list(Step)
    assert all(order.index(a) < order.index(b) for a, b in pairwise(said))


# --- with Redis -------------------------------------------------------------------------------


@dataclass
class Desk:
    """An intake that watches, a clock that can be moved, and cases as people left them."""

    redis: Redis
    moved: timedelta = timedelta(0)
    cases: dict[str, Case] = field(default_factory=dict)
    settings: AlertSettings = field(
        default_factory=lambda: AlertSettings(Routing((ROUTE,), "C0ALERTS"))
    )

    def __post_init__(self) -> None:
        self.outbox = Outbox(self.redis, tag="test")
        self.store = AlertStore(self.redis, tag="test", offset=lambda: self.moved)
        self.escalations = self.another()
        self.intake = Intake(self.store, lambda: self.settings, watch=self.escalations.watch)

    def another(self) -> Escalations:
        """As in another process, or after a restart."""
        return Escalations(
            self.store,
            self.outbox,
            lambda: self.settings,
            case_of=self._case_of,
            voice=PlainVoice(),
        )

    async def _case_of(self, key: str) -> Case:
        return self.cases.get(key, Case())

    async def take(self, *alerts: Alert) -> None:
        await self.intake.take(alerts, now=AT)

    async def after(self, minutes: float) -> None:
        """So long after the beginning, a look."""
        self.moved = minutes * MINUTE
        await self.escalations.step()

    async def said(self, channel: ChannelId) -> list[str]:
        queued = await self.outbox.waiting(channel, 100)
        return [one.item.text for one in queued if isinstance(one.item, Line)]


@pytest.fixture
async def desk(redis: Redis) -> Desk:
    return Desk(redis)


@pytest.mark.proves("D12")
async def test_each_step_once(desk: Desk) -> None:
    alert = an_alert(severity="High")
    await desk.take(alert)
    for minutes in (1, 4.9):
        await desk.after(minutes)
    assert await desk.said(SOC) == []
    for minutes in (5.1, 6, 10.1, 11, 20.1, 21, 600):
        await desk.after(minutes)
        await desk.take(alert)
    assert await desk.said(SOC) == [
        f"remind  {alert.key}, then group",
        f"group S0SOC {alert.key}, then person",
    ]
    assert await desk.said(ITO) == [f"person U0ITO {alert.key}, then nothing"]
    assert await desk.escalations.waiting() == 0


@pytest.mark.proves("D12")
async def test_taking_it_stops_it(desk: Desk) -> None:
    alert = an_alert(severity="High")
    await desk.take(alert)
    await desk.after(5.1)
    desk.cases[alert.key] = Case(owner=PersonId("U0SATO"), owned_at=AT)
    await desk.after(30)
    assert len(await desk.said(SOC)) == 1
    assert await desk.said(ITO) == []


@pytest.mark.parametrize("state", ["Resolved", "Dismissed", "InProgress"])
@pytest.mark.proves("D12", "D5")
async def test_what_is_done_in_the_portal_stops_it(desk: Desk, state: str) -> None:
    await desk.take(an_alert(severity="High"))
    await desk.take(an_alert(severity="High", status=state))
    await desk.after(30)
    assert await desk.said(SOC) == []


@pytest.mark.proves("D12", "C117")
async def test_opened_again_it_begins_anew(desk: Desk) -> None:
    alert = an_alert(severity="High")
    await desk.take(alert)
    await desk.after(5.1)
    desk.cases[alert.key] = Case(
        owner=PersonId("U0SATO"), owned_at=AT, state="resolved", decided_at=AT
    )
    await desk.take(an_alert(severity="High", status="Resolved"))
    await desk.after(30)
    await desk.take(alert)
    await desk.after(34)
    assert len(await desk.said(SOC)) == 1
    await desk.after(35.1)
    assert len(await desk.said(SOC)) == 2


@pytest.mark.proves("D12")
async def test_two_processes_say_it_once(desk: Desk) -> None:
    for number in range(20):
        await desk.take(an_alert(number, severity="High"))
    desk.moved = 5.1 * MINUTE
    others = [desk.escalations, desk.another(), desk.another()]
    await asyncio.gather(*(one.step() for one in others))
    assert len(await desk.said(SOC)) == 20


@pytest.mark.proves("D12")
async def test_stopped_between_saying_and_noting_it_is_said_once(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    await desk.take(an_alert(severity="High"))
    desk.moved = 5.1 * MINUTE
    run = desk.store.scripts.run

    async def killed(name: str, given: object) -> object:
        if name == "escalation_step":
            raise ConnectionError("killed")
        return await run(name, given)  # type: ignore[arg-type]

    with monkeypatch.context() as patch:
        patch.setattr(desk.store.scripts, "run", killed)
        await desk.escalations.step()
    assert desk.escalations.failures == 1
    await desk.another().step()
    await desk.another().step()
    assert len(await desk.said(SOC)) == 1


@pytest.mark.proves("D12")
async def test_samples_low_ones_and_other_routes_page_nobody(desk: Desk) -> None:
    await desk.take(
        an_alert(1, severity="High", is_sample=True),
        an_alert(2, severity="Medium"),
        an_alert(3, severity="Low"),
    )
    await desk.after(600)
    assert await desk.said(SOC) == []
    assert await desk.said(ITO) == []


@pytest.mark.proves("D12", "D11")
async def test_what_is_muted_pages_nobody(desk: Desk) -> None:
    alert = an_alert(severity="High")
    await desk.take(alert)
    await desk.redis.hset(desk.store.scripts.key("alert", alert.key), "fate", "muted:m1")
    await desk.after(600)
    assert await desk.said(SOC) == []


@pytest.mark.proves("D12", "D9")
async def test_a_storm_is_brought_up_as_one(desk: Desk) -> None:
    alerts = [an_alert(number, severity="High") for number in range(150)]
    await desk.take(*alerts)
    for alert in alerts:
        key = desk.store.scripts.key("alert", alert.key)
        await desk.redis.hset(key, "fate", "storm:S-1")
    for _ in range(3):
        await desk.after(5.1)
    assert await desk.said(SOC) == ["remind  S-1, then group"]
    assert storm_of("storm:S-1:4") == "S-1"
    assert storm_of("card") == ""


@pytest.mark.proves("D12", "L5")
async def test_a_rule_that_changes_meanwhile_repeats_no_step(desk: Desk) -> None:
    await desk.take(an_alert(severity="High"))
    await desk.after(5.1)
    slower = replace(RULE, remind_after=8 * MINUTE, group_after=15 * MINUTE)
    desk.settings = AlertSettings(Routing((replace(ROUTE, escalation=slower),), "C0ALERTS"))
    await desk.after(10.1)
    assert len(await desk.said(SOC)) == 1
    await desk.after(15.1)
    assert len(await desk.said(SOC)) == 2
    desk.settings = AlertSettings(Routing((), "C0ALERTS"))
    await desk.after(600)
    assert await desk.said(ITO) == []


@pytest.mark.proves("D12", "O6")
async def test_one_that_fails_stops_no_other(desk: Desk) -> None:
    first, second = an_alert(1, severity="High"), an_alert(2, severity="High")
    await desk.take(first, second)
    desk.moved = 5.1 * MINUTE

    async def broken(key: str) -> Case:
        if key == first.key:
            raise RuntimeError("broken")
        return Case()

    fragile: Callable[[str], Awaitable[Case]] = broken
    await Escalations(
        desk.store, desk.outbox, lambda: desk.settings, case_of=fragile, voice=PlainVoice()
    ).step()
    assert await desk.said(SOC) == [f"remind  {second.key}, then group"]
