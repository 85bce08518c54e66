"""Rights, locks, throttling, and requests that Resource Manager does not understand."""

from __future__ import annotations

import ssl

import aiohttp
import pytest

from sandbox.azure import SandboxAzure
from sandbox.azure.buckets import SIZES, Buckets
from sandbox.azure.state import INITIATE
from sandbox.world.estate import PROD
from tests.sandbox_azure.asking import COMPUTE, JIT, NETWORK, Arm

SUBSCRIPTION = f"/subscriptions/{PROD.id}"


async def test_a_missing_right_is_named(azure: SandboxAzure, arm: Arm) -> None:
    azure.rights.deny(INITIATE, f"{SUBSCRIPTION}/resourceGroups/rg-shop-prod")

    refused = await arm.initiate("web-01")
    elsewhere = await arm.initiate("bastion-01")

    assert (refused.status, refused.code) == (403, "AuthorizationFailed")
    assert INITIATE in refused.body["error"]["message"]
    assert azure.client_id in refused.body["error"]["message"]
    assert elsewhere.status == 202


@pytest.mark.parametrize(("right", "method"), [("nsg_read", "GET"), ("nsg_delete", "DELETE")])
async def test_optional_rights_are_switched(
    azure: SandboxAzure, arm: Arm, right: str, method: str
) -> None:
    setattr(azure.rights, right, False)
    path = f"{azure.machine('web-01').nsg_id}/securityRules/any"

    refused = await arm.send(method, path, NETWORK)
    azure.mend()
    allowed = await arm.send(method, path, NETWORK)

    assert refused.status == 403
    assert allowed.status in (204, 404)


async def test_permissions_list_what_is_granted(azure: SandboxAzure, arm: Arm) -> None:
    path = f"{SUBSCRIPTION}/providers/Microsoft.Authorization/permissions"
    azure.rights.nsg_delete = False
    azure.rights.deny(INITIATE)

    reply = await arm.send("GET", path, {"api-version": "2022-04-01"})

    (role,) = reply.body["value"]
    assert "Microsoft.Compute/virtualMachines/read" in role["actions"]
    assert INITIATE not in role["actions"]
    assert "Microsoft.Network/networkSecurityGroups/securityRules/delete" not in role["actions"]


async def test_a_read_only_lock_stops_changes_alone(azure: SandboxAzure, arm: Arm) -> None:
    azure.faults.locks.add(SUBSCRIPTION)

    changed = await arm.initiate("web-01")
    read = await arm.send("GET", arm.policy_of("web-01"), JIT)

    assert (changed.status, changed.code) == (409, "ScopeLocked")
    assert "Please remove the lock" in changed.body["error"]["message"]
    assert read.status == 200


UNKNOWN = {
    "no version": ("GET", SUBSCRIPTION, {}, 400, "MissingApiVersionParameter"),
    "subscription": (
        "GET",
        "/subscriptions/99999999-0000-0000-0000-000000000009/providers/Microsoft.Compute"
        "/virtualMachines",
        COMPUTE, 404, "SubscriptionNotFound",
    ),
    "group": (
        "GET",
        f"{SUBSCRIPTION}/resourceGroups/rg-none/providers/Microsoft.Compute/virtualMachines/x",
        COMPUTE, 404, "ResourceGroupNotFound",
    ),
    "machine": (
        "GET",
        f"{SUBSCRIPTION}/resourceGroups/rg-ops/providers/Microsoft.Compute/virtualMachines/x",
        COMPUTE, 404, "ResourceNotFound",
    ),
    "type": (
        "GET", f"{SUBSCRIPTION}/providers/Microsoft.Storage/accounts", COMPUTE, 404,
        "InvalidResourceType",
    ),
    "method": (
        "PATCH", f"{SUBSCRIPTION}/providers/Microsoft.Security/jitNetworkAccessPolicies", JIT,
        404, "InvalidResourceType",
    ),
    "skip token": (
        "GET", f"{SUBSCRIPTION}/providers/Microsoft.Compute/virtualMachines",
        {**COMPUTE, "$skiptoken": "bm9uc2Vuc2U="}, 400, "InvalidSkipToken",
    ),
}  # fmt: skip


@pytest.mark.parametrize("what", UNKNOWN)
async def test_what_is_not_there_is_said_in_azures_words(arm: Arm, what: str) -> None:
    method, path, query, status, code = UNKNOWN[what]

    reply = await arm.send(method, path, query)

    assert (reply.status, reply.code) == (status, code)


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b'{"virtualMachines": 1}', b"\xff\xfe"])
async def test_an_unreadable_body_is_refused(azure: SandboxAzure, arm: Arm, body: bytes) -> None:
    reply = await arm.send("POST", f"{arm.policy_of('web-01')}/initiate", JIT, body)

    assert reply.status == 400
    assert reply.code == "InvalidRequestContent"
    assert azure.initiates[-1].took_effect is False


async def test_without_a_token_nothing_is_told(azure: SandboxAzure) -> None:
    async with aiohttp.ClientSession() as session:
        for header in ({}, {"Authorization": "Bearer 9999999999.abc"}, {"Authorization": "x"}):
            async with session.get(
                f"{azure.url}/subscriptions", params={"api-version": "2022-12-01"},
                headers=header, ssl=_trusting(azure),
            ) as answer:  # fmt: skip
                assert answer.status == 401
                assert answer.headers["WWW-Authenticate"].startswith("Bearer ")


async def test_what_is_left_of_the_bucket_is_told(arm: Arm) -> None:
    reply = await arm.send("GET", "/subscriptions", {"api-version": "2022-12-01"})
    read = await arm.send("GET", arm.policy_of("web-01"), JIT)

    assert int(reply.headers["x-ms-ratelimit-remaining-tenant-reads"]) <= 249
    assert int(read.headers["x-ms-ratelimit-remaining-subscription-reads"]) <= 249
    assert read.headers["x-ms-request-id"]
    assert read.headers["x-ms-correlation-request-id"]


async def test_an_empty_bucket_is_429_where_limits_are_enforced(
    azure: SandboxAzure, arm: Arm, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(SIZES, "reads", (2, 0))
    azure.enforces_limits = True

    replies = [await arm.send("GET", arm.policy_of("web-01"), JIT) for _ in range(3)]

    assert [reply.status for reply in replies] == [200, 200, 429]
    assert replies[-1].code == "SubscriptionRequestsThrottled"
    assert replies[-1].headers["Retry-After"] == "1"
    assert (await arm.initiate("web-01")).status == 202


def test_a_bucket_refills_at_azures_pace() -> None:
    buckets = Buckets()
    size, refill = SIZES["writes"]

    taken = [buckets.take("s", "writes", 0.0) for _ in range(size + 1)]
    later = [buckets.take("s", "writes", 1.0) for _ in range(refill + 1)]

    assert (taken[0], taken[-2], taken[-1]) == (size - 1, 0, None)
    assert later[-1] is None
    assert None not in later[:-1]


def _trusting(azure: SandboxAzure) -> ssl.SSLContext:
    return ssl.create_default_context(cafile=str(azure.ca_file))
