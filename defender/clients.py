"""Asking Resource Manager: one deadline, our own retries, pages from nowhere else."""

from __future__ import annotations

import asyncio
import importlib
import logging
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from datetime import timedelta
from types import TracebackType
from typing import TYPE_CHECKING, Self, TypeVar
from urllib.parse import urlsplit

from defender.addresses import address, bucket_of, origin
from defender.answers import quota_wait
from defender.decode import link_after
from defender.errors import AzureBusy, AzureUnavailable
from defender.pacing import Call, Pacer, ends_after, next_wait
from defender.settings import AzureSettings, Service
from defender.witness import Answer, Witness

if TYPE_CHECKING:
    from defender.sdk import Sdk

T = TypeVar("T")
#: Makes one call of the SDK; the witness must be handed on to it.
Make = Callable[["Sdk", Witness], Awaitable[T]]

__all__ = ["Answer", "AzureClients", "AzureSettings", "Call", "Service", "ends_after"]

logger = logging.getLogger(__name__)

#: A single read; Azure answers in well under a second or not at all.
READ_DEADLINE = timedelta(seconds=20)
#: A whole list, all pages.
LIST_DEADLINE = timedelta(minutes=5)
#: Tries of one read within its deadline.
READ_TRIES = 4
#: 100,000 machines come in 2,000 pages of 50 at worst.
PAGES_MAX = 2_000


