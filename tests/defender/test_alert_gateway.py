"""Alerts read over https and changed there: pages in every odd order, cut answers, refusals."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, cast

import pytest
from aiohttp import web

from defender.alert import Alert
from defender.alert_routes import NoRoute
from defender.alerts import AlertGateway, Verb
from defender.clients import AzureClients
from defender.errors import AzureForbidden, AzureUnavailable, OutcomeUnknown
from tests.defender.estate import SUBSCRIPTION
from tests.defender.wire import TOKEN, Answer, Wire, drop

GRAPH = "/providers/Microsoft.ResourceGraph/resources"
LIST = f"/subscriptions/{SUBSCRIPTION}/providers/Microsoft.Security/alerts"
PLACE = f"/subscriptions/{SUBSCRIPTION}/resourceGroups/rg-(1)/providers/Microsoft.Security"
SINCE = datetime(2026, 11, 25, 6, tzinfo=UTC)
FORBIDDEN = Answer({"error": {"code": "AuthorizationFailed", "message": "The client … to perform "
    f"action 'Microsoft.Security/locations/alerts/x' over scope '{PLACE}' …"}}, 403)  # fmt: skip


def alert(name: str, minute: int = 0, **said: Any) -> dict[str, Any]:
    return {
        "id": f"{PLACE}/locations/centralus/alerts/{name}",
        "name": name,
        "properties": {
            "systemAlertId": name,
            "status": "Active",
            "timeGeneratedUtc": f"2026-11-25T07:{minute:02}:00.1234567Z",
        }
        | said,
    }


def rows(*items: Any, token: str = "", total: int | None = None, cut: str = "false") -> Answer:
    body: dict[str, Any] = {"count": len(items), "data": list(items), "resultTruncated": cut}
    if total is not None:
        body["totalRecords"] = total
    if token:
        body["$skipToken"] = token
    return Answer(body)


def page(wire: Wire, *items: Any, link: str | None = None, at: str = "") -> Answer:
    following = f"{at or wire.url}{LIST}?page={link}" if link else link
    return Answer({"value": list(items), "nextLink": following})


def keys(found: tuple[Alert, ...]) -> list[str]:
    return [item.key for item in found]


@pytest.fixture
async def gateway(clients: AzureClients) -> AlertGateway:
    return AlertGateway(clients)


# --- Resource Graph ---------------------------------------------------------------------------


async def test_one_query_asks_for_many_subscriptions_since_then(
    wire: Wire, gateway: AlertGateway
) -> None:
    wire.answer("POST", GRAPH, rows(alert("b", 2), alert("a", 1)))
    other = "00000000-0000-0000-0000-000000000002"
    found = await gateway.graph_since([SUBSCRIPTION, other], SINCE)
    assert keys(found.alerts) == ["a", "b"]
    body = wire.received[0].body
    assert body["subscriptions"] == [SUBSCRIPTION, other]
    assert "generated >= datetime(2026-11-25T06:00:00.000000Z)" in body["query"]
    assert "properties.timeGeneratedUtc" in body["query"]
    assert "properties.TimeGeneratedUtc" in body["query"]
    assert "project id," in body["query"]
    assert body["options"] == {"$top": 500, "resultFormat": "objectArray"}


async def test_rows_go_on_by_skip_token_and_each_alert_is_given_once(
    wire: Wire, gateway: AlertGateway
) -> None:
    wire.answer(
        "POST",
        GRAPH,
        rows(alert("a"), alert("b", 5), token="t1", total=3),
        rows(token="t2", total=3),
        rows(alert("B", 5, status="Resolved"), total=3),
    )
    found = await gateway.graph_since([SUBSCRIPTION], SINCE)
    assert [(item.key, item.state) for item in found.alerts] == [("a", "active"), ("b", "resolved")]
    assert not found.is_cut
    assert [call.body["options"].get("$skipToken") for call in wire.received] == [None, "t1", "t2"]


@pytest.mark.parametrize(
    "answer",
    [
        rows(alert("a"), total=1_500),
        rows(alert("a"), total=1, cut="true"),
        rows(alert("a")).body | {"resultTruncated": True},
    ],
)
async def test_a_cut_answer_is_noticed(wire: Wire, gateway: AlertGateway, answer: Any) -> None:
    wire.answer("POST", GRAPH, answer if isinstance(answer, Answer) else Answer(answer))
    assert (await gateway.graph_since([SUBSCRIPTION], SINCE)).is_cut


async def test_the_sample_of_a_cut_answer_is_noticed(
    wire: Wire, gateway: AlertGateway, shared: Path
) -> None:
    body = (shared / "samples" / "resource-graph-truncated.json").read_bytes()
    wire.answer("POST", GRAPH, Answer(body))
    found = await gateway.graph_since([SUBSCRIPTION], SINCE)
    assert found.is_cut
    assert [item.severity for item in found.alerts] == ["High"]


async def test_a_token_that_comes_again_ends_the_query_and_is_named(
    wire: Wire, gateway: AlertGateway
) -> None:
    wire.answer("POST", GRAPH, rows(alert("a"), token="same"))
    found = await gateway.graph_since([SUBSCRIPTION], SINCE)
    assert found.is_cut
    assert len(wire.received) == 2


async def test_no_subscription_asks_nothing(wire: Wire, gateway: AlertGateway) -> None:
    assert await gateway.graph_since([], SINCE) == await gateway.graph_since((), SINCE)
    assert wire.received == []


async def test_a_row_that_is_no_alert_is_set_aside_as_a_sentence(
    wire: Wire, gateway: AlertGateway
) -> None:
    wire.answer("POST", GRAPH, rows(alert("a"), None, 7, alert("b")))
    found = await gateway.graph_since([SUBSCRIPTION], SINCE)
    assert keys(found.alerts) == ["a", "b"]
    assert found.bad == (
        "Alert 2 of a page could not be read: null.",
        "Alert 3 of a page could not be read: a int, not an object.",
    )


async def test_known_alerts_are_asked_for_again_by_identity(
    wire: Wire, gateway: AlertGateway
) -> None:
    wire.answer("POST", GRAPH, rows(alert("a", status="Dismissed")))
    asked = [Alert(key="a"), Alert(key="x' or true //"), Alert(key="a")]
    found = await gateway.graph_again([SUBSCRIPTION], asked)
    assert found.alerts[0].state == "dismissed"
    assert "key in~ ('a')" in wire.received[0].body["query"]


# --- the alerts API ---------------------------------------------------------------------------


@pytest.mark.proves("C070")
@pytest.mark.parametrize("last", ["", None])
async def test_an_empty_link_ends_the_list(
    wire: Wire, gateway: AlertGateway, last: str | None
) -> None:
    wire.answer("GET", LIST, Answer({"value": [alert("a")], "nextLink": last}))
    assert keys((await gateway.of_subscription(SUBSCRIPTION)).alerts) == ["a"]
    assert len(wire.received) == 1


@pytest.mark.proves("C070")
async def test_a_link_seen_before_ends_the_list(wire: Wire, gateway: AlertGateway) -> None:
    wire.answer("GET", LIST, page(wire, alert("a"), link="1"), page(wire, alert("b"), link="1"))
    assert keys((await gateway.of_subscription(SUBSCRIPTION)).alerts) == ["a", "b"]
    assert len(wire.received) == 2


@pytest.mark.proves("C071")
async def test_an_empty_page_in_the_middle_is_passed(wire: Wire, gateway: AlertGateway) -> None:
    wire.answer("GET", LIST, page(wire, link="1"), page(wire, link="2"), page(wire, alert("new")))
    assert keys((await gateway.of_subscription(SUBSCRIPTION)).alerts) == ["new"]


@pytest.mark.proves("C015")
async def test_a_bare_array_is_read_and_said(
    wire: Wire, gateway: AlertGateway, caplog: pytest.LogCaptureFixture
) -> None:
    wire.answer("GET", LIST, Answer([alert("a")]))
    assert keys((await gateway.of_subscription(SUBSCRIPTION)).alerts) == ["a"]
    assert "azure.bare_array" in caplog.messages


async def test_a_link_to_another_host_gets_no_token(wire: Wire, gateway: AlertGateway) -> None:
    elsewhere = "https://localhost:" + wire.url.rpartition(":")[2]
    wire.answer("GET", LIST, page(wire, alert("a"), link="1", at=elsewhere))
    with pytest.raises(AzureUnavailable):
        await gateway.of_subscription(SUBSCRIPTION)
    assert len(wire.received) == 1
    assert wire.received[0].headers["Authorization"] == f"Bearer {TOKEN}"


@pytest.mark.proves("FAULT-26")
@pytest.mark.parametrize("turn", range(3))
async def test_pages_in_any_order_with_doubles_are_one_list(
    wire: Wire, gateway: AlertGateway, turn: int
) -> None:
    pages = [(alert("c", 9), alert("a", 1)), (alert("A", 1), alert("b", 1)), ()]
    turned = pages[turn:] + pages[:turn]
    wire.answer(
        "GET", LIST, page(wire, *turned[0], link="1"), page(wire, *turned[1], link="2"),
        page(wire, *turned[2]),
    )  # fmt: skip
    assert keys((await gateway.of_subscription(SUBSCRIPTION)).alerts) == ["a", "b", "c"]


async def test_a_damaged_page_does_not_stop_the_rest(wire: Wire, gateway: AlertGateway) -> None:
    good = json.dumps({"value": [alert("a"), alert("x"), alert("c")], "nextLink": "N"}).encode()
    damaged = good.replace(b'"systemAlertId": "x"', b'"systemAlertId": \x01')
    damaged = damaged.replace(b'"N"', f'"{wire.url}{LIST}?page=2"'.encode())

    async def answer(request: web.Request) -> web.StreamResponse:
        if request.query.get("page"):
            return page(wire, alert("d")).response()
        return Answer(damaged).response()

    wire.answer("GET", LIST, answer)
    found = await gateway.of_subscription(SUBSCRIPTION)
    assert keys(found.alerts) == ["a", "c", "d"]
    assert found.bad == ("A page of alerts was damaged; what stood whole in it was read.",)
    assert not found.is_cut


async def test_half_a_character_costs_nothing_but_itself(wire: Wire, gateway: AlertGateway) -> None:
    wire.answer("GET", LIST, page(wire, alert("a", description="x \ud83d"), alert("b")))
    found = await gateway.of_subscription(SUBSCRIPTION)
    assert [item.description for item in found.alerts] == ["x \ufffd", ""]
    assert found.bad == ()
    assert len(wire.received) == 1


async def test_an_answer_too_deep_to_read_is_an_error_and_no_crash(
    wire: Wire, gateway: AlertGateway
) -> None:
    wire.answer("GET", known().arm_id, Answer(b'{"a":' * 100_000 + b"1" + b"}" * 100_000))
    with pytest.raises(AzureUnavailable):
        await gateway.read(known())


async def test_a_page_cut_off_is_given_as_cut(wire: Wire, gateway: AlertGateway) -> None:
    body = json.dumps({"value": [alert("a"), alert("b")], "nextLink": "x"}).encode()
    wire.answer("GET", LIST, Answer(body[:-60]))
    found = await gateway.of_subscription(SUBSCRIPTION)
    assert keys(found.alerts) == ["a"]
    assert found.is_cut
    assert len(found.bad) == 1


class OnePage:
    """Clients whose list is one page that is there already: only its reading is measured."""

    def __init__(self, body: bytes) -> None:
        self._body = body

    async def pages(self, *_: object, **__: object) -> AsyncIterator[bytes]:
        yield self._body


@pytest.mark.proves("C085")
async def test_a_page_of_two_megabytes_holds_nobody_up(shared: Path) -> None:
    found = json.loads((shared / "samples" / "alert-network-many-ips.json").read_bytes())["value"]
    items = []
    for place in range(75):
        item = json.loads(json.dumps(found[0]))
        item["properties"]["systemAlertId"] = f"many-{place}"
        items.append(item)
    body = json.dumps({"value": items}).encode()
    assert len(body) > 1_800_000
    gateway = AlertGateway(cast(AzureClients, OnePage(body)))
    longest = []
    for _ in range(3):  # a busy machine adds to a run, never takes away
        steps: list[float] = []
        async with asyncio.TaskGroup() as group:
            watch = group.create_task(_watch(steps))
            batches = [batch async for batch in gateway.subscription_pages(SUBSCRIPTION)]
            watch.cancel()
        assert sum(len(batch.alerts) for batch in batches) == 75
        longest.append(max(steps))
    assert min(longest) < 0.005


async def _watch(steps: list[float]) -> None:
    """Processor time of each turn of the loop."""
    while True:
        at = time.thread_time()
        await asyncio.sleep(0)
        steps.append(time.thread_time() - at)


# --- changes ----------------------------------------------------------------------------------


def known(**facts: Any) -> Alert:
    place = f"{PLACE}/locations/centralus/alerts/25_aB-1"
    return Alert(**{"key": "25_ab-1", "arm_id": place, "subscription_id": SUBSCRIPTION} | facts)


@pytest.mark.parametrize("verb", ["resolve", "dismiss", "activate", "inProgress"])
async def test_a_state_is_changed_at_the_alerts_own_place(
    wire: Wire, gateway: AlertGateway, verb: Verb
) -> None:
    wire.answer("POST", f"{known().arm_id}/{verb}", Answer(None, 204))
    await gateway.set_state(known(), verb)
    call = wire.received[0]
    assert (call.path, call.body) == (f"{known().arm_id}/{verb}", None)
    assert call.query == {"api-version": "2022-01-01"}


async def test_a_right_that_is_missing_is_named(wire: Wire, gateway: AlertGateway) -> None:
    wire.answer("POST", f"{known().arm_id}/inProgress", FORBIDDEN)
    with pytest.raises(AzureForbidden) as refused:
        await gateway.set_state(known(), "inProgress")
    assert refused.value.action == "Microsoft.Security/locations/alerts/x"
    assert len(wire.received) == 1


@pytest.mark.parametrize("answer", [drop, Answer("<html>", 200), Answer(None, 500)])
async def test_a_change_without_a_proof_is_not_repeated(
    wire: Wire, gateway: AlertGateway, answer: Any
) -> None:
    wire.answer("POST", f"{known().arm_id}/resolve", answer)
    with pytest.raises(OutcomeUnknown):
        await gateway.set_state(known(), "resolve")
    assert len(wire.received) == 1


async def test_an_exported_alert_is_looked_up_before_it_is_changed(
    wire: Wire, gateway: AlertGateway
) -> None:
    wire.answer("POST", GRAPH, rows(alert("25_aB-1")))
    wire.answer("POST", f"{known().arm_id}/dismiss", Answer(None, 204))
    await gateway.set_state(known(arm_id=""), "dismiss")
    assert [call.path for call in wire.received] == [GRAPH, f"{known().arm_id}/dismiss"]


async def test_an_exported_alert_that_is_not_found_goes_by_its_link(
    wire: Wire, gateway: AlertGateway
) -> None:
    wire.answer("POST", GRAPH, rows())
    link = (
        "https://portal.azure.com/#blade/X/AlertBlade/alertId/25_ab/subscriptionId/"
        f"{SUBSCRIPTION}/resourceGroup/rg-1/referencedFrom/alertDeepLink/location/centralus"
    )
    path = (
        f"/subscriptions/{SUBSCRIPTION}/resourceGroups/rg-1/providers/Microsoft.Security"
        "/locations/centralus/alerts/25_ab/resolve"
    )
    wire.answer("POST", path, Answer(None, 204))
    await gateway.set_state(known(arm_id="", link=link), "resolve")
    with pytest.raises(NoRoute):
        await gateway.set_state(known(arm_id=""), "resolve")


async def test_an_alert_is_read_again(wire: Wire, gateway: AlertGateway) -> None:
    wire.answer("GET", known().arm_id, Answer(alert("25_aB-1", status="Resolved")))
    assert (await gateway.read(known())).state == "resolved"


@pytest.mark.parametrize("status", [202, 204])
async def test_sample_alerts_are_asked_for_in_the_subscriptions_own_region(
    wire: Wire, gateway: AlertGateway, status: int
) -> None:
    base = f"/subscriptions/{SUBSCRIPTION}/providers/Microsoft.Security/locations"
    wire.answer("GET", base, Answer({"value": [{"name": "centralus"}]}))
    wire.answer("POST", f"{base}/centralus/alerts/default/simulate", Answer(None, status))
    await gateway.simulate(SUBSCRIPTION)
    assert wire.received[1].body == {
        "properties": {"kind": "Bundles", "bundles": ["VirtualMachines"]}
    }


async def test_the_recorded_changes_go_through(
    wire: Wire, gateway: AlertGateway, shared: Path
) -> None:
    recording = json.loads((shared / "recordings" / "alerts_update.json").read_bytes())
    states = []
    for post, get in zip(recording[::2], recording[1::2], strict=True):
        path, _, verb = post["request"]["path_and_query"].partition("?")[0].rpartition("/")
        wire.answer("POST", f"{path}/{verb}", Answer(None, post["response"]["status"]))
        wire.answer("GET", path, Answer(get["response"]["body"]))
        there = Alert(key="k", arm_id=path)
        await gateway.set_state(there, verb)
        states.append((verb, (await gateway.read(there)).state))
    assert states == [
        ("dismiss", "dismissed"), ("resolve", "resolved"), ("inProgress", "inprogress"),
        ("activate", "active"),
    ]  # fmt: skip


async def test_a_slow_list_ends_at_its_deadline(wire: Wire, clients: AzureClients) -> None:
    wire.answer("GET", LIST, Answer({"error": {"code": "x"}}, 503))
    pages = clients.pages(LIST, {"api-version": "2022-01-01"}, deadline=timedelta(seconds=0.6))
    with pytest.raises(AzureUnavailable):
        _ = [body async for body in pages]
