"""Paths and queries of alerts: foreign text gets in only letter by letter, or not at all."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from defender.alert import Alert
from defender.alert_routes import (
    NoRoute,
    alert_path,
    location_of,
    named_query,
    older_open_query,
    path_in_link,
    queryable,
    since_query,
)

SUB = "00000000-0000-0000-0000-000000000001"
ARM = f"/subscriptions/{SUB}/resourceGroups/rg-1/providers/Microsoft.Security"
GOOD = f"{ARM}/locations/centralus/alerts/2517_aB-1"

hostile = st.one_of(
    st.text(max_size=40),
    st.sampled_from(
        [
            "' or true //",
            "a' | take 1 //",
            'a" | union x',
            "a\\",
            "../../x",
            "a?b=c",
            "a#",
            "a%2fb",
            "a\nb",
            "ａ",
            "O'Brien; | take 1 //",
            "..",
            "",
            "a\x00",
        ]
    ),
)
#: The whole grammar of what we may send.
NAMED = re.compile(
    r"[^']*'microsoft\.security/locations/alerts'[^']*"
    r"\(((?:'[\w.\-]{1,200}'(?:, )?)+)\)[^']*",
    re.ASCII,
)


@pytest.mark.proves("FAULT-29")
@given(st.lists(hostile, min_size=1, max_size=3))
def test_no_identity_changes_a_query(keys: list[str]) -> None:
    try:
        query = named_query(keys)
    except NoRoute:
        assert any(not re.fullmatch(r"[\w.\-]{1,200}", key, re.ASCII) for key in keys)
        return
    found = NAMED.fullmatch(query)
    assert found
    assert found[1].split(", ") == [f"'{key}'" for key in keys]


@pytest.mark.proves("FAULT-29")
@given(hostile, st.sampled_from(["rg-1", "alerts/2517_aB-1", "centralus", SUB]))
def test_no_id_leads_elsewhere(text: str, part: str) -> None:
    try:
        path = alert_path(GOOD.replace(part, text if "alerts" not in part else f"alerts/{text}"))
    except NoRoute:
        return
    assert path.count("/") == 10
    assert not set(path) & set("?#%\\'\"\n\r \t")
    assert ".." not in path.split("/")
    assert path.lower().startswith(f"/subscriptions/{SUB}/resourcegroups/")


@pytest.mark.proves("FAULT-29")
@given(hostile)
def test_no_location_is_more_than_one(text: str) -> None:
    try:
        assert re.fullmatch(r"[a-z0-9]{2,60}", location_of(text))
    except NoRoute:
        return


@pytest.mark.proves("FAULT-29")
@given(
    st.datetimes(
        min_value=datetime(1990, 1, 1),
        timezones=st.sampled_from([UTC, timezone(timedelta(hours=9))]),
    )
)
def test_a_time_in_a_query_is_utc(at: datetime) -> None:
    for query in (since_query(at), older_open_query(at)):
        found = re.findall(r"datetime\((\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z)\)", query)
        assert [datetime.fromisoformat(text) for text in found] == [at]


def test_the_path_is_made_of_the_ids_own_parts() -> None:
    assert alert_path(GOOD) == GOOD
    bare = f"/subscriptions/{SUB}/providers/Microsoft.Security/locations/westeurope/alerts/a"
    assert alert_path(bare.replace("Security", "SECURITY") + "/") == bare


@pytest.mark.parametrize(
    "link",
    [
        "",
        "https://security.microsoft.com/alerts/da1",
        f"https://p/alertId/../subscriptionId/{SUB}/location/centralus",
        f"https://p/alertId/a/subscriptionId/{SUB[:-1]}-/location/centralus",
        f"https://p/alertId/a'b/subscriptionId/{SUB}/location/centralus",
    ],
)
def test_other_links_lead_nowhere(link: str) -> None:
    assert path_in_link(link) == ""


def test_identities_that_cannot_be_asked_for_are_left_out() -> None:
    asked = [Alert(key="2517_a-1"), Alert(key="/subscriptions/x"), Alert(key="a'b")]
    assert queryable([*asked, asked[0]]) == ["2517_a-1"]
