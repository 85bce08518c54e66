"""The sandbox's answers have every field that Azure's own have, in the same types."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from sandbox.azure import SandboxAzure
from sandbox.world.clock import SandboxClock
from sandbox.world.estate import DATA, PROD
from tests.sandbox_azure.asking import JIT, Arm

PROVIDERS = f"/subscriptions/{PROD.id}/providers"

#: What a machine has only in some estates; nothing in the product reads it.
OPTIONAL = {
    "resources", "exactVersion", "patchSettings", "storageUri", "lun", "toBeDetached",
    "bootDiagnostics", "extensions", "time", "vmAgent.extensionHandlers[]",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Recordings:
    """The exchanges of one file."""

    exchanges: list[Any]

    def body(self, method: str, ending: str, *, filled: bool = True) -> Any:
        """The body that answered the request whose path ends so."""
        for exchange in self.exchanges:
            request, body = exchange["request"], exchange["response"]["body"]
            path = request["path_and_query"].split("?")[0].lower()
            is_empty = isinstance(body, dict) and body.get("value") == []
            if request["method"] == method and path.endswith(ending.lower()):
                if filled and is_empty:
                    continue
                return body
        raise LookupError(f"{method} …{ending}")


@pytest.fixture
def recorded(shared: Path) -> Recordings:
    found = json.loads((shared / "recordings" / "jit.json").read_text(encoding="utf-8"))
    return Recordings(found)


def fields(value: Any, at: str = "") -> Iterator[tuple[str, str]]:
    """Each path in a body and the type that stands there; the items of a list are one."""
    if isinstance(value, dict):
        yield at, "object"
        for key, inner in value.items():
            if key not in OPTIONAL:
                yield from fields(inner, f"{at}.{key}")
    elif isinstance(value, list):
        yield at, "list"
        for inner in value:
            yield from fields(inner, f"{at}[]")
    else:
        yield at, type(value).__name__


def missing(ours: Any, theirs: Any) -> set[tuple[str, str]]:
    """What Azure has and we have not."""
    return set(fields(theirs)) - set(fields(ours))


async def test_an_empty_list(arm: Arm, recorded: Recordings) -> None:
    for policy in (await arm.send("GET", _list(DATA.id), JIT)).body["value"]:
        await arm.send("DELETE", policy["id"], JIT)

    reply = await arm.send("GET", _list(DATA.id), JIT)

    assert reply.body == recorded.body("GET", "jitNetworkAccessPolicies", filled=False)


async def test_a_list_with_a_running_request(arm: Arm, recorded: Recordings) -> None:
    await arm.initiate("web-01")

    reply = await arm.send("GET", _list(PROD.id), JIT)

    theirs = recorded.body("GET", "jitNetworkAccessPolicies")
    assert missing(reply.body, theirs) == set()
    assert list(reply.body["value"][0]) == list(theirs["value"][0])


async def test_a_put(arm: Arm, recorded: Recordings, azure: SandboxAzure) -> None:
    azure.settle = timedelta(seconds=30)
    (sent,) = [e["request"]["body"] for e in recorded.exchanges if e["request"]["method"] == "PUT"][
        :1
    ]

    reply = await arm.send(
        "PUT",
        f"/subscriptions/{PROD.id}/resourceGroups/rg-Svc-02/providers/Microsoft.Security/locations"
        "/centralus/jitNetworkAccessPolicies/default",
        JIT,
        sent,
    )

    assert reply.body == recorded.body("PUT", "default")


async def test_an_initiate(arm: Arm, recorded: Recordings, azure: SandboxAzure) -> None:
    azure.settle = timedelta(seconds=30)

    reply = await arm.initiate("web-01")

    theirs = recorded.body("POST", "initiate")
    assert reply.status == 202
    assert missing(reply.body, theirs) == set()
    ours, (port,) = (
        reply.body["virtualMachines"][0]["ports"][0],
        theirs["virtualMachines"][0]["ports"],
    )
    assert {key: ours[key] for key in ("status", "statusReason")} == {
        key: port[key] for key in ("status", "statusReason")
    }
    assert len(reply.body["startTimeUtc"]) == len(theirs["startTimeUtc"])


async def test_a_delete_has_no_body(arm: Arm, recorded: Recordings) -> None:
    (theirs,) = [e["response"] for e in recorded.exchanges if e["request"]["method"] == "DELETE"][
        :1
    ]

    reply = await arm.send("DELETE", arm.policy_of("web-01"), JIT)

    assert (reply.status, reply.body) == (theirs["status"], theirs["body"] or "")


async def test_published_examples_agree(
    arm: Arm, shared: Path, azure: SandboxAzure, clock: SandboxClock
) -> None:
    folder = shared / "azure-examples" / "JitNetworkAccessPolicies"
    await arm.initiate("web-01")
    group = arm.policy_of("web-01").rpartition("/")[0]
    ours = {
        "GetJitNetworkAccessPolicy": (await arm.send("GET", arm.policy_of("web-01"), JIT)).body,
        "GetJitNetworkAccessPoliciesSubscription": (
            await arm.send("GET", _list(PROD.id), JIT)
        ).body,
        "GetJitNetworkAccessPoliciesResourceGroupLocation": (
            await arm.send("GET", group, JIT)
        ).body,
    }
    for name, body in ours.items():
        example = json.loads((folder / f"{name}_example.json").read_text(encoding="utf-8"))
        assert missing(body, example["responses"]["200"]["body"]) == set(), name


async def test_the_published_request_is_taken(arm: Arm, shared: Path) -> None:
    folder = shared / "azure-examples" / "JitNetworkAccessPolicies"
    text = (folder / "InitiateJitNetworkAccessPolicy_example.json").read_text(encoding="utf-8")
    example = json.loads(text)
    body = example["parameters"]["body"]
    body["virtualMachines"][0]["id"] = arm.asking("web-01")["virtualMachines"][0]["id"]
    (port,) = body["virtualMachines"][0]["ports"]
    port |= {"number": 22, "endTimeUtc": arm.in_(hours=1)}

    reply = await arm.send("POST", f"{arm.policy_of('web-01')}/initiate", JIT, body)

    assert reply.status == 202
    assert missing(reply.body, example["responses"]["202"]["body"]) == set()


async def test_machines(arm: Arm, shared: Path, azure: SandboxAzure) -> None:
    text = (shared / "recordings" / "compute.json").read_text(encoding="utf-8")
    recorded = Recordings(json.loads(text))
    version = {"api-version": "2020-12-01"}
    vm = azure.machine("web-01")

    listed = await arm.send("GET", f"{PROVIDERS}/Microsoft.Compute/virtualMachines", version)
    single = await arm.send("GET", vm.id, {**version, "$expand": "instanceview"})

    theirs = recorded.body("GET", "/virtualMachines/vm-app-05")
    assert _without_disks(missing(listed.body, recorded.body("GET", "/virtualMachines"))) == set()
    assert _without_disks(missing(single.body, theirs)) == set()


async def test_locations(arm: Arm, shared: Path) -> None:
    text = (shared / "recordings" / "locations.json").read_text(encoding="utf-8")
    recorded = Recordings(json.loads(text))
    version = {"api-version": "2015-06-01-preview"}
    path = f"{PROVIDERS}/Microsoft.Security/locations"

    listed = await arm.send("GET", path, version)
    single = await arm.send("GET", f"{path}/{listed.body['value'][0]['name']}", version)

    assert set(fields(listed.body)) == set(fields(recorded.body("GET", "/locations")))
    assert single.body == listed.body["value"][0]


def _list(subscription_id: str) -> str:
    return f"/subscriptions/{subscription_id}/providers/Microsoft.Security/jitNetworkAccessPolicies"


def _without_disks(found: set[tuple[str, str]]) -> set[tuple[str, str]]:
    """Data disks, an extension and its owner's tags belong to that one recorded machine."""
    own = ("dataDisks[]", ".tags.", "extensionHandlers[]")
    return {(at, kind) for at, kind in found if not any(part in at for part in own)}
