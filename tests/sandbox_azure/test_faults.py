"""Azure at its worst, on purpose: each fault is met, used up and leaves the truth readable."""

from __future__ import annotations

import asyncio

import pytest
from azure.core.exceptions import AzureError, ClientAuthenticationError

from sandbox.azure import Fault, SandboxAzure
from sandbox.azure.faults import (
    Target,
    drop_after_accept,
    drop_before,
    hang_after_accept,
    hang_before,
    html_page,
    odd_answer,
    refuse,
    slow,
    too_many,
)
from tests.sandbox_azure.asking import JIT, Arm

INITIATE: Target = {"method": "POST", "path_contains": "/initiate"}


@pytest.mark.parametrize("status", [403, 409, 429, 500, 503])
async def test_a_refusal_before_the_effect_opens_nothing(
    azure: SandboxAzure, arm: Arm, status: int
) -> None:
    azure.faults.add(refuse(status, "Broken", "Not now.", path_contains="/initiate"))

    refused = await arm.initiate("web-01")
    after = azure.open_ports()
    again = await arm.initiate("web-01")

    assert (refused.status, refused.code) == (status, "Broken")
    assert after == []
    assert again.status == 202
    assert [e.took_effect for e in azure.initiates] == [False, True]


async def test_too_many_says_when_to_come_back(azure: SandboxAzure, arm: Arm) -> None:
    azure.faults.add(too_many(12, path_contains="/initiate"))

    reply = await arm.initiate("web-01")

    assert (reply.status, reply.headers["Retry-After"]) == (429, "12")


@pytest.mark.parametrize("status", [200, 201, 204])
async def test_an_odd_success_opened_the_port(azure: SandboxAzure, arm: Arm, status: int) -> None:
    azure.faults.add(odd_answer(status, path_contains="/initiate"))

    reply = await arm.initiate("web-01")

    assert (reply.status, reply.body) == (status, "")
    assert len(azure.open_ports()) == 1


async def test_a_proxys_page_opened_nothing(azure: SandboxAzure, arm: Arm) -> None:
    azure.faults.add(html_page(path_contains="/initiate"))

    reply = await arm.initiate("web-01")

    assert reply.status == 200
    assert reply.headers["Content-Type"] == "text/html"
    assert azure.open_ports() == []


@pytest.mark.parametrize(
    ("fault", "opened"), [(drop_before(**INITIATE), 0), (drop_after_accept(**INITIATE), 1)]
)
async def test_a_broken_connection_may_have_opened_the_port(
    azure: SandboxAzure, arm: Arm, fault: Fault, opened: int
) -> None:
    azure.faults.add(fault)

    with pytest.raises(AzureError):
        await arm.initiate("web-01")

    assert len(azure.open_ports()) == opened
    assert azure.initiates[0].status is None


@pytest.mark.parametrize(
    ("fault", "opened"), [(hang_before(**INITIATE), 0), (hang_after_accept(**INITIATE), 1)]
)
async def test_an_answer_that_never_comes_may_have_opened_the_port(
    azure: SandboxAzure, arm: Arm, fault: Fault, opened: int
) -> None:
    azure.faults.add(fault)
    call = asyncio.ensure_future(arm.initiate("web-01"))

    await azure.wait(lambda: azure.initiates and len(azure.open_ports()) == opened)
    call.cancel()
    await asyncio.wait([call])

    assert len(azure.open_ports()) == opened
    assert azure.initiates[0].status is None


async def test_a_slow_answer_is_right(azure: SandboxAzure, arm: Arm) -> None:
    azure.faults.add(slow(0.05, path_contains="/initiate"))

    assert (await arm.initiate("web-01")).status == 202


async def test_a_fault_lasts_until_it_is_removed(azure: SandboxAzure, arm: Arm) -> None:
    azure.faults.add(refuse(500, "Broken", "Not now.", times=None, name="mine"))
    path = arm.policy_of("web-01")

    first, second = [(await arm.send("GET", path, JIT)).status for _ in range(2)]
    azure.faults.remove("mine")
    third = (await arm.send("GET", path, JIT)).status

    assert (first, second, third) == (500, 500, 200)


async def test_the_first_fault_that_matches_is_met(azure: SandboxAzure, arm: Arm) -> None:
    azure.faults.add(refuse(500, "One", "", method="DELETE"))
    azure.faults.add(refuse(502, "Two", "", times=2))
    azure.faults.add(refuse(503, "Three", ""))
    path = arm.policy_of("web-01")

    statuses = [(await arm.send("GET", path, JIT)).status for _ in range(4)]

    assert statuses == [502, 502, 503, 200]


async def test_the_token_endpoint_breaks_only_when_named(azure: SandboxAzure, arm: Arm) -> None:
    azure.faults.add(refuse(503, "Broken", "", times=None))
    assert (await arm.send("GET", arm.policy_of("web-01"), JIT)).status == 503
    asked = azure.token_requests

    azure.mend()
    azure.tokens.revoke()
    azure.faults.add(
        Fault(path_contains="/oauth2/", status=401, body={"error": "invalid_client"}, times=None)
    )
    reply = await arm.send("GET", arm.policy_of("web-01"), JIT)

    assert asked == 1
    assert reply.status == 401


async def test_a_broken_token_endpoint_is_an_authentication_error(
    azure: SandboxAzure, arm: Arm
) -> None:
    azure.faults.add(
        Fault(path_contains="/oauth2/", status=401, body={"error": "invalid_client"}, times=None)
    )

    with pytest.raises(ClientAuthenticationError):
        await arm.send("GET", arm.policy_of("web-01"), JIT)

    assert azure.received == []


async def test_azure_comes_back_with_what_it_held(azure: SandboxAzure, arm: Arm) -> None:
    await arm.initiate("web-01")
    port = azure.port

    await azure.stop()
    with pytest.raises(AzureError):
        await arm.send("GET", arm.policy_of("web-01"), JIT)
    await azure.start(port)

    assert await arm.statuses("web-01") == [("Initiated", "UserRequested")]


async def test_waiting_for_what_never_comes_ends(azure: SandboxAzure) -> None:
    with pytest.raises(TimeoutError):
        await azure.wait(azure.open_ports, timeout=0.05)
