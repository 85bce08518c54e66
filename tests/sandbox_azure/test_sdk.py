"""The real SDKs work against the sandbox unchanged."""

from __future__ import annotations

import asyncio
from datetime import datetime
from io import BytesIO
from pathlib import Path

import msgspec
import pytest
from azure.core.exceptions import ClientAuthenticationError, HttpResponseError
from azure.identity import ClientSecretCredential as SyncCredential
from azure.identity.aio import ClientSecretCredential
from azure.mgmt.compute.aio import ComputeManagementClient
from azure.mgmt.security.aio import SecurityCenter

from sandbox.azure import SandboxAzure
from sandbox.azure.faults import hang_after_accept, too_many
from sandbox.azure.tls import make_certificates
from sandbox.world.estate import PROD
from tests.sandbox_azure.asking import Arm


async def test_security_center_lists_policies(security: SecurityCenter) -> None:
    found = [p async for p in security.jit_network_access_policies.list()]

    assert "jit-bastion" in {policy.name for policy in found}
    longest = {
        port.number: port.max_request_access_duration
        for policy in found
        for vm in policy.virtual_machines
        if vm.id.endswith("/web-01")
        for port in vm.ports
    }
    assert longest == {22: "PT3H", 8443: "PT3H"}


async def test_security_center_initiates(
    azure: SandboxAzure, security: SecurityCenter, arm: Arm
) -> None:
    body = BytesIO(msgspec.json.encode(arm.asking("web-01")))

    record = await security.jit_network_access_policies.initiate(
        "rg-shop-prod", "japaneast", "default", body
    )

    assert record.justification == "sekisho:J-1 deploy fix"
    assert isinstance(record.start_time_utc, datetime)
    assert [(p.vm, p.port, p.source) for p in azure.open_ports()] == [("web-01", 22, "203.0.113.7")]


async def test_compute_lists_every_page(
    azure: SandboxAzure, compute: ComputeManagementClient
) -> None:
    azure.page_size = 4

    names = [str(vm.name) async for vm in compute.virtual_machines.list_all()]

    assert sorted(names) == sorted(
        vm.name for vm in azure.state.estate.machines if vm.subscription_id == PROD.id
    )


@pytest.mark.parametrize(
    ("name", "state"),
    [("web-01", "PowerState/running"), ("web-08", "PowerState/deallocated"), ("fresh-01", None)],
)
async def test_compute_reads_the_power_state(
    azure: SandboxAzure, compute: ComputeManagementClient, name: str, state: str | None
) -> None:
    group = azure.machine(name).resource_group

    vm = await compute.virtual_machines.get(group, name, expand="instanceView")

    codes = [s.code for s in vm.instance_view.statuses if s.code.startswith("PowerState/")]
    assert codes == ([state] if state else [])


async def test_a_wrong_secret_is_refused(azure: SandboxAzure) -> None:
    async with ClientSecretCredential(
        azure.tenant_id,
        azure.client_id,
        "wrong",
        authority=azure.authority,
        disable_instance_discovery=True,
        connection_verify=str(azure.ca_file),
    ) as credential:
        with pytest.raises(ClientAuthenticationError, match="AADSTS7000215"):
            await credential.get_token("https://management.azure.com/.default")


async def test_the_synchronous_credential_gets_a_token(azure: SandboxAzure) -> None:
    def ask() -> str:
        with SyncCredential(
            azure.tenant_id,
            azure.client_id,
            azure.client_secret,
            authority=azure.authority,
            disable_instance_discovery=True,
            connection_verify=str(azure.ca_file),
        ) as credential:
            return credential.get_token("https://management.azure.com/.default").token

    assert azure.tokens.admits(f"Bearer {await asyncio.to_thread(ask)}")


async def test_a_revoked_token_is_refused(azure: SandboxAzure, arm: Arm) -> None:
    await arm.send("GET", "/subscriptions", {"api-version": "2022-12-01"})

    azure.tokens.revoke()
    reply = await arm.send("GET", "/subscriptions", {"api-version": "2022-12-01"})

    assert (reply.status, reply.code) == (401, "InvalidAuthenticationToken")


async def test_the_sdk_is_told_to_wait(azure: SandboxAzure, security: SecurityCenter) -> None:
    azure.faults.add(too_many(7, method="POST"))

    with pytest.raises(HttpResponseError) as refused:
        await security.jit_network_access_policies.initiate(
            "rg-shop-prod", "japaneast", "default", BytesIO(b"{}"), retry_total=0
        )

    assert refused.value.status_code == 429
    headers = getattr(refused.value.response, "headers", {})
    assert headers["Retry-After"] == "7"


async def test_stopping_does_not_wait_for_a_hanging_answer(
    azure: SandboxAzure, security: SecurityCenter, arm: Arm
) -> None:
    azure.faults.add(hang_after_accept())
    body = BytesIO(msgspec.json.encode(arm.asking("web-01")))
    call = asyncio.ensure_future(
        security.jit_network_access_policies.initiate(
            "rg-shop-prod", "japaneast", "default", body, retry_total=0
        )
    )
    await azure.wait(azure.open_ports)

    await asyncio.wait_for(azure.stop(), 5)

    with pytest.raises(Exception, match=r"disconnected|closed|Connection"):
        await call
    assert azure.initiates[0].status is None
    assert azure.initiates[0].took_effect


def test_the_key_is_readable_by_its_owner_alone(tmp_path: Path) -> None:
    make_certificates(tmp_path)

    assert (tmp_path / "azure-key.pem").stat().st_mode & 0o077 == 0
