"""C7: which entry of Azure's activity log answers who did what was seen."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Literal

import pytest

from defender.activity import Activity, Caller
from feeds.callers import LOOKING, PAUSE_MAX, PAUSE_MIN, Answer, Wanted, next_answer, pause_after

NOW = datetime(2026, 11, 25, 9, 0, tzinfo=UTC)
SUBSCRIPTION = "00000000-0000-0000-0000-000000000001"
GROUP = f"/subscriptions/{SUBSCRIPTION}/resourceGroups/rg-web"
POLICY = f"{GROUP}/providers/Microsoft.Security/locations/westeurope/jitNetworkAccessPolicies/a"
NSG = f"{GROUP}/providers/Microsoft.Network/networkSecurityGroups/web-nsg"
WRITE = "microsoft.security/locations/jitnetworkaccesspolicies/write"
RULE_DELETE = "microsoft.network/networksecuritygroups/securityrules/delete"
ROB = Caller("person", "rob@contoso.com")
US = Caller("application", "00000000-0000-0000-0000-0000000000BB")

EDITED = Wanted("policy", (POLICY,), NOW - timedelta(minutes=2), NOW)
GONE = Wanted("rule", (NSG,), NOW - timedelta(minutes=3), NOW, NOW - timedelta(hours=2))
EDIT = Activity(NOW - timedelta(seconds=50), WRITE, POLICY, ROB)
DELETED = Activity(NOW - timedelta(minutes=1), RULE_DELETE, f"{NSG}/securityRules/JIT-1", ROB)


def look(
    wanted: Wanted, *found: Activity, before: Answer = LOOKING, is_last: bool = False
) -> Answer:
    own = frozenset({US.name.lower()})
    return next_answer(before, found, wanted, own=own, failed="", is_last=is_last)


@pytest.mark.proves("C7")
@pytest.mark.parametrize(
    ("wanted", "activity", "deed", "thing"),
    [
        (EDITED, EDIT, "policy_write", "a"),
        (EDITED, replace(EDIT, resource_id=POLICY.upper()), "policy_write", "A"),
        (EDITED, replace(EDIT, at=NOW + timedelta(seconds=30)), "policy_write", "a"),
        (EDITED, replace(EDIT, resource_id=GROUP,
                         operation="microsoft.resources/subscriptions/resourcegroups/delete"),
         "group_delete", "rg-web"),
        (GONE, DELETED, "rule_delete", "JIT-1"),
        (GONE, replace(DELETED, operation="microsoft.network/networksecuritygroups/write",
                       resource_id=NSG), "nsg_write", "web-nsg"),
    ],
    ids=["edit", "case", "clocks", "group", "rule", "whole group of rules"],
)  # fmt: skip
def test_it_answers(wanted: Wanted, activity: Activity, deed: str, thing: str) -> None:
    found = look(wanted, activity)
    assert (found.state, found.version) == ("found", 2)
    [act] = found.acts
    assert (act.caller, act.at, act.deed, act.thing) == (ROB, activity.at, deed, thing)


@pytest.mark.proves("C7")
@pytest.mark.parametrize(
    ("wanted", "activity"),
    [
        (EDITED, replace(EDIT, has_failed=True)),
        (EDITED, replace(EDIT, at=NOW - timedelta(minutes=9))),
        (EDITED, replace(EDIT, at=NOW + timedelta(minutes=9))),
        (EDITED, replace(EDIT, resource_id=f"{POLICY}2")),
        (EDITED, replace(EDIT, operation=WRITE.replace("write", "initiate/action"))),
        (EDITED, replace(EDIT, caller=Caller())),
        (GONE, replace(DELETED, caller=Caller("defender", "x"))),
        (GONE, replace(DELETED, caller=US)),
        (GONE, EDIT),
    ],
    ids=["refused", "before", "after", "another", "other deed", "nobody", "Azure", "us", "policy"],
)
def test_it_answers_nothing(wanted: Wanted, activity: Activity) -> None:
    assert look(wanted, activity) is LOOKING
    assert look(wanted, activity, is_last=True) == Answer("absent", (), 2)


@pytest.mark.proves("C7")
def test_our_own_edit_is_told_apart() -> None:
    [act] = look(EDITED, replace(EDIT, caller=US)).acts
    assert act.caller.kind == "sekisho"


@pytest.mark.proves("C7")
def test_everybody_who_edited_it_then_is_named_once_the_newest_first() -> None:
    eve = replace(EDIT, caller=Caller("person", "eve@x.org"), at=EDIT.at - timedelta(seconds=20))
    again = replace(EDIT, at=EDIT.at - timedelta(seconds=10))
    found = look(EDITED, EDIT, again, eve)
    assert [act.caller.name for act in found.acts] == ["rob@contoso.com", "eve@x.org"]
    many = [replace(EDIT, caller=Caller("person", f"p{n}@x.org")) for n in range(9)]
    assert len(look(EDITED, *many).acts) == 3


@pytest.mark.proves("C7")
def test_what_was_done_long_before_is_told_only_at_the_end() -> None:
    """The entry that answers may be late; until then an older one would name the wrong person."""
    older = replace(DELETED, at=NOW - timedelta(minutes=40))
    assert look(GONE, older) is LOOKING
    last = look(GONE, older, is_last=True)
    assert (last.state, [act.caller for act in last.acts]) == ("earlier", [ROB])
    assert look(GONE, DELETED, older).state == "found"


@pytest.mark.proves("C7")
def test_a_missing_right_is_said_and_taken_back() -> None:
    def failed(
        before: Answer, why: Literal["forbidden", "unread"], *, is_last: bool = False
    ) -> Answer:
        return next_answer(before, (), EDITED, own=frozenset(), failed=why, is_last=is_last)

    forbidden = failed(LOOKING, "forbidden")
    assert (forbidden.state, forbidden.version) == ("forbidden", 2)
    assert failed(forbidden, "forbidden") is forbidden  # no edit without news
    assert look(EDITED, before=forbidden) == Answer("looking", (), 3)
    assert failed(LOOKING, "unread") is LOOKING
    assert failed(LOOKING, "unread", is_last=True).state == "unread"
    assert failed(forbidden, "forbidden", is_last=True) is forbidden


def test_pauses_grow_within_their_bounds() -> None:
    ages = [timedelta(0), timedelta(minutes=2), timedelta(hours=2)]
    assert [pause_after(age) for age in ages] == [PAUSE_MIN, timedelta(seconds=30), PAUSE_MAX]


def test_the_places_to_read_are_subscriptions_and_groups() -> None:
    region = f"{GROUP}/providers/Microsoft.Security/locations/westeurope"
    wanted = Wanted("policy", (POLICY, NSG.upper(), region, "nonsense"), NOW, NOW)
    assert wanted.places == {(SUBSCRIPTION, "rg-web")}