class AzureClients:
    """The way to Azure. Costs nothing until `warm` or the first call loads the SDK."""

    def __init__(self, settings: AzureSettings, *, user_agent: str = "sekisho") -> None:
        self.settings = settings
        self.pacer = Pacer(clock=time.monotonic)
        self._user_agent = user_agent
        self._sdk: Sdk | None = None
        self._warming = asyncio.Lock()
        self._origin = origin(settings.resource_manager)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.close()

    async def close(self) -> None:
        """Close every connection; a later call would open new ones."""
        sdk, self._sdk = self._sdk, None
        if sdk is not None:
            await sdk.close()

    async def warm(self) -> None:
        """Load the SDK in a thread and make the clients; the first call waits for it."""
        await self.sdk()

    async def sdk(self) -> Sdk:
        """The SDK's side, made on first use."""
        async with self._warming:
            if self._sdk is None:
                module = await asyncio.to_thread(importlib.import_module, "defender.sdk")
                tls = await asyncio.to_thread(module.tls_context, self.settings.ca_file)
                self._sdk = module.Sdk(self.settings, user_agent=self._user_agent, tls=tls)
            return self._sdk

    async def token(self, scope: str) -> tuple[str, float]:
        """A new token of our identity for `scope`, and its end in seconds since 1970."""
        return await (await self.sdk()).token(scope)

    async def get(
        self, path: str, query: Mapping[str, str], *, deadline: timedelta = READ_DEADLINE
    ) -> bytes:
        """One read, repeated where that helps, within the deadline."""
        return await self._get(
            address(self.settings.resource_manager, path, query), ends_at=ends_after(deadline)
        )

    async def pages(
        self,
        path: str,
        query: Mapping[str, str],
        *,
        deadline: timedelta = LIST_DEADLINE,
    ) -> AsyncIterator[bytes]:
        """Every page of a list; AzureUnavailable rather than a list that is cut short."""
        ends_at = ends_after(deadline)
        url, seen = address(self.settings.resource_manager, path, query), set[str]()
        for _ in range(PAGES_MAX):
            seen.add(url)
            body = await self._page(url, ends_at=ends_at)
            yield body
            page = link_after(body)
            if page.is_array:
                logger.warning("azure.bare_array", extra={"path": path})
            following = page.next_link
            if not following:
                return
            if origin(following) != self._origin:
                raise AzureUnavailable(
                    "ForeignNextLink", "The list goes on at another address; it was not followed."
                )
            if following in seen:
                logger.warning("azure.next_link_repeated", extra={"path": path})
                return
            url = following
        raise AzureUnavailable("TooManyPages", f"The list has more than {PAGES_MAX} pages.")

    async def delete(self, path: str, query: Mapping[str, str], *, deadline: timedelta) -> None:
        """One DELETE, not repeated by us; an answer of 404 is AzureNotFound."""
        url = address(self.settings.resource_manager, path, query)
        await self.call(
            lambda sdk, witness: sdk.send("DELETE", url, witness=witness),
            subscription_id=bucket_of(path),
            kind=Call.DELETE,
            ends_at=ends_after(deadline),
        )

    async def post(
        self,
        path: str,
        query: Mapping[str, str],
        body: bytes,
        *,
        kind: Call,
        deadline: timedelta = READ_DEADLINE,
    ) -> bytes:
        """One POST to Resource Manager: a WRITE once, a READ (a query) as often as a read is."""
        return await self.ask(Service.ARM, "POST", path, query, body, kind=kind, deadline=deadline)

    async def ask(
        self,
        service: Service,
        method: str,
        path: str,
        query: Mapping[str, str],
        body: bytes | None = None,
        *,
        headers: Mapping[str, str] | None = None,
        kind: Call = Call.READ,
        deadline: timedelta = READ_DEADLINE,
    ) -> bytes:
        """The body of an exchange."""
        answer = await self.exchange(
            service, method, path, query, body, headers=headers, kind=kind, deadline=deadline
        )
        return answer.body

    async def exchange(
        self,
        service: Service,
        method: str,
        path: str,
        query: Mapping[str, str],
        body: bytes | None = None,
        *,
        headers: Mapping[str, str] | None = None,
        kind: Call = Call.READ,
        deadline: timedelta = READ_DEADLINE,
    ) -> Answer:
        """One call with the answer's headers: a READ repeated where that helps, a WRITE never.

        After a WRITE: AzureRefused means that nothing happened, OutcomeUnknown that it may have.
        """
        url = address(self.settings.base_of(service), path, query)
        bucket = bucket_of(path) if service is Service.ARM else service.value
        ends_at = ends_after(deadline)

        def make(sdk: Sdk, witness: Witness) -> Awaitable[Answer]:
            return sdk.send(
                method, url, witness=witness, service=service, body=body, headers=headers
            )

        if kind is Call.READ:
            return await self.read(make, subscription_id=bucket, ends_at=ends_at)
        found = await self.call(make, subscription_id=bucket, kind=kind, ends_at=ends_at)
        return found or Answer(0, {}, b"")

    async def read(self, make: Make[T], *, subscription_id: str, ends_at: float) -> T:
        """One read, repeated where that helps, within the deadline."""
        attempt = 0
        while True:
            attempt += 1
            try:
                found = await self.call(
                    make, subscription_id=subscription_id, kind=Call.READ, ends_at=ends_at
                )
                if found is None:
                    raise AzureUnavailable("Unreadable", "Azure's answer could not be read.")
                return found
            except (AzureBusy, AzureUnavailable) as error:
                asked = error.retry_after if isinstance(error, AzureBusy) else None
                wait = next_wait(attempt, asked).total_seconds()
                if attempt >= READ_TRIES or time.monotonic() + wait >= ends_at:
                    raise
                await asyncio.sleep(wait)

    async def call(
        self, make: Make[T], *, subscription_id: str, kind: Call, ends_at: float
    ) -> T | None:
        """One call in its turn; Azure's wish to wait holds back those after it."""
        sdk = await self.sdk()
        await self.pacer.take(subscription_id, kind, ends_at=ends_at)
        witness = Witness()
        seconds = max(0.0, ends_at - time.monotonic())
        try:
            found = await sdk.attempt(
                make(sdk, witness), witness, seconds=seconds, is_write=kind is not Call.READ
            )
            self.pacer.hold(subscription_id, kind, quota_wait(witness.headers))
            return found
        except AzureBusy as busy:
            if busy.status == 429:
                self.pacer.hold(subscription_id, kind, busy.retry_after)
            raise

    async def _get(self, url: str, *, ends_at: float) -> bytes:
        answer = await self.read(
            lambda sdk, witness: sdk.send("GET", url, witness=witness),
            subscription_id=bucket_of(urlsplit(url).path),
            ends_at=ends_at,
        )
        return answer.body

    async def _page(self, url: str, *, ends_at: float) -> bytes:
        """One page, be it damaged: whoever reads it says what of it is of use."""
        try:
            return await self._get(url, ends_at=ends_at)
        except AzureUnavailable as error:
            if not error.body:
                raise
            return error.body
