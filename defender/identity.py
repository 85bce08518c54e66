"""Who we are to Azure, and the one session that every call goes through. Part of the SDK's side."""

from __future__ import annotations

import ssl
from pathlib import Path
from typing import Any, Protocol, cast

import aiohttp
from azure.core.credentials_async import AsyncTokenCredential
from azure.core.pipeline.transport import AioHttpTransport
from azure.identity.aio import ClientSecretCredential, DefaultAzureCredential

from defender.settings import AzureSettings, Service

#: aiohttp closes idle connections itself; the pool is far above what the pacer lets through.
_CONNECTIONS_MAX = 50
_KEPT_OPEN_SECONDS = 60.0


class ManagedCredential(AsyncTokenCredential, Protocol):
    """A credential that can be closed; all of azure-identity's can."""

    async def close(self) -> None: ...


def tls_context(ca_file: Path | None) -> ssl.SSLContext:
    """Reads the system's certificates, or those of the file: 20 ms, not for the loop."""
    return ssl.create_default_context(cafile=str(ca_file) if ca_file else None)


def session_of(tls: ssl.SSLContext) -> aiohttp.ClientSession:
    """One TLS context for all: the SDK would load the CA file, and connect, for each call."""
    connector = aiohttp.TCPConnector(
        ssl=tls, limit=_CONNECTIONS_MAX, keepalive_timeout=_KEPT_OPEN_SECONDS
    )
    return aiohttp.ClientSession(
        connector=connector,
        trust_env=True,  # HTTPS_PROXY
        auto_decompress=False,  # the SDK's transport does that
        cookie_jar=aiohttp.DummyCookieJar(),
    )


def transport_of(session: aiohttp.ClientSession) -> AioHttpTransport:
    """For calls and for tokens; who is done with it leaves the session open."""
    return AioHttpTransport(session=session, session_owner=False)


def has_own_identity(settings: AzureSettings, service: Service) -> bool:
    """Whether Microsoft Graph is asked by an app registration of its own."""
    return service is Service.GRAPH and bool(
        settings.tenant_id and settings.graph_client_id and settings.graph_client_secret
    )


def credential_of(
    settings: AzureSettings, transport: AioHttpTransport, service: Service = Service.ARM
) -> ManagedCredential:
    """The credential that a service is asked with.

    `transport` bears our TLS context: told of the CA file, the SDK would read it for each token,
    on the loop, and keep a megabyte of it until the next full collection.
    """
    options: dict[str, Any] = {}
    if settings.authority:
        options["authority"] = settings.authority
    if settings.disable_instance_discovery:
        options["disable_instance_discovery"] = True
    client_id, client_secret = settings.client_id, settings.client_secret
    if has_own_identity(settings, service):
        client_id, client_secret = settings.graph_client_id, settings.graph_client_secret
    if settings.tenant_id and client_id and client_secret:
        return cast(
            ManagedCredential,
            ClientSecretCredential(
                settings.tenant_id, client_id, client_secret, transport=transport, **options
            ),
        )
    if settings.ca_file:
        # Without it each link of the chain keeps its own: Service Fabric's trusts no authority.
        options["transport"] = transport
    if settings.managed_identity_client_id:
        options["managed_identity_client_id"] = settings.managed_identity_client_id
    return cast(ManagedCredential, DefaultAzureCredential(**options))
