"""The Azure SDK behind one door: credential, transport, pipeline and errors.

This module imports azure.core, azure.identity and azure.mgmt.security (about 40 MB, 0.7 s), so
only `defender.clients` imports it, in a thread. Our pipeline has no retry, redirect or
provider-registration policy: the SDK would repeat a POST, sleep without a limit, follow a
redirect with our token and write to a subscription it was only asked to read.
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Awaitable, Mapping
from io import BytesIO
from typing import Any, TypeVar

import aiohttp
from azure.core import AsyncPipelineClient
from azure.core.exceptions import AzureError as SdkError
from azure.core.exceptions import ClientAuthenticationError, ServiceRequestError
from azure.core.pipeline import PipelineRequest, PipelineResponse, policies
from azure.core.rest import AsyncHttpResponse, HttpRequest
from azure.identity import CredentialUnavailableError
from azure.mgmt.core.policies import AsyncARMChallengeAuthenticationPolicy
from azure.mgmt.security.aio import SecurityCenter

# SecurityCenter would import these on first use: 50 ms of the loop, at somebody's click.
from azure.mgmt.security.v2020_01_01.aio.operations import JitNetworkAccessPoliciesOperations

from defender.answers import clean
from defender.errors import AzureBusy, AzureError, AzureRefused, AzureUnavailable, OutcomeUnknown
from defender.identity import (
    credential_of,
    has_own_identity,
    session_of,
    tls_context,
    transport_of,
)
from defender.settings import AzureSettings, Service
from defender.witness import Answer, Witness

__all__ = ["Sdk", "tls_context", "translate"]

T = TypeVar("T")

#: What the way to Azure may raise before anything is sent.
_WORLD_ERRORS = (SdkError, TimeoutError, OSError, aiohttp.ClientError)


class _WitnessPolicy(policies.SansIOHTTPPolicy[Any, Any]):
    """Last before the wire: notes that a request goes out and what answers it."""

    def on_request(self, request: PipelineRequest[Any]) -> None:
        witness = request.context.options.pop("witness", None)
        if witness is not None:
            witness.is_sent = True
            request.context["witness"] = witness

    def on_response(
        self, request: PipelineRequest[Any], response: PipelineResponse[Any, Any]
    ) -> None:
        witness = request.context.get("witness")
        if witness is not None:
            answer = response.http_response
            witness.status = answer.status_code
            witness.headers = dict(answer.headers)
            witness.body = answer.body() if hasattr(answer, "body") else answer.content


class Sdk:
    """Everything made of Azure's SDK; made in a running loop, closed once."""

    def __init__(self, settings: AzureSettings, *, user_agent: str, tls: ssl.SSLContext) -> None:
        self._settings = settings
        self._session = session_of(tls)
        self._transport = transport_of(self._session)
        self.credential = credential_of(settings, self._transport)
        self._graph_credential = (
            credential_of(settings, self._transport, Service.GRAPH)
            if has_own_identity(settings, Service.GRAPH)
            else None
        )
        self._user_agent = user_agent
        self._services = {service: self._client(service) for service in Service}
        self._jit: dict[str, JitNetworkAccessPoliciesOperations] = {}

    def pipeline(self, *, service: Service = Service.ARM, decoding: bool = False) -> list[Any]:
        """Our own chain; `decoding` for generated clients, which read a parsed body."""
        chain: list[Any] = [
            policies.RequestIdPolicy(),
            policies.HeadersPolicy({"Accept": "application/json"}),
            policies.UserAgentPolicy(base_user_agent=self._user_agent),
            self._authentication(service),
            _WitnessPolicy(),
        ]
        if decoding:
            chain.insert(3, policies.ContentDecodePolicy())
        return chain

    def client_options(self) -> dict[str, Any]:
        """Keywords that put a generated client onto our transport and chain."""
        return {
            "base_url": self._settings.resource_manager,
            "credential_scopes": list(self._settings.scopes),
            "policies": self.pipeline(decoding=True),
            "transport": self._transport,
        }

    async def token(self, scope: str) -> tuple[str, float]:
        """A token that was just issued, and its end (seconds since 1970), for another service.

        A credential of its own each time: the kept one would give its cached token, and hide that
        it can't be renewed, until minutes before the end.
        """
        credential = credential_of(self._settings, self._transport)
        try:
            found = await credential.get_token(scope)
        except _WORLD_ERRORS as error:
            raise _not_sent(error, is_write=False) from error
        finally:
            await credential.close()
        return found.token, float(found.expires_on)

    async def initiate(
        self,
        *,
        subscription_id: str,
        group: str,
        location: str,
        policy_name: str,
        body: bytes,
        witness: Witness,
    ) -> None:
        """POST …/initiate once, the body as it is; the witness knows what came of it."""
        if subscription_id not in self._jit:
            client = SecurityCenter(self.credential, subscription_id, **self.client_options())
            self._jit[subscription_id] = client.jit_network_access_policies
        await self._jit[subscription_id].initiate(
            group, location, policy_name, BytesIO(body), witness=witness
        )

    async def send(
        self,
        method: str,
        url: str,
        *,
        witness: Witness,
        service: Service = Service.ARM,
        body: bytes | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Answer:
        """One request through a service's pipeline, its body as it is; what came back."""
        request = HttpRequest(method, url, content=body, headers=dict(headers or {}))
        if body is not None:
            request.headers["Content-Type"] = "application/json"
            request.headers["Content-Length"] = str(len(body))
        await self._services[service].send_request(request, witness=witness)
        return witness.answer()

    @staticmethod
    async def attempt(
        call: Awaitable[T], witness: Witness, *, seconds: float, is_write: bool
    ) -> T | None:
        """Await one call under a time-out; AzureError unless it succeeded.

        Once the request is out, whatever is raised only means that the SDK could not tell us what
        became of it, so every exception is translated; before that, only those of the world are.
        None is returned for a success that the SDK took for a failure.
        """
        try:
            async with asyncio.timeout(seconds):
                result = await call
        except Exception as error:
            if not witness.is_sent and not isinstance(error, _WORLD_ERRORS):
                raise
            found = translate(error, witness, is_write=is_write)
            if found is not None:
                raise found from error
            return None
        found = witness.failure(is_write=is_write)
        if found is not None:
            raise found
        return result

    async def close(self) -> None:
        """Close the credentials' and our own connections."""
        await self.credential.close()
        if self._graph_credential is not None:
            await self._graph_credential.close()
        await self._session.close()

    def _client(self, service: Service) -> AsyncPipelineClient[HttpRequest, AsyncHttpResponse]:
        return AsyncPipelineClient(
            base_url=self._settings.base_of(service),
            policies=self.pipeline(service=service),
            transport=self._transport,
        )

    def _authentication(self, service: Service) -> Any:
        """The policy that gives a service's own token, and to no other service."""
        scopes = self._settings.scopes_of(service)
        if service is Service.ARM:
            return AsyncARMChallengeAuthenticationPolicy(self.credential, *scopes)
        credential = self.credential
        if service is Service.GRAPH and self._graph_credential is not None:
            credential = self._graph_credential
        return policies.AsyncBearerTokenCredentialPolicy(credential, *scopes)


def translate(error: Exception, witness: Witness, *, is_write: bool) -> AzureError | None:
    """What an exception of the SDK, or a time-out, means to the caller; None: it succeeded."""
    if witness.status is not None:
        # The SDK knows one success per call and raises on others and on bodies it can't read.
        return witness.failure(is_write=is_write)
    if not witness.is_sent:
        return _not_sent(error, is_write=is_write)
    text = clean(str(error)) or type(error).__name__
    if _never_connected(error):
        if is_write:
            return AzureBusy("NotConnected", text)
        return AzureUnavailable("NotConnected", text)
    unsure = OutcomeUnknown if is_write else AzureUnavailable
    return unsure("TimedOut" if isinstance(error, TimeoutError) else "NoAnswer", text)


def _not_sent(error: BaseException, *, is_write: bool) -> AzureError:
    """No token: nothing was sent, so a write is proven not to have happened."""
    text = clean(str(error)) or type(error).__name__
    status = getattr(getattr(error, "response", None), "status_code", None)
    is_lasting = isinstance(error, CredentialUnavailableError) or (
        isinstance(error, ClientAuthenticationError) and status is not None and status < 500
    )
    if is_lasting:
        return AzureRefused("NoCredential", text, status)
    return AzureBusy("NotSent", text) if is_write else AzureUnavailable("NotSent", text)


def _never_connected(error: BaseException) -> bool:
    """Refused, unresolved or untrusted: no byte of the request left us."""
    return isinstance(error, ServiceRequestError) and isinstance(
        error.inner_exception, aiohttp.ClientConnectorError | aiohttp.ClientConnectorSSLError
    )
