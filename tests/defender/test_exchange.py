"""Asking by POST and other services: bodies as they are, tokens of their own, writes once."""

from __future__ import annotations

from datetime import timedelta

import pytest

from defender.clients import AzureClients, Call, Service
from defender.errors import AzureBusy, AzureForbidden, AzureRefused, OutcomeUnknown
from tests.defender.estate import SUBSCRIPTION
from tests.defender.wire import TOKEN, Answer, Wire, drop

VERSION = {"api-version": "2022-01-01"}
GRAPH_QUERY = "/providers/Microsoft.ResourceGraph/resources"
RESOLVE = f"/subscriptions/{SUBSCRIPTION}/providers/Microsoft.Security/locations/w/alerts/a/resolve"
BUSY = Answer({"error": {"code": "Busy", "message": ""}}, 503)


async def test_a_body_goes_out_as_it_is(wire: Wire, clients: AzureClients) -> None:
    wire.answer("POST", GRAPH_QUERY, Answer({"data": []}))
    body = b'{"query":"x","n":1.50}'
    assert await clients.post(GRAPH_QUERY, VERSION, body, kind=Call.READ) == b'{"data": []}'
    call = wire.received[0]
    assert call.body == {"query": "x", "n": 1.5}
    assert call.headers["Content-Type"] == "application/json"
    assert call.headers["Content-Length"] == str(len(body))


async def test_a_write_without_a_body_says_so(wire: Wire, clients: AzureClients) -> None:
    wire.answer("POST", RESOLVE, Answer(None, 204))
    assert await clients.post(RESOLVE, VERSION, b"", kind=Call.WRITE) == b""
    assert wire.received[0].headers["Content-Length"] == "0"


@pytest.mark.parametrize("answer", [BUSY, drop])
async def test_a_write_is_sent_once_whatever_comes_back(
    wire: Wire, clients: AzureClients, answer: Answer
) -> None:
    wire.answer("POST", RESOLVE, answer)
    with pytest.raises(OutcomeUnknown):
        await clients.post(RESOLVE, VERSION, b"", kind=Call.WRITE)
    assert len(wire.received) == 1


async def test_a_query_is_repeated_like_any_read(wire: Wire, clients: AzureClients) -> None:
    wire.answer("POST", GRAPH_QUERY, BUSY, Answer({"data": []}))
    assert await clients.post(GRAPH_QUERY, VERSION, b"{}", kind=Call.READ)
    assert len(wire.received) == 2


async def test_a_missing_right_is_named(wire: Wire, clients: AzureClients) -> None:
    text = "… to perform action 'Microsoft.Security/x' over scope '/subscriptions/s' …"
    wire.answer("POST", RESOLVE, Answer({"error": {"code": "No", "message": text}}, 403))
    with pytest.raises(AzureForbidden) as refused:
        await clients.post(RESOLVE, VERSION, b"", kind=Call.WRITE)
    assert refused.value.action == "Microsoft.Security/x"


async def test_each_service_has_its_own_address_and_headers(wire: Wire) -> None:
    path = "/v1/workspaces/w/query"
    wire.answer("POST", path, Answer({"tables": []}, headers={"X-Quota": "3"}))
    settings = wire.settings(resource_manager="https://127.0.0.1:1", log_analytics=wire.url)
    async with AzureClients(settings) as clients:
        found = await clients.exchange(
            Service.MONITOR, "POST", path, {}, b"{}", headers={"Prefer": "wait=60"}
        )
    assert (found.status, found.headers["x-quota"], found.body) == (200, "3", b'{"tables": []}')
    assert wire.received[0].headers["Prefer"] == "wait=60"
    assert wire.received[0].headers["Authorization"] == f"Bearer {TOKEN}"


async def test_each_service_asks_for_its_own_token(wire: Wire) -> None:
    for path in ("/arm", "/monitor", "/graph"):
        wire.answer("GET", path, Answer({}))
    settings = wire.settings(
        log_analytics=wire.url,
        graph=wire.url,
        graph_scopes=("https://graph.example/.default",),
        graph_client_id="00000000-0000-0000-0000-0000000000cc",
        graph_client_secret="another-made-up-secret",
    )
    async with AzureClients(settings) as clients:
        for service in Service:
            await clients.ask(service, "GET", f"/{service.value}", {})
    assert wire.token_forms == [
        (settings.client_id, "https://management.azure.com/.default"),
        (settings.client_id, f"{wire.url}/.default"),
        (settings.graph_client_id, "https://graph.example/.default"),
    ]


async def test_a_used_up_quota_holds_the_next_query_back(wire: Wire, clients: AzureClients) -> None:
    quota = {"x-ms-user-quota-remaining": "0", "x-ms-user-quota-resets-after": "00:00:30"}
    wire.answer("POST", GRAPH_QUERY, Answer({"data": []}, headers=quota))
    await clients.post(GRAPH_QUERY, VERSION, b"{}", kind=Call.READ)
    with pytest.raises(AzureBusy) as held:
        await clients.post(
            GRAPH_QUERY, VERSION, b"{}", kind=Call.READ, deadline=timedelta(seconds=2)
        )
    assert held.value.retry_after is not None
    assert 25 < held.value.retry_after.total_seconds() <= 30
    assert len(wire.received) == 1


async def test_a_redirect_is_not_followed(wire: Wire, clients: AzureClients) -> None:
    wire.answer("GET", "/elsewhere", Answer({}))
    wire.answer("POST", RESOLVE, Answer(None, 307, {"Location": f"{wire.url}/elsewhere"}))
    with pytest.raises((AzureRefused, OutcomeUnknown)):
        await clients.post(RESOLVE, VERSION, b"", kind=Call.WRITE)
    assert len(wire.received) == 1
