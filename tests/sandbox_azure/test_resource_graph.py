"""Resource Graph over the wire: the product's own queries, answered by what they mean."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from defender.alert_routes import named_query, since_query
from sandbox.azure import SandboxAzure
from sandbox.azure.alerts import SandboxAlert
from sandbox.world.estate import DATA, PROD, STAGING
from tests.sandbox_azure.asking import Arm, Reply
from tests.sandbox_azure.shapes import shape_of, unlike

PATH = "/providers/Microsoft.ResourceGraph/resources"
VERSION = {"api-version": "2021-03-01"}
ALERTS = "securityresources | where type =~ 'Microsoft.Security/locations/alerts'"
ALL = (PROD.id, STAGING.id, DATA.id)


async def ask(
    arm: Arm,
    query: str,
    options: dict[str, Any] | None = None,
    *,
    subscriptions: tuple[str, ...] = ALL,
) -> Reply:
    body = {
        "subscriptions": list(subscriptions),
        "query": query,
        "options": {"$top": 1000, "resultFormat": "objectArray", **(options or {})},
    }
    return await arm.send("POST", PATH, VERSION, body)


def names(reply: Reply) -> list[str]:
    return [row["name"] for row in reply.body["data"]]


def raise_some(azure: SandboxAzure, count: int) -> list[SandboxAlert]:
    return [azure.raise_alert(f"web-0{1 + number % 8}") for number in range(count)]


async def test_one_query_spans_subscriptions(azure: SandboxAzure, arm: Arm) -> None:
    raised = [azure.raise_alert(vm).name for vm in ("web-01", "stg-web-01", "dwh-01")]

    everywhere = await ask(arm, since_query(azure.clock.now() - timedelta(hours=1)))
    in_two = await ask(arm, ALERTS, subscriptions=(PROD.id, STAGING.id))

    assert sorted(names(everywhere)) == sorted(raised)
    assert sorted(names(in_two)) == sorted(raised[:2])


async def test_the_generated_time_filters_whatever_its_spelling(
    azure: SandboxAzure, arm: Arm
) -> None:
    for spelling in ("new", "old"):
        azure.raise_alert("web-01", spelling=spelling, generated_ago=timedelta(hours=5))
    young = [azure.raise_alert("web-02", spelling=s).name for s in ("new", "old")]
    timeless = azure.raise_alert(
        "web-03", properties={"timeGeneratedUtc": None, "processingEndTimeUtc": None}
    )

    found = await ask(arm, since_query(azure.clock.now() - timedelta(hours=1)))
    by_age = await ask(
        arm, f"{ALERTS} | where todatetime(properties.timeGeneratedUtc) > ago(1h) | project name"
    )

    assert sorted(names(found)) == sorted([*young, timeless.name])
    assert names(by_age) == young[:1]


async def test_alerts_are_found_by_their_identity(azure: SandboxAzure, arm: Arm) -> None:
    wanted = [azure.raise_alert("web-01", spelling=s) for s in ("new", "old")]
    azure.raise_alert("web-02")

    found = await ask(arm, named_query([alert.system_id.upper() for alert in wanted]))

    assert sorted(names(found)) == sorted(alert.name for alert in wanted)


async def test_pages_follow_each_other(azure: SandboxAzure, arm: Arm) -> None:
    raised = raise_some(azure, 5)
    query = since_query(azure.clock.now() - timedelta(hours=1))

    pages = [await ask(arm, query, {"$top": 2})]
    while token := pages[-1].body.get("$skipToken"):
        pages.append(await ask(arm, query, {"$top": 2, "$skipToken": token}))

    assert [page.body["count"] for page in pages] == [2, 2, 1]
    assert {page.body["resultTruncated"] for page in pages} == {"false"}
    assert {page.body["totalRecords"] for page in pages} == {5}
    ids = [row["id"] for page in pages for row in page.body["data"]]
    assert ids == sorted(alert.id for alert in raised)


async def test_without_an_id_there_are_no_pages(azure: SandboxAzure, arm: Arm) -> None:
    raise_some(azure, 3)

    cut = await ask(arm, f"{ALERTS} | project name", {"$top": 2})

    assert (cut.body["count"], cut.body["totalRecords"]) == (2, 3)
    assert cut.body["resultTruncated"] == "true"
    assert "$skipToken" not in cut.body


async def test_an_answer_can_be_cut(azure: SandboxAzure, arm: Arm) -> None:
    raise_some(azure, 3)
    azure.alerts.faults.cut_after = 1

    cut = await ask(arm, ALERTS)

    assert (cut.body["count"], cut.body["resultTruncated"]) == (1, "true")
    assert "$skipToken" not in cut.body


@pytest.mark.parametrize(
    ("query", "code"),
    [
        ("nothinghere | where name == 'x'", "SemanticError"),
        (f"{ALERTS} | where nocolumn == 'x'", "SemanticError"),
        (f"{ALERTS} | where nofunction(name)", "SemanticError"),
        (f"{ALERTS} | where", "ParserFailure"),
        (f"{ALERTS} | join kind=inner x on y", "ParserFailure"),
        (f"{ALERTS} | where name == 'a' 'b'", "ParserFailure"),
        ("securityresources | where " + "(" * 80, "ParserFailure"),
        ("", "ParserFailure"),
    ],
)
async def test_what_makes_no_sense_is_refused(arm: Arm, query: str, code: str) -> None:
    refused = await ask(arm, query)

    assert (refused.status, refused.code) == (400, "BadRequest")
    assert code in [detail["code"] for detail in refused.body["error"]["details"]]


@pytest.mark.parametrize(
    ("options", "code"),
    [
        ({"$top": 0}, "InvalidTop"),
        ({"$top": 1001}, "InvalidTop"),
        ({"$skipToken": "never given"}, "InvalidSkipToken"),
        ({"resultFormat": "table"}, "InvalidResultFormat"),
    ],
)
async def test_options_out_of_bounds_are_refused(arm: Arm, options: Any, code: str) -> None:
    refused = await ask(arm, ALERTS, options)

    assert refused.status == 400
    assert refused.body["error"]["details"][0]["code"] == code


async def test_what_may_not_be_read_is_left_out(azure: SandboxAzure, arm: Arm) -> None:
    mine = azure.raise_alert("web-01")
    azure.raise_alert("stg-web-01")
    right = "Microsoft.Security/locations/alerts/read"
    azure.rights.deny(right, f"/subscriptions/{STAGING.id}")

    some = await ask(arm, ALERTS)
    none = await ask(arm, ALERTS, subscriptions=(STAGING.id,))

    assert names(some) == [mine.name]
    assert (none.status, none.code) == (403, "AuthorizationFailed")


async def test_the_quota_is_told_and_kept(azure: SandboxAzure, arm: Arm) -> None:
    first, *_, last = [await ask(arm, ALERTS) for _ in range(15)]
    azure.resource_graph.quota.is_enforced = True
    over = await ask(arm, ALERTS)

    assert first.headers["x-ms-user-quota-remaining"] == "14"
    assert first.headers["x-ms-user-quota-resets-after"] == "00:00:05"
    assert last.headers["x-ms-user-quota-remaining"] == "0"
    assert (over.status, over.code) == (429, "RateLimiting")
    assert 1 <= int(over.headers["Retry-After"]) <= 5


async def test_it_shows_what_was_known_a_while_ago(azure: SandboxAzure, arm: Arm) -> None:
    azure.alerts.graph_latency = timedelta(seconds=60)
    alert = azure.raise_alert("web-01", spelling="new")
    too_early = await ask(arm, ALERTS)
    azure.clock.advance(timedelta(seconds=61))
    azure.alerts.set_status(alert, "Resolved", azure.clock.now())
    behind = await ask(arm, ALERTS)
    azure.clock.advance(timedelta(seconds=61))
    even = await ask(arm, ALERTS)

    statuses = [row["properties"]["status"] for row in behind.body["data"] + even.body["data"]]
    assert too_early.body["data"] == []
    assert statuses == ["Active", "Resolved"]


async def test_policies_are_not_there(arm: Arm) -> None:
    found = await ask(
        arm,
        "securityresources | where type =~ 'microsoft.security/locations/jitnetworkaccesspolicies'",
    )

    assert (found.status, found.body["data"]) == (200, [])


async def test_the_answer_is_shaped_like_the_published_one(
    azure: SandboxAzure, arm: Arm, shared: Path
) -> None:
    raise_some(azure, 2)
    published = json.loads(
        (shared / "azure-examples/ResourceGraph/request_response.json").read_text()
    )["response"]

    found = await ask(arm, f"{ALERTS} | project id, name, type, location, subscriptionId",
                      {"$top": 1})  # fmt: skip

    assert unlike(shape_of(found.body), shape_of(published["body"])) == []
    assert set(published["headers"]) <= {name.lower() for name in found.headers}
