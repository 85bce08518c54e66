"""What an incident gets of a decision on one of its alerts: nobody's work is written over."""

from __future__ import annotations

from typing import Any

import pytest

from defender.xdr_decode import XdrAlert, XdrIncident
from feeds.xdr_incident import incident_wish

OURS = XdrAlert(xdr_id="da1", status="new", owner="old@x")
OWNER = {"owner": "sato@x", "status": "inProgress"}
VERDICT = {"status": "resolved", "classification": "truePositive", "determination": "other"}


def other(**facts: Any) -> XdrAlert:
    return XdrAlert(**{"xdr_id": "da2", "status": "new"} | facts)


CASES: dict[str, tuple[str, list[XdrAlert], dict[str, str], dict[str, str]]] = {
    "alone, nobody's": ("", [], OWNER, {"owner": "sato@x"}),
    "was this alert's owner's": ("OLD@x", [], OWNER, {"owner": "sato@x"}),
    "somebody else's": ("eva@x", [], OWNER, {}),
    "its already": ("sato@x", [], OWNER, {}),
    "another open alert is somebody else's": ("", [other(owner="eva@x")], OWNER, {}),
    "another open alert is the same person's": (
        "",
        [other(owner="Sato@x")],
        OWNER,
        {"owner": "sato@x"},
    ),
    "somebody else's alert is closed": (
        "",
        [other(owner="eva@x", status="Resolved")],
        OWNER,
        {"owner": "sato@x"},
    ),
    "the last alert is resolved": (
        "",
        [other(status="resolved", classification="TruePositive")],
        VERDICT,
        {"classification": "truePositive", "determination": "other"},
    ),
    "another is still open": ("", [other(classification="truePositive")], VERDICT, {}),
    "another was something else": (
        "",
        [other(status="resolved", classification="falsePositive")],
        VERDICT,
        {},
    ),
    "only the status": ("", [], {"status": "inProgress"}, {}),
}


@pytest.mark.proves("D5")
@pytest.mark.parametrize("name", CASES)
def test_incident_gets_what_is_true_of_all_of_it(name: str) -> None:
    owner, others, fields, wanted = CASES[name]
    incident = XdrIncident(incident_id="7", owner=owner, alerts=(OURS, *others))
    assert incident_wish(incident, OURS, fields) == wanted


@pytest.mark.proves("D5")
def test_incident_follows_when_an_earlier_try_reached_the_alert_alone() -> None:
    written = XdrAlert(xdr_id="da1", owner="sato@x")
    incident = XdrIncident(incident_id="7", owner="old@x", alerts=(written,))
    assert incident_wish(incident, written, OWNER) == {}
    assert incident_wish(incident, written, OWNER, had="Old@x") == {"owner": "sato@x"}
