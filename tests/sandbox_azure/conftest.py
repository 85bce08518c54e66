"""Azure on loopback and the real SDKs that talk to it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest
from azure.core.rest import AsyncHttpResponse, HttpRequest
from azure.identity.aio import ClientSecretCredential
from azure.mgmt.compute.aio import ComputeManagementClient
from azure.mgmt.core import AsyncARMPipelineClient
from azure.mgmt.core.policies import AsyncARMChallengeAuthenticationPolicy
from azure.mgmt.security.aio import SecurityCenter

from sandbox.azure import SandboxAzure
from sandbox.world.clock import SandboxClock
from sandbox.world.estate import PROD, demo_estate
from tests.sandbox_azure.asking import Arm


@pytest.fixture
def clock() -> SandboxClock:
    return SandboxClock()


@pytest.fixture
async def azure(clock: SandboxClock, tmp_path: Path) -> AsyncIterator[SandboxAzure]:
    azure = SandboxAzure(demo_estate(), clock, state_dir=tmp_path, settle=timedelta())
    await azure.start()
    yield azure
    await azure.stop()


@pytest.fixture
async def credential(azure: SandboxAzure) -> AsyncIterator[ClientSecretCredential]:
    async with ClientSecretCredential(
        azure.tenant_id,
        azure.client_id,
        azure.client_secret,
        authority=azure.authority,
        disable_instance_discovery=True,
        connection_verify=str(azure.ca_file),
    ) as credential:
        yield credential


@pytest.fixture
async def security(
    azure: SandboxAzure, credential: ClientSecretCredential
) -> AsyncIterator[SecurityCenter]:
    async with SecurityCenter(
        credential, PROD.id, base_url=azure.url, connection_verify=str(azure.ca_file)
    ) as client:
        yield client


@pytest.fixture
async def compute(
    azure: SandboxAzure, credential: ClientSecretCredential
) -> AsyncIterator[ComputeManagementClient]:
    async with ComputeManagementClient(
        credential, PROD.id, base_url=azure.url, connection_verify=str(azure.ca_file)
    ) as client:
        yield client


@pytest.fixture
async def arm(azure: SandboxAzure, credential: ClientSecretCredential) -> AsyncIterator[Arm]:
    policy = AsyncARMChallengeAuthenticationPolicy(
        credential, "https://management.azure.com/.default"
    )
    client: AsyncARMPipelineClient[HttpRequest, AsyncHttpResponse] = AsyncARMPipelineClient(
        base_url=azure.url, policies=[policy], connection_verify=str(azure.ca_file)
    )
    async with client:
        yield Arm(client, azure)
