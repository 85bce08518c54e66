"""The first route that matches wins, the default channel takes the rest, and `why` says so."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from approvals.scope import compile_globs, make_scope
from defender.alert import SEVERITIES, Alert
from feeds.facts import Facts, facts_of
from feeds.routing import (
    DEFAULT,
    Condition,
    Escalation,
    Matched,
    Mentions,
    Passed,
    Route,
    Routing,
    Why,
    tactic_globs,
)

PROD = "00000000-0000-0000-0000-00000000000a"
ESCALATION = Escalation(timedelta(minutes=10), "S0SOC", timedelta(minutes=20))
HIGH = Route(
    "high",
    "C0SOC",
    line=3,
    severities=frozenset({"high", "unknown"}),
    mentions=Mentions(("S0SOC",), ("U0ITO",)),
    escalation=ESCALATION,
)
DATABASES = Route("databases", "C0DB", line=9, names=compile_globs(["db-*"]))
ROUTING = Routing((HIGH, DATABASES), "C0ALERTS")


def route(**conditions: Any) -> Routing:
    return Routing((Route("only", "C0ONLY", **conditions),), "C0ALERTS")


@pytest.mark.proves("D2")
def test_the_first_route_that_matches_wins() -> None:
    assert ROUTING.find(Facts(severity="High", machine="db-01")).route_name == "high"
    found = ROUTING.find(Facts(severity="Low", machine="DB-01"))
    assert (found.route_name, found.channel) == ("databases", "C0DB")
    assert found.why.line == 9
    assert found.why.matched == (Matched(Condition.NAMES, ("db-*",), "DB-01"),)
    assert found.why.passed == (
        Passed("high", 3, Matched(Condition.SEVERITIES, ("high", "unknown"), "Low")),
    )


@pytest.mark.proves("D2")
def test_the_default_channel_takes_what_no_route_wants() -> None:
    found = ROUTING.find(Facts(severity="Low", machine="web-01"))
    assert (found.route_name, found.channel) == (DEFAULT, "C0ALERTS")
    assert [passed.route_name for passed in found.why.passed] == ["high", "databases"]
    assert found.why.passed[1].failed == Matched(Condition.NAMES, ("db-*",), "web-01")


@pytest.mark.parametrize(
    ("conditions", "fits", "fails"),
    [
        ({"products": compile_globs(["*Endpoint"])}, {"product": "Defender for ENDPOINT"}, {}),
        ({"alert_types": compile_globs(["VM_*"])}, {"alert_type": "vm_Shell"}, {"alert_type": "V"}),
        ({"tactics": tactic_globs(["Credential Access"])},
         {"tactics": ("Persistence", "CredentialAccess")}, {"tactics": ("Persistence",)}),
        ({"edr": True}, {"is_edr": True}, {"is_edr": False}),
        ({"edr": False}, {"is_edr": False}, {"is_edr": True}),
        ({"subscriptions": frozenset({PROD})}, {"subscription_id": PROD.upper()}, {}),
        ({"resource_groups": compile_globs(["rg-shop*"])}, {"resource_group": "RG-Shop-prod"},
         {"resource_group": "rg"}),
        ({"tags": make_scope(tags={"Env": ["prod*"]}).tags}, {"tags": {"ENV": "Production"}},
         {"tags": {"env": "test"}}),
        ({"clouds": frozenset({"aws"})}, {"cloud": "aws"}, {"cloud": "azure"}),
        ({"clouds": frozenset({"unknown"})}, {"cloud": ""}, {"cloud": "azure"}),
        ({"severities": frozenset({"unknown"})}, {"severity": "Critical"}, {"severity": "High"}),
    ],
)  # fmt: skip
@pytest.mark.proves("D2")
def test_each_condition(
    conditions: dict[str, Any], fits: dict[str, Any], fails: dict[str, Any]
) -> None:
    routing = route(**conditions)
    found = routing.find(Facts(**fits))
    assert (found.channel, len(found.why.matched)) == ("C0ONLY", 1)
    missed = routing.find(Facts(**fails))
    assert missed.channel == "C0ALERTS"
    assert missed.why.passed[0].failed.condition.value in conditions


@pytest.mark.proves("D12")
def test_a_sample_is_told_and_calls_nobody() -> None:
    found = ROUTING.find(Facts(severity="High", is_sample=True))
    assert found.channel == "C0SOC"
    assert not found.mentions
    assert found.escalation is None
    assert ROUTING.find(Facts(severity="High")).mentions == Mentions(("S0SOC",), ("U0ITO",))


@pytest.mark.proves("D12", "C049")
def test_only_severe_ones_are_brought_up_again() -> None:
    routing = route(escalation=ESCALATION)
    severities = [*SEVERITIES, "Critical", ""]
    brought_up = [s for s in severities if routing.find(Facts(severity=s)).escalation]
    assert brought_up == ["high"]


@pytest.mark.proves("D13", "C049")
def test_what_is_below_the_least_severity_waits_but_never_high_medium_or_unknown() -> None:
    for least, waiting in (("medium", ["low", "informational"]), ("low", ["informational"])):
        routing = route(minimum_severity=least)
        severities = [*SEVERITIES, "Critical", "", "Unknown"]
        assert [s for s in severities if routing.find(Facts(severity=s)).is_low] == waiting


def test_facts_of_an_alert() -> None:
    alert = Alert(
        key="a",
        severity="High",
        intent="Persistence, CredentialAccess",
        product="Falcon Sensor",
        resource_group="rg-alert",
        machine="web-01",
    )
    edr = compile_globs(["falcon*"])
    found = facts_of(alert, tags={"env": "prod"}, resource_group="rg-estate", edr=edr)
    assert found.tactics == ("Persistence", "CredentialAccess")
    assert (found.is_edr, found.resource_group) == (True, "rg-estate")
    assert facts_of(alert, tags={}).resource_group == "rg-alert"
    assert not facts_of(alert, tags={}).is_edr


def test_every_channel_is_known_once() -> None:
    routing = Routing((HIGH, DATABASES, Route("x", "C0SOC")), "C0ALERTS")
    assert routing.channels == ("C0ALERTS", "C0SOC", "C0DB")
    assert routing.routes[2].is_for_all
    assert not HIGH.is_for_all


foreign = st.text(max_size=30)


@given(
    st.builds(
        Facts,
        severity=st.one_of(foreign, st.sampled_from(["High", "LOW"])),
        product=foreign,
        alert_type=foreign,
        tactics=st.lists(foreign, max_size=3).map(tuple),
        machine=foreign,
        tags=st.dictionaries(foreign, foreign, max_size=3),
        cloud=foreign,
        is_sample=st.booleans(),
    )
)
@pytest.mark.proves("D2", "O6")
def test_nothing_is_ever_without_a_channel(facts: Facts) -> None:
    everything = Route(
        "all",
        "C0X",
        products=compile_globs(["*a*"]),
        tactics=tactic_globs(["*"]),
        tags=make_scope(tags={"a": ["*"]}).tags,
    )
    routing = Routing((HIGH, everything), "C0ALERTS")
    found = routing.find(facts)
    assert routing.find_quickly(facts) == replace(found, why=Why())
    assert found.channel in ("C0SOC", "C0X", "C0ALERTS")
    looked_at = len(found.why.passed) + (found.route_name != DEFAULT)
    assert looked_at == {"high": 1, "all": 2, DEFAULT: 2}[found.route_name]
