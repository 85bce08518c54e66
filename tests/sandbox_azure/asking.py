"""Asking Azure as the product does: through the ARM pipeline, body and status as they are."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from azure.core.rest import AsyncHttpResponse, HttpRequest
from azure.identity.aio import ClientSecretCredential
from azure.mgmt.core import AsyncARMPipelineClient
from azure.mgmt.core.policies import AsyncARMChallengeAuthenticationPolicy

from sandbox.azure import SandboxAzure
from sandbox.azure.policies import policy_id
from sandbox.azure.wire import fold, instant_text

JIT = {"api-version": "2020-01-01"}
NETWORK = {"api-version": "2024-05-01"}
COMPUTE = {"api-version": "2024-07-01"}


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer that was read to its end."""

    status: int
    headers: dict[str, str]
    body: Any

    @property
    def code(self) -> str:
        """The code of a refusal."""
        return str(self.body["error"]["code"])


@asynccontextmanager
async def asker(
    azure: SandboxAzure, credential: ClientSecretCredential, scope: str
) -> AsyncIterator[Asker]:
    """A pipeline with a token for one of the services."""
    policy = AsyncARMChallengeAuthenticationPolicy(credential, scope)
    client: AsyncARMPipelineClient[HttpRequest, AsyncHttpResponse] = AsyncARMPipelineClient(
        base_url=azure.url, policies=[policy], connection_verify=str(azure.ca_file)
    )
    async with client:
        yield Asker(client, azure)


class Asker:
    """Azure's own pipeline, whatever service is asked."""

    def __init__(self, client: AsyncARMPipelineClient[Any, Any], azure: SandboxAzure) -> None:
        self._client = client
        self._azure = azure

    async def send(
        self,
        method: str,
        path: str,
        query: dict[str, str] | None = None,
        body: Any = None,
        headers: dict[str, str] | None = None,
    ) -> Reply:
        url = path if path.startswith("https://") else f"{self._azure.url}{path}"
        content = body if isinstance(body, bytes) or body is None else json.dumps(body).encode()
        request = HttpRequest(
            method, url, params=query or {}, content=content,
            headers={
                **({"Content-Type": "application/json"} if content is not None else {}),
                **(headers or {}),
            },
        )  # fmt: skip
        response = await self._client.send_request(request)
        text = response.text()
        is_json = "json" in response.headers.get("content-type", "")
        body = json.loads(text) if text and is_json else text
        return Reply(response.status_code, dict(response.headers), body)


class Arm(Asker):
    """Resource Manager and a few things that tests ask again and again."""

    def policy_of(self, vm_name: str) -> str:
        """The id of the policy that holds the machine."""
        vm = self._azure.machine(vm_name)
        ((policy, _),) = self._azure.state.entries_of(fold(vm.id))
        return policy_id(policy)

    def asking(self, vm_name: str, port: int = 22, **fields: Any) -> dict[str, Any]:
        """The body that asks for one port; fields given as None are left out."""
        wanted = {
            "number": port,
            "endTimeUtc": self.in_(hours=1),
            "allowedSourceAddressPrefix": "203.0.113.7",
            **fields,
        }
        port_body = {key: value for key, value in wanted.items() if value is not None}
        vm = self._azure.machine(vm_name)
        return {
            "virtualMachines": [{"id": vm.id, "ports": [port_body]}],
            "justification": "sekisho:J-1 deploy fix",
        }

    def in_(self, **length: float) -> str:
        """An instant so far ahead, as Azure writes it."""
        return instant_text(self._azure.clock.now() + timedelta(**length))

    async def initiate(self, vm_name: str, port: int = 22, **fields: Any) -> Reply:
        """Ask for one port of one machine."""
        body = self.asking(vm_name, port, **fields)
        return await self.send("POST", f"{self.policy_of(vm_name)}/initiate", JIT, body)

    async def requests(self, vm_name: str) -> list[Any]:
        """What the machine's policy lists."""
        reply = await self.send("GET", self.policy_of(vm_name), JIT)
        found: list[Any] = reply.body["properties"]["requests"]
        return found

    async def statuses(self, vm_name: str) -> list[tuple[str, str]]:
        """Status and reason of every port record, oldest first."""
        return [
            (port["status"], port["statusReason"])
            for request in await self.requests(vm_name)
            for vm in request["virtualMachines"]
            for port in vm["ports"]
        ]
